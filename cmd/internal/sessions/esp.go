package sessions

import (
	"net/netip"
	"slices"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// flow is the packets of one SPI.
type flow struct {
	spi    uint32
	dst    netip.Addr // where the first went
	assoc  *association
	sender int // side
	next   *flow

	session      *Session // of the last packet
	span         span
	window       esp.Window
	opened       uint64
	cipher, auth string
	negotiated   *esp.Negotiated
	listed       bool // a session names it
}

// negotiated takes note of an ESP SA that a Quick Mode of x agreed on.
func (g *Gatherer) negotiated(x *exchange, n *esp.Negotiated) {
	f := g.flow(n.SPI, n.Dst)
	if f == nil {
		f = g.newFlow(x.assoc, n.SPI, n.Dst)
	} else if f.assoc != x.assoc && f.opened == 0 {
		f.assoc = x.assoc // IKE is sure, the address was a guess
	}
	f.negotiated = n
	f.sender = x.assoc.side(netip.AddrPortFrom(n.Src, 0), netip.AddrPortFrom(n.Dst, 0))
	f.cipher, f.auth = n.Suite.CipherName(), n.Suite.AuthName()
	x.assoc.natt = x.assoc.natt || n.UDPEncap
}

// flow finds a flow by its SPI: the one to this address, or the only one.
func (g *Gatherer) flow(spi uint32, dst netip.Addr) *flow {
	first := g.flows[spi]
	for f := first; f != nil; f = f.next {
		if f.dst == dst {
			return f
		}
	}
	return nil
}

func (g *Gatherer) newFlow(a *association, spi uint32, dst netip.Addr) *flow {
	f := g.spare
	if g.spare = nil; f == nil {
		f = new(flow)
	}
	*f = flow{spi: spi, dst: dst, assoc: a, next: g.flows[spi]}
	g.flows[spi] = f
	if len(a.flows) < 4*maxFlows {
		a.flows = append(a.flows, f)
		return f
	}
	oldest := &a.flows[a.oldestFlow]
	a.oldestFlow = (a.oldestFlow + 1) % len(a.flows)
	if g.forgetFlow(*oldest); !(*oldest).listed {
		g.spare = *oldest
	}
	*oldest = f
	return f
}

func (g *Gatherer) forgetFlow(f *flow) {
	if g.flows[f.spi] == f {
		if f.next == nil {
			delete(g.flows, f.spi)
		} else {
			g.flows[f.spi] = f.next
		}
		return
	}
	for p := g.flows[f.spi]; p != nil; p = p.next {
		if p.next == f {
			p.next = f.next
			return
		}
	}
}

// flowOf finds the flow of a packet, or begins one.
func (g *Gatherer) flowOf(r *pipeline.Record, src, dst netip.AddrPort, at place) *flow {
	opened := r.Verdict.Opened()
	if f := g.flow(r.SPI, dst.Addr()); f != nil {
		return f
	}
	if f := g.flows[r.SPI]; f != nil && f.next == nil && opened && r.Net.UDP {
		return f // the address has changed
	}
	a := g.find(src, dst, !r.Net.UDP, func(a *association) bool { return !a.clear })
	if a == nil {
		if r.Net.UDP && src.Port() == portNATT && dst.Port() != portNATT {
			a = g.newAssociation(dst, src) // NAT is on the client's side
		} else {
			a = g.newAssociation(src, dst)
		}
		a.late = true
	}
	f := g.newFlow(a, r.SPI, dst.Addr())
	f.sender = a.side(src, dst)
	return f
}

// espPacket takes a packet of ESP.
func (g *Gatherer) espPacket(r *pipeline.Record, at place) {
	n := &r.Net
	if !r.HasSPI() || n.IPVersion == 0 {
		return
	}
	src, dst := netip.AddrPortFrom(n.Src, n.SrcPort), netip.AddrPortFrom(n.Dst, n.DstPort)
	if !n.UDP {
		src, dst = netip.AddrPortFrom(n.Src, 0), netip.AddrPortFrom(n.Dst, 0)
	}
	f := g.flowOf(r, src, dst, at)
	opened := r.Verdict.Opened() || r.Head()
	if f.opened > 0 && !opened && r.Verdict != why.Truncated {
		return // of no key, among those that a key opens
	}
	a := f.assoc
	if opened && n.UDP {
		if !slices.Contains(a.ports[f.sender], src.Port()) || !a.knows(src.Addr(), dst.Addr()) {
			if a.session != nil && f.sender == client && f.span.seen() {
				g.clientMoved(a.session, src, at)
			}
			g.moved(a, src, dst, f.sender)
		}
	}
	a.natt = a.natt || n.UDP
	if a.session == nil || a.session.element == nil {
		s := g.begin(a, src, dst, at)
		s.late = true
	}
	s := a.session
	missing := f.window.Missing()
	if f.count(r, at) {
		g.current, s.last = s, at
		return // its receiver drops it
	}
	if p := &r.Payload; opened && p.HasL2TP {
		a.opened = true
		s = g.l2tp(r, a, s, f.sender, inside, src, dst, at)
	} else if opened && p.Inner != nil {
		g.users(s, r, f.sender, at)
	} else if opened {
		s.came(at)
	}
	s.addESP(f, r.ESPLength(), at)
	if s.series != nil {
		s.series.at(at.time).sealed[f.sender] += uint64(r.ESPLength())
		s.series.miss(f.sender, int64(f.window.Missing()-missing), at.time)
	}
	g.touch(s, at, f.sender)
}

// clientMoved takes note that the client comes from another address or port.
func (g *Gatherer) clientMoved(s *Session, from netip.AddrPort, at place) {
	s.moves++
	if g.keep(s) {
		g.note(s, at, nobody, "nat", "NAT", "the client comes from "+from.String()+" now", false)
	}
}

// count counts a packet, and reports whether it was there before.
func (f *flow) count(r *pipeline.Record, at place) (again bool) {
	f.span.add(at)
	before := f.window.Duplicates
	sure := r.Verdict == why.Verified
	p := uint64(r.Seq)
	if sure {
		p |= uint64(r.SeqHigh) << 32
	} else {
		p = f.window.Nearest(r.Seq)
	}
	f.window.Add(p, sure)
	if r.Verdict.Opened() || r.Head() {
		f.opened++
	}
	if r.SA != nil && r.Verdict.Opened() {
		f.cipher, f.auth = r.SA.CipherName(), r.SA.AuthName()
	}
	return f.window.Duplicates > before
}

// addESP counts a packet of ESP.
func (s *Session) addESP(f *flow, size int, at place) {
	if f.session != s {
		f.session = s
		if len(s.flows) < maxFlows {
			s.flows, f.listed = append(s.flows, f), true
		}
	}
	d := &s.protected[f.sender]
	if d.n == 0 {
		d.size, d.equal = size, true
	}
	d.equal = d.equal && size == d.size
	d.add(at)
	if d.sizes < len(d.distinct) && !slices.Contains(d.distinct[:d.sizes], size) {
		d.distinct[d.sizes] = size
		d.sizes++
	}
	switch {
	case size > d.largest:
		d.largest, d.large, d.backoff, d.gap = size, span{}, 0, 0
		d.large.add(at)
	case size == d.largest:
		d.again(at)
		d.large.add(at)
	}
	const nodata, setup = 108, int64(2e9) // bytes of keepalives and of most that sets up PPP
	if size > nodata && at.time-min(s.protected[client].firstOr(at), s.protected[server].firstOr(at)) > setup {
		d.data++
	}
}

// firstOr is the time of the first packet, or that of at.
func (d *direction) firstOr(at place) int64 {
	if d.n == 0 {
		return at.time
	}
	return d.first.time
}

// again counts copies of the largest size that come later and later, as those of a segment that nobody acknowledges.
func (d *direction) again(at place) {
	const burst = int64(150e6)
	gap := at.time - d.large.last.time
	switch {
	case gap < burst:
		return
	case gap*10 > d.gap*16 && gap*10 < d.gap*26: // about twice
		d.backoff++
	default:
		d.backoff = 0
	}
	d.gap = gap
}

// users counts the users' packets of a record.
func (g *Gatherer) users(s *Session, r *pipeline.Record, side int, at place) {
	p := &r.Payload
	if p.Inner == nil {
		return
	}
	s.addInner(side, p.Inner, r.Missing, at)
	for _, packet := range p.More {
		s.addInner(side, packet, 0, at)
	}
}
