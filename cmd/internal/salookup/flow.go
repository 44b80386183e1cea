package salookup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"unsafe"

	"l2tpdump/esp"
	"l2tpdump/esp/lanes"
)

// ErrNoKey: nothing is known that may open the packets of an SPI.
var ErrNoKey = errors.New("salookup: no key")

// ErrUndecided: a key may fit, but the evidence of the packets so far is not enough to say so. It
// wraps esp.ErrStructure.
var ErrUndecided = fmt.Errorf("%w so far as to prove a key", esp.ErrStructure)

// Flow is the packets of one SPI to one destination. It is in one of three states: unknown (there
// is nothing to try), trying, and open (a candidate has proved right).
type Flow struct {
	// In one line of the processor's cache, as it is needed first.
	spi     uint32
	inside  uint32 // SPI of the packets that carry it, 0: it is not inside ESP
	dst     netip.Addr
	ring    *Ring   // open: what opens packets
	trying  *trying // what is tried; of an open flow: to find more than is known
	time    int64   // of the last packet, nanoseconds
	kind    kind    // which of the lists that is
	stale   bool    // something about the SPI is known that was not when the key was looked for
	deleted bool
	agreed  bool   // both keys are those of all its sources
	lengths uint16 // bit n: a packet of n bytes modulo 16 was seen while it was not open

	place          // among the flows of its kind, by their last packets
	tried *Attempt // what that came to; nil before the first packet, and once it is open

	// Seldom used, which keeps apart what is above from what is below, which is another goroutine's.
	next, prev *Flow // with the same SPI
	order      uint64
	src        netip.Addr
	kept       *[]Packet // the first few that failed; nil: none

	account account
	ends    ends
}

// ends is who sent the first packet that was opened, and from which ports.
type ends struct {
	src          *netip.Addr // nil: none was
	ported       bool
	sport, dport uint16
}

// OpenedFrom takes note of where a packet that was opened came from. It belongs to who calls Count.
func (f *Flow) OpenedFrom(src netip.Addr) {
	e := &f.ends
	if e.src != nil {
		return
	}
	if e.src = &f.src; src != f.src {
		other := src
		e.src = &other
	}
}

// Ends returns the ends of a packet that was opened as its flow knows them: they are those of the
// first such packet. It belongs to who calls Count.
func (f *Flow) Ends(src, dst netip.AddrPort) (firstSrc, firstDst netip.AddrPort) {
	e := &f.ends
	if f.OpenedFrom(src.Addr()); !e.ported {
		e.ported, e.sport, e.dport = true, src.Port(), dst.Port()
	}
	return netip.AddrPortFrom(*e.src, e.sport), netip.AddrPortFrom(dst.Addr(), e.dport)
}

const (
	maxKept   = 3       // packets of a flow that are kept for a diagnosis
	keptBytes = 8 << 20 // of all flows; those of which nothing is known have the half of it at most
)

// SPI returns the SPI.
func (f *Flow) SPI() uint32 { return f.spi }

// Src returns the source address of the first packet.
func (f *Flow) Src() netip.Addr { return f.src }

// Dst returns the destination address.
func (f *Flow) Dst() netip.Addr { return f.dst }

// Inside returns the SPI of the ESP packets that carry those of the flow, 0 if it is not inside
// ESP.
func (f *Flow) Inside() uint32 { return f.inside }

// Order tells which of two flows was there first: the one with the lower number.
func (f *Flow) Order() uint64 { return f.order }

// Tried is why the flow is not open, nil if it is.
func (f *Flow) Tried() *Attempt { return f.tried }

// Agreed reports whether all that is known of the SPI says the same as what opens the flow's
// packets.
func (f *Flow) Agreed() bool { return f.agreed && !f.stale && len(f.ring.sas) == 1 }

// Kept returns the first few packets that failed while the flow was not open.
func (f *Flow) Kept() []Packet {
	if f.kept == nil {
		return nil
	}
	return *f.kept
}

// Lengths has bit n set where a packet of n bytes modulo 16 failed.
func (f *Flow) Lengths() uint16 { return f.lengths }

