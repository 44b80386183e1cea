package sessions

import (
	"cmp"
	"container/list"
	"fmt"
	"net/netip"
	"slices"

	"l2tpdump/ikev1"
)

// Bounds of what is kept of a session.
const (
	maxFlows = 64
	maxCalls = 16
)

// Session is what a user calls a VPN connection. Arrays of two are of the client and the server.
type Session struct {
	UID string

	assoc       *association
	first, last place
	touched     int64             // when the last came, by the Gatherer's clock
	ends        [2]netip.AddrPort // of the first packet
	exchanges   []*exchange
	flows       []*flow
	tunnels     []*tunnel
	calls       []*call
	pseudowire  [2]uint32 // Session IDs of L2TPv3

	up         place // since then users' packets can pass
	users      volume
	spoke      [2]int       // users' packets until then, without those that the ends send by themselves
	vague      int          // fragments and such packets, of which it is not known what they are
	unread     uint64       // users' packets that are compressed or encrypted by PPP, and could not be read
	protected  [2]direction // ESP
	lost       int64        // ESP packets that did not come, by their sequence numbers
	alone      [2]span      // packets that a side sent since the other was heard
	unasked    [2]int       // answers among these to what was not captured
	holes      int          // such answers of L2TP and PPP, all in all
	traffic    *traffic     // what the users' packets show; nil: there was none
	icmp       *refusal     // ICMP errors that quote ESP
	unserved   *refusal     // those that quote L2TP, as it is behind IPsec
	narrow     *refusal     // those that say that a packet is too large
	clear      span         // L2TP messages without IPsec
	stray      span         // of these, messages beside a session that IPsec protects
	exposed    int          // of these, messages with a user's packet
	bare       *bare        // nil: none
	misplaced  *span        // messages of another client's tunnel, sent in this session's SA
	rival      place        // another client behind the same address came up
	others     uint64       // frames of the capture that a filter on the ports of IKE does not let pass
	heard      [2]int       // packets by who sent them
	moves      int          // changes of the client's address or port
	move       *move        // the last of them
	orphans    *orphans
	renewals   int  // ISAKMP SAs
	agreements int  // ESP SAs that Quick Modes agreed on
	v3         bool // L2TPv3
	hidden     bool // an ID of its tunnel or calls is hidden, and the secret is not known
	advertised bool // a router of IPv6 made itself known
	late       bool // its beginning was not captured
	twin       bool // another one has the same cookies
	decrypted  bool // before, by who wrote the capture
	events     events
	errors     []Event        // of ICMP, apart: anybody sends them, and they displace no others
	series     *series        // nil: not wanted
	talks      *conversations // likewise
	tries      int            // ISAKMP SAs up to the first of which something came
	finding    *Finding       // once judged
	psks       []PSK          // to be tried
	taken      *ikev1.Offer   // what the server chose from others, or at another time; nil: not known
	next       *Session       // that followed it in the same association
	beside     *Session       // of IKE that of L2TP in clear, and the contrary, while it is open whether they are one
	bounds     [2]place       // where the capture begins, and ends or goes on
	element    *list.Element  // in the Gatherer's list
	told       told           // by a Monitor
}

// move is a change of the client's address or port.
type move struct {
	place
	to       netip.AddrPort
	sent     span // what the client sent since
	astray   span // what the server sent since to where the client was before
	followed bool // the server sends to where the client is
}

// orphans are L2TP messages of a tunnel that the other end has closed long ago.
type orphans struct {
	span
	sender int
	tunnel uint32
}

// direction is the ESP that a side sent.
type direction struct {
	span
	bytes    uint64 // of all packets
	sizes    int    // different ones, up to 3
	distinct [3]int // of these
	large    span   // of the largest size
	largest  int
	larges   int   // packets of largeESP bytes or more
	backoff  int   // copies of the largest size, each later than twice the time since the one before
	data     int   // packets that are larger than keepalives, behind the first seconds
	gap      int64 // between the last two of them
	latest   int   // bytes of the last packet
	asks     int   // small packets since the other side was heard, of one size again and again
	talked   int64 // time of the last packet that is larger than those
}

