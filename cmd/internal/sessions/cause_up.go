package sessions

import (
	"fmt"
	"slices"
	"strings"
)

const cureStale = "dead peer detection on the server, one connection for each client (uniqueids), " +
	"and INITIAL-CONTACT from the client"

const cureAlive = "shorten the NAT keepalive, switch on dead peer detection, lengthen the echo interval"

// upRules are of sessions that came up: how they ended, and how they work.
var upRules = []rule{
	{"ipcp-failed", stepIPCP, Failed, cureAddress, ofPPP(withoutAddress)},
	{"route-loop", stepData, Ill, "keep the route to the server outside the tunnel", routeLoop},
	{"two-clients-one-nat", stepData, Ill,
		"give the SAs of the server unique marks, or the clients random source ports", twoClients},
	{"pfc-not-understood", stepData, Ill, "switch the compression of the protocol field off: nopcomp", pfcMisread},
	{"sa-expired-no-rekey", stepData, Lost,
		"let the end that renews the keys reach the other on UDP 500 and 4500", saExpired},
	{"stale-sa-redial", stepData, Lost, cureStale, staleRedial},
	{"nat-rebinding", stepData, Lost,
		"keep the NAT's mapping alive: a keepalive every 20 s; have the server follow the client's address", natMoved},
	{"l2tp-lost-state", stepData, Lost, "have the client dial again; update the server", lostState},
	{"l2tp-hello-unanswered", stepData, Lost, cureAlive, helloUnanswered},
	{"keepalive-timeout", stepData, Lost, cureAlive, keepalive},
	{"keepalive-timeout", stepData, Lost, cureAlive, peerSilent},
	{"l2tp-hello-unanswered", stepData, Lost, cureAlive, tunnelTimedOut},
	{"sa-expired-no-rekey", stepData, Lost, "let the end that renews the keys do so before the other's life time is over",
		saDeleted},
	{"", stepData, Lost, "", brokenOff},
	{"mtu-blackhole", stepData, Ill,
		"MTU and MRU of 1280 to 1400 on both ends; clamp the MSS; let ICMP type 3 code 4 pass", blackhole},
	{"connected-no-forwarding", stepData, Ill,
		"server: ip_forward, masquerade the pool of addresses, and route back", noForwarding},
	{"connected-no-forwarding", stepData, Ill,
		"look at the server of DNS that the client is given, and at the way there", dnsUnanswered},
	{"mtu-blackhole", stepData, Up,
		"MTU and MRU of 1280 to 1400 on both ends; clamp the MSS; let ICMP type 3 code 4 pass", blackholeSealed},
}

// remarkRules are of what is no fault.
var remarkRules = []rule{
	{"rekey-collision", stepData, Up, "", rekeyCollision},
	{"", stepData, Up, "", quickRefusedOnce},
	{"", stepData, Up, "", losses},
	{"", stepData, Up, "", tooLarge},
	{"", stepData, Up, "", ofPPP(ipv6Only)},
	{"", stepData, Up, "", halfCaptured},
	{"", stepData, Up, "", decryptedBefore},
}

// ipv6Only: one end refuses IPCP, and both agree on IPV6CP.
func ipv6Only(_ *Session, l *link) *proof {
	if !l.ipcp.refused.seen() || !l.ipv6cp.open() {
		return nil
	}
	return proven([]uint64{l.ipcp.refused.frame}, "IPv6 only: one end refuses IPCP")
}

func routeLoop(s *Session) *proof {
	if s.traffic == nil {
		return nil
	}
	if l := &s.traffic.looped; l.n >= 2 {
		return proven(l.frames(),
			"the client routes the tunnel's own packets into the tunnel (%d packets to %s)",
			l.n, s.who(server))
	}
	return nil
}

func twoClients(s *Session) *proof {
	if m := s.misplaced; m != nil && m.n >= 2 {
		return proven(m.frames(),
			"two clients behind %s have the same selector (UDP 1701): the server sends what is for one to the "+
				"other (%d packets)",
			s.who(client), m.n)
	}
	// a server sends an echo or a Hello more often than every 60 s, and answers at once
	const soon, often = int64(15e9), 3
	r, c := &s.protected[server], &s.protected[client]
	if s.rival.seen() && !s.readable() && r.last.time < s.rival.time+soon && s.alone[client].n >= often &&
		c.last.time > r.last.time+soon {
		return typical(append([]uint64{s.rival.frame}, s.alone[client].frames()...),
			"another client behind %s came up, and since then the server sends nothing to this one: as where "+
				"two clients have the same selector (UDP 1701)",
			s.who(client))
	}
	return nil
}

