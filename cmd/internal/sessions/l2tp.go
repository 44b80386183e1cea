package sessions

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/printable"
)

// tunnel is an L2TP control connection. Arrays of two are of the client and the server.
type tunnel struct {
	ids     [2]uint32
	caller  int // who asked for it
	clear   realm
	session *Session

	request, reply, connect span // SCCRQ, SCCRP, SCCCN
	repeated                int  // requests behind a reply
	stop                    *ending
	host, vendor            [2]printable.Text
	hello                   [2]span
	closed                  [2]bool // an end offers a receive window of 0
	challenge               bool
	calls                   []*call
	port                    uint16 // UDP port that the caller sends from
}

// ending is a StopCCN or a CDN.
type ending struct {
	place
	sender  int
	control l2tp.Facts
}

// l2tp takes an L2TP message of an association, and returns the session that it is of.
func (g *Gatherer) l2tp(r *pipeline.Record, a *association, s *Session, sender int, clear realm, src,
	dst netip.AddrPort, at place) *Session {
	p := &r.Payload
	h := &p.L2TP
	switch {
	case h.Version != l2tp.Version2:
		g.version3(r, s, sender, clear, at)
		return s
	case h.Control:
		return g.control(r, a, s, sender, clear, src, dst, at)
	}
	c := g.callOf(a, sender, clear, h)
	if c == nil {
		if c = g.lateCall(a, s, sender, clear, h, at); c == nil {
			return s
		}
	}
	s = c.session
	c.tunnel.heard(sender)
	c.tunnel.outlived(sender, at)
	if p.HasPPP {
		g.ppp(r, c, sender, at)
	}
	g.users(s, r, sender, at)
	return s
}

// recentCall is in front of Gatherer.calls, as long as these do not change.
type recentCall struct {
	key     callKey
	call    *call
	changes uint
}

// callOf is the call of a data message, nil if it is not known.
func (g *Gatherer) callOf(a *association, sender int, clear realm, h *l2tp.Header) *call {
	recent := &a.calls[sender]
	if recent.call == nil || recent.changes != g.changes || !recent.key.is(a, sender, clear, h) {
		k := a.callKey(sender, clear, h)
		*recent = recentCall{k, g.calls[k], g.changes}
	}
	return recent.call
}

// version3 takes a message of L2TPv3, whose control connection is not followed.
func (g *Gatherer) version3(r *pipeline.Record, s *Session, sender int, clear realm, at place) {
	p := &r.Payload
	s.v3 = s.v3 || p.L2TP.Version == l2tp.Version3
	if !p.L2TP.Control {
		s.pseudowire[1-sender] = p.L2TP.Session
	}
	switch {
	case p.HasPPP:
		c := s.call()
		if c == nil {
			t := &tunnel{clear: clear, session: s}
			s.tunnels = append(s.tunnels, t)
			c = g.newCall(t, s)
		}
		g.ppp(r, c, sender, at)
	case s.protected[1-sender].seen():
		s.came(at)
	}
	g.users(s, r, sender, at)
}

// heard takes note that a side is there.
func (t *tunnel) heard(sender int) { t.hello[1-sender] = span{} }

// outlived takes note of a message of a tunnel that the other end has closed. For 31 s it may
// repeat itself (RFC 2661 section 5.7).
func (t *tunnel) outlived(sender int, at place) {
	const lingering = int64(31e9)
	s := t.session
	switch {
	case t.stop == nil || at.time-t.stop.time < lingering:
		return
	case t.stop.sender == sender:
		s.orphans = nil // it still knows the tunnel
		return
	}
	o := made(&s.orphans)
	o.add(at)
	o.sender, o.tunnel = sender, t.ids[1-sender]
}

// lateCall makes up a call whose beginning was not captured, or says that the message is another
// client's.
func (g *Gatherer) lateCall(a *association, s *Session, sender int, clear realm, h *l2tp.Header, at place) *call {
	if g.elsewhere(a, s, sender, h, at) {
		return nil
	}
	c := s.call()
	if c != nil && c.begun() && c.ids[1-sender] != 0 && c.tunnel.ids[1-sender] != 0 {
		return nil // an ID that nobody has given, and none that was hidden or not captured
	}
	if c == nil {
		t := &tunnel{clear: clear, session: s}
		a.tunnels = addTo(a.tunnels, t, maxTunnels)
		s.tunnels = append(s.tunnels, t)
		c = g.newCall(t, s)
	}
	c.ids[1-sender], c.tunnel.ids[1-sender] = h.Session, h.Tunnel
	g.known(c, a, sender, clear)
	return c
}

