package ikev1

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// TestTrackerBounds: SAs of one cookie, messages put off or in one datagram, fragments and addresses
// have the bounds that they say.
func TestTrackerBounds(t *testing.T) {
	tr := NewTracker()
	for i := range maxPerCookie + 10 {
		key := saKey{initiator: Cookie{1}}
		binary.BigEndian.PutUint64(key.responder[:], uint64(i)+1)
		tr.sas[key] = tr.newSA(key, 0)
	}
	if n := len(tr.families[Cookie{1}].sas); n != maxPerCookie || len(tr.sas) != n {
		t.Errorf("%d SAs of one cookie, %d in all", n, len(tr.sas))
	}

	l := newLab(t, 16, 7, 2, 16)
	for size, want := range map[int]int{maxPutOffBytes: 1, maxPutOffBytes + 16: 0} {
		tr := NewTracker()
		if tr.Observe(l.garbage("quick", size-HeaderLen, 0)); len(tr.putOff.ring) != want {
			t.Errorf("%d messages of %d bytes are put off", len(tr.putOff.ring), size)
		}
	}

	d := l.garbage("quick", 160, 0)
	for n, trailing := range map[int]int{maxMessages: 0, maxMessages + 2: 2 * len(d.Data)} {
		more := *d
		more.Data = slices.Concat(slices.Repeat([][]byte{d.Data}, n)...)
		list := NewTracker().Observe(&more)
		if len(list) != maxMessages || list[len(list)-1].Trailing != trailing {
			t.Errorf("%d messages of %d, %d bytes behind them", len(list), n, list[len(list)-1].Trailing)
		}
	}

	for size, most := range map[int]int{1: maxFragmentSets, 40000: fragmentBytes / 40000} {
		tr := NewTracker()
		for i := range 2 * maxFragmentSets {
			key := FragmentKey{ID: uint16(i)}
			tr.fragments.add(key, Fragment{ID: key.ID, Number: 1, Data: make([]byte, size)}, 0, nil)
		}
		if n := len(tr.fragments.sets); n != most || tr.fragments.bytes != n*size {
			t.Errorf("%d messages in fragments of %d bytes, %d bytes of all", n, size, tr.fragments.bytes)
		}
	}

	e, f := new(ends), new(family)
	for i := range uint16(maxPairs + 10) {
		from := netip.AddrPortFrom(l.initiator.Addr(), i)
		e.add(from, l.responder)
		f.begin(from, l.responder)
	}
	if len(e.seen) != maxPairs || len(f.began) != maxPairs {
		t.Errorf("%d pairs of addresses, %d of first messages", len(e.seen), len(f.began))
	}
}