// Admission is what may be done with a packet.
type Admission struct {
	Flow  *Flow
	Ring  *Ring    // what may open it; nil: nothing, and Err says why
	Tried *Attempt // the flow's at this packet
	Err   error
}

// Header is what a packet shows of the flow that it belongs to.
type Header struct {
	SPI      uint32
	Inside   uint32 // SPI of the ESP packet that carried it, 0: none did
	Src, Dst netip.Addr
}

// Arrival is a packet, of 8 bytes at least, and what [Table.Admit] says of it.
type Arrival struct {
	Header
	Packet
	Time int64 // when it was captured, nanoseconds
	Admission
}

// Admit says of packets, in the order of the capture, what opens them. On the first packets of a
// flow it finds out by trial. It allocates nothing for flows that are open, or whose attempts have
// become rare. Several packets at once cost less than one by one.
func (t *Table) Admit(all []Arrival) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bySPI.len > nearSPIs {
		t.lookAhead(all)
	}
	for i := range all {
		t.admit(&all[i])
	}
	t.trial.release()
}

// nearSPIs is how many have what packets need of them in the processor's caches anyway.
const nearSPIs = 512

// lookAhead has the memory fetched of what opens the packets: each step for all of them, before the
// first is needed for the next step. What is likely to be tried on first packets is done together,
// too. What is true of a flow admit finds out.
func (t *Table) lookAhead(all []Arrival) {
	for i := range all {
		t.bySPI.prefetch(all[i].SPI)
	}
	for i := range all {
		f := t.bySPI.get(all[i].SPI).flows
		all[i].Flow = f
		lanes.Prefetch(unsafe.Pointer(f), unsafe.Sizeof(*f))
	}
	for i := range all {
		if f := all[i].Flow; f != nil {
			all[i].Ring = f.ring
			lanes.Prefetch(unsafe.Pointer(f.ring), unsafe.Sizeof(opening{}))
		} else if s := t.bySPI.get(all[i].SPI).secrets; s != nil && s.before == nil {
			t.trial.expect(s.Secret, all[i].Packet)
		}
	}
	for i := range all {
		if r := all[i].Ring; all[i].Flow != nil && r != nil {
			r.Likely().ready.Load().Prefetch()
		}
	}
}

func (t *Table) admit(a *Arrival) {
	t.clock++
	f := t.flow(&a.Header)
	f.time = max(f.time, a.Time)
	t.touch(f)
	if f.stale {
		t.renew(f)
	}
	if a.Flow = f; f.ring != nil {
		if f.trying != nil {
			t.improve(f, a.Packet)
		}
		a.Ring, a.Tried, a.Err = f.ring, nil, nil
		return
	}
	f.lengths |= 1 << (uint(len(a.Data)+max(0, a.Cut)) % 16)
	a.Ring, a.Err = t.try(f, a.Packet)
	if a.Tried = f.tried; a.Ring == nil {
		t.keep(f, a.Packet)
	}
}

// Opens reports whether the flow of a packet is open and its SAs open the packet. It changes
// nothing.
func (t *Table) Opens(h Header, p Packet) bool {
	t.mu.Lock()
	f := t.find(h.Dst.Unmap(), h.SPI, h.Inside)
	var ring *Ring
	if f != nil {
		ring = f.ring
	}
	t.mu.Unlock()
	if ring == nil {
		return false
	}
	return ring.opens(new(esp.Opener), nil, p)
}

// opens reports whether an SA opens a packet for certain; dst is memory for the plaintext.
func (r *Ring) opens(o *esp.Opener, dst []byte, p Packet) bool {
	var plain esp.Plaintext
	sa, _, err := r.Open(o, &plain, dst, p)
	return err == nil && sa.certain(&plain, err)
}

// renew gathers anew what is known of the flow.
func (t *Table) renew(f *Flow) {
	f.stale, f.agreed = false, false
	f.trying, f.tried = nil, nil
	tr := t.spare
	if t.spare = nil; tr == nil {
		tr = &trying{set: new(Set)}
	}
	sources := t.appendSources(tr.set.Sources[:0], f.spi, f.src, f.dst)
	if len(sources) == 0 {
		f.tried, t.spare = t.nothing[min(len(t.all), 1)], tr
		return
	}
	if last := t.last; last != nil && slices.EqualFunc(last.Sources, sources, Source.same) {
		tr.set.Sources, t.spare = sources, tr
		tr = &trying{set: last}
	} else {
		tr.set.of(sources)
	}
	if f.ring == nil || !f.ring.first().Checks() {
		f.trying = tr
	}
	if f.ring != nil {
		f.ring = t.ring(new(Ring), f.spi, f.ring.first(), f.ring, tr.set)
	}
}

