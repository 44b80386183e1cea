package sessions

import (
	"fmt"

	"l2tpdump/ikev1"
)

const cureAddress = "look at the server's pool of addresses, and let the client take what it gets"

const cureNATT = "open UDP 4500 in both directions; switch off the router's IPsec passthrough"

// failureRules are of what was not answered, or stopped: IKE, ESP, L2TP, PPP.
var failureRules = []rule{
	{"ike-fragment-lost", "ike-m5", Failed, "switch on IKE fragmentation, or use a smaller certificate", ofPhase1(fragmentLost)},
	{"ike-psk", "ike-m5", Failed, curePSK, ofPhase1(pskSilent)},
	{"ike-answers-lost", "ike-m1", Failed,
		"look at the client's firewall, another VPN program on it, NAT on the way, and the server's route back",
		ofPhase1(answersLost)},
	{"natt-4500-blocked", "ike-m5", Failed, cureNATT, ofPhase1(natt4500)},
	{"stale-sa-redial", "ike-m1", Failed, cureStale, staleRedial},
	{"ike-no-answer", "ike-m1", Failed,
		"open UDP 500 and 4500 to the server; check its address, and that its IPsec service runs", ofPhase1(noAnswer)},
	{"life-zero", "ike-m6", Failed, "set a life time for phase 1", lifeZero},
	{"ike-psk", "ike-m5", Failed, curePSK, ofPhase1(pskForeign)},
	{"", "ike-m1", Failed, "", ofPhase1(phase1Stopped)},
	{"", "ike-m3", Failed, "look into the server's log, and whether large packets pass in both directions",
		ofPhase1(phase1Unanswered)},
	{"", stepQuick, Failed, "", ofPhase2(quickUnanswered)},

	{"l2tp-port-not-1701", stepESP, Failed,
		"stop what holds UDP 1701 on the client, or allow any port: 17/%any", portNot1701},
	{"l2tp-in-clear", stepESP, Failed, "have the client send L2TP through IPsec", clearUnanswered},
	{"sha2-truncation", stepESP, Failed,
		"cut the check value of HMAC-SHA2-256 on both ends or on none (libreswan: sha2-truncbug), or use SHA1",
		sha2Truncation},
	{"esp-one-way", stepESP, Failed, "open IP protocol 50 in both directions, or force UDP encapsulation", espOneWay},
	{"", stepTunnel, Failed, "", sccrpLost},
	{"natt-windows-registry", stepESP, Failed,
		"set AssumeUDPEncapsulationContextOnSendRule to 2, and start the computer anew", windowsRegistry},

	{"hidden-avp-bad", stepTunnel, Failed,
		"have the server hide no AVPs, or give both ends the same tunnel secret", hiddenAVP},
	{"tunnel-secret", stepTunnel, Failed, "give both ends the same tunnel secret, or none", tunnelSecret},

	{"server-not-proved", stepAuth, Failed,
		"the password is known to both: the server's software answers wrongly, or is not who it says", ofPPP(serverNotProved)},
	{"eap-refused", stepAuth, Failed, "allow a login method on both ends: MS-CHAPv2, or PAP", ofPPP(eapRefused)},
	{"ppp-auth-failed", stepAuth, Failed,
		"correct the user's name or password; allow the method on the server", ofPPP(authFailed)},
	{"ppp-client-demands-auth", stepLCP, Failed, "client: noauth, and no require options", ofPPP(clientDemandsAuth)},
	{"lcp-auth-refused", stepLCP, Failed, "allow a login method on both ends: MS-CHAPv2, or PAP", ofPPP(lcpAuthRefused)},
	{"mppe-ccp", stepCCP, Failed, "switch MPPE off inside IPsec: nomppe; or on at both ends", ofPPP(mppe)},
	{"ecp-demanded", stepCCP, Failed, "switch PPP encryption (ECP) off", ofPPP(ecp)},
	{"ipcp-failed", stepIPCP, Failed, cureAddress, ofPPP(ipcpFailed)},
	{"ipcp-failed", stepCall, Failed, "make the pool of addresses larger; free what is not used", poolEmpty},
	{"", stepAuth, Failed, "look into the log of the server, and of what it asks about users", ofPPP(loginUnanswered)},
	{"", stepLCP, Failed, "look for what sends the packets of the client back to it", ofPPP(loopedBack)},
	{"", stepLCP, Failed, "", ofPPP(lcpDisagrees)},
	{"", stepLCP, Failed, "look whether L2TP of another connection holds the port, or another tunnel its addresses",
		ofPPP(lcpUnanswered)},
	{"", stepLCP, Failed, "", ofPPP(pppEnded)},

	{"server-full", stepCall, Failed, "wait, or allow more sessions on the server", serverFull},
	{"tunnel-refused", stepTunnel, Failed, "allow the client on the L2TP server", tunnelRefused},
	{"l2tp-window-zero", stepTunnel, Failed, "have the peer offer a receive window of at least 1", windowZero},
	{"l2tp-no-sccrp", stepTunnel, Failed, "start the L2TP server; open UDP 1701 for what came by IPsec", noSCCRP},
	{"server-ppp-dead", stepLCP, Failed,
		"look into the log of the server's pppd: kernel modules, options, /dev/ppp", serverPPPDead},
	{"client-ppp-dead", stepLCP, Failed, "look into the log of the client's pppd", clientPPPDead},
	{"", stepCall, Failed, "", callRefused},
	{"", stepTunnel, Failed, "", tunnelEnded},
	{"l2tp-no-sccrp", stepTunnel, Failed, "start the L2TP server; open UDP 1701 for what came by IPsec", noSCCRPSealed},
}

