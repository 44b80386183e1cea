package sessions

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
)

// clearL2TP takes an L2TP message that came without IPsec.
func (g *Gatherer) clearL2TP(r *pipeline.Record, at place) {
	n := &r.Net
	if !r.Payload.HasL2TP {
		return
	}
	src, dst := n.Ends()
	if r.Payload.Inner != nil && g.goesBare(r, src, dst, at) {
		return
	}
	a := g.find(src, dst, false, func(a *association) bool { return a.clear })
	var ike *Session
	if a == nil {
		a, ike = g.clearAssociation(r, src, dst, at)
	}
	if a == nil {
		return
	}
	s := a.session
	if s == nil || s.element == nil {
		s = g.begin(a, src, dst, at)
		if ike != nil {
			s.beside, ike.beside = ike, s
		}
	}
	if !a.authentic() {
		g.settleBy(a, r, a.side(src, dst))
	}
	sender := a.side(src, dst)
	a.addPorts(src, dst)
	if g.copied(a, sender, r, at) {
		g.current, s.last = s, at
		return
	}
	s = g.l2tp(r, a, s, sender, inClear, src, dst, at)
	s.clear.add(at)
	g.touch(s, at, sender)
	g.decide(s, at.time, false)
}

// copied reports whether a message in clear is a copy of the one before of the same side, that the
// network or the capture made: the IDs of both IP packets are the same.
func (g *Gatherer) copied(a *association, sender int, r *pipeline.Record, at place) bool {
	n, data := &r.Net, r.Data()
	c := sample{n.FragID, maphash.Bytes(g.seed, data[min(n.PayloadStart, len(data)):min(n.PayloadEnd, len(data))]),
		at.time}
	before := a.samples[sender]
	a.samples[sender] = c
	return before.id == c.id && before.sum == c.sum && c.time-before.time < copyTime
}

// clearAssociation begins the association of a first message in clear, beside a session of IKE from
// which nothing came so far, if there is one. It is nil where IPsec protects that.
func (g *Gatherer) clearAssociation(r *pipeline.Record, src, dst netip.AddrPort, at place) (b *association, ike *Session) {
	a, carries := g.protector(src, dst, at)
	p := &r.Payload
	kind := uint16(0)
	if c := p.Tunnel.Control; c != nil && p.L2TP.Version == l2tp.Version2 {
		kind = c.Facts().Type
	}
	if a != nil {
		switch {
		case carries:
			g.strays(a.ofESP(), r, at)
			if kind != l2tp.SCCRP {
				return nil, nil
			}
		case a.session.beside == nil:
			ike = a.session
		}
	}
	from, to, roles := clearRoles(kind, src, dst)
	b = g.newAssociation(from, to, roles)
	b.clear, b.late = true, kind != l2tp.SCCRQ
	return b, ike
}

// protector is the association of IPsec that a message in clear runs beside, nil if there is none,
// and whether IPsec carried something from its sender.
func (g *Gatherer) protector(src, dst netip.AddrPort, at place) (a *association, carries bool) {
	const near = int64(600e9)
	byIPsec := func(a *association) bool { return !a.clear && a.held() && at.time-a.last < near }
	carried := func(a *association) bool { return a.opened || a.session.protected[a.side(src, dst)].seen() }
	if a = g.find(src, dst, true, func(a *association) bool { return byIPsec(a) && carried(a) }); a != nil {
		return a, true
	}
	return g.find(src, dst, true, byIPsec), false
}

// strays takes a message in clear beside a session that IPsec protects.
func (g *Gatherer) strays(s *Session, r *pipeline.Record, at place) {
	s.stray.add(at)
	g.current = s
	if r.Payload.Inner != nil {
		s.exposed++
	}
}

// clearRoles tells the client and the server of a first message in clear by its type and its ports.
func clearRoles(kind uint16, src, dst netip.AddrPort) (from, to netip.AddrPort, roles certainty) {
	switch {
	case kind == l2tp.SCCRQ:
		return src, dst, certain
	case kind == l2tp.SCCRP:
		return dst, src, certain
	case src.Port() == dst.Port():
		return src, dst, guessed
	case src.Port() == portL2TP:
		return dst, src, likely
	}
	return src, dst, likely
}

// bare are users' packets that came without IPsec in a call that IPsec protects, since its last
// packet of ESP: with the call's IDs and the client's address, which nobody else can read, though
// perhaps guess.
type bare struct {
	sent  [2]span // by who sends
	bytes [2]uint64
}

