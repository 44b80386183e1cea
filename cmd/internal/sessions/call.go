package sessions

import (
	"net/netip"

	"l2tpdump/l2tp"
)

// call is an L2TP session.
type call struct {
	tunnel                  *tunnel
	ids                     [2]uint32
	request, reply, connect span // ICRQ, ICRP, ICCN
	cdn                     *ending
	session                 *Session
	link                    *link
	keys                    []callKey
}

// maxKeys bounds the keys of a call: who sends data of ever other IDs, whose beginning was not
// captured, is taken for the same.
const maxKeys = 8

// silent is the link of calls whose ends did not say anything of their link.
var silent = link{ipv6cp: &unasked, ccp: &unasked, ecp: &unasked}

// speaks is the link of a call in which an end says something of it.
func (c *call) speaks() *link {
	if c.link == &silent {
		c.link = &link{ipv6cp: &unasked, ccp: &unasked, ecp: &unasked}
	}
	return c.link
}

func (g *Gatherer) newCall(t *tunnel, s *Session) *call {
	c := &call{tunnel: t, session: s, link: &silent}
	t.calls = addTo(t.calls, c, maxTunnels)
	s.calls = addTo(s.calls, c, maxCalls)
	return c
}

// known makes a call found by the data messages that a side sends.
func (g *Gatherer) known(c *call, a *association, sender int, clear realm) {
	h := l2tp.Header{Tunnel: c.tunnel.ids[1-sender], Session: c.ids[1-sender]}
	if h.Tunnel == 0 || h.Session == 0 {
		return
	}
	k := a.callKey(sender, clear, &h)
	if g.calls[k] != c {
		g.changes++
		g.calls[k] = c
		if len(c.keys) == maxKeys && g.calls[c.keys[0]] == c {
			delete(g.calls, c.keys[0])
		}
		c.keys = addTo(c.keys, k, maxKeys)
	}
}

// callControl finds the call that a control message is about, or begins it; nil if it is about
// none.
func (g *Gatherer) callControl(t *tunnel, a *association, c *l2tp.Facts, h *l2tp.Header, sender int, clear realm,
	src, dst netip.AddrPort, at place) *call {
	var x *call
	switch c.Type {
	case l2tp.ICRQ, l2tp.OCRQ:
		if x = t.called(sender, c.Session); x == nil || x.cdn != nil {
			s := t.session
			if len(t.calls) > 0 && !s.multilink() {
				s = g.callAgain(a, s, src, dst, at, t)
			}
			x = g.newCall(t, s)
			x.ids[sender] = c.Session
			g.known(x, a, 1-sender, clear)
		}
	case l2tp.ICRP, l2tp.ICCN, l2tp.CDN:
		if x = t.callOf(c, h, sender); x == nil && c.Type == l2tp.ICRP && h.Session != 0 && len(t.calls) == 0 {
			x = g.newCall(t, t.session)
			x.ids[1-sender] = h.Session
		}
		if x == nil {
			return nil
		}
		if c.Session != 0 && x.ids[sender] == 0 {
			x.ids[sender] = c.Session
		}
		g.known(x, a, sender, clear)
		g.known(x, a, 1-sender, clear)
	}
	return x
}

// callAgain begins a session for a further call in a tunnel.
func (g *Gatherer) callAgain(a *association, s *Session, src, dst netip.AddrPort, at place, t *tunnel) *Session {
	n := g.begin(a, src, dst, at)
	n.tunnels = append(n.tunnels, t)
	n.inherit(s.exchange())
	t.session = n
	return n
}

// called finds a call by the ID that a side gave it.
func (t *tunnel) called(side int, id uint32) *call {
	if id == 0 {
		return nil
	}
	return lastOf(t.calls, func(c *call) bool { return c.ids[side] == id })
}

// callOf finds the call that a control message of a side is about: if neither ID is known, the
// latest that goes on and of which it is not known what ID the other side gave it.
func (t *tunnel) callOf(c *l2tp.Facts, h *l2tp.Header, sender int) *call {
	if x := t.called(1-sender, h.Session); x != nil {
		return x
	}
	if x := t.called(sender, c.Session); x != nil || h.Session == 0 {
		return x
	}
	x := lastOf(t.calls, func(x *call) bool { return x.ids[1-sender] == 0 && x.cdn == nil })
	if x != nil {
		x.ids[1-sender] = h.Session
	}
	return x
}

// take takes note of a message that is about the call.
func (x *call) take(c *l2tp.Facts, sender int, at place) {
	switch c.Type {
	case l2tp.ICRQ, l2tp.OCRQ:
		x.request.add(at)
	case l2tp.ICRP:
		x.reply.add(at)
	case l2tp.ICCN:
		x.connect.add(at)
		if !x.reply.seen() {
			x.session.holes++
		}
	case l2tp.CDN:
		if x.cdn == nil {
			x.cdn = &ending{at, sender, *c}
		}
	}
}

// begun says that its beginning was captured.
func (x *call) begun() bool { return x.request.seen() || x.reply.seen() || x.connect.seen() }