// begin begins a session of an association.
func (g *Gatherer) begin(a *association, src, dst netip.AddrPort, at place) *Session {
	s := &Session{assoc: a, first: at, last: at, touched: g.clock.Now, late: a.late}
	side := a.side(src, dst)
	s.ends[side], s.ends[1-side] = src, dst
	s.UID = g.uids.of(s)
	if g.keeps {
		s.series, s.talks = new(series), new(conversations)
	}
	if p := a.session; p != nil {
		p.next = s
	}
	if a.oldest == nil {
		a.oldest = s
	}
	a.session = s
	a.sessions++
	s.element = g.held.PushBack(s)
	return s
}

// touch takes note that a packet of the session has come, which side sent.
func (g *Gatherer) touch(s *Session, at place, side int) {
	g.current = s
	s.last = at
	s.touched = g.clock.Now
	s.assoc.last = max(s.assoc.last, at.time)
	if side != nobody {
		s.heard[side]++
		s.alone[side].add(at)
		s.alone[1-side], s.unasked[1-side], s.protected[1-side].asks = span{}, 0, 0
	}
	if s.element != nil {
		g.held.MoveToBack(s.element)
	}
}

// lasted is the time from its first packet to a place, in nanoseconds; 0 where the clock went back.
func (s *Session) lasted(until place) int64 { return max(0, until.time-s.first.time) }

// followed says that the ends dialled again: a first message of IKE is no sign of it that no key
// opens, where one opens this session.
func (s *Session) followed() bool {
	proven := s.proven()
	for n := s.next; n != nil; n = n.next {
		if !proven || n.proven() {
			return true
		}
	}
	return false
}

// proven says that keys open its IKE or its ESP.
func (s *Session) proven() bool {
	return slices.ContainsFunc(s.exchanges, (*exchange).read) ||
		slices.ContainsFunc(s.flows, func(f *flow) bool { return f.opened > 0 })
}

// addTo adds to a list of at most so many, in which the oldest makes room.
func addTo[T any](list []T, x T, most int) []T {
	if len(list) >= most {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, x)
}