func (s *Session) addBare(sender, size int, at place) {
	b := made(&s.bare)
	b.sent[sender].add(at)
	b.bytes[sender] += uint64(size)
	if s.series != nil {
		s.series.at(at.time).bare[sender] += uint64(size)
	}
}

// goesBare takes a user's packet in clear, and reports whether it is of a call that IPsec protects.
func (g *Gatherer) goesBare(r *pipeline.Record, src, dst netip.AddrPort, at place) bool {
	a, carries := g.protector(src, dst, at)
	if !carries {
		return false
	}
	sender := a.side(src, dst)
	c := g.callOf(a, sender, inside, &r.Payload.L2TP)
	if c == nil {
		return false
	}
	g.strays(a.ofESP(), r, at)
	if g.copied(a, sender, r, at) || !c.link.isOfUser(sender, r.Payload.Inner) {
		return true
	}
	c.session.addBare(sender, len(r.Payload.Inner)+r.Missing, at)
	for _, packet := range r.Payload.More {
		c.session.addBare(sender, len(packet), at)
	}
	return true
}

// isOfUser says that an IP packet is from or to the address that IPCP gave the client. Where that
// is not known, any is.
func (l *link) isOfUser(sender int, packet []byte) bool {
	given, err := netip.ParseAddr(l.addr[client])
	if err != nil {
		return true
	}
	at := 12 // where IPv4 has its source; the destination follows
	if sender == server {
		at += 4
	}
	return len(packet) >= at+4 && packet[0]>>4 == 4 && netip.AddrFrom4([4]byte(packet[at:])) == given
}

// covered takes note of a packet of ESP: what came in clear until then is no end of IPsec. Where a
// key opens the session, one that it opens.
func (s *Session) covered(f *flow) {
	if s.bare == nil || *s.bare == (bare{}) || f.opened == 0 && s.proven() {
		return
	}
	*s.bare = bare{}
	if s.series == nil {
		return
	}
	for i := range s.series.buckets {
		s.series.buckets[i].bare = [2]uint64{}
	}
}

// wentBare says that a session went on without IPsec when that ended: from then on users' packets
// came in clear, of both sides, and no ESP any more.
func (s *Session) wentBare() bool {
	const some = 3 // as none come behind an orderly end
	if s.bare == nil || s.wasEnded() {
		return false
	}
	return s.bare.sent[client].n >= some && s.bare.sent[server].n >= some
}

// wasEnded says that an end ended the session by L2TP or PPP.
func (s *Session) wasEnded() bool {
	return len(s.endings()) > 0 || slices.ContainsFunc(s.links(), func(l *link) bool { return len(l.terms) > 0 })
}

// adoptBare counts what went on without IPsec as what the session is.
func (s *Session) adoptBare() {
	for side, b := range s.bare.sent {
		s.users.packets[side] += uint64(b.n)
		s.users.bytes[side] += s.bare.bytes[side]
		if b.last.time > s.last.time {
			s.last = b.last
		}
	}
	if s.series != nil {
		s.series.adoptBare()
	}
}

// clear says that L2TP ran without IPsec.
func (f *Finding) clear(s *Session) {
	f.readable()
	f.Cause = "L2TP runs without IPsec: the login and all data can be read on the way"
	f.Frames = s.clear.frames()
	x := s.exchange()
	if x == nil {
		return
	}
	if x.bare {
		f.Proven = false
		f.Cause += "; or the capture was decrypted before: its Quick Mode is in clear too, as on no wire"
	}
	var before Finding
	if (before.try(s, refusalRules) || before.try(s, failureRules)) && ofIPsec(before.Step) {
		f.Cause += "; IPsec had failed before: " + before.Cause
		f.Frames = append(before.Frames, f.Frames...)
	}
}

// bare says that L2TP went on without IPsec.
func (f *Finding) bare(s *Session) {
	f.readable()
	c, r := &s.bare.sent[client], &s.bare.sent[server]
	f.Cause = fmt.Sprintf("IPsec ended, and L2TP went on without it: %d packets of users of the client and %d of the "+
		"server could be read on the way", c.n, r.n)
	f.Frames = append(c.frames(), r.frames()...)
}

// readable says that all could be read on the way.
func (f *Finding) readable() {
	f.State, f.ID, f.Step, f.Proven = Clear, "l2tp-in-clear", stepData, true
	f.Cure = "have a policy demand IPsec for UDP 1701, and start IPsec first"
}