// roundTrip is longer than the slowest path takes there and back, in nanoseconds.
const roundTrip = int64(8e9)

// silence is how long a side has not been heard while the other went on, and what it sent; ok: long
// enough.
func (s *Session) silence() (side int, ok bool) {
	const often = 3
	for side := range s.alone {
		if a := &s.alone[1-side]; a.n >= often && a.lasted() >= roundTrip {
			return side, true
		}
	}
	return 0, false
}

// unheard is a side that is not heard any more, and no end of it; ok: there is one.
func (s *Session) unheard() (side int, ok bool) {
	side, ok = s.silence()
	return side, ok && !s.hungUp(side) && !s.parting(1-side)
}

// long is how long a side goes on alone, in nanoseconds, until that says something by itself.
const long = int64(30e9)

// questions are how often a side asks before silence says something: pppd, xl2tpd and charon hang
// up behind 4 to 6.
const questions = 3

// keepalive: one side is not heard any more, and the other asks and waits for it.
func keepalive(s *Session) *proof {
	side, ok := s.unheard()
	if !ok {
		return nil
	}
	how := ""
	sure := true
	if l := s.link(); l != nil && l.echo[1-side].n >= questions {
		how = fmt.Sprintf("PPP echo (%d times)", l.echo[1-side].n)
		sure = l.termText(notResponding) != nil // each is another question
	} else if x := s.exchange(); x != nil && x.dpd[1-side].n >= questions {
		how = fmt.Sprintf("dead peer detection (%d times)", x.dpd[1-side].n)
	}
	alone := &s.alone[1-side]
	switch {
	case how != "":
		return found(sure, alone.frames(),
			"%s no longer answered: %s of %s went unanswered for %s",
			s.name(side), how, s.name(1-side), span64(alone.lasted()))
	case s.readable(), !s.asks(1 - side):
		return nil
	}
	return typical(alone.frames(),
		"%s fell silent, and %s went on alone (%d packets in %s)",
		s.name(side), s.name(1-side), alone.n, span64(alone.lasted()))
}

// helloUnanswered: the keepalive of the tunnel is not answered, and nothing else that asks.
func helloUnanswered(s *Session) *proof {
	side, ok := s.unheard()
	t, l := s.tunnel(), s.link()
	if !ok || t == nil || t.hello[1-side].n < questions || l != nil && l.echo[1-side].n >= questions {
		return nil
	}
	hello := &t.hello[1-side]
	return proven(hello.frames(),
		"%s no longer answered the L2TP Hello of %s (%d times in %s)",
		s.name(side), s.name(1-side), hello.n, span64(hello.lasted()))
}

// staleRedial: a new dial is not answered, and the server goes on with what it had before.
func staleRedial(s *Session) *proof {
	x := s.latest()
	if x == nil || x.reached() != 1 {
		return nil
	}
	const tries, short = 3, int64(10e9) // as noAnswer has them
	m1 := &x.messages[1]
	if m1.n < tries || m1.lasted() < short {
		return nil
	}
	var old *flow
	for _, f := range s.assoc.flows {
		switch {
		case f.span.last.time < m1.first.time:
		case f.sender == x.initiator:
			return nil // it has what it had, too, and renews its keys
		default:
			old = f
		}
	}
	if old == nil {
		return nil
	}
	frames := m1.frames()
	if f := old.span.last.frame; f <= s.last.frame {
		frames = append(frames, f)
	}
	return typical(frames,
		"%s does not answer the new dial of %s (%d times in %s), and goes on with the former connection (SPI "+
			"0x%08x)",
		s.name(1-x.initiator), s.name(x.initiator), m1.n, span64(m1.lasted()), old.spi)
}

// timedOut says that it ends a tunnel because nothing was answered, in the words of xl2tpd.
func (e *ending) timedOut() bool { return strings.EqualFold(e.control.Message, "timeout") }

