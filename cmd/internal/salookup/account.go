package salookup

import (
	"net/netip"

	"l2tpdump/esp"
)

// foreignRun is how many packets that do not fit make another SA, where each continues the one
// before. Fewer are damaged or forged.
const foreignRun = 4

// farRun is how close behind each other they are.
const farRun = 64

// Counts is what became of a flow's packets.
type Counts struct {
	Verified   uint64 // the ICV is right
	Decrypted  uint64 // opened by structure
	Refused    uint64 // not what the keys open: the ICV, or the structure, is wrong
	Undecided  uint64 // of these, those that came before there was evidence enough for a key
	NoKey      uint64
	Incomplete uint64
	Truncated  uint64
	Malformed  uint64
	Garbled    uint64 // of these, those with a right ICV
}

// Packets is the number of all packets.
func (c *Counts) Packets() uint64 {
	return c.Verified + c.Decrypted + c.Refused + c.NoKey + c.Incomplete + c.Truncated + c.Malformed
}

// sequence is the sequence numbers of an SA's packets.
type sequence struct {
	esp.Window           // with any it is in account.uses
	before     *sequence // there
}

// account is what became of a flow's packets, in the order of the capture. Of the packets of an
// open flow only those count for its sequence numbers that a key opened: nothing says that the
// number of another is its own.
type account struct {
	verified uint64    // packets
	others   *others   // nil: there were none
	uses     *sequence // the last of those of the SAs that opened something
	current  *SA       // that did it last
}

// others is the account of packets of which the ICV is not right, or not known.
type others struct {
	Counts
	unproved *esp.Window // while nothing has been opened

	chain        uint8 // refused packets that continue one another
	chained      bool  // no packet was opened since the last refused one
	before, more bool  // such a chain was there before the first packet that was opened, and after it
	refused      uint32
}

// other is the account of the other packets.
func (a *account) other() *others {
	if a.others == nil {
		a.others = new(others)
	}
	return a.others
}

// Count adds what became of a packet, in the order of the capture: what Ring.Open returned, or the
// error of Admit with no SA. It reports whether the packet is proved to be one that was there
// before: its receiver drops it (RFC 4303 section 3.4.3).
func (f *Flow) Count(plain *esp.Plaintext, sa *SA, err error, seq, high uint32) (again bool) {
	a := &f.account
	if err == nil {
		if plain.Verified {
			a.verified++
		} else {
			a.other().Decrypted++
		}
		return a.opened(sa, plain, seq, high)
	}
	o := a.other()
	switch err {
	case esp.ErrTruncated:
		o.Truncated++
		if sa != nil && plain.Evidence > 0 {
			a.opened(sa, plain, seq, high)
		} else {
			a.unopened(seq)
		}
	case ErrUndecided:
		o.Refused++
		o.Undecided++
		a.unopened(seq)
	case esp.ErrICV, esp.ErrStructure:
		o.Refused++
		a.fail(seq)
	case esp.ErrPlaintext:
		o.Garbled++
		o.Malformed++
		if sa.Suite.Cipher.AEAD { // its sender made it so, with this key
			a.opened(sa, plain, seq, high)
		} else {
			a.fail(seq)
		}
	case esp.ErrMalformed:
		o.Malformed++
		a.fail(seq)
	case esp.ErrIncomplete:
		o.Incomplete++
		a.unopened(seq)
	default:
		o.NoKey++
		a.unopened(seq)
	}
	return false
}

// opened counts a packet that an SA opened, and reports whether it was there before.
func (a *account) opened(sa *SA, plain *esp.Plaintext, seq, high uint32) (again bool) {
	if a.current = sa; a.others != nil {
		a.others.unproved, a.others.chained = nil, false
	}
	if !sa.sure.Load() {
		sa.sure.Store(sa.certain(plain, nil))
	}
	s := sa.seq
	if s.Empty() {
		s.before, a.uses = a.uses, s
	}
	p := s.Nearest(seq)
	if sa.Suite.ESN && sa.Checks() {
		if p = uint64(high)<<32 | uint64(seq); plain.Verified {
			sa.newest.Store(p)
		}
	}
	return s.Add(p, plain.Verified) && plain.Verified
}