// fragmentLost: a message that is sent in IP fragments does not arrive whole: here, or, as ICMP
// says, where it goes.
func fragmentLost(s *Session, x *exchange) *proof {
	for side := range x.parts {
		p, late := &x.parts[side], x.refused
		told := late.seen() && late.kind == reassemblyTime && late.by == s.ends[1-side].Addr()
		if !told && (p.n < 2 || !s.waited(p)) {
			continue
		}
		n := x.reached()
		if (n%2 == 1) != (side == x.initiator) {
			n++ // the first after it
		}
		size, how := "", fmt.Sprintf("never arrives whole (%d times)", p.n)
		if x.partLength > 0 {
			size = fmt.Sprintf(" of %d bytes", x.partLength)
		}
		if told {
			how = fmt.Sprintf("%s does not get it whole: ICMP %s (%d times)", late.by, late.kind, late.n)
		}
		return proven(append(p.frames(), late.frames()...),
			"IKE: a message%s from %s is sent in IP fragments, and %s", size, s.who(side), how).
			at(fmt.Sprintf("ike-m%d", n))
	}
	return nil
}

// pskSilent: message 5 is not accepted, and the server does not say why in words that can be read.
func pskSilent(s *Session, x *exchange) *proof {
	if !x.usesPSK() || !x.messages[5].seen() || x.messages[6].seen() {
		return nil
	}
	m4, m5, sealed := &x.messages[4], &x.messages[5], &x.sealed[server]
	const often = 2
	switch {
	case sealed.seen() && sealed.last.time >= m5.first.time && x.opened[server] == 0:
		return typical(append(m5.frames(), sealed.frames()...),
			"IKE: %s answers each message 5 of the client with an error that can't be read: most likely the "+
				"pre-shared keys differ, or it expects another identity",
			s.who(server))
	case m5.n > often && m4.n > 1 && m4.last.time > m5.first.time && x.floated == x.floated4 && s.waited(m5):
		return typical(append(m5.frames(), m4.last.frame),
			"IKE: %s gets no message 5 that it can read and repeats message 4: most likely the pre-shared keys "+
				"differ",
			s.who(server))
	case m5.n > often && m4.last.time < m5.first.time && !sealed.seen() && s.waited(m5) && x.leaves():
		text := fmt.Sprintf("IKE: %s answers all messages but number 5 of the client (%d times in %s): most likely "+
			"the pre-shared keys differ", s.who(server), m5.n, span64(m5.lasted()))
		if x.floated {
			text += ", or UDP 4500 is blocked behind this place"
		}
		return typical(m5.frames(), "%s", text)
	}
	return nil
}