// tunnelTimedOut: one end says that the other does not answer what it sends in the tunnel (xl2tpd).
func tunnelTimedOut(s *Session) *proof {
	t := s.tunnel()
	if t == nil || t.stop == nil || t.session != s || s.holed() || !t.stop.timedOut() {
		return nil
	}
	before := func(at place) bool { return at.seen() && at.time < t.stop.time }
	for _, c := range s.calls {
		if c.cdn != nil && before(c.cdn.place) ||
			slices.ContainsFunc(c.link.terms, func(t term) bool { return before(t.place) }) {
			return nil // it was ended, and only that was not answered
		}
	}
	return typical([]uint64{t.stop.frame}, "L2TP: the tunnel was given up because %s did not answer, by %s",
		s.name(1-t.stop.sender), t.stop.by(s))
}

// natMoved: NAT gave the client another port, and the server does not follow.
func natMoved(s *Session) *proof {
	m := s.move
	const often = 3 // as silence has it
	if m == nil || m.followed || m.sent.n < often || m.sent.lasted() < roundTrip || s.hungUp(server) || s.hungUp(client) {
		return nil
	}
	text := fmt.Sprintf("NAT gave %s another port or address (%s), and nothing of %s went there since (%s)",
		s.name(client), m.to, s.name(server), span64(m.sent.lasted()))
	if m.astray.n > 0 {
		text += fmt.Sprintf("; it sends to the former one (%d packets)", m.astray.n)
	}
	return found(m.astray.n > 0, append(m.sent.frames(), m.astray.frames()...), "%s", text)
}

// lostState: a side goes on with a tunnel that the other closed long ago.
func lostState(s *Session) *proof {
	o := s.orphans
	const often = 3
	if o == nil || o.n < often {
		return nil
	}
	return typical(o.frames(),
		"%s no longer knows the L2TP tunnel %d, and %s goes on with it (%d messages)",
		s.name(1-o.sender), o.tunnel, s.name(o.sender), o.n)
}

// asks says that what a side sends alone, and nobody can read, are questions that it repeats: of
// IKE, or ESP packets of one small size for 30 s (resolvers give up before, and TCP has doubled its
// pauses). Whoever sends more is answered, perhaps, and that was not captured.
func (s *Session) asks(side int) bool {
	return s.protected[side].asks >= questions && s.alone[side].lasted() >= long || s.asksByIKE(side)
}

func (s *Session) asksByIKE(side int) bool {
	x, since := s.exchange(), max(s.alone[side].first.time, s.protected[side].talked)
	if x == nil || x.sealed[side].n < 2 {
		return false
	}
	last, previous := x.sealed[side].last.time, x.sealed[side].previous
	return previous >= since && last-previous >= together // not the two Deletes
}

// hungUp says that a side ended the session itself, so that its silence is no fault.
func (s *Session) hungUp(side int) bool {
	ends := func(e *ending) bool { return e.sender == side }
	terminates := func(t term) bool { return t.sender == side }
	for _, l := range s.links() {
		if slices.ContainsFunc(l.terms, terminates) {
			return true
		}
	}
	if slices.ContainsFunc(s.endings(), ends) {
		return true
	}
	x := s.exchange()
	return x != nil && (x.deleted[side].seen() || x.sealed[side].seen() &&
		x.sealed[side].last.time >= s.protected[side].last.time)
}

// together is within how many nanoseconds the two Deletes follow each other.
const together = int64(2e9)

// parting says that the last thing that was heard of a side is a pair of messages as they delete
// the SAs of both phases.
func (s *Session) parting(side int) bool {
	x := s.exchange()
	if x == nil {
		return false
	}
	sealed := &x.sealed[side]
	return sealed.n > 1 && sealed.last == s.alone[side].last && sealed.last.time-sealed.previous < together
}

// blackhole: a large segment is sent again and again and never acknowledged, while smaller packets
// pass.
func blackhole(s *Session) *proof {
	// lost by chance so often in a row, beside small ones that pass: less than once in 1000 at 10 %
	// losses
	const often = 3
	if s.traffic == nil || s.unread > 0 {
		return nil // the acknowledgement may be in what was not read
	}
	for i := range s.traffic.streams {
		x := &s.traffic.streams[i]
		if s.traffic.passed[x.sender]*10 > x.size*9 {
			continue // as large a one got through
		}
		if x.copies.n >= often && x.heard >= often-1 {
			return proven(x.copies.frames(),
				"large packets never get through the tunnel while small ones do: a TCP segment of %d bytes "+
					"from %s was sent %d times and never acknowledged",
				x.size, s.name(x.sender), x.copies.n)
		}
	}
	return nil
}