// elsewhere reports whether a message from the server belongs to a tunnel of another client behind
// the same address, which is still there.
func (g *Gatherer) elsewhere(a *association, s *Session, sender int, h *l2tp.Header, at place) bool {
	if sender != server || a.tunnel(sender, h.Tunnel) != nil {
		return false
	}
	for _, other := range g.pairs[a.pair()] {
		if other == a || other.ends != a.ends || !a.natt || !other.natt {
			continue
		}
		t := other.tunnel(sender, h.Tunnel)
		if t != nil && t.session.protected[client].last.time > s.first.time {
			made(&t.session.misplaced).add(at)
			return true
		}
	}
	return false
}

// newTunnel begins a tunnel that a side asks for with an ID of its own.
func (s *Session) newTunnel(caller int, clear realm, id uint32) *tunnel {
	t := &tunnel{caller: caller, clear: clear, session: s}
	t.ids[caller] = id
	s.assoc.tunnels = addTo(s.assoc.tunnels, t, maxTunnels)
	s.tunnels = addTo(s.tunnels, t, maxCalls)
	return t
}

// control takes a control message.
func (g *Gatherer) control(r *pipeline.Record, a *association, s *Session, sender int, clear realm, src,
	dst netip.AddrPort, at place) *Session {
	p := &r.Payload
	h := &p.L2TP
	payload := p.Message[h.PayloadStart:h.PayloadEnd]
	c := p.Tunnel.Control.Facts()
	s.hidden = s.hidden || c.HiddenID
	if c.Type != l2tp.SCCRQ && h.Tunnel != 0 && g.elsewhere(a, s, sender, h, at) {
		return s
	}
	t := g.tunnelOf(a, s, &c, h, sender, clear, src, dst, at)
	if t == nil {
		g.noteControl(s, r, sender, at, len(payload) > 0)
		return s
	}
	if c.Type == l2tp.SCCRQ {
		t.port = sourcePort(r, src)
	}
	acknowledges := t.hello[1-sender].seen()
	t.outlived(sender, at)
	t.take(&c, sender, at)
	t.heard(sender)
	s = t.session
	if x := g.callControl(t, a, &c, h, sender, clear, src, dst, at); x != nil {
		s = x.session
		s.hidden = s.hidden || c.HiddenID
		x.take(&c, sender, at)
	}
	g.noteControl(s, r, sender, at, len(payload) > 0 || acknowledges)
	return s
}

// tunnelOf finds the tunnel of a control message, or begins it; nil: it is of none that is known.
func (g *Gatherer) tunnelOf(a *association, s *Session, c *l2tp.Facts, h *l2tp.Header, sender int, clear realm,
	src, dst netip.AddrPort, at place) *tunnel {
	switch {
	case c.Type == l2tp.SCCRQ:
		t := a.requested(sender, c.Tunnel)
		if t == nil || t.stop != nil && t.stop.sender == sender {
			t = g.dial(a, s, src, dst, at).newTunnel(sender, clear, c.Tunnel)
		}
		return t
	case h.Tunnel != 0:
		t := a.tunnel(sender, h.Tunnel)
		if t == nil && c.Type == l2tp.SCCRP { // what it answers was not captured, or comes yet
			return g.dial(a, s, src, dst, at).newTunnel(1-sender, clear, h.Tunnel)
		}
		if t == nil {
			t = a.unnamed(1-sender, clear)
		}
		if t == nil || c.Type == l2tp.StopCCN && c.Tunnel != 0 && t.ids[sender] != 0 && t.ids[sender] != c.Tunnel {
			return nil // it ends another
		}
		t.ids[1-sender] = h.Tunnel
		return t
	case c.Type == l2tp.StopCCN:
		return a.requested(sender, c.Tunnel)
	}
	return nil
}

