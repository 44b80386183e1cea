package sessions

import (
	"fmt"
	"slices"
	"strings"

	"l2tpdump/l2tp"
)

// pppErrors are the codes E= of MS-CHAP (RFC 2433 section 5).
var pppErrors = map[string]string{
	"646": "not at this hour", "647": "the account is disabled", "648": "the password has expired",
	"649": "no permission to dial in",
	"691": "wrong name or password", "709": "the password could not be changed",
}

// ofPPP is a rule about the PPP of a session that got that far.
func ofPPP(test func(*Session, *link) *proof) func(*Session) *proof {
	return func(s *Session) *proof {
		if l := s.link(); l != nil {
			return test(s, l)
		}
		return nil
	}
}

func serverNotProved(s *Session, l *link) *proof {
	at := l.auth.unproved
	if !at.seen() && l.auth.accepted.seen() {
		for _, t := range l.terms {
			if t.sender == client && strings.Contains(t.text, "authenticate ourselves") {
				at = t.place
			}
		}
	}
	if !at.seen() {
		return nil
	}
	frames := []uint64{at.frame}
	for _, p := range [...]place{l.auth.accepted, l.auth.proof} {
		if p.seen() {
			frames = append(frames, p.frame)
		}
	}
	return proven(frames,
		"PPP: the server accepted %q, but the client did not accept the server's proof",
		l.auth.user.Value())
}

// eapRefused: the client wants another method than the server has.
func eapRefused(s *Session, l *link) *proof {
	if !l.auth.nak.seen() || l.auth.accepted.seen() || l.auth.answered.last.time > l.auth.nak.time ||
		l.auth.asked.last.time > l.auth.nak.time || // with another method
		!l.auth.refused.seen() && len(l.terms) == 0 {
		return nil
	}
	text := fmt.Sprintf("PPP: the client refuses the login method of the server (%s)", l.auth.method)
	if l.auth.wanted != "" {
		text += ", and wants " + l.auth.wanted
	}
	frames := []uint64{l.auth.nak.frame}
	if l.auth.refused.seen() {
		frames = append(frames, l.auth.refused.frame)
	}
	return proven(frames, "%s", text)
}

func authFailed(s *Session, l *link) *proof {
	if !l.auth.refused.seen() || l.auth.accepted.time > l.auth.refused.time ||
		strings.Contains(l.auth.reason, "R=1") && s.goes() { // it may try again
		return nil
	}
	user := "a login"
	if l.auth.user != "" {
		user = fmt.Sprintf("user %q", l.auth.user.Value())
	}
	text := fmt.Sprintf("PPP: %s refused %s with %s", s.who(l.auth.refuser), user, l.auth.method)
	if l.auth.reason != "" {
		text += ": " + errorText(l.auth.reason)
	}
	return proven(append(l.auth.answered.frames(), l.auth.refused.frame), "%s", text)
}

// errorText adds to a reason what its code means.
func errorText(reason string) string {
	_, code, ok := strings.Cut(reason, "E=")
	if !ok {
		return reason
	}
	code, _, _ = strings.Cut(code, " ")
	if text := pppErrors[code]; text != "" {
		return text + " (" + reason + ")"
	}
	return reason
}

func clientDemandsAuth(s *Session, l *link) *proof {
	if s.late || l.demands[client] == "" || l.auth.answered.seen() || len(l.terms) == 0 ||
		l.terms[0].sender != client {
		return nil
	}
	return proven(append(append([]uint64{l.demanded[client].frame}, l.declined[server].frames()...), l.terms[0].frame),
		"PPP: the client demands that the server log in too (%s), which it does not: %s",
		l.demands[client], l.terms[0].text)
}

func lcpAuthRefused(s *Session, l *link) *proof {
	if s.late || !l.declined[client].seen() || l.auth.answered.seen() || l.auth.accepted.seen() ||
		len(l.terms) == 0 && l.declined[client].n < 3 {
		return nil
	}
	return proven(l.declined[client].frames(),
		"PPP: the client and the server have no login method in common (the server wants %s)",
		l.demands[server])
}

// termText finds a Term-Req whose text has one of some words.
func (l *link) termText(words ...string) *term {
	for i := range l.terms {
		text := strings.ToLower(l.terms[i].text)
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) }) {
			return &l.terms[i]
		}
	}
	return nil
}

func mppe(s *Session, l *link) *proof {
	t := l.termText("mppe")
	if t == nil || s.holed() && l.termText("mppe required") == nil { // else it is switched off at the end
		return nil
	}
	frames := []uint64{t.frame}
	for side := range l.ccp.requests {
		frames = append(frames, l.ccp.requests[side].frames()...)
	}
	if l.ccp.refused.seen() {
		frames = append(frames, l.ccp.refused.frame)
	}
	return proven(frames,
		"PPP: %s demands MPPE encryption inside IPsec, and %s does not agree to it: %s",
		s.who(t.sender), s.who(1-t.sender), t.text)
}

