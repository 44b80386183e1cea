package sessions

import (
	"cmp"
	"slices"
)

// L2TP that comes in clear between the ends of IKE, before any ESP of it, may be a client's that
// goes on without IPsec, or anybody's. So it has a session of its own beside that of IKE, until it
// shows whether IPsec came to nothing: only then both are one.

// soon is within which time what IKE leads to follows it, in nanoseconds.
const soon = int64(10e9)

// fate is whether what came in clear is of the session of IKE that it is beside.
type fate uint8

const (
	open  fate = iota // its ESP may still come
	apart             // it stands for itself
	joint             // IPsec came to nothing, and it goes on without
)

// fate is that of a session in clear at a time.
func (s *Session) fate(now int64) fate {
	ike := s.beside
	quiet := ike.last.time
	stands := slices.ContainsFunc(ike.exchanges, func(x *exchange) bool { return x.negotiated })
	if stands {
		quiet = max(quiet, s.last.time)
	}
	switch {
	case ike.espPackets() > 0, ike.ends[client].Addr() != s.ends[client].Addr(),
		stands && s.up.seen():
		return apart
	case now-quiet >= soon:
		return joint
	case s.up.seen() && now-s.up.time >= soon:
		return apart
	}
	return open
}

// decide finds out whether a session is of the one that it is beside, and reports whether that is
// still open. At the end of all nothing can come any more.
func (g *Gatherer) decide(s *Session, now int64, end bool) (isOpen bool) {
	if s == nil || s.beside == nil {
		return false
	}
	if !s.clear.seen() {
		s = s.beside
	}
	switch f := s.fate(now); {
	case f == joint, f == open && end:
		g.join(s.beside, s)
	case f == open:
		return true
	default:
		s.beside.beside, s.beside = nil, nil
	}
	return false
}

// join makes the session of IKE one with that of the L2TP that follows it in clear.
func (g *Gatherer) join(ike, s *Session) {
	a, b := ike.assoc, s.assoc
	ike.beside, s.beside = nil, nil
	s.UID, s.first, s.ends, s.late = ike.UID, ike.first, ike.ends, ike.late
	s.told, ike.told.queued = ike.told, s.told.queued
	s.told.queued, s.told.frame = ike.told.queued, 0
	s.exchanges, s.tries, s.renewals, s.agreements = ike.exchanges, ike.tries, ike.renewals, ike.agreements
	s.decrypted = s.decrypted || ike.decrypted
	if ike.last.time > s.last.time {
		s.last = ike.last
	}
	for side := range s.heard {
		s.heard[side] += ike.heard[side]
	}
	s.icmp = cmp.Or(s.icmp, ike.icmp)
	s.unserved = cmp.Or(s.unserved, ike.unserved)
	s.narrow = cmp.Or(s.narrow, ike.narrow)
	s.errors = append(ike.errors, s.errors...)
	a.exchanges = slices.DeleteFunc(a.exchanges, func(x *exchange) bool {
		if x.session != ike {
			return false
		}
		x.session, x.assoc = s, b
		b.exchanges = append(b.exchanges, x)
		return true
	})
	for _, x := range ike.exchanges {
		x.session = s
	}
	for _, f := range slices.Clone(a.flows) {
		if f.session == ike {
			f.session = s
			g.adopt(b, f)
		}
	}
	g.events -= s.events.precede(&ike.events)
	g.held.Remove(ike.element)
	ike.element = nil
	g.forget(ike)
}

// precede puts others among the events, by their frames. It returns how many there are no more.
func (l *events) precede(others *events) (fewer int) {
	all := append(others.inOrder(), l.inOrder()...)
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.Frame, b.Frame) })
	*l = events{dropped: l.dropped + others.dropped, refused: l.refused + others.refused}
	for _, e := range all {
		l.add(e)
	}
	return len(all) - len(l.list)
}
