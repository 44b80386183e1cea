package esp

import (
	"math/rand/v2"
	"testing"
)

// feed adds the numbers and returns the last position.
func feed(w *Window, seqs ...uint32) (position uint64) {
	for _, s := range seqs {
		position = w.Nearest(s)
		w.Add(position, false)
	}
	return position
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
		{"before the first", []uint32{101, 102, 99, 101, 100}, 0, 1, 2, 99, 102},
		{"one lost, those before it twice", []uint32{1, 2, 3, 5, 3, 1}, 1, 2, 0, 1, 5},
		{"wrap", []uint32{0xfffffffe, 0xffffffff, 0, 1}, 0, 0, 0, 0xfffffffe, 1<<32 + 1},
		{"late over the wrap", []uint32{0xfffffffe, 0, 0xffffffff, 1}, 0, 0, 1, 0xfffffffe, 1<<32 + 1},
		{"a flipped high bit counts for nothing", []uint32{1, 2, 0x80000003, 4, 5}, 1, 0, 0, 1, 5},
		{"a gap in the capture", []uint32{1, 2, 100001, 100002}, 99998, 0, 0, 1, 100002},
		// The second copy of the first packet after the gap counts for nothing.
		{"a gap, every packet captured twice", []uint32{1, 1, 100001, 100001, 100002, 100002}, 99999, 2, 0, 1, 100002},
	}
	for _, tt := range tests {
		var w Window
		feed(&w, tt.seqs...)
		if w.Missing() != tt.missing || w.Odd().Duplicates != tt.duplicates || w.Odd().Reordered != tt.reordered || w.Low() != tt.low || w.High() != tt.high {
			t.Errorf("%s: missing %d, duplicates %d, reordered %d, %d to %d; want %d, %d, %d, %d to %d", tt.name,
				w.Missing(), w.Odd().Duplicates, w.Odd().Reordered, w.Low(), w.High(), tt.missing, tt.duplicates, tt.reordered, tt.low, tt.high)
		}
	}
}

// TestWindowReplay: what comes once more is told from what follows, however long ago it came, and
// hides no loss.
func TestWindowReplay(t *testing.T) {
	var w Window
	for p := uint64(1); p <= 5000; p++ {
		if p%1000 != 0 && w.Add(p, true) {
			t.Fatalf("position %d is new", p)
		}
	}
	for p := uint64(1); p <= 5000; p++ {
		if p%1000 != 0 && !w.Add(p, true) {
			t.Fatalf("position %d was there before", p)
		}
	}
	if w.Missing() != 4 || w.Odd() != (Oddities{Duplicates: 4995}) || w.High() != 4999 {
		t.Errorf("missing %d, to %d, %+v", w.Missing(), w.High(), w.Odd())
	}
}

func TestWindowRestart(t *testing.T) {
	var w Window
	for s := uint32(1); s <= 5000; s++ {
		feed(&w, s)
	}
	for s := uint32(1); s <= 100; s++ {
		feed(&w, s)
	}
	if w.Odd().Restarts != 1 || w.Missing() != 0 || w.Low() != 1 || w.High() != 5000 {
		t.Errorf("restarts %d, missing %d, %d to %d", w.Odd().Restarts, w.Missing(), w.Low(), w.High())
	}
}

// TestWindowSure: a step that the ICV proves counts at once, however far it is; one that nothing
// proves waits for a second packet.
func TestWindowSure(t *testing.T) {
	for sure, want := range map[bool]uint64{true: 1 << 20, false: 2} {
		var w Window
		w.Add(1, true)
		w.Add(2, true)
		w.Add(1<<20, sure)
		if w.High() != want {
			t.Errorf("sure %v: the newest is %d, want %d", sure, w.High(), want)
		}
	}
}

// TestWindowAgainstModel compares with a plain map of all positions.
func TestWindowAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		var w Window
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
			before := w.Odd().Duplicates
			if got := feed(&w, uint32(p)); got != p {
				t.Fatalf("round %d: position %#x, want %#x", round, got, p)
			}
			if seen[p] != (w.Odd().Duplicates > before) {
				t.Fatalf("round %d: position %#x, seen before: %v", round, p, seen[p])
			}
			if seen[p] {
				duplicates++
			}
			seen[p] = true
			high = max(high, p)
		}
		if missing := high - low + 1 - uint64(len(seen)); w.Missing() != missing || w.Odd().Duplicates != duplicates || w.Low() != low || w.High() != high {
			t.Errorf("round %d: missing %d, duplicates %d, %d to %d; want %d, %d, %d to %d", round, w.Missing(), w.Odd().Duplicates, w.Low(), w.High(), missing, duplicates, low, high)
		}
	}
}

func TestWindowOverTheWrap(t *testing.T) {
	var w Window
	w.Add(68<<32|0xfffffff0, true)
	w.Add(68<<32|0xffffffff, true)
	if p := feed(&w, 3); p != 69<<32|3 {
		t.Errorf("after the wrap %#x", p)
	}
	if p := feed(&w, 0xfffffff9); p != 68<<32|0xfffffff9 || w.Odd().Reordered != 1 {
		t.Errorf("late over the wrap %#x, %d late", p, w.Odd().Reordered)
	}
	if w.Low() != 68<<32|0xfffffff0 || w.Odd().Wraps != 1 {
		t.Errorf("lowest %#x, wraps %d", w.Low(), w.Odd().Wraps)
	}
}