// made is what p leads to, which is there from now on.
func made[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

// lastOf is the last of a list that ok is true of, nil if none is.
func lastOf[T any](list []*T, ok func(*T) bool) *T {
	for _, x := range slices.Backward(list) {
		if ok(x) {
			return x
		}
	}
	return nil
}

// latest is the last of a list, nil if it is empty.
func latest[T any](list []*T) *T { return lastOf(list, func(*T) bool { return true }) }

// latest is the latest exchange, nil if there is none.
func (s *Session) latest() *exchange { return latest(s.exchanges) }

// dialled is the latest exchange of the client, nil if there is none: its server may go on with one
// that nobody saw begin.
func (s *Session) dialled() *exchange {
	return cmp.Or(lastOf(s.exchanges, func(x *exchange) bool { return !x.late || x.sent[client] != 0 }), s.latest())
}

// exchange is the one that counts, nil if there is none. While the session is dialled that is the
// latest of the client. Then it is the latest that a key opens, or else that was set up: anybody
// can send a first message.
func (s *Session) exchange() *exchange {
	if s.isDialling() {
		return s.dialled()
	}
	return cmp.Or(lastOf(s.exchanges, (*exchange).read), lastOf(s.exchanges, (*exchange).established), s.latest())
}

// begun is the exchange that the session came up with, of at least one: that of the last try, or if
// keys open others and not that one, the first of these.
func (s *Session) begun() *exchange {
	x := s.exchanges[min(max(s.tries, 1), len(s.exchanges))-1]
	if i := slices.IndexFunc(s.exchanges, (*exchange).read); !x.read() && i >= 0 {
		return s.exchanges[i]
	}
	return x
}

// tunnel is the latest one, nil if there is none.
func (s *Session) tunnel() *tunnel { return latest(s.tunnels) }

// call is the latest one, nil if there is none.
func (s *Session) call() *call { return latest(s.calls) }

// link is the PPP of the latest call, nil if there is none.
func (s *Session) link() *link {
	if c := s.call(); c != nil {
		return c.link
	}
	return nil
}

// multilink says that further links may join.
func (s *Session) multilink() bool {
	l := s.link()
	return l != nil && l.mrru && s.up.seen() && !s.ended()
}

// underway is for how long behind a Delete there may be ESP that was sent before, in nanoseconds.
const underway = int64(2e9)

// ended says that one of the ends has ended it, as far as can be read.
func (s *Session) ended() bool {
	c, t := s.call(), s.tunnel()
	if c != nil && (c.cdn != nil || len(c.link.terms) > 0) || t != nil && t.stop != nil {
		return true
	}
	x, last := s.exchange(), s.lastESP()
	return x != nil && slices.ContainsFunc(x.deleted[:], func(at place) bool {
		return at.seen() && last < at.time+underway // else it was an SA that another one replaces
	})
}

// came says that the session came up.
func (s *Session) came(at place) {
	if !s.up.seen() {
		s.up = at
	}
}

// isSetUp says that it is known when the session came up.
func (s *Session) isSetUp() bool { return s.up.seen() && !s.late && s.finding.State != Failed }

// mostBefore is how many packets come before IPCP is up at most: Router Solicitations, Multicast
// Listener Reports, and what an end sends that is up before the other.
const mostBefore = 16

// negotiates says that the ends are about to agree on IPCP.
func (s *Session) negotiates() bool {
	l := s.link()
	return l != nil && l.ipcp.asked() && !s.up.seen()
}

// cameUnread says that PPP sent what can't be read: IPCP, if it is a fragment; or what the ends
// send by themselves as soon as IPv6CP is up, if IPCP is not yet; or users' packets.
func (s *Session) cameUnread(fragment bool, at place) {
	if s.vague++; !fragment && !s.negotiates() || s.vague > mostBefore {
		s.came(at)
	}
}

// addInner counts a user's packet.
func (s *Session) addInner(side int, packet []byte, missing int, at place) {
	s.users.count(side, len(packet)+missing)
	switch {
	case !multicast6(packet):
		s.spoke[side]++
	case routerAdvertisement(packet):
		s.advertised = true
	}
	if !s.negotiates() || s.spoke[1-side] > 0 && s.spoke[side] > 0 || s.spoke[side] > mostBefore {
		s.came(at)
	}
	made(&s.traffic).packet(side, packet, at, s)
	if s.series != nil {
		s.series.at(at.time).users[side] += uint64(len(packet) + missing)
		s.talks.add(side, packet, missing)
	}
}

// multicast6 says that an IP packet is one of IPv6 to a group, as the ends send by themselves.
func multicast6(packet []byte) bool {
	const destination = 24
	return len(packet) > destination && packet[0]>>4 == 6 && packet[destination] == 0xff
}

// routerAdvertisement says that a packet of IPv6 is one (RFC 4861 section 4.2).
func routerAdvertisement(packet []byte) bool {
	const next, header, icmp6, advertisement = 6, 40, 58, 134
	return len(packet) > header && packet[next] == icmp6 && packet[header] == advertisement
}

// Events are the packets that say something, in their order.
func (s *Session) Events() []Event {
	if len(s.errors) == 0 {
		return s.events.all()
	}
	list := append(slices.Clone(s.events.all()), s.errors...)
	slices.SortStableFunc(list, func(a, b Event) int { return cmp.Compare(a.Frame, b.Frame) })
	return list
}

// ClearWarning is what there is to say of users' packets that crossed in clear next to IKE, "" if
// none did.
func (s *Session) ClearWarning() string {
	n := s.exposed
	if s.finding.State == Clear {
		n += s.clear.n
	}
	if n == 0 || len(s.exchanges) == 0 {
		return ""
	}
	return fmt.Sprintf("warning: %d L2TP packet%s of %s crossed in clear, next to IKE: `l2tpdump sessions` says why",
		n, plural(n), s.title())
}

// Failure names a session that failed or was lost, in one line; "" if it did neither.
func (s *Session) Failure() string {
	switch f := s.finding; f.State {
	case Failed:
		return fmt.Sprintf("the connection %s failed at %s", s.title(), stepName(f.Step))
	case Lost:
		return fmt.Sprintf("the connection %s was lost", s.title())
	}
	return ""
}

// title names a session to a person.
func (s *Session) title() string {
	title := s.who(client) + " > " + s.who(server)
	if u := s.User(); u != "" {
		title += " of " + u.String()
	}
	return title
}