// blackholeSealed: ESP of the largest size is sent again and again, with growing distance.
func blackholeSealed(s *Session) *proof {
	// TCP sends at most 10 segments (RFC 6928) before one is acknowledged: more of them got through
	const often, window = 3, 10
	if s.readable() || s.late {
		return nil
	}
	for side := range s.protected {
		d := &s.protected[side]
		if d.largest >= largeESP && d.backoff >= often && d.larges-d.backoff <= 2*window {
			return typical(d.large.frames(),
				"ESP packets of %d bytes from %s are sent again and again, with growing distance: large "+
					"packets might not get through",
				d.largest, s.name(side))
		}
	}
	return nil
}

func noForwarding(s *Session) *proof {
	const hosts, tries = 3, 2 // one host may be down, and one request be lost
	if s.traffic == nil {
		return nil
	}
	var frames []uint64
	requests, n := 0, 0
	for i := range s.traffic.asked {
		d := &s.traffic.asked[i]
		if l := s.link(); l != nil && d.addr.String() == l.addr[server] {
			continue
		}
		if d.answered {
			return nil
		}
		if d.requests.n >= tries {
			n++
			requests += d.requests.n
			frames = append(frames, d.requests.first.frame)
		}
	}
	if n < hosts {
		return nil
	}
	return proven(frames,
		"connected, but none of %d requests to %d hosts behind the server was answered: it does not forward "+
			"them, or they have no route back",
		requests, n)
}

// dnsUnanswered: names are asked for again and again, and there is no answer. A resolver waits 5 s
// before it asks again.
func dnsUnanswered(s *Session) *proof {
	const tries, long = 3, int64(5e9)
	if s.traffic == nil {
		return nil
	}
	d := &s.traffic.dns
	if d.answered || d.asked.n < tries || d.asked.lasted() < long || s.unread > 0 ||
		s.protected[server].last.time < d.asked.first.time && !s.inClear() {
		return nil
	}
	return proven(d.asked.frames(),
		"connected, but none of %d DNS requests (the last to %s) was answered: names can't be resolved",
		d.asked.n, d.server)
}

// losses: much of what was sent is not in the capture.
func losses(s *Session) *proof {
	const often, part = 10, 20 // 5 %: TCP suffers
	var lost uint64
	packets := 0
	for _, f := range s.flows {
		lost += f.window.Missing()
		packets += f.span.n
	}
	if lost < often || lost*part < uint64(packets) {
		return nil
	}
	return proven(nil,
		"%d ESP packets are missing here, of %d: lost on the way, or by the capture",
		lost, lost+uint64(packets))
}

// tooLarge: a router says that ESP packets are too large for it.
func tooLarge(s *Session) *proof {
	if !s.narrow.seen() {
		return nil
	}
	return proven(s.narrow.frames(),
		"%s says that packets are too large for it (ICMP, %d times)",
		s.narrow.by, s.narrow.n)
}

// quickRefusedOnce: what was offered for phase 2 was refused, and something else was agreed on,
// before or after.
func quickRefusedOnce(s *Session) *proof {
	for _, x := range s.exchanges {
		for _, q := range x.quicks {
			if p := quickProposal(s, x, q); p != nil && x.agreed() && q.messages[1].first.time >= s.first.time {
				if s.agreedAfter(q.messages[1].first) {
					p.text += "; another one was agreed on"
				} else {
					p.text += "; the one before was not renewed"
				}
				return p
			}
		}
	}
	return nil
}

// rekeyCollision: both ends renew phase 2 at the same time.
func rekeyCollision(s *Session) *proof {
	for _, x := range s.exchanges {
		for i, a := range x.quicks {
			for _, b := range x.quicks[i+1:] {
				if a.sender != b.sender && a.messages[3].seen() && b.messages[1].seen() &&
					b.messages[1].first.time < a.messages[3].first.time &&
					b.messages[3].seen() && s.readable() {
					return proven(append(a.messages[1].frames(), b.messages[1].frames()...),
						"both ends renewed the keys of phase 2 at the same time")
				}
			}
		}
	}
	return nil
}

// agreedAfter says that a phase 2 begun after a place was agreed on.
func (s *Session) agreedAfter(at place) bool {
	later := func(q *quick) bool { return q.agreed() && q.messages[1].first.time > at.time }
	return slices.ContainsFunc(s.exchanges, func(x *exchange) bool { return slices.ContainsFunc(x.quicks, later) })
}