func ecp(s *Session, l *link) *proof {
	if !l.ecp.refused.seen() || len(l.terms) == 0 {
		return nil
	}
	return proven([]uint64{l.ecp.refused.frame, l.terms[0].frame},
		"PPP: one end demands encryption by ECP, which the other does not know")
}

func ipcpFailed(s *Session, l *link) *proof {
	if l.mrru || s.holed() || !l.lcp.open() || s.late && !l.auth.accepted.seen() || !l.auth.accepted.seen() && (l.demands[server] != "" || l.cut) {
		return nil
	}
	text := "PPP: the login succeeded, but no IP address was agreed on"
	frames := append(l.ipcp.requests[client].frames(), l.ipcp.requests[server].frames()...)
	switch {
	case l.ipcp.refused.seen():
		return proven(append(frames, l.ipcp.refused.frame), "%s: one end refuses IPCP", text)
	case l.ipcp.ended.seen():
		return proven(append(frames, l.ipcp.ended.first.frame), "%s: %s", text, l.ipcp.text)
	case len(l.terms) > 0:
		if said := l.terms[0].text; said != "" {
			text += ": " + said
		}
		return found(l.termText(addressTexts...) != nil, append(frames, l.terms[0].frame), "%s", text)
	}
	for side := range l.ipcp.requests {
		if sent := &l.ipcp.requests[side]; sent.n > 4 && s.waited(sent) {
			return proven(frames, "%s", text)
		}
	}
	return nil
}

// addressTexts are in the texts with which an end gives up because of the addresses (pppd).
var addressTexts = []string{"refused his ip address", "refused our ip address", "determine local ip address",
	"determine remote ip address", "unauthorized remote ip address", "interface configuration failed"}

// withoutAddress: IPCP was completed without an address that an end can use; or it was refused, and
// no router gives one of IPv6 instead.
func withoutAddress(s *Session, l *link) *proof {
	if s.spoke != [2]int{} || s.unread > 0 {
		return nil
	}
	frames := append(l.ipcp.requests[client].frames(), l.ipcp.requests[server].frames()...)
	const failed = "PPP: the login succeeded, but no IP address was agreed on: "
	if t := l.termText(addressTexts...); t != nil {
		return proven(append(frames, t.frame), failed+"%s ended the connection: %s", s.who(t.sender), t.text)
	}
	until := s.bounds[1].time
	if s.ended() {
		until = s.last.time
	}
	const patience = int64(12e9) // 3 Router Solicitations, every 4 s (RFC 4861 section 10)
	if !l.ipcp.refused.seen() || s.advertised || s.holed() || until-l.ipcp.refused.time < patience {
		return nil
	}
	return proven(append(frames, l.ipcp.refused.frame),
		failed+"one end refuses IPCP, and IPv6 has no router that gives addresses")
}

// notResponding is in the text with which an end gives up because its echoes are not answered
// (pppd).
const notResponding = "peer not responding"

// peerSilent: one end says that the other does not answer.
func peerSilent(s *Session) *proof {
	for _, l := range s.links() {
		if t := l.termText(notResponding); t != nil {
			return typical([]uint64{t.frame}, "%s ended the connection because %s did not answer: %s",
				s.name(t.sender), s.name(1-t.sender), t.text)
		}
	}
	return nil
}

// brokenOff: one end ended the session because of a fault, as it says.
func brokenOff(s *Session) *proof {
	const generalError, stateMachine = 2, 7 // RFC 2661 section 4.4.2
	for _, l := range s.links() {
		if t := l.termText("loopback detected", "too many mppe errors", "lost compression sync"); t != nil {
			return proven([]uint64{t.frame}, "%s broke the connection off: %s", s.name(t.sender), t.text)
		}
		if len(l.terms) > 0 {
			return nil // what follows an orderly end
		}
	}
	if s.holes > 0 {
		return nil // as a Terminate-Ack, whose Request was not captured
	}
	for _, e := range s.endings() {
		if r := &e.control; r.Result == generalError && r.Error != 0 || r.Type == l2tp.StopCCN && r.Result == stateMachine {
			return proven([]uint64{e.frame}, "L2TP: the connection was broken off by %s", e.by(s))
		}
	}
	return nil
}

// loginUnanswered: the server never says yes or no.
func loginUnanswered(s *Session, l *link) *proof {
	if !l.auth.answered.seen() || l.auth.accepted.seen() || l.auth.refused.seen() {
		return nil
	}
	const tries = 3 // of the 10 of pppd, every 3 s
	if sent := &l.auth.answered; sent.n >= tries && s.waited(sent) {
		return proven(sent.frames(),
			"PPP: %s never answered the login of %q (%s, %d times in %s)",
			s.who(server), l.auth.user.Value(), l.auth.method, sent.n, span64(sent.lasted()))
	}
	return nil
}

