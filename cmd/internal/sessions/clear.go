package sessions

import (
	"hash/maphash"
	"net/netip"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
)

// clearL2TP takes an L2TP message that came without IPsec.
func (g *Gatherer) clearL2TP(r *pipeline.Record, at place) {
	n := &r.Net
	if !r.Payload.HasL2TP {
		return
	}
	src, dst := netip.AddrPortFrom(n.Src, n.SrcPort), netip.AddrPortFrom(n.Dst, n.DstPort)
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
	const near = int64(600e9)
	byIPsec := func(a *association) bool { return !a.clear && a.held() }
	carries := func(a *association) bool { return a.opened || a.session.protected[a.side(src, dst)].seen() }
	a := g.find(src, dst, true, func(a *association) bool { return byIPsec(a) && carries(a) })
	if a == nil {
		a = g.find(src, dst, true, byIPsec)
	}
	p := &r.Payload
	kind := uint16(0)
	if c := p.Tunnel.Control; c != nil && p.L2TP.Version == l2tp.Version2 {
		kind = c.Facts().Type
	}
	if a != nil && at.time-a.last < near {
		switch s := a.session; {
		case carries(a):
			s.stray.add(at)
			g.current = s
			if r.Payload.Inner != nil {
				s.exposed++
			}
			if kind != l2tp.SCCRP {
				return nil, nil
			}
		case s.beside == nil:
			ike = s
		}
	}
	from, to, roles := clearRoles(kind, src, dst)
	b = g.newAssociation(from, to, roles)
	b.clear, b.late = true, kind != l2tp.SCCRQ
	return b, ike
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