// leaves says that message 5 is not lost on its way, as far as that can be told: it takes the way
// of those before, or left the client's NAT for a server that is not strongSwan, which answers with
// an error where it can't read it.
func (x *exchange) leaves() bool {
	return !x.floated || x.outside && looksLike(x.vendors[server]) != "strongSwan"
}

// answersLost: a side repeats a message although it is answered each time.
func answersLost(s *Session, x *exchange) *proof {
	const often = 3 // a slow path has two copies on their way
	n := x.reached()
	if n < 2 || n%2 == 1 || x.messages[n-1].n < often || x.messages[n].n < often-1 {
		return nil
	}
	asked, answered := &x.messages[n-1], &x.messages[n]
	if !s.waited(asked) {
		return nil
	}
	return proven(append(asked.frames(), answered.frames()...),
		"IKE: %s answers every time, but %s repeats its message %d (%d times): the answers do not reach it",
		s.who(1-x.initiator), s.who(x.initiator), n-1, asked.n).at(fmt.Sprintf("ike-m%d", n-1))
}

// natt4500: behind message 4 the client moves to UDP 4500, and is not heard any more, or not
// answered.
func natt4500(s *Session, x *exchange) *proof {
	if x.kind == ikev1.ExchangeAggressive {
		return nil
	}
	// by then each client has sent it two times more: charon after 4 and 11 s, racoon every 10 s
	const patience = int64(20e9)
	behind := x.natted[client] == natBehind || x.natted[server] == natBehind
	m4, m5 := &x.messages[4], &x.messages[5]
	switch {
	case m4.seen() && !m5.seen() && behind && !x.sealed[server].seen() &&
		s.bounds[1].time-m4.last.time > patience && s.others > 0:
		return proven(m4.frames(),
			"IKE: behind NAT, message 5 goes to UDP 4500, and never arrives here: the last message is number 4 "+
				"of %s",
			s.who(server))
	case m5.n > 2 && x.floated && !x.floated4 && m4.last.time > m5.first.time && s.waited(m5):
		return typical(append(m5.frames(), m4.last.frame),
			"IKE: message 5 moved to UDP 4500 (%d times in %s), and %s goes on with message 4 at UDP 500: "+
				"message 5 does not reach it",
			m5.n, span64(m5.lasted()), s.who(server))
	case m5.n > 2 && x.floated && !x.floated4 && !x.sealed[server].seen() && s.waited(m5):
		return typical(m5.frames(),
			"IKE: message 5 moved to UDP 4500 and was not answered (%d times in %s): the port is blocked, or "+
				"the server drops it silently, as with another pre-shared key",
			m5.n, span64(m5.lasted()))
	}
	return nil
}