// loopedBack: one end gets its own packets back (RFC 1661 section 6.4).
func loopedBack(s *Session, l *link) *proof {
	t := l.termText("loopback")
	if t == nil {
		return nil
	}
	return proven(append(l.lcp.requests[1-t.sender].frames(), t.frame),
		"PPP: %s gives up because what it gets has its own magic number, as if its packets came back to it: %s",
		s.who(t.sender), t.text)
}

// lcpDisagrees: the two ends go on asking for options that the other refuses.
func lcpDisagrees(s *Session, l *link) *proof {
	if l.lcp.open() {
		return nil
	}
	const often = 4 // pppd goes over from Conf-Nak to Conf-Rej behind five
	for side := range l.lcp.naks {
		if n := &l.lcp.naks[side]; n.n >= often {
			return proven(append(n.frames(), l.lcp.requests[1-side].frames()...),
				"PPP: the ends do not agree on the options of LCP: %s refused %d times what %s asks for",
				s.who(side), n.n, s.who(1-side))
		}
	}
	return nil
}

// lcpUnanswered: one end asks again and again by LCP, though the other one speaks.
func lcpUnanswered(s *Session, l *link) *proof {
	if s.holed() {
		return nil
	}
	const often = 4 // of the 10 of pppd, every 3 s
	for side := range l.lcp.requests {
		sent := &l.lcp.requests[side]
		if sent.n < often || !s.waited(sent) && len(l.terms) == 0 || l.lcp.naks[1-side].seen() || !l.first[1-side].seen() {
			continue
		}
		how := "never answers, though its PPP speaks"
		if l.lcp.acked[side].seen() {
			how = "answers each time: the answers do not reach it"
		}
		return proven(sent.frames(), "PPP: %s repeats its request of LCP (%d times in %s), and %s %s",
			s.who(side), sent.n, span64(sent.lasted()), s.who(1-side), how)
	}
	return nil
}

// pppEnded: one end hung up, for none of the reasons above.
func pppEnded(s *Session, l *link) *proof {
	if len(l.terms) == 0 || s.holed() || !s.call().begun() {
		return nil
	}
	t := &l.terms[0]
	text := "PPP: " + s.who(t.sender) + " ended the connection before it came up"
	if t.text != "" {
		text += ": " + t.text
	}
	return proven([]uint64{t.frame}, "%s", text).at(s.step())
}

// pfcMisread: a packet with a protocol field of one byte is taken for one of another protocol,
// whose second byte is the first of an IP header (RFC 1661 section 6.5).
func pfcMisread(s *Session) *proof {
	for _, l := range s.links() {
		for _, r := range l.rejects {
			if ip := r.protocol & 0xf0; r.protocol>>8 == 0x21 && (ip == 0x40 || ip == 0x60) {
				return proven([]uint64{r.frame},
					"PPP: %s does not understand the short protocol numbers that were agreed on: it rejects "+
						"protocol 0x%04x, which is the first bytes of an IP packet",
					s.name(r.sender), r.protocol)
			}
		}
	}
	return nil
}

// silentPPP says that a side never spoke PPP in a call that was accepted, and that it was waited
// for, or hung up itself.
func silentPPP(s *Session, side int) *proof {
	c := s.call()
	if c == nil || s.late || s.holes > 0 || !c.connect.seen() || c.link.first[side].seen() {
		return nil
	}
	const patience = int64(15e9) // pppd sends Conf-Req every 3 s
	const lossOfCarrier = 1      // RFC 2661 section 4.4.2
	frames, until := c.connect.frames(), s.bounds[1].time
	text := fmt.Sprintf("the L2TP call was accepted, but the PPP of the %s never spoke", sideNames[side])
	alone := &s.alone[1-side]
	heard := !alone.seen() || alone.first.time > c.link.first[1-side].time // else all of it may be gone
	own := false                                                           // it hung up itself
	if c.cdn != nil {
		if c.cdn.control.Result > lossOfCarrier {
			return nil // it was refused
		}
		own, until = c.cdn.sender == side, c.cdn.time
		if !own && c.cdn.control.Result == lossOfCarrier && !c.link.first[1-side].seen() {
			return nil // that of the other end is dead
		}
		text += "; " + s.who(c.cdn.sender) + " ended the call: CDN " + c.cdn.control.Text
		frames = append(frames, c.cdn.frame)
	}
	if !own && c.link.lcp.requests[1-side].n < 3 && until-c.connect.last.time < patience {
		return nil
	}
	return found((heard || own) && !s.holed(), frames, "%s", text)
}

func serverPPPDead(s *Session) *proof { return silentPPP(s, server) }
func clientPPPDead(s *Session) *proof { return silentPPP(s, client) }
