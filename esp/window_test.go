package esp

import (
	"math/rand/v2"
	"testing"
)

// feed adds the numbers and returns the last position and event.
func feed(w *window, seqs ...uint32) (position uint64, event seqEvent) {
	for _, s := range seqs {
		position, event = w.add(s)
	}
	return position, event
}

func TestWindowCounts(t *testing.T) {
	tests := []struct {
		name                           string
		seqs                           []uint32
		missing, duplicates, reordered uint64
		low, high                      uint64
	}{
		{"in order", []uint32{1, 2, 3, 4}, 0, 0, 0, 1, 4},
		{"one lost", []uint32{1, 2, 4}, 1, 0, 0, 1, 4},
		{"one twice", []uint32{1, 2, 2, 3}, 0, 1, 0, 1, 3},
		{"late", []uint32{1, 3, 2, 4}, 0, 0, 1, 1, 4},
		{"late and twice", []uint32{1, 3, 2, 2, 4}, 0, 1, 1, 1, 4},
		{"begins late and out of order", []uint32{101, 100, 102}, 0, 0, 1, 100, 102},
		{"wrap", []uint32{0xfffffffe, 0xffffffff, 0, 1}, 0, 0, 0, 0xfffffffe, 1<<32 + 1},
		{"late over the wrap", []uint32{0xfffffffe, 0, 0xffffffff, 1}, 0, 0, 1, 0xfffffffe, 1<<32 + 1},
		{"a flipped high bit counts for nothing", []uint32{1, 2, 0x80000003, 4, 5}, 1, 0, 0, 1, 5},
		{"a gap in the capture", []uint32{1, 2, 100001, 100002}, 99998, 0, 0, 1, 100002},
		// The second copy of the first packet after the gap counts for nothing.
		{"a gap, every packet captured twice", []uint32{1, 1, 100001, 100001, 100002, 100002}, 99999, 2, 0, 1, 100002},
	}
	for _, tt := range tests {
		var w window
		feed(&w, tt.seqs...)
		if w.missing() != tt.missing || w.duplicates != tt.duplicates || w.reordered != tt.reordered || w.low != tt.low || w.high != tt.high {
			t.Errorf("%s: missing %d, duplicates %d, reordered %d, %d to %d; want %d, %d, %d, %d to %d", tt.name,
				w.missing(), w.duplicates, w.reordered, w.low, w.high, tt.missing, tt.duplicates, tt.reordered, tt.low, tt.high)
		}
	}
}

func TestWindowRestart(t *testing.T) {
	var w window
	for s := uint32(1); s <= 5000; s++ {
		w.add(s)
	}
	restarted := 0
	for s := uint32(1); s <= 100; s++ {
		if _, e := w.add(s); e == seqRestart {
			restarted++
		}
	}
	if restarted != 1 || w.restarts != 1 || w.missing() != 0 || w.low != 1 || w.high != 5000 {
		t.Errorf("restarts %d (%d events), missing %d, %d to %d", w.restarts, restarted, w.missing(), w.low, w.high)
	}
}

// TestWindowAgainstModel compares with a plain map of all positions.
func TestWindowAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		var w window
		seen := make(map[uint64]bool)
		var low, high, duplicates uint64
		next := uint64(rng.IntN(1000))
		if round%2 == 0 {
			next = 1<<32 - 500 // crosses the wrap
		}
		low = next
		for i := range 2000 {
			p := next
			switch r := rng.IntN(10); {
			case i == 0:
			case r == 0:
				next += uint64(rng.IntN(20)) // lost
				p = next
			case r == 1 && next > low+60:
				p = next - uint64(rng.IntN(60)) // late or twice
			}
			if p == next {
				next++
			}
			got, event := w.add(uint32(p))
			if got != p {
				t.Fatalf("round %d: position %#x, want %#x", round, got, p)
			}
			if seen[p] != (event == seqDuplicate) {
				t.Fatalf("round %d: position %#x event %d, seen before: %v", round, p, event, seen[p])
			}
			if seen[p] {
				duplicates++
			}
			seen[p] = true
			high = max(high, p)
		}
		if missing := high - low + 1 - uint64(len(seen)); w.missing() != missing || w.duplicates != duplicates || w.low != low || w.high != high {
			t.Errorf("round %d: missing %d, duplicates %d, %d to %d; want %d, %d, %d to %d", round, w.missing(), w.duplicates, w.low, w.high, missing, duplicates, low, high)
		}
	}
}

func TestWindowSetHigh(t *testing.T) {
	var w window
	p, _ := feed(&w, 0xfffffff0, 0xfffffff1)
	w.setHigh(p, 68)
	if p, _ := w.add(0xffffffff); p>>32 != 68 {
		t.Errorf("high half %d, want 68", p>>32)
	}
	if p, _ := w.add(3); p != 69<<32|3 {
		t.Errorf("after the wrap %#x", p)
	}
	if p, e := w.add(0xfffffff9); p != 68<<32|0xfffffff9 || e != seqLate {
		t.Errorf("late over the wrap %#x, event %d", p, e)
	}
	if w.low != 68<<32|0xfffffff0 || w.wraps != 1 {
		t.Errorf("lowest %#x, wraps %d", w.low, w.wraps)
	}
}
