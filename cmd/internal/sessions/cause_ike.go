package sessions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"l2tpdump/ikev1"
)

// Notifications that rules branch on (RFC 2408 section 3.14.1).
const (
	invalidCookie         = 4
	invalidMajorVersion   = 5
	noProposalChosen      = 14
	payloadMalformed      = 16
	invalidKeyInformation = 17
	invalidID             = 18
	invalidHash           = 23
	authenticationFailed  = 24
	invalidSignature      = 25
)

// certificateNotices are the notifications about certificates.
var certificateNotices = []uint16{19, 20, 21, 22, invalidSignature, 28}

const curePSK = "give both ends the same pre-shared key; quote special characters; " +
	"look for several keys for one address"

// refusalRules are of IKE, and of what one end said no with, in words that can be read.
var refusalRules = []rule{
	{"ike-proposal", "ike-m1", Failed,
		"give both ends a proposal in common, such as aes-256 with sha1 or sha256 and modp2048", ofPhase1(ikeProposal)},
	{"key-info-loop", "ike-m1", Failed, "choose a cipher and a group that the server has", ofPhase1(keyInformation)},
	{"ikev1-disabled", "ike-m1", Failed, "allow IKE version 1 on the server, or move to IKEv2", ofPhase1(versionRefused)},
	{"xauth-failed", stepAuth, Failed, "correct the user's name or password", xauthFailed},
	{"ike-id-mismatch", "ike-m6", Failed,
		"give each end the identity that the other expects, or have that one take any", ofPhase1(idMismatch)},
	{"certificates", "ike-m5", Failed,
		"renew the certificate, or install its authority on the peer", ofPhase1(certificateRefused)},
	{"ike-psk", "ike-m5", Failed, curePSK, ofPhase1(pskTried)},
	{"ike-psk", "ike-m5", Failed, curePSK, ofPhase1(pskRefused)},
	{"ike-psk", "ike-m5", Failed, curePSK, ofPhase1(pskTwoKeys)},
	{"tunnel-vs-transport", stepQuick, Failed, "use transport mode on both ends", ofPhase2(tunnelMode)},
	{"quick-id-mismatch", stepQuick, Failed, "give both ends the same selector: udp/1701, or any port", ofPhase2(quickID)},
	{"quick-proposal", stepQuick, Failed,
		"give both ends the same ESP algorithms, mode and PFS: aes with sha1, transport mode, no PFS", ofPhase2(quickProposal)},
	{"", stepQuick, Failed, "", ofPhase2(quickRefused)},
}

// ofPhase1 is a rule about the exchange of a session that ended in phase 1.
func ofPhase1(test func(*Session, *exchange) *proof) func(*Session) *proof {
	return func(s *Session) *proof {
		x := s.exchange()
		if x == nil || x.established() || x.late || s.agreed() || s.espPackets() > 0 {
			return nil
		}
		return test(s, x)
	}
}

// notice finds a notification of one of some types that came after the message that was the last.
func (x *exchange) notice(types ...uint16) *notice {
	for i := range x.notices {
		if n := &x.notices[i]; slices.Contains(types, n.Type) {
			return n
		}
	}
	return nil
}

// step is the message of phase 1 that was not passed.
func (x *exchange) step() string {
	if x.kind == ikev1.ExchangeAggressive {
		return stepAggressive
	}
	return fmt.Sprintf("ike-m%d", max(1, x.reached()))
}

// who is a side's address.
func (s *Session) who(side int) string { return s.ends[side].Addr().String() }

// name is a side's part and its address; the address alone where the capture begins too late to
// tell its part.
func (s *Session) name(side int) string {
	if s.late {
		return s.who(side)
	}
	return "the " + sideNames[side] + " " + s.who(side)
}

func ikeProposal(s *Session, x *exchange) *proof {
	if x.reached() > 1 {
		return nil
	}
	n := x.notice(noProposalChosen)
	if n == nil {
		return nil
	}
	count, first := "the only proposal for phase 1 that was offered", ""
	if x.offered > 1 {
		count, first = fmt.Sprintf("all %d proposals for phase 1 that were offered", x.offered), "the first: "
	}
	if len(x.offers) > 0 {
		count += " (" + first + x.offers[0] + ")"
	}
	return &proof{
		text:   fmt.Sprintf("IKE: %s refused %s%s", s.who(n.sender), count, x.mismatch(s.taken)),
		proven: true, frames: append(x.messages[1].frames(), n.frame), step: x.step(),
	}
}

