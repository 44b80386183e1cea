package esp

import "fmt"

const (
	maxUses = 8 // keys of one SPI whose sequence numbers are followed separately
	// foreignRun is how many packets that do not fit make another SA, where each continues the one before. Fewer are damaged or forged.
	foreignRun = 4
)

// account is what became of a flow's packets, in the order of the capture. Of the packets of an SA that was decrypted only those count for
// its sequence numbers that the key opened: nothing says that the number of another is its own.
type account struct {
	counts [verdicts]uint64
	uses   []use
	now    int // in uses
	past   totals

	mixed     bool // nothing was opened yet, and something was refused
	undecided uint64

	chain        uint8 // refused packets that continue one another
	chained      bool  // no packet was opened since the last refused one
	refused      uint32
	before, more bool // such a chain was there before the first packet that was opened, and after it
}

// use is the packets of one key.
type use struct {
	state *State // nil while no key has opened anything
	win   window
}

// totals is the sum of several uses.
type totals struct {
	some                                      bool
	low, high                                 uint64
	missing, duplicates, reordered, wraps, re uint64
}

func (t *totals) add(w *window) {
	if !w.started {
		return
	}
	if !t.some {
		t.low, t.high = w.low, w.high
	} else {
		t.re++
	}
	t.some = true
	t.low, t.high = min(t.low, w.low), max(t.high, w.high)
	t.missing += w.missing()
	t.duplicates += w.duplicates
	t.reordered += w.reordered
	t.wraps += w.wraps
	t.re += w.restarts
}

func (a *account) totals() totals {
	t := a.past
	for i := range a.uses {
		t.add(&a.uses[i].win)
	}
	return t
}

// find returns the use that a state belongs to.
func (a *account) find(s *State) *use {
	if len(a.uses) == 0 {
		a.uses = append(a.uses, use{})
	}
	u := &a.uses[a.now]
	if s.Err != nil || u.state == s {
		return u
	}
	if u.state == nil { // what was there before the key is its own
		u.state = s
		return u
	}
	for i := range a.uses {
		if u := &a.uses[i]; u.state.Key.Equal(s.Key) && (u.state.AuthKey.Equal(s.AuthKey) || u.state.AuthKey.IsZero() || s.AuthKey.IsZero()) {
			u.state, a.now = s, i
			return u
		}
	}
	if len(a.uses) >= maxUses {
		a.past.add(&a.uses[0].win)
		a.uses = append(a.uses[:0], a.uses[1:]...)
	}
	a.uses = append(a.uses, use{state: s})
	a.now = len(a.uses) - 1
	return &a.uses[a.now]
}

// packet adds one packet.
func (a *account) packet(v Verdict, s *State, seq, seqHigh uint32) {
	failed := v == WrongKey || v == Malformed
	if failed && s.Err == ErrUndecided {
		a.undecided++
		failed = false
	}
	if failed {
		a.fail(s, seq)
		return
	}
	u := a.find(s)
	if s.Err == nil && a.mixed {
		u.win, a.mixed = window{}, false
	}
	a.chained = false
	p := u.win.nearest(seq)
	if s.Err == nil && s.Suite.ESN && uint32(p>>32) != seqHigh {
		if u.win.started && u.win.top>>32 == 0 {
			u.win.setHigh(p, seqHigh) // those before were counted without it
		}
		p = uint64(seqHigh)<<32 | uint64(seq)
	}
	if v == Verified {
		u.win.addSure(p)
	} else {
		u.win.addAt(p)
	}
}

// fail adds a packet that the key did not open.
func (a *account) fail(s *State, seq uint32) {
	proved := len(a.uses) > 0 && a.uses[a.now].state != nil
	continues := a.chain > 0 && seq-a.refused-1 < farRun
	if proved {
		if a.uses[a.now].win.expects(seq) && !a.chained {
			continues = false // in the place of one of the SA's own
		}
	} else {
		a.find(s).win.add(seq)
		a.mixed = true
	}
	a.chained, a.refused = true, seq
	switch {
	case !continues:
		a.chain = 1
	case a.chain < foreignRun:
		a.chain++
	}
	if a.chain == foreignRun {
		a.before = a.before || !proved
		a.more = a.more || proved
	}
}

// judge sets what the account says of a flow that a key fits.
func (a *account) judge(r *Report) {
	good, bad := r.Verified+r.Decrypted, r.Wrong+r.Malformed-min(a.undecided, r.Wrong)
	key := at(r.Key)
	switch {
	case bad > good && r.Malformed > r.Wrong:
		// What is broken behind a good ICV was not decrypted with the right key, where it is most of them.
		r.Verdict = WrongKey
		r.Reason = join(fmt.Sprintf("%d of %d packets do not fit the key%s that fits the others: it is damaged, or the SPI came into use again with another key",
			bad, r.Packets, key), r.Reason)
	case a.before || a.more || bad > good:
		when := "earlier"
		switch {
		case a.before && a.more:
			when = "earlier and later"
		case a.more:
			when = "later"
		case !a.before:
			when = "too"
		}
		r.Verdict = WrongKey
		r.Reason = join(fmt.Sprintf("%d of %d packets do not fit the key%s that fits the others: another SA used this SPI %s and its key is not there, "+
			"or the packets were damaged on the way: look for another key of this SPI in the source", bad, r.Packets, key, when), r.Reason)
	case good > 0:
		switch bad {
		case 0:
		case 1:
			r.Reason = join(fmt.Sprintf("1 of %d packets is damaged or forged", r.Packets), r.Reason)
		default:
			r.Reason = join(fmt.Sprintf("%d of %d packets are damaged or forged", bad, r.Packets), r.Reason)
		}
	case r.Truncated > 0:
		r.Verdict = Truncated
		r.Reason = join("the capture holds only part of each packet (snaplen): capture with -s 0", r.Reason)
	}
	if r.Undecided = min(a.undecided, r.Wrong); r.Undecided > 0 {
		said := "the first packet says"
		if r.Undecided > 1 {
			said = fmt.Sprintf("the first %d packets say", r.Undecided)
		}
		r.Reason = join(r.Reason, said+" too little to prove the key")
	}
}