func noAnswer(s *Session, x *exchange) *proof {
	if x.reached() != 1 {
		return nil
	}
	m1 := x.messages[1]
	frames := m1.frames()
	anew := m1.n == 1 // each time
	for _, e := range s.exchanges[:len(s.exchanges)-1] {
		if e.reached() == 1 {
			m1.n += e.messages[1].n
			m1.first = e.messages[1].first
			anew = anew && e.messages[1].n == 1
		}
	}
	// Three tries in 10 s: more than the slowest path takes, and than a busy SoftEther keeps what
	// is half open.
	const tries, short = 3, int64(10e9)
	switch {
	case x.refused.seen():
		return proven(append(frames, x.refused.frames()...),
			"IKE: the first message to %s on UDP 500 was refused by %s: %s (%d times)",
			s.who(server), x.refused.by, x.refused.kind, x.refused.n).at(x.step())
	case s.alone[x.initiator].first.time > m1.first.time:
		return nil // something came that can't be read
	case m1.n == 1:
		return nil // all clients try again
	case (m1.n < tries || m1.lasted() < short || !s.waited(&m1)) && s.bounds[1].time-m1.last.time <= clientsWait:
		return nil
	case anew && m1.n >= tries:
		return typical(frames,
			"IKE: no answer of %s to the first message on UDP 500 was captured (%d tries in %s); %s begins anew "+
				"each time, as if it was answered",
			s.who(server), m1.n, span64(m1.lasted()), s.who(x.initiator)).at(x.step())
	}
	return proven(frames,
		"IKE: %s never answered the first message on UDP 500 (%d tries in %s)",
		s.who(server), m1.n, span64(m1.lasted())).at(x.step())
}

// phase1Unanswered: a later request of phase 1 is sent again and again.
func phase1Unanswered(s *Session, x *exchange) *proof {
	const often = 3
	n := x.reached()
	if sent := &x.messages[n]; n >= 3 && n%2 == 1 && sent.n >= often && s.waited(sent) {
		return proven(sent.frames(),
			"IKE: %s repeats its message %d (%d times in %s): no answer of %s to it arrives",
			s.who(x.initiator), n, sent.n, span64(sent.lasted()), s.who(1-x.initiator)).at(x.step())
	}
	return nil
}

// lifeZero: phase 1 is done, with a life of 0 seconds, and deleted at once.
func lifeZero(s *Session) *proof {
	x := s.exchange()
	if x == nil || len(x.quicks) > 0 || !x.messages[x.proofNumber(1-x.initiator)].seen() || !x.chosen.LifeZero {
		return nil
	}
	for side, at := range x.deleted {
		if at.seen() {
			return proven([]uint64{at.frame},
				"IKE: the life time that was agreed on for phase 1 is 0 s: %s ends it at once",
				s.who(side))
		}
	}
	return nil
}

// quickUnanswered: the first message of Quick Mode is sent again and again.
func quickUnanswered(s *Session, x *exchange, q *quick) *proof {
	const often = 3
	m1, m2 := &q.messages[1], &q.messages[2]
	switch {
	case m1.n < often || !s.waited(m1):
		return nil
	case m2.n >= often-1:
		return proven(append(m1.frames(), m2.frames()...),
			"IKE: phase 2: %s answers every time, but %s repeats its request (%d times): the answers do not reach it",
			s.who(1-q.sender), s.who(q.sender), m1.n)
	case m2.seen():
		return nil
	}
	return proven(m1.frames(), "IKE: phase 2: %s never answered the request of %s (%d times in %s)",
		s.who(1-q.sender), s.who(q.sender), m1.n, span64(m1.lasted()))
}

// phase1Stopped: something was said no to, and the reason is not among those above.
func phase1Stopped(s *Session, x *exchange) *proof {
	const patience = int64(5e9) // who breaks off does not go on after a round trip
	for i := range x.notices {
		if n := &x.notices[i]; n.Type != invalidCookie {
			step := x.step()
			if x.lastOfPhase1() > 0 {
				step = stepQuick
			}
			return proven([]uint64{n.frame}, "IKE: %s refused: %s", s.who(n.sender), n.Name).at(step)
		}
	}
	for side := range x.sealed {
		if side != x.initiator && x.messages[6].seen() {
			continue // it had accepted phase 1
		}
		if sealed := &x.sealed[side]; sealed.seen() && s.bounds[1].time-sealed.last.time > patience {
			return typical(sealed.frames(),
				"IKE: phase 1 was most likely broken off by %s, with a message that can't be read without its key",
				s.who(side)).at(x.step())
		}
	}
	return nil
}
