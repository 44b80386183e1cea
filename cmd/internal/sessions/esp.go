package sessions

import (
	"cmp"
	"net/netip"
	"slices"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// flow is the packets of one SPI.
type flow struct {
	spi    uint32
	src    netip.Addr // where the last came from
	dst    netip.Addr // where the first went
	assoc  *association
	sender int // side
	next   *flow

	session      *Session // of the last packet, or else which agreed on it
	span         span
	window       esp.Window
	opened       uint64
	refused      bool // a key does not open some, and none has opened any
	cipher, auth string
	negotiated   *esp.Negotiated
	agreed       place // where
	accepted     bool  // message 3 of its Quick Mode was seen
	listed       bool  // a session names it
}

// negotiated takes note of an ESP SA that a Quick Mode of x agreed on.
func (g *Gatherer) negotiated(x *exchange, n *esp.Negotiated, at place) {
	f, _ := g.flow(n.SPI, n.Src, n.Dst)
	if f == nil {
		f = g.newFlow(x.assoc, n.SPI, n.Src, n.Dst)
	} else if f.assoc != x.assoc && f.opened == 0 {
		g.adopt(x.assoc, f) // IKE is sure, the address was a guess
	}
	f.negotiated, f.agreed = n, at
	x.session.agreements++
	x.negotiated = x.negotiated || n.PairSPI != 0
	f.sender = x.assoc.side(netip.AddrPortFrom(n.Src, 0), netip.AddrPortFrom(n.Dst, 0))
	f.cipher, f.auth = n.Suite.CipherName(), n.Suite.AuthName()
	x.assoc.natt = x.assoc.natt || n.UDPEncap
}

// accepted takes note that both ends agreed on the ESP SAs of a Quick Mode of x.
func (g *Gatherer) accepted(x *exchange, q *quick, at place) {
	for _, spi := range q.spis {
		for f := g.flows[spi]; f != nil; f = f.next {
			n := f.negotiated
			if n == nil || f.accepted || n.MessageID != q.id || n.Cookie != x.cookies[0] {
				continue
			}
			if f.accepted, f.agreed = true, at; f.session == nil {
				f.session = x.session
			}
		}
	}
}

// sas are the flows of the session, and the ESP SAs that it agreed on and that carried nothing.
func (s *Session) sas() []*flow {
	list := slices.Clip(s.flows)
	for _, f := range s.assoc.flows {
		if f.accepted && f.session == s && !f.span.seen() {
			list = append(list, f)
		}
	}
	return list
}

// flow finds a flow by its SPI and its ends; other is one to the same address from another.
func (g *Gatherer) flow(spi uint32, src, dst netip.Addr) (f, other *flow) {
	for f := g.flows[spi]; f != nil; f = f.next {
		if f.dst == dst {
			if f.src == src {
				return f, nil
			}
			other = f
		}
	}
	return nil, other
}

// maxSameSPI bounds the flows with one SPI: who forges addresses can't make the search for one
// slow.
const maxSameSPI = 64

func (g *Gatherer) newFlow(a *association, spi uint32, src, dst netip.Addr) *flow {
	f := g.spare
	if g.spare = nil; f == nil {
		f = new(flow)
	}
	*f = flow{spi: spi, src: src, dst: dst, assoc: a, next: g.flows[spi]}
	g.flows[spi] = f
	n, before := 1, (*flow)(nil) // the oldest that is unproven
	for p := f; p.next != nil; p = p.next {
		if n++; p.next.unproven() {
			before = p
		}
	}
	if n > maxSameSPI && before != nil {
		before.next = before.next.next
	}
	g.enlist(a, f)
	return f
}

// enlist adds a flow to those of an association.
func (g *Gatherer) enlist(a *association, f *flow) {
	if len(a.flows) < 4*maxFlows {
		a.flows = append(a.flows, f)
		return
	}
	i := a.oldestFlow
	for n := range a.flows {
		if j := (a.oldestFlow + n) % len(a.flows); a.flows[j].unproven() {
			i = j
			break
		}
	}
	a.oldestFlow = (i + 1) % len(a.flows)
	oldest := a.flows[i]
	if g.forgetFlow(oldest); !oldest.listed {
		g.spare = oldest
	}
	a.flows[i] = f
}

// adopt gives an association a flow of another.
func (g *Gatherer) adopt(a *association, f *flow) {
	old := f.assoc
	old.flows = slices.DeleteFunc(old.flows, func(x *flow) bool { return x == f })
	old.oldestFlow = 0
	f.assoc = a
	g.enlist(a, f)
}

// unproven says that no key opened a flow, and nobody agreed on it.
func (f *flow) unproven() bool { return f.opened == 0 && f.negotiated == nil }

func (g *Gatherer) forgetFlow(f *flow) {
	if g.flows[f.spi] == f {
		if g.flows[f.spi] = f.next; f.next == nil {
			delete(g.flows, f.spi)
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

// flowOf finds the flow of a packet, or begins one; nil: it is a copy that belongs to none.
func (g *Gatherer) flowOf(r *pipeline.Record, src, dst netip.AddrPort) *flow {
	opened := r.Verdict.Opened()
	f, other := g.flow(r.SPI, src.Addr(), dst.Addr())
	if f != nil || r.Twice { // the copy from elsewhere, or of a session that is over
		return cmp.Or(f, other)
	}
	switch {
	case other == nil:
	case !opened && other.opened > 0:
		return other // of no key
	case opened && r.Net.UDP, other.negotiated == nil && len(g.pairs[pairOf(src.Addr(), dst.Addr())]) == 0:
		other.src = src.Addr()
		return other
	}
	if f := g.flows[r.SPI]; f != nil && f.next == nil && opened && r.Net.UDP {
		return f // the address has changed
	}
	a := g.find(src, dst, !r.Net.UDP, func(a *association) bool { return !a.clear })
	if a == nil {
		switch from, to := src.Port() == portNATT, dst.Port() == portNATT; { // NAT is on the client's side
		case from && !to:
			a = g.newAssociation(dst, src, likely)
		case to && !from:
			a = g.newAssociation(src, dst, likely)
		default:
			a = g.newAssociation(src, dst, guessed)
		}
		a.late = true
	}
	f = g.newFlow(a, r.SPI, src.Addr(), dst.Addr())
	f.sender = a.side(src, dst)
	return f
}

// espPacket takes a packet of ESP.
func (g *Gatherer) espPacket(r *pipeline.Record, at place) {
	n := &r.Net
	if r.SPI == 0 || n.IPVersion == 0 {
		return
	}
	src, dst := n.Ends()
	if !n.UDP {
		src, dst = netip.AddrPortFrom(n.Src, 0), netip.AddrPortFrom(n.Dst, 0)
	}
	f := g.flowOf(r, src, dst)
	if f == nil {
		return
	}
	opened := r.Verdict.Opened() || r.Head()
	switch {
	case opened && f.opened == 0 && f.refused:
		f.restart()
	case opened:
	case f.opened > 0 && r.Verdict != why.Truncated, f.foreign():
		return // of no key, among those that a key opens
	}
	a := f.assoc
	if r.Verdict == why.WrongKey || r.Verdict == why.Malformed {
		f.refuse(at)
	}
	missing, began, first := f.window.Missing(), f.span.seen(), opened && f.opened == 0
	a.seen(f, n.UDP, opened)
	if f.count(r, at) {
		g.current = f.session
		return // its receiver drops it
	}
	s := g.espSession(f, opened, src, dst, at)
	if first && a.clear {
		s = g.apart(s, at)
		a = f.assoc
	}
	if opened && n.UDP {
		g.follow(f, src, dst, began, at)
	}
	if opened {
		g.settleBy(a, r, f.sender)
		s = g.carried(r, f, s, src, dst, at)
	}
	size := cmp.Or(r.ESPLength(), n.PayloadEnd-n.PayloadStart)
	s.addESP(f, size, at)
	s.covered(f)
	if s.series != nil {
		s.series.at(at.time).sealed[f.sender] += uint64(size)
	}
	if !f.refused || f.opened > 0 {
		f.miss(int64(f.window.Missing()-missing), at)
	}
	if s.move != nil && opened {
		s.move.take(f.sender, dst, at)
	}
	g.touch(s, at, f.sender)
}

// carried takes what a packet of a flow that a key opens holds, and returns the session that it is
// of.
func (g *Gatherer) carried(r *pipeline.Record, f *flow, s *Session, src, dst netip.AddrPort, at place) *Session {
	switch p := &r.Payload; {
	case p.HasL2TP:
		f.assoc.opened = true
		return g.l2tp(r, f.assoc, s, f.sender, inside, src, dst, at)
	case p.Inner != nil:
		g.users(s, r, f.sender, at)
	case r.Verdict.Opened():
		s.came(at)
	}
	return s
}

// seen takes note of whether a packet of a flow came in UDP.
func (a *association) seen(f *flow, udp, opened bool) {
	if opened && f.opened == 0 && !a.authentic() {
		a.natt = f.negotiated != nil && f.negotiated.UDPEncap // what else said so may be anybody's
	}
	a.natt = a.natt || udp && (opened || !a.authentic())
}

// refuse takes note that a key does not open a packet, where none was opened: what its numbers say
// was lost is no longer missed.
func (f *flow) refuse(at place) {
	if !f.refused && f.opened == 0 {
		f.refused = true
		f.miss(-int64(f.window.Missing()), at)
	}
}

// miss counts packets that did not come, or where n is less than 0, that are no longer missed.
func (f *flow) miss(n int64, at place) {
	s := f.session
	if s == nil {
		return
	}
	s.lost += n
	if s.series != nil {
		s.series.miss(f.sender, n, at.time)
	}
}

// follow follows the ends of a flow that a key opens to other addresses and ports; began: there
// were packets of it before.
func (g *Gatherer) follow(f *flow, src, dst netip.AddrPort, began bool, at place) {
	a := f.assoc
	if slices.Contains(a.ports[f.sender], src.Port()) && a.pair() == pairOf(src.Addr(), dst.Addr()) {
		return
	}
	if a.session != nil && f.sender == client && began {
		a.session.moves++
		a.session.move = &move{place: at, to: src}
		if g.keep(a.session) {
			g.note(a.session, newEvent(at, nobody, "nat", "NAT", "the client comes from "+src.String()+" now"))
		}
	}
	g.moved(a, src, dst, f.sender)
}

// espSession is the session that a packet of a flow is of. It begins late if what was agreed on is
// not in the capture.
func (g *Gatherer) espSession(f *flow, opened bool, src, dst netip.AddrPort, at place) *Session {
	a := f.assoc
	if !a.held() {
		g.begin(a, src, dst, at).late = true
	}
	s := a.session
	if o := f.session; (opened || f.accepted) && o != nil && o != s && o.element != nil && !s.proven() {
		return o // the other may be anybody's
	}
	if s.isDialling() {
		if x := s.latest(); x != nil && !x.established() {
			s.late, a.late = true, true
		}
	}
	return s
}

// take takes note of a packet that came after the change.
func (m *move) take(sender int, dst netip.AddrPort, at place) {
	switch {
	case sender == client:
		m.sent.add(at)
	case dst == m.to:
		m.followed = true
	default:
		m.astray.add(at)
	}
}

// count counts a packet, and reports whether it was there before.
func (f *flow) count(r *pipeline.Record, at place) (again bool) {
	sure := r.Verdict == why.Verified
	p := uint64(r.Seq)
	if sure {
		p |= uint64(r.SeqHigh) << 32
	} else {
		p = f.window.Nearest(r.Seq)
	}
	if f.window.Add(p, sure) || r.Twice {
		f.span.n++
		return true
	}
	f.span.add(at)
	if r.Verdict.Opened() || r.Head() {
		f.opened++
	}
	if r.SA != nil && r.Verdict.Opened() {
		f.cipher, f.auth = r.SA.CipherName(), r.SA.AuthName()
	}
	return false
}

// largeESP is the size of ESP packets, in bytes, that are no small ones.
const largeESP = 1000

// addESP counts a packet of ESP.
func (s *Session) addESP(f *flow, size int, at place) {
	if f.session != s || !f.listed {
		f.session = s
		if len(s.flows) < maxFlows {
			s.flows, f.listed = append(s.flows, f), true
		}
	}
	d := &s.protected[f.sender]
	d.ask(size, at)
	d.add(at)
	d.bytes += uint64(size)
	if d.sizes < len(d.distinct) && !slices.Contains(d.distinct[:d.sizes], size) {
		d.distinct[d.sizes] = size
		d.sizes++
	}
	if size >= largeESP {
		d.larges++
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

// largestQuestion is the size of ESP packets, in bytes, that the ends send by themselves.
const largestQuestion = 120

// ask takes note of a packet that may be a question again, of which nobody sends two in a second.
func (d *direction) ask(size int, at place) {
	const pause = int64(9e8)
	switch {
	case size > largestQuestion:
		d.asks, d.talked = 0, at.time
	case d.asks >= questions:
	case at.time-d.last.time < pause:
		d.asks = 0
	case size != d.latest:
		d.asks = 1
	default:
		d.asks++
	}
	d.latest = size
}

// firstOr is the time of the first packet, or that of at.
func (d *direction) firstOr(at place) int64 {
	if d.n == 0 {
		return at.time
	}
	return d.first.time
}

// again counts copies of the largest size that come later and later, as those of a segment that
// nobody acknowledges.
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
