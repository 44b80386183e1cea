package sessions

import (
	"fmt"
	"strings"

	"l2tpdump/l2tp"
)

// portNot1701: the client's L2TP comes from a port that was not agreed on.
func portNot1701(s *Session) *proof {
	x, t := s.exchange(), s.tunnel()
	if x == nil || t == nil || t.caller != client || t.reply.seen() || !x.agreed() || t.port == portL2TP ||
		t.port == 0 {
		return nil
	}
	const tries = 3
	if !bool(t.clear) && (t.request.n < tries || !s.waited(&t.request)) {
		return nil
	}
	how := ""
	if t.clear {
		how = ", and leaves in clear"
	}
	for _, q := range x.quicks {
		if len(q.ids[0]) == 2 && q.sender == client && q.ids[0][0].Protocol == protoUDP &&
			q.ids[0][0].Port == portL2TP {
			return proven(append(q.messages[1].frames(), t.request.frames()...),
				"the client's L2TP comes from port %d%s: IPsec was agreed on for port %d only",
				t.port, how, portL2TP)
		}
	}
	return nil
}

func clearUnanswered(s *Session) *proof {
	t := s.tunnel()
	if t == nil || !bool(t.clear) || t.reply.seen() || s.exchange() == nil || t.request.n < 2 {
		return nil
	}
	return proven(t.request.frames(),
		"L2TP leaves in clear, and is not answered (%d SCCRQ): IPsec does not take it",
		t.request.n)
}

// sha2Truncation: ESP with HMAC-SHA2-256 is not answered at all.
func sha2Truncation(s *Session) *proof {
	d := &s.protected
	for side := range d {
		if d[side].n < 3 || d[1-side].n > 0 || s.unserved.seen() {
			continue
		}
		for _, f := range s.flows {
			if f.sender == side && strings.HasPrefix(f.auth, "hmac-sha2-256") {
				return typical(d[side].frames(),
					"ESP of %s with %s is never answered (%d packets): as where one end cuts the check "+
						"value of HMAC-SHA2-256 to 96 bits and the other does not",
					s.who(side), f.auth, d[side].n)
			}
		}
	}
	return nil
}

// espOneWay: raw ESP of one side does not reach the other, which repeats itself.
func espOneWay(s *Session) *proof {
	if s.assoc.natt {
		return nil
	}
	c, r := &s.protected[client], &s.protected[server]
	t := s.tunnel()
	switch {
	case t != nil && !bool(t.clear) && t.repeated >= 2 && !t.connect.seen():
		return proven(append(t.request.frames(), t.reply.frames()...),
			"ESP: %s answers, but %s repeats its SCCRQ (%d times): IP protocol 50 does not pass from the "+
				"server to the client",
			s.who(server), s.who(client), t.request.n)
	case !s.readable() && !s.unserved.seen() && c.n >= 4 && r.n >= c.n && s.repeats(client) &&
		!s.lacks(client) && !s.lacks(server):
		return typical(append(c.frames(), r.frames()...),
			"ESP: %s repeats one and the same packet (%d times) though %s answers: IP protocol 50 does not "+
				"pass from the server to the client",
			s.who(client), c.n, s.who(server))
	}
	return nil
}

// sccrpLost: the answers to SCCRQ do not reach the client.
func sccrpLost(s *Session) *proof {
	t := s.tunnel()
	if t == nil || t.repeated < 2 || t.connect.seen() || !s.waited(&t.request) {
		return nil
	}
	return proven(append(t.request.frames(), t.reply.frames()...),
		"L2TP: %s answers, but %s repeats its SCCRQ (%d times): the answers do not reach it",
		s.who(1-t.caller), s.who(t.caller), t.request.n)
}

// repeats says that the ESP of a side which can't be read looks like a request that is sent again
// and again.
func (s *Session) repeats(side int) bool {
	const slow = int64(10e9) // what is in the making does not take as long without an answer
	d := &s.protected[side]
	return d.n <= 40 && d.lasted() > slow && d.sizes <= 2
}

// windowsRegistry: a Windows client sends nothing through an SA with a server behind NAT.
func windowsRegistry(s *Session) *proof {
	x := s.exchange()
	if x == nil || !x.agreed() || s.espPackets() > 0 || x.natted[server] != natBehind {
		return nil
	}
	const patience = int64(10e9) // Windows deletes the SAs by then
	q := x.quicks[len(x.quicks)-1]
	if !strings.HasPrefix(looksLike(x.vendors[client]), "Windows") || !q.messages[3].seen() ||
		s.bounds[1].time-q.messages[3].last.time < patience {
		return nil
	}
	return typical(q.messages[3].frames(),
		"IPsec came up, but the Windows client sent nothing through it: as where the server is behind NAT, without "+
			"AssumeUDPEncapsulationContextOnSendRule")
}

// stopped is the StopCCN of a tunnel that one end refuses, nil if there is none.
func stopped(s *Session) *ending {
	if t := s.tunnel(); t != nil && t.stop != nil && t.stop.control.HasResult && !s.up.seen() && len(s.calls) == 0 {
		return t.stop
	}
	return nil
}

// by describes a StopCCN or CDN.
func (e *ending) by(s *Session) string {
	name := "CDN"
	if e.control.Type == l2tp.StopCCN {
		name = "StopCCN"
	}
	text := fmt.Sprintf("%s (%s %s", s.who(e.sender), name, e.control.Text)
	if e.control.Disconnect != "" {
		text += "; PPP disconnect cause " + e.control.Disconnect
	}
	return text + ")"
}