// unopened counts the sequence number of a packet while none has been opened.
func (a *account) unopened(seq uint32) {
	if a.current != nil {
		return
	}
	o := a.other()
	if o.unproved == nil {
		o.unproved = new(esp.Window)
	}
	o.unproved.Add(o.unproved.Nearest(seq), false)
}

// fail counts a packet that no key opens.
func (a *account) fail(seq uint32) {
	o := a.other()
	continues := o.chain > 0 && seq-o.refused-1 < farRun
	if a.current == nil {
		a.unopened(seq)
	} else if !o.chained && a.current.seq.Expects(seq) {
		continues = false // in the place of one of the SA's own
	}
	o.chained, o.refused = true, seq
	switch {
	case !continues:
		o.chain = 1
	case o.chain < foreignRun:
		o.chain++
	}
	if o.chain == foreignRun {
		o.before = o.before || a.current == nil
		o.more = o.more || a.current != nil
	}
}

// Missing is how many sequence numbers of the SA that opened a packet last have not come so far.
func (f *Flow) Missing() uint64 {
	if f.account.current == nil {
		return 0
	}
	return f.account.current.seq.Missing()
}

// Report is the account of one flow.
type Report struct {
	Counts
	SPI      uint32
	Inside   uint32 // SPI of the ESP packets that carry those of the flow, 0: none
	Src, Dst netip.Addr
	SA       *SA  // that opened a packet last, or is proved at least; nil if none is
	Used     int  // how many SAs opened packets
	Before   bool // packets that look like another SA's came before the first that was opened
	After    bool // and after it

	FirstSeq   uint64 // lowest sequence number, with its high half where ESN is in use
	LastSeq    uint64 // highest, in the order of the SA (after a wrap it may be less than FirstSeq)
	Missing    uint64 // between the two and never seen
	Duplicates uint64
	Reordered  uint64 // came after a higher one
	Wrapped    uint64 // times that the low half went through zero
	Restarts   uint64 // times that the count began anew
}

// Report returns the account of the flow. Neither Admit nor Count may run at the same time.
func (f *Flow) Report() Report {
	a := &f.account
	r := Report{SPI: f.spi, Inside: f.inside, Src: f.src, Dst: f.dst}
	if f.ends.src != nil {
		r.Src = *f.ends.src // the first packet of all may be anybody's
	}
	some := false
	if o := a.others; o != nil {
		r.Counts, r.Before, r.After = o.Counts, o.before, o.more
		if some = o.unproved != nil; some {
			r.window(o.unproved, true)
		}
	}
	r.Verified = a.verified
	if f.ring != nil { // else what was let through proves no key
		if r.SA = a.current; r.SA == nil || !r.SA.Proved() {
			r.SA = f.ring.first()
		}
	}
	for s := a.uses; s != nil; s = s.before {
		r.window(&s.Window, !some && r.Used == 0)
		r.Used++
	}
	if r.SA == nil || !r.SA.Suite.ESN {
		r.FirstSeq &= 0xffffffff
		r.LastSeq &= 0xffffffff
	}
	return r
}

// window adds the account of sequence numbers.
func (r *Report) window(w *esp.Window, first bool) {
	if first {
		r.FirstSeq, r.LastSeq = w.Low(), w.High()
	} else {
		r.Restarts++
	}
	r.FirstSeq, r.LastSeq = min(r.FirstSeq, w.Low()), max(r.LastSeq, w.High())
	r.Missing += w.Missing()
	odd := w.Odd()
	r.Duplicates += odd.Duplicates
	r.Reordered += odd.Reordered
	r.Wrapped += odd.Wraps
	r.Restarts += odd.Restarts
}

// OpenedWith calls yield with each SA that is proved, or opened packets, until it returns false.
func (f *Flow) OpenedWith(yield func(*SA) bool) {
	if f.ring == nil {
		return
	}
	for _, s := range f.ring.sas {
		if s.Proved() && !yield(s) {
			return
		}
	}
}
