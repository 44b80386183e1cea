package sessions

import (
	"math"
	"net/netip"
	"slices"

	"l2tpdump/l2tp"
)

// Ports of UDP.
const (
	portIKE  = 500
	portNATT = 4500
	portL2TP = 1701
	portDNS  = 53
)

// Bounds of what is kept of an association, and of the associations between two addresses.
const (
	maxPorts     = 16
	maxTunnels   = 256
	maxPerPair   = 1024
	maxExchanges = 32
)

// association is what two ends have in common for a while: their ISAKMP SAs, their ESP SAs, and the
// L2TP that these carry. Several sessions can follow one another in it, and stand side by side.
type association struct {
	ends       [2]netip.Addr
	ports      [2][]uint16 // that were seen of the two ends
	roles      certainty   // how sure it is which end is the client
	session    *Session    // the latest
	oldest     *Session    // of those that are followed; by next it leads to the others
	sessions   int         // that are followed
	exchanges  []*exchange
	flows      []*flow // 4*maxFlows of them at most
	oldestFlow int     // index of the first of these, once there are as many
	tunnels    []*tunnel
	late       bool // its beginning was not captured
	clear      bool // it is of L2TP without IPsec
	opened     bool // L2TP was read inside ESP
	natt       bool // ESP in UDP
	last       int64

	calls   [2]recentCall // of the last data message that a side sent
	samples [2]sample     // of the last messages in clear, by who sent them
}

// sample tells an IP packet from others.
type sample struct {
	id   uint32
	sum  uint64
	time int64
}

// held says that its latest session is followed.
func (a *association) held() bool { return a.session != nil && a.session.element != nil }

// ofESP is the session, of at least one, that IPsec carried something for: that of the flow which
// keys opened last, or else the latest.
func (a *association) ofESP() *Session {
	s, last := a.session, int64(math.MinInt64)
	for _, f := range a.flows {
		if f.opened > 0 && f.session != nil && f.session.element != nil && f.span.last.time > last {
			s, last = f.session, f.span.last.time
		}
	}
	return s
}

// pair is two addresses, the lower one first.
type pair [2]netip.Addr

func pairOf(a, b netip.Addr) pair {
	if b.Less(a) {
		a, b = b, a
	}
	return pair{a, b}
}

// side is who sent a packet.
func (a *association) side(src, dst netip.AddrPort) int {
	switch {
	case src.Addr() == dst.Addr():
		if slices.Contains(a.ports[server], src.Port()) && !slices.Contains(a.ports[client], src.Port()) {
			return server
		}
		return client
	case src.Addr() == a.ends[server], dst.Addr() == a.ends[client]:
		return server
	}
	return client
}

// pair is its two ends.
func (a *association) pair() pair { return pairOf(a.ends[client], a.ends[server]) }

// hasPort reports whether the client of the association, being one of the two ends, was seen with
// its port.
func (a *association) hasPort(src, dst netip.AddrPort) bool {
	side := a.side(src, dst)
	end := src
	if side == server {
		end = dst
	}
	return slices.Contains(a.ports[client], end.Port())
}

// addPorts takes note of ports.
func (a *association) addPorts(src, dst netip.AddrPort) {
	side := a.side(src, dst)
	a.addPort(side, src.Port())
	a.addPort(1-side, dst.Port())
}

func (a *association) addPort(side int, port uint16) {
	if slices.Contains(a.ports[side], port) {
		return
	}
	a.ports[side] = addTo(a.ports[side], port, maxPorts)
}

// newAssociation begins one, whose client is src, as sure as roles.
func (g *Gatherer) newAssociation(src, dst netip.AddrPort, roles certainty) *association {
	a := &association{ends: [2]netip.Addr{src.Addr(), dst.Addr()}, roles: roles}
	a.addPorts(src, dst)
	g.index(a)
	return a
}

// index makes an association found by its ends.
func (g *Gatherer) index(a *association) {
	p := a.pair()
	g.pairs[p] = addTo(g.pairs[p], a, maxPerPair)
}

// unindex is the contrary of index.
func (g *Gatherer) unindex(a *association) {
	p := a.pair()
	list := slices.DeleteFunc(g.pairs[p], func(x *association) bool { return x == a })
	if len(list) == 0 {
		delete(g.pairs, p)
		return
	}
	g.pairs[p] = list
}

// moved follows an end of an association to another address: something that a key or a cookie names
// came from there.
func (g *Gatherer) moved(a *association, src, dst netip.AddrPort, sender int) {
	if a.ends[sender] != src.Addr() || a.ends[1-sender] != dst.Addr() {
		g.unindex(a)
		for _, x := range a.exchanges {
			delete(g.exchanges, x.key())
		}
		a.ends[sender], a.ends[1-sender] = src.Addr(), dst.Addr()
		for _, x := range a.exchanges {
			g.exchanges[x.key()] = x
		}
		g.index(a)
	}
	a.addPort(sender, src.Port())
	a.addPort(1-sender, dst.Port())
}

// find returns the association between two ends that was active last: of those whose client has the
// port if there are some, else of all if any is true; nil if there is none.
func (g *Gatherer) find(src, dst netip.AddrPort, any bool, fits func(*association) bool) *association {
	var best, other *association
	for _, a := range g.pairs[pairOf(src.Addr(), dst.Addr())] {
		if !fits(a) {
			continue
		}
		if a.hasPort(src, dst) {
			if best == nil || a.last >= best.last {
				best = a
			}
		} else if other == nil || a.last >= other.last {
			other = a
		}
	}
	if best == nil && any {
		return other
	}
	return best
}

// rivals tells the sessions of other clients behind the same address that one more came up.
func (g *Gatherer) rivals(x *exchange, at place) {
	a := x.assoc
	for _, other := range g.pairs[a.pair()] {
		if s := other.session; other != a && other.ends == a.ends && s != nil && s.element != nil &&
			s.protected[server].seen() && !s.rival.seen() {
			s.rival = at
		}
	}
}

// tunnel finds the L2TP tunnel in which a side sends to an ID that the other assigned.
func (a *association) tunnel(sender int, id uint32) *tunnel {
	return lastOf(a.tunnels, func(t *tunnel) bool { return t.ids[1-sender] == id })
}

// requested finds the tunnel that a side asked for with an ID of its own.
func (a *association) requested(sender int, id uint32) *tunnel {
	return lastOf(a.tunnels, func(t *tunnel) bool { return t.ids[sender] == id && t.caller == sender })
}

// unnamed finds the latest tunnel that goes on and of which it is not known what ID a side gave it:
// who said so was not captured, or hid it.
func (a *association) unnamed(side int, clear realm) *tunnel {
	return lastOf(a.tunnels, func(t *tunnel) bool { return t.ids[side] == 0 && t.clear == clear && t.stop == nil })
}

// inClear reports whether what the record of a message said came without protection.
type realm bool

const (
	inside  realm = false // of ESP
	inClear realm = true
)

// callKey finds a call by what a data message of it shows.
type callKey struct {
	assoc   *association
	sender  int
	clear   realm
	tunnel  uint32
	session uint32
}

func (a *association) callKey(sender int, clear realm, h *l2tp.Header) callKey {
	return callKey{a, sender, clear, h.Tunnel, h.Session}
}

// is reports whether it is the key that callKey makes of these.
func (k *callKey) is(a *association, sender int, clear realm, h *l2tp.Header) bool {
	return k.session == h.Session && k.tunnel == h.Tunnel && k.sender == sender && k.clear == clear && k.assoc == a
}
