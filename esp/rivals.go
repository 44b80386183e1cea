package esp

import "slices"

// More than one key may be known for an SPI: it comes into use again, and two peers may choose the same one. Then the goroutine that frames
// packets opens each of them itself until a key fits, so that what is decrypted does not depend on what other goroutines have found out so far.

// maxArmed is how many keys the probes of all flows hold together, and maxProbes those of one flow.
const (
	maxArmed  = 1 << 14
	maxProbes = 256
)

// earlier is a key of the flow that was the current one before.
type earlier struct {
	sa           *SA
	key, authKey Key
	win          window
	state        *State
}

// probe is a key that did not fit so far, ready to be tried on each packet.
type probe struct {
	sa   *SA
	high uint32 // half of the sequence number
}

// fits opens a packet; sure is false where too little of it was captured to tell.
func (t *trial) fits(sa *SA, packet []byte, high uint32, cut int) (ok, sure bool) {
	if cut == 0 && sa.Checks() && !sa.suite.Cipher.AEAD {
		return sa.CheckICV(packet, high), true
	}
	p, err := t.open(sa, packet, high, cut)
	if err == ErrTruncated {
		return p.Evidence > 0, p.Evidence > 0
	}
	return err == nil, true
}

// survey notes which other keys are known for a flow that is settled; t is gathered.
func (f *Flow) survey(t *trial) {
	f.disarm()
	f.watch, f.surveyed = false, true
	for i := range len(t.checked) + len(t.plain) {
		if f.isRival(t.candidate(i)) {
			f.watch = true
			f.arm(t)
			return
		}
	}
}

func (f *Flow) isRival(c *candidate) bool {
	return !c.key.Equal(f.key) || c.key.IsZero() && !c.auth.Equal(f.authKey)
}

// arm makes the probes of all candidates but that which is the flow's own.
func (f *Flow) arm(t *trial) {
	f.disarm()
	f.armed = true
	b := &f.db.budget
	add := func(suite Suite, c *candidate, high uint32) {
		if len(f.probes) >= maxProbes || b.armed >= maxArmed {
			return
		}
		if sa, err := NewSA(f.spi, suite, c.key, c.auth); err == nil {
			f.probes = append(f.probes, probe{sa, high})
			b.armed++
		}
	}
	for i := range len(t.checked) + len(t.plain) {
		switch c := t.candidate(i); {
		case f.sa != nil && !f.isRival(c):
		case c.checks():
			t.eachESN(c, func(suite Suite, high uint32) bool {
				add(suite, c, high)
				return true
			})
		default:
			add(c.suite, c, 0)
		}
	}
}

// disarm drops the probes.
func (f *Flow) disarm() {
	f.db.budget.armed -= len(f.probes)
	f.probes, f.armed = nil, false
}

// release drops the keys of a flow that goes.
func (f *Flow) release() {
	f.disarm()
	f.earlier, f.watch = nil, false
}

// probe returns the index of a key that fits the packet though no attempt is due, -1 if there is none. What it costs has a budget.
func (f *Flow) probe(packet []byte, cut int) int {
	b := &f.db.budget
	b.refill(f.db.clock)
	if b.probes < len(f.probes) {
		return -1
	}
	b.probes -= len(f.probes)
	for i := range f.probes {
		if ok, _ := f.db.trial.fits(f.probes[i].sa, packet, f.probes[i].high, cut); ok {
			return i
		}
	}
	return -1
}

// futile drops a probe that fits though the candidate as a whole does not: the encryption key behind a good ICV is another one.
func (f *Flow) futile(i int) {
	if i >= 0 && i < len(f.probes) {
		f.probes = slices.Delete(f.probes, i, i+1)
		f.db.budget.armed--
	}
}

// setAside keeps the current key for packets that may yet come.
func (f *Flow) setAside() {
	if len(f.earlier) >= maxUses {
		f.earlier = slices.Delete(f.earlier, 0, 1)
	}
	f.earlier = append(f.earlier, earlier{f.sa, f.key, f.authKey, f.win, f.State()})
}

// goBack makes a key the current one that was it before, if it opens the packet. It returns the packet's position.
func (f *Flow) goBack(packet []byte, cut int, seq uint32) (position uint64, ok bool) {
	for i := len(f.earlier) - 1; i >= 0; i-- {
		e := &f.earlier[i]
		position = e.win.nearest(seq)
		if ok, _ := f.db.trial.fits(e.sa, packet, uint32(position>>32), cut); !ok {
			continue
		}
		was := *e
		*e = earlier{f.sa, f.key, f.authKey, f.win, f.State()}
		f.sa, f.key, f.authKey, f.win = was.sa, was.key, was.authKey, was.win
		f.state.Store(was.state)
		f.check, f.tries, f.skip = cut > 0, 0, 0
		return position, true
	}
	return 0, false
}