// sourcePort is the UDP port that an L2TP message comes from: inside ESP that of the UDP in there.
func sourcePort(r *pipeline.Record, src netip.AddrPort) uint16 {
	if r.Kind != pipeline.ESP {
		return src.Port()
	}
	if p := &r.Plain; p.NextHeader == protoUDP && len(p.Data) >= 2 {
		return binary.BigEndian.Uint16(p.Data)
	}
	return 0
}

// noteControl keeps a control message that says something; a ZLB says something where it answers a
// Hello.
func (g *Gatherer) noteControl(s *Session, r *pipeline.Record, sender int, at place, says bool) {
	if !says || !g.keep(s) {
		return
	}
	p := &r.Payload
	name := p.Tunnel.Control.Type()
	text := string(l2tp.AppendSummary(nil, &p.L2TP, &p.Tunnel, 0))
	if head, rest, ok := strings.Cut(text, " "+name); ok {
		text = strings.TrimSpace(rest + " in " + strings.TrimPrefix(head, "L2TP "))
	}
	e := newEvent(at, sender, "l2tp", name, text)
	_, e.AVPs, _ = strings.Cut(string(l2tp.AppendSummary(nil, &p.L2TP, &p.Tunnel, 1)), ": ")
	e.Retransmission = p.Tunnel.Control.Retransmission
	g.note(s, e)
}

// dial returns the session that asks for a new tunnel or call: the present one if it has none yet
// or tries again, otherwise a new one.
func (g *Gatherer) dial(a *association, s *Session, src, dst netip.AddrPort, at place) *Session {
	switch {
	case len(s.tunnels) == 0, s.multilink():
		return s
	case !s.up.seen() && !s.turnedDown():
		return s
	}
	old := s.exchange()
	next := g.begin(a, src, dst, at)
	const soon = int64(60e9)
	another := func(x *exchange) bool { return x != old && (x.read() || !old.read()) }
	if slices.ContainsFunc(s.exchanges, another) && at.time-old.first.time < soon && s.quietSince(old.first.time) {
		s.exchanges = slices.DeleteFunc(s.exchanges, func(x *exchange) bool { return x == old }) // it was no renewal
		s.renewals--
		next.first = old.first
	}
	next.inherit(old)
	return next
}

// inherit takes over an ISAKMP SA that was there before the session; nil: none was.
func (s *Session) inherit(x *exchange) {
	if x == nil {
		return
	}
	x.session, x.inherited = s, true
	s.exchanges, s.renewals = append(s.exchanges, x), 1
}

// quietSince says that the session had no users' packets after a time.
func (s *Session) quietSince(time int64) bool { return s.traffic == nil || s.traffic.last.time < time }

// turnedDown says that somebody said no, or hung up.
func (s *Session) turnedDown() bool {
	if t := s.tunnel(); t != nil && t.stop != nil && t.stop.sender != t.caller {
		return true
	}
	if c := s.call(); c != nil {
		return c.cdn != nil || len(c.link.terms) > 0 || c.link.auth.refused.seen()
	}
	return false
}

// take takes note of a message that is about the tunnel.
func (t *tunnel) take(c *l2tp.Facts, sender int, at place) {
	switch c.Type {
	case l2tp.SCCRQ:
		t.request.add(at)
		if t.reply.seen() {
			t.repeated++
		}
	case l2tp.SCCRP:
		t.reply.add(at)
		if t.ids[sender] == 0 {
			t.ids[sender] = c.Tunnel
		}
	case l2tp.SCCCN:
		t.connect.add(at)
		if !t.reply.seen() {
			t.session.holes++
		}
	case l2tp.StopCCN:
		if t.stop == nil {
			t.stop = &ending{at, sender, *c}
		}
	case l2tp.Hello:
		t.hello[sender].add(at)
	}
	if c.Host != "" {
		t.host[sender] = c.Host.Cut(maxName)
	}
	if c.Vendor != "" {
		t.vendor[sender] = c.Vendor.Cut(maxName)
	}
	if c.HasWindow {
		t.closed[sender] = c.Window == 0
	}
	t.challenge = t.challenge || c.Challenge
}