func hiddenAVP(s *Session) *proof {
	e := stopped(s)
	if e == nil || e.control.Result != 2 || !strings.Contains(e.control.Message, "Hidden AVP") {
		return nil
	}
	return proven(append(s.tunnel().reply.frames(), e.frame), "L2TP: hidden AVPs could not be read by %s", e.by(s))
}

func tunnelSecret(s *Session) *proof {
	e, t := stopped(s), s.tunnel()
	if e == nil || !t.challenge || e.control.Result != 4 &&
		!strings.Contains(strings.ToLower(e.control.Message), "secret") &&
		!strings.Contains(strings.ToLower(e.control.Message), "challenge") {
		return nil
	}
	return proven([]uint64{e.frame}, "L2TP: the login of the tunnel was refused by %s", e.by(s))
}

func poolEmpty(s *Session) *proof {
	for _, e := range s.endings() {
		if e.control.Result == 2 && e.control.Error == 4 &&
			strings.Contains(strings.ToLower(e.control.Message), "address") {
			return proven([]uint64{e.frame}, "L2TP: no IP address is left: %s", e.by(s))
		}
	}
	return nil
}

// endings are the CDN and the StopCCN of a session that did not come up.
func (s *Session) endings() []*ending {
	var list []*ending
	if c := s.call(); c != nil && c.cdn != nil {
		list = append(list, c.cdn)
	}
	if t := s.tunnel(); t != nil && t.stop != nil {
		list = append(list, t.stop)
	}
	return list
}

func serverFull(s *Session) *proof {
	for _, e := range s.endings() {
		r := &e.control
		if e.sender == server && (r.Result == 2 && r.Error == 4 || r.Type == l2tp.CDN && (r.Result == 4 || r.Result == 5)) {
			return proven([]uint64{e.frame}, "L2TP: the server has no place for another session: %s", e.by(s))
		}
	}
	return nil
}

func tunnelRefused(s *Session) *proof {
	e, t := stopped(s), s.tunnel()
	if e == nil || e.sender == t.caller && !t.reply.seen() || e.control.Result == 1 || e.control.Result == 6 {
		return nil
	}
	return proven(append(t.request.frames(), e.frame), "L2TP: the tunnel was refused by %s", e.by(s))
}

// callRefused: a call that did not come up is ended with a reason.
func callRefused(s *Session) *proof {
	c := s.call()
	if c == nil || c.cdn == nil || c.cdn.control.Text == "" || s.holed() {
		return nil
	}
	return proven([]uint64{c.cdn.frame}, "L2TP: the call was ended before it came up by %s", c.cdn.by(s)).at(s.step())
}

// tunnelEnded: a tunnel is ended with a reason while a call is being set up.
func tunnelEnded(s *Session) *proof {
	t := s.tunnel()
	if t == nil || t.stop == nil || t.stop.control.Text == "" || s.holed() || t.stop.sender == t.caller &&
		t.stop.control.Result == 1 {
		return nil
	}
	return proven([]uint64{t.stop.frame}, "L2TP: the tunnel was ended before the connection came up by %s",
		t.stop.by(s)).at(s.step())
}

// windowZero: a peer that offers no receive window can't be sent the next message (RFC 2661 section
// 4.4.3).
func windowZero(s *Session) *proof {
	t := s.tunnel()
	if t == nil || len(s.calls) > 0 {
		return nil
	}
	for side, closed := range t.closed {
		if closed {
			return proven(append(t.request.frames(), t.reply.frames()...),
				"L2TP: %s offers a receive window of 0", s.name(side))
		}
	}
	return nil
}

func noSCCRP(s *Session) *proof {
	t := s.tunnel()
	if t == nil || t.reply.seen() || t.stop != nil && t.stop.sender != t.caller || len(s.calls) > 0 ||
		s.lacks(1-t.caller) {
		return nil
	}
	const tries = 3
	n := t.request.n
	through := "IPsec works, but "
	if s.inClear() {
		through = ""
	}
	if s.unserved.seen() {
		return proven(append(t.request.frames(), s.unserved.frames()...),
			"L2TP: %snothing answers on UDP 1701 of %s: ICMP %s (%d times)",
			through, s.who(server), s.unserved.kind, s.unserved.n)
	}
	if n < tries && t.stop == nil {
		return nil
	}
	p := proven(t.request.frames(),
		"L2TP: %snothing answers on UDP 1701 of %s (%d SCCRQ in %s)",
		through, s.who(server), n, span64(t.request.lasted()))
	if s.rawOneWay() {
		p.proven = false
		p.text += ", and no ESP of it was captured: perhaps IP protocol 50 does not pass"
	}
	return p
}

// rawOneWay says that nothing shows whether ESP, which is not in UDP, passes from the server.
func (s *Session) rawOneWay() bool {
	return s.protected[client].seen() && !s.protected[server].seen() && !s.assoc.natt
}

// noSCCRPSealed: ESP that can't be read, in one direction.
func noSCCRPSealed(s *Session) *proof {
	c, r := &s.protected[client], &s.protected[server]
	if s.readable() || r.n > 0 || c.n < 3 || !s.repeats(client) {
		return nil
	}
	if s.unserved.seen() {
		return proven(append(c.frames(), s.unserved.frames()...),
			"IPsec works, but nothing answers on UDP 1701 of %s: ICMP %s (%d times)",
			s.who(server), s.unserved.kind, s.unserved.n)
	}
	return typical(c.frames(),
		"%s sends one and the same packet again and again through IPsec (%d in %s), and nothing answers: "+
			"there is no L2TP service, ESP does not arrive, or the check values have two lengths",
		s.who(client), c.n, span64(c.lasted()))
}