// mismatch says which attributes of the first offer are not those that the server takes from
// others; "" if none is known.
func (x *exchange) mismatch(taken *ikev1.Offer) string {
	if taken == nil {
		return ""
	}
	var names []string
	for _, a := range [...]struct{ name, offered, taken string }{
		{"cipher", x.offer.cipher, taken.Cipher}, {"hash", x.offer.hash, taken.Hash},
		{"group", x.offer.group, taken.Group}, {"authentication", x.offer.auth, taken.Auth},
	} {
		if a.offered != a.taken && a.offered != "" && a.taken != "" {
			names = append(names, a.name)
		}
	}
	if names == nil {
		return ""
	}
	differ := "differ"
	if len(names) == 1 {
		differ = "differs"
	}
	return fmt.Sprintf("; at another time the server took %s: the %s %s", taken.Text, strings.Join(names, ", "), differ)
}

func keyInformation(s *Session, x *exchange) *proof {
	if x.reached() > 3 {
		return nil
	}
	n := x.notice(invalidKeyInformation)
	if n == nil {
		return nil
	}
	offer := ""
	if len(x.offers) > 0 {
		offer = " (" + x.offers[0] + ")"
	}
	return proven(append(x.messages[1].frames(), n.frame),
		"IKE: %s refused the key exchange (%s): it lacks the cipher or the group%s",
		s.who(n.sender), n.Name, offer).at(x.step())
}

func versionRefused(s *Session, x *exchange) *proof {
	if x.reached() > 1 {
		return nil
	}
	if n := x.notice(invalidMajorVersion); n != nil {
		return proven([]uint64{n.frame}, "IKE: %s does not speak IKE version 1", s.who(n.sender))
	}
	return nil
}

func xauthFailed(s *Session) *proof {
	x := s.exchange()
	if x == nil || x.xauth.status != "fail" {
		return nil
	}
	return proven([]uint64{x.xauth.at.frame}, "IKE: %s refused the XAUTH login of %q", s.who(server), x.xauth.user.Value())
}

// idMismatch: the client hangs up when it knows who the server is.
func idMismatch(s *Session, x *exchange) *proof {
	last := &x.messages[x.proofNumber(1-x.initiator)]
	accepted := x.kind == ikev1.ExchangeMain && last.seen() // the client
	if n := x.notice(invalidID); n != nil && (last.seen() || n.encrypted) && !(accepted && n.sender != x.initiator &&
		n.time > last.last.time) {
		id := x.ids[1-n.sender].Text
		if id == "" {
			id = "of " + s.who(1-n.sender)
		}
		return proven([]uint64{n.frame}, "IKE: %s refused the identity %s (%s)", s.who(n.sender), id, n.Name).at(x.step())
	}
	if n := x.notice(authenticationFailed); n != nil && x.kind == ikev1.ExchangeAggressive &&
		x.reached() == 1 && x.ids[1-n.sender].Text != "" {
		return typical(append(x.messages[1].frames(), n.frame),
			"IKE: %s refused message 1 of %s (%s), whose identity is %s: most likely it expects another one, or allows "+
				"no aggressive mode",
			s.who(n.sender), s.who(1-n.sender), n.Name, x.ids[1-n.sender].Text).at(x.step())
	}
	if n := x.notice(authenticationFailed); n != nil && n.encrypted && x.usesPSK() && x.sameKey() {
		return typical([]uint64{n.frame},
			"IKE: %s has the same pre-shared key as %s, and refused it (%s): most likely it expects another identity",
			s.who(n.sender), s.who(1-n.sender), n.Name).at(x.step())
	}
	if !last.seen() || x.kind == ikev1.ExchangeAggressive || x.signs() { // else it may be the certificate
		return nil
	}
	id := x.ids[server]
	if at := x.deleted[client]; at.seen() && id.Text != "" && id.Addr != s.ends[server].Addr() {
		return proven(append(last.frames(), at.frame),
			"IKE: the server calls itself %s, but the client %s expects %s, and hangs up",
			id.Text, s.who(client), s.who(server))
	}
	// it hangs up within 0.1 s and a round trip, and nothing else follows
	const atOnce, patience = int64(1e9), int64(5e9)
	if at := x.sealed[client]; at.seen() && x.usesPSK() && s.bounds[1].time-s.last.time > patience &&
		at.first.time-last.last.time < atOnce && at.first.time >= last.last.time {
		return typical(append(last.frames(), at.first.frame),
			"IKE: the client %s hangs up as soon as it knows the server's identity: most likely it expects another one",
			s.who(client))
	}
	return nil
}

// auth is the authentication that was agreed on, or the first offer, which names it.
func (x *exchange) auth() string {
	if x.chosen.Auth == "" && len(x.offers) > 0 {
		return x.offers[0]
	}
	return x.chosen.Auth
}