// try looks for what opens a packet of a flow that is not open.
func (t *Table) try(f *Flow, p Packet) (*Ring, error) {
	tr := f.trying
	switch {
	case tr == nil:
		return nil, f.tried.Err
	case tr.skip > 0:
		tr.skip--
		if sa := t.glance(f, tr, p); sa != nil {
			t.open(f, sa, new(Ring), p.Cut)
			return f.ring, nil
		}
		return nil, f.tried.Err
	}
	var out outcome
	if t.likeOthers(f, tr, p) {
		out.shaped = true
	} else {
		out = t.attempt(f, tr, p, binary.BigEndian.Uint32(p.Data[4:]))
	}
	if out.with != nil {
		sa, ring := provedSA(f.spi, out.with, &out.Fit, out.packets)
		alone := f.tried == nil // else more than the flow has the set
		t.open(f, sa, ring, p.Cut)
		if alone && f.trying == nil && len(ring.sas) == 1 && tr.set != t.last {
			*tr = trying{set: tr.set}
			t.spare = tr
		}
		return ring, nil
	}
	if tr.set.plain = nil; t.last != tr.set {
		t.last, t.lastRing = tr.set, nil
	}
	tr.later(&out)
	var err error
	f.tried, err = out.refused(tr.set, p.Cut, len(t.all) > 0, f.tried)
	if c := out.likely; c != nil && err == ErrUndecided {
		if tr.likely == nil || tr.likely.first().rivals(c) {
			sa, ring := provedSA(f.spi, c, &out.by, 0)
			ring.sas = append(ring.one[:0], sa)
			tr.likely = ring
		}
		return tr.likely, nil
	}
	return nil, err
}

// open makes the flow one that an SA opens; ring is the memory for its Ring.
func (t *Table) open(f *Flow, sa *SA, ring *Ring, cut int) {
	set := f.trying.set
	sa.whole = cut == 0
	if likely := f.trying.likely; likely != nil && !likely.first().rivals(&sa.Candidate) {
		sa.seq = likely.first().seq
	}
	f.ring = t.ring(ring, f.spi, sa, f.ring, set)
	f.agreed = Confirm(set.Sources, sa) && !sa.AuthKey.IsZero()
	f.trying, f.tried = nil, nil
	for _, p := range f.Kept() {
		t.budget.kept -= len(p.Data)
	}
	f.kept = nil
	if cut > 0 { // nothing is known of the ICV yet, its length included
		f.trying = &trying{set: set}
	}
	t.move(f, opened)
	t.first(f)
}

// improve looks whether what is known by now opens more of an open flow's packets than what opened
// them so far: checks their ICV, or has learnt its length from a whole packet.
func (t *Table) improve(f *Flow, p Packet) {
	tr := f.trying
	if p.Cut > 0 {
		return
	}
	if tr.skip > 0 {
		tr.skip--
		return
	}
	out := t.attempt(f, tr, p, binary.BigEndian.Uint32(p.Data[4:]))
	tr.later(&out)
	first := f.ring.first()
	switch {
	case out.with != nil && (out.SA.Checks() || !first.whole):
		sa, ring := provedSA(f.spi, out.with, &out.Fit, out.packets)
		t.open(f, sa, ring, 0)
	case out.with != nil || tr.tries > hopefulMost:
		f.trying = nil
	}
}

// keep keeps a packet for a diagnosis.
func (t *Table) keep(f *Flow, p Packet) {
	most := keptBytes
	if f.trying == nil {
		most /= 2
	}
	if kept := f.Kept(); len(kept) < maxKept && t.budget.kept+len(p.Data) <= most {
		t.budget.kept += len(p.Data)
		longer := append(kept, Packet{bytes.Clone(p.Data), p.Cut})
		f.kept = &longer
	}
}