// signs says that signatures were agreed on, or offered.
func (x *exchange) signs() bool {
	return x.auth() != "" && !x.usesPSK() || x.certs[client] != nil
}

// usesPSK says that a pre-shared key was agreed on, or offered.
func (x *exchange) usesPSK() bool { return strings.Contains(x.auth(), "psk") }

func certificateRefused(s *Session, x *exchange) *proof {
	if !x.signs() {
		return nil
	}
	m5, sealed := &x.messages[5], &x.sealed[server]
	if n := x.notice(append(slices.Clone(certificateNotices), authenticationFailed)...); n != nil {
		return proven(append(m5.frames(), n.frame),
			"IKE: %s refused the certificate or the signature of %s (%s)%s",
			s.who(n.sender), s.who(1-n.sender), n.Name, x.outOfDate(1-n.sender)).at(x.step())
	}
	if sealed.seen() && m5.seen() {
		return typical(append(m5.frames(), sealed.first.frame),
			"IKE: %s most likely refused the client's message 5, which has its certificate and signature%s",
			s.who(server), x.outOfDate(client)).at(x.step())
	}
	m6 := &x.messages[6]
	for _, at := range [...]place{x.sealed[client].first, x.deleted[client]} {
		if at.seen() && m6.seen() && at.time >= m6.last.time {
			return typical(append(m6.frames(), at.frame),
				"IKE: %s hangs up as soon as it has message 6 of %s, which has its certificate, signature and identity%s",
				s.who(client), s.who(server), x.outOfDate(server)).at(x.step())
		}
	}
	for side := range x.certs {
		text := x.outOfDate(side)
		last := &x.messages[x.reached()]
		if text == "" || !last.seen() || !x.deleted[1-side].seen() && !x.sealed[1-side].seen() && !(last.n > 1 &&
			s.waited(last)) {
			continue
		}
		return typical(last.frames(),
			"IKE: %s goes on no more once it has the certificate of %s%s",
			s.who(1-side), s.who(side), text).at(x.step())
	}
	return nil
}

// outOfDate says of a side's certificate that its time is over, or has not begun; "" if that is not
// so or not known.
func (x *exchange) outOfDate(side int) string {
	c := x.certs[side]
	switch at := time.Unix(0, x.last.time); {
	case c == nil:
		return ""
	case at.After(c.NotAfter):
		return fmt.Sprintf(": %s expired on %s", c.Subject, c.NotAfter.Format(time.DateOnly))
	case at.Before(c.NotBefore):
		return fmt.Sprintf(": %s is not valid before %s", c.Subject, c.NotBefore.Format(time.DateOnly))
	}
	return ""
}

// sameKey says that one key opens what both sides sent in main mode: their pre-shared keys are the
// same.
func (x *exchange) sameKey() bool {
	secrets := x.terms.Secrets
	return x.kind == ikev1.ExchangeMain && secrets[0] != nil && secrets[0] == secrets[1]
}

// pskRefused: one end says that the other's key is not its own.
func pskRefused(s *Session, x *exchange) *proof {
	if !x.usesPSK() {
		return nil
	}
	n := x.notice(payloadMalformed, invalidHash, authenticationFailed)
	if n == nil || !n.encrypted || n.Type != payloadMalformed && (x.sameKey() ||
		x.kind == ikev1.ExchangeMain && x.opened[1-n.sender] == 0) { // its key is not known
		return nil
	}
	return proven([]uint64{n.frame},
		"IKE: the pre-shared keys differ: %s could not read or accept what %s proved itself with (%s)",
		s.who(n.sender), s.who(1-n.sender), n.Name).at(x.step())
}

// pskTwoKeys: the key that opens one side's messages does not open the other's.
func pskTwoKeys(s *Session, x *exchange) *proof {
	if !x.usesPSK() {
		return nil
	}
	for side := range x.opened {
		if other := &x.unopened[1-side]; x.opened[side] > 0 && other.seen() && x.opened[1-side] == 0 {
			return proven(append(x.messages[5].frames(), other.frames()...),
				"IKE: the pre-shared keys differ: the key that opens the messages of %s does not open those of %s",
				s.who(side), s.who(1-side)).at(x.step())
		}
	}
	return nil
}

// ofPhase2 is a rule about the exchange of a session whose Quick Mode came to nothing, and the
// Quick Mode.
func ofPhase2(test func(*Session, *exchange, *quick) *proof) func(*Session) *proof {
	return func(s *Session) *proof {
		x := s.exchange()
		if x == nil || len(x.quicks) == 0 || x.agreed() && s.espPackets() > 0 ||
			x.late && x.reached() == 0 { // perhaps it renews others
			return nil
		}
		q := x.quicks[len(x.quicks)-1]
		if slices.ContainsFunc(x.quicks, func(q *quick) bool { return q.messages[3].seen() }) ||
			slices.ContainsFunc(s.flows, func(f *flow) bool { return f.span.first.time > q.messages[1].first.time }) {
			return nil // ESP under another SPI: it was agreed on, though message 3 was not captured
		}
		return test(s, x, q)
	}
}

func quickID(s *Session, x *exchange, q *quick) *proof {
	if n := x.notice(invalidID); n != nil && n.encrypted {
		return proven(append(q.messages[1].frames(), n.frame),
			"IKE: %s refused the traffic that phase 2 is to protect (%s)",
			s.who(n.sender), n.Name)
	}
	asked, got := q.ids[0], q.ids[1]
	if !q.messages[2].seen() || len(asked) != 2 || len(got) != 2 {
		return nil
	}
	for i := range asked {
		if asked[i].Protocol != got[i].Protocol || asked[i].Port != got[i].Port {
			return proven(append(q.messages[1].frames(), q.messages[2].frames()...),
				"IKE: phase 2: %s answers with the identity %s, and %s asked for %s",
				s.who(1-q.sender), selector(got[i]), s.who(q.sender), selector(asked[i]))
		}
	}
	return nil
}

// selector names the traffic of a side: "udp/1701 of 10.0.0.2".
func selector(id ikev1.Identity) string {
	protocol, port := fmt.Sprint(id.Protocol), fmt.Sprint(id.Port)
	switch id.Protocol {
	case 0:
		protocol = "any"
	case protoUDP:
		protocol = "udp"
	}
	if id.Port == 0 {
		port = "any"
	}
	return fmt.Sprintf("%s/%s of %s", protocol, port, id.Text)
}

// tunnelMode: L2TP is asked for in tunnel mode, and refused.
func tunnelMode(s *Session, x *exchange, q *quick) *proof {
	if q.messages[2].seen() || !strings.Contains(q.mode, "tunnel") || len(q.ids[0]) == 0 ||
		q.ids[0][0].Port != portL2TP {
		return nil
	}
	n := x.notice(noProposalChosen, invalidID)
	if n == nil || !n.encrypted {
		return nil
	}
	return proven(append(q.messages[1].frames(), n.frame),
		"IKE: phase 2 was refused: %s asks for tunnel mode (%s), and %s takes none of it",
		s.who(q.sender), q.offer, s.who(n.sender))
}

// quickProposal: a Quick Mode was refused.
func quickProposal(s *Session, x *exchange, q *quick) *proof {
	if !q.messages[1].seen() || q.messages[2].seen() {
		return nil
	}
	offer := ""
	if q.offer != "" {
		offer = " (" + q.offer + ")"
	}
	if n := x.notice(noProposalChosen); n != nil && n.encrypted && n.time >= q.messages[1].first.time {
		text := fmt.Sprintf("IKE: phase 2 was refused: %s takes none of what was offered%s", s.who(n.sender), offer)
		if q.offer != "" && q.group == "" {
			text += "; no PFS was offered"
		}
		return proven(append(q.messages[1].frames(), n.frame), "%s", text)
	}
	const atOnce = int64(3e9) // a round trip, and less than the 4 s after which charon asks again
	sealed := &x.sealed[1-q.sender]
	if sealed.seen() && sealed.first.time >= q.messages[1].first.time &&
		sealed.first.time-q.messages[1].last.time < atOnce {
		return typical(append(q.messages[1].frames(), sealed.first.frame),
			"IKE: phase 2 was most likely refused: %s answered the request with a message that can't be read without "+
				"its key",
			s.who(1-q.sender))
	}
	return nil
}

// quickRefused: some other reason was given, or one that can't be read.
func quickRefused(s *Session, x *exchange, q *quick) *proof {
	if sealed := &x.sealed[q.sender]; q.messages[2].seen() && sealed.seen() &&
		sealed.last.time >= q.messages[2].first.time {
		return typical(append(q.messages[2].frames(), sealed.last.frame),
			"IKE: phase 2 was most likely broken off by %s, with a message that can't be read without its key",
			s.who(q.sender))
	}
	for i := range x.notices {
		if n := &x.notices[i]; n.encrypted && n.time >= q.messages[1].first.time {
			return proven(append(q.messages[1].frames(), n.frame),
				"IKE: phase 2 was refused by %s: %s",
				s.who(n.sender), n.Name)
		}
	}
	return nil
}
