package sessions

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/ikev1"
	"l2tpdump/l2tp/printable"
)

// Bounds of what is kept of an exchange.
const (
	maxNotices = 16
	maxQuicks  = 16
	maxOffers  = 8

	maxIdentity = 1024 // bytes
)

// copyTime is how soon behind a message the same one is a copy that the network or the capture
// made: nobody sends again as soon as that. The shortest time of those in use is the 500 ms of
// libreswan.
const copyTime = int64(100e6)

// repeatTime is how long behind the last new message of an exchange its ends repeat themselves at
// most; strongSwan does for 165 s.
const repeatTime = int64(180e9)

// exchange is an ISAKMP SA: a phase 1, and what followed under it. Arrays of two are of the client
// and the server.
type exchange struct {
	assoc     *association
	session   *Session
	terms     pipeline.Terms // what was known of it with its last message
	cookies   [2]ikev1.Cookie
	initiator int               // who began it: the client, or in a renewal perhaps the server
	from      [2]netip.AddrPort // where the first message came from and went, by the side
	kind      ikev1.ExchangeType
	told      bool // by a Monitor

	request     uint64 // digest of its first SA payload
	first, last place
	messages    [7]span  // of phase 1 by their number; 0: not known
	copies      int      // retransmissions of any message
	sent        [2]int64 // when a side was heard last
	floated     bool     // a message came from or to port 4500, or another that NAT chose
	floated4    bool     // message 4 did
	natted      [2]natState
	outside     bool // the client is behind NAT, and the capture in front of it

	offered int        // transforms
	offer   algorithms // of the first
	offers  []string
	chosen  ikev1.Offer
	vendors [2][]string
	certs   [2]*ikev1.CertificateInfo // the first that a side sends

	*rare
	notices    []notice
	opened     [2]int // encrypted messages that were decrypted
	ids        [2]ikev1.Identity
	refused    *refusal // ICMP errors that quote IKE
	late       bool     // its beginning was not captured
	inherited  bool     // by a session from the one before
	deleted    [2]place // Delete of the ISAKMP SA
	deletedESP [2]place // the latest Delete of an ESP SA
	quicks     []*quick
	bare       bool    // a message of Quick Mode is in clear, as none is on the wire
	negotiated bool    // ESP SAs by a Quick Mode of which both sides were read
	proofs     *proofs // nil: there are no keys to try
}

// rare is what is seen of few ISAKMP SAs that keys open.
type rare struct {
	sealed     [2]span // Informational messages that could not be read
	unopened   [2]span // encrypted messages that no key opened
	parts      [2]span // first IP fragments since a message was last put together
	partLength int     // bytes of the last of these messages
	config     span    // Transaction exchange
	xauth      xauth
	dpd        [2]span // questions of dead peer detection since the last answer, by who asks
}

// common is what is rare of the others: nothing. Nothing is written to it.
var common rare

// rarely is what is rare of an ISAKMP SA of which some is seen.
func (x *exchange) rarely() *rare {
	if x.rare == &common {
		x.rare = new(rare)
	}
	return x.rare
}

// algorithms are those of an offer for phase 1.
type algorithms struct{ cipher, hash, group, auth string }

// natState says whether a side is behind NAT, as NAT-D payloads tell (RFC 3947 section 3.2).
type natState uint8

const (
	natUnknown natState = iota
	natNone
	natBehind
)

// notice is a notification that could be read.
type notice struct {
	ikev1.Notice
	place
	sender    int
	encrypted bool
}

// xauth is a login by XAUTH and what Mode-Config gave.
type xauth struct {
	user     printable.Text
	status   string // "ok", "fail"
	at       place
	assigned string
	dns      []string
}

// refusal is an ICMP error that quotes a packet of the session.
type refusal struct {
	span
	kind string // "port unreachable"
	by   netip.Addr
}

func (f *refusal) seen() bool { return f != nil }

func (f *refusal) frames() []uint64 {
	if f == nil {
		return nil
	}
	return f.span.frames()
}

// isakmp takes a message of IKE.
func (g *Gatherer) isakmp(r *pipeline.Record, m *pipeline.Message, at place) {
	if m.Fragment != nil || m.Header.InitiatorCookie.IsZero() {
		g.unreadIKE(&r.Net, at)
		return
	}
	src, dst := r.Net.Ends()
	if m.Header.MajorVersion != 1 {
		g.otherVersion(m.Message, src, dst, at)
		return
	}
	x := g.exchange(m.Header.InitiatorCookie, src, dst, m.Message, at)
	if x == nil || x.foreign(m) {
		return
	}
	proof := m.Decrypted && !x.read()
	if proof {
		x.forget(m)
	}
	if !x.late && m.Decrypted {
		g.settle(x.assoc, x.initiator, likely)
	}
	s, side := x.session, x.assoc.side(src, dst)
	if m.Retransmission && (at.time-x.sent[side] < copyTime && x.has(m) || at.time-x.last.time > repeatTime || s.ended()) {
		g.current = s
		g.ikeEvent(s, m, side, at)
		return
	}
	x.sent[side] = at.time
	if x.partLength > 0 && r.Net.UDPLen == x.partLength {
		x.parts[side] = span{} // here it is whole
	}
	x.take(m, src, dst, at)
	if proof {
		s = g.proved(x, at)
	}
	g.agreed(x, m, at)
	if s.element == nil {
		return
	}
	g.touch(s, at, x.heardBy(m, side))
	if m.Header.Exchange == ikev1.ExchangeQuick && m.Number == 3 && !m.Retransmission {
		g.rivals(x, at)
	}
	if s.series != nil && x.renews(m) {
		s.series.at(at.time).rekeys++
	}
	g.ikeEvent(s, m, side, at)
}

// heardBy is the side that is there by a message of it: nobody where anybody can have sent that.
func (x *exchange) heardBy(m *pipeline.Message, side int) int {
	if x.session.assoc.opened && (m.Retransmission || !m.Encrypted || x.read() && !m.Decrypted ||
		m.Reconstructed && !m.Verified && !m.HashTail) {
		return nobody
	}
	return side
}

// has says that a message with the number of m was seen.
func (x *exchange) has(m *pipeline.Message) bool {
	switch q := x.quick(m.Header.MessageID); {
	case m.Number == 0:
	case m.Header.Phase1() && m.Number < len(x.messages):
		return x.messages[m.Number].seen()
	case m.Header.Exchange == ikev1.ExchangeQuick && m.Number < len(quick{}.messages):
		return q != nil && q.messages[m.Number].seen()
	}
	return true
}

// agreed takes note of what a message of x agrees on.
func (g *Gatherer) agreed(x *exchange, m *pipeline.Message, at place) {
	if m.Number == 2 && x.chosen.Cipher != "" && len(g.takes) < maxServers {
		end := x.assoc.ends[1-x.initiator]
		if before := g.takes[end]; before == nil || before.Text != x.chosen.Text {
			taken := x.chosen
			g.takes[end] = &taken
		}
	}
	for _, n := range m.Negotiated {
		g.negotiated(x, n, at)
	}
	if m.Header.Exchange == ikev1.ExchangeQuick && m.Decrypted {
		if q := x.quick(m.Header.MessageID); q.completed {
			g.accepted(x, q, at)
		}
	}
}

// ikeEvent keeps a message of IKE, if that is wanted.
func (g *Gatherer) ikeEvent(s *Session, m *pipeline.Message, side int, at place) {
	if g.keep(s) {
		e := newEvent(at, side, "ike", ikeName(m), m.Describe())
		e.Retransmission = m.Retransmission
		g.note(s, e)
	}
}

// renews says that a message ends a phase 1 or a Quick Mode that renews the keys of a session.
func (x *exchange) renews(m *pipeline.Message) bool {
	if m.Retransmission || !x.session.protected[client].seen() && !x.session.protected[server].seen() {
		return false
	}
	return m.Header.Exchange == ikev1.ExchangeQuick && m.Number == 3 ||
		m.Header.Phase1() && m.Number > 0 && m.Number == x.lastOfPhase1()
}

// unreadIKE takes a fragment of a message, or one of which too little was captured: its sender is
// there, unless keys tell otherwise.
func (g *Gatherer) unreadIKE(n *capture.Frame, at place) {
	if g.bystander(n); g.current != nil && !g.current.assoc.authentic() {
		src, dst := n.Ends()
		g.touch(g.current, at, g.current.assoc.side(src, dst))
	}
}

// otherVersion takes an answer of another version of IKE to a first message.
func (g *Gatherer) otherVersion(m *ikev1.Message, src, dst netip.AddrPort, at place) {
	x := g.exchanges[exchangeKey{m.Header.InitiatorCookie, pairOf(src.Addr(), dst.Addr())}]
	if x == nil || x.reached() > 1 || len(x.notices) == maxNotices {
		return
	}
	if side := x.assoc.side(src, dst); side != x.initiator {
		x.notices = append(x.notices, notice{Notice: ikev1.Notice{Type: invalidMajorVersion}, place: at, sender: side})
		g.touch(x.session, at, side)
	}
}

// ikeName is the name of an event: "main 5", "quick 1", "informational".
func ikeName(m *pipeline.Message) string {
	name := m.Header.ExchangeName()
	if m.Number > 0 && m.Header.Exchange != ikev1.ExchangeInformational {
		name += " " + strconv.Itoa(m.Number)
	}
	return name
}

// take takes note of what a message says.
func (x *exchange) take(m *pipeline.Message, src, dst netip.AddrPort, at place) {
	if x.terms.SA == 0 || m.Terms.SA == x.terms.SA {
		x.terms = m.Terms
	}
	side := x.assoc.side(src, dst)
	if m.Retransmission {
		x.copies++
	} else {
		x.last = at
	}
	if x.cookies[1].IsZero() {
		x.cookies[1] = m.Header.ResponderCookie
	}
	if src.Port() != portIKE && dst.Port() != portIKE {
		x.floated = true
	}
	if m.Encrypted {
		if m.Decrypted {
			x.opened[side]++
		} else if m.Err != nil {
			x.rarely().unopened[side].add(at)
		}
	}
	switch {
	case m.Header.Phase1():
		x.phase1(m, side, src, dst, at)
	case m.Header.Exchange == ikev1.ExchangeQuick:
		x.quickMode(m, side, at)
	case m.Header.Exchange == ikev1.ExchangeTransaction:
		x.transaction(m, at)
	}
	x.informed(m, side, at)
}

// mode is the exchange of phase 1, "" if its beginning was not captured.
func (x *exchange) mode() string {
	if x.kind == ikev1.ExchangeMain || x.kind == ikev1.ExchangeAggressive {
		return x.kind.String()
	}
	return ""
}

func (x *exchange) phase1(m *pipeline.Message, side int, src, dst netip.AddrPort, at place) {
	mode, bare := m.Header.Exchange, m.Find(ikev1.PayloadSA) == nil && m.Find(ikev1.PayloadKE) == nil
	if !m.Decrypted && !x.late && mode != x.kind || mode == ikev1.ExchangeMain && bare && !m.Encrypted && m.Err == nil {
		return // it is none of this exchange's
	}
	x.kind = m.Header.Exchange
	if m.Number > 0 && m.Number < len(x.messages) {
		x.messages[m.Number].add(at)
	}
	x.floated4 = x.floated4 || m.Number == 4 && x.floated && src.Port() != portIKE
	if m.Retransmission {
		return
	}
	if x.proofs != nil {
		x.proofs.take(m.Message, side, side == x.initiator)
	}
	x.propose(m.Offers(), side)
	if vendors := m.Vendors(); vendors != nil && x.vendors[side] == nil {
		x.vendors[side] = vendors[:min(len(vendors), maxNotices)]
	}
	if ids := m.Identities(); len(ids) > 0 && (m.Decrypted || x.ids[side].Text == "") { // in clear anybody can send more
		x.ids[side] = ids[0]
		x.ids[side].Value = ids[0].Value.Cut(maxIdentity)
	}
	if certs := m.Certificates(); len(certs) > 0 {
		x.certs[side] = &certs[0]
	}
	x.natDetection(m, side, src, dst)
}

// propose takes note of the proposals of a side: the initiator offers, the other one chooses.
func (x *exchange) propose(offers []ikev1.Offer, side int) {
	switch {
	case len(offers) == 0:
	case side != x.initiator:
		x.chosen = offers[0]
	default:
		o := &offers[0]
		x.offered, x.offer, x.offers = len(offers), algorithms{o.Cipher, o.Hash, o.Group, o.Auth}, nil
		for _, o := range offers[:min(len(offers), maxOffers)] {
			x.offers = append(x.offers, o.Text)
		}
	}
}

// natDetection compares the NAT-D payloads of a message with its addresses: the first is of where
// it goes, the others of where it comes from (RFC 3947 section 3.2).
func (x *exchange) natDetection(m *pipeline.Message, side int, src, dst netip.AddrPort) {
	var hashes [][]byte
	for i := range m.Payloads {
		if p := &m.Payloads[i]; p.Type == ikev1.PayloadNATD || p.Type == ikev1.PayloadNATDDraft {
			hashes = append(hashes, p.Body)
		}
	}
	made := ikev1.NewHash(x.chosen.Hash)
	if len(hashes) < 2 || m.Header.ResponderCookie.IsZero() || made == nil {
		return
	}
	h := made()
	natOf := func(end netip.AddrPort, of [][]byte) natState {
		h.Reset()
		h.Write(m.Header.InitiatorCookie[:])
		h.Write(m.Header.ResponderCookie[:])
		h.Write(end.Addr().AsSlice())
		h.Write(binary.BigEndian.AppendUint16(nil, end.Port()))
		sum := string(h.Sum(nil))
		if slices.ContainsFunc(of, func(b []byte) bool { return string(b) == sum }) {
			return natNone
		}
		return natBehind
	}
	own := natOf(src, hashes[1:])
	x.outside = x.outside || side == client && own == natBehind
	x.natted[side] = max(x.natted[side], own)
	x.natted[1-side] = max(x.natted[1-side], natOf(dst, hashes[:1]))
}

func (x *exchange) transaction(m *pipeline.Message, at place) {
	x.rarely().config.add(at)
	for _, set := range m.Settings() {
		switch {
		case set.Kind == "REPLY" && set.Name == "XAUTH_USER_NAME":
			x.xauth.user = printable.NewText(set.Text).Cut(maxName)
		case set.Kind == "SET" && set.Name == "XAUTH_STATUS":
			x.xauth.status, x.xauth.at = set.Value, at
		case set.Kind == "REPLY" && set.Name == "INTERNAL_IP4_ADDRESS":
			x.xauth.assigned = set.Value
		case set.Kind == "REPLY" && set.Name == "INTERNAL_IP4_DNS" && len(x.xauth.dns) < 4 &&
			!slices.Contains(x.xauth.dns, set.Value):
			x.xauth.dns = append(x.xauth.dns, set.Value)
		}
	}
}

// informed takes note of notifications and deletes, in whatever exchange they come.
func (x *exchange) informed(m *pipeline.Message, side int, at place) {
	informational := m.Header.Exchange == ikev1.ExchangeInformational
	if informational && m.Encrypted && !m.Decrypted {
		if !m.Retransmission {
			x.rarely().sealed[side].add(at)
		}
		return
	}
	for _, n := range m.Notices() {
		switch {
		case x.read() && !m.Encrypted: // anybody asks and answers
		case n.Asks():
			x.rarely().dpd[side].add(at)
		case x.dpd[1-side].seen() && n.Answers():
			x.dpd[1-side] = span{}
		}
		if n.Failed() && len(x.notices) < maxNotices {
			x.notices = append(x.notices, notice{n, at, side, m.Encrypted})
		}
	}
	if m.Decrypted && m.DeletesESP() && !m.Retransmission {
		x.deletedESP[side] = at
	}
	if m.DeletesISAKMP() && !x.deleted[side].seen() && (m.Decrypted || !x.read()) {
		x.deleted[side] = at
	}
}

// reached is the highest number of a phase 1 message that was seen.
func (x *exchange) reached() int {
	for n := len(x.messages) - 1; n > 0; n-- {
		if x.messages[n].seen() {
			return n
		}
	}
	return 0
}

// read says that a key opens messages of it.
func (x *exchange) read() bool { return x.opened[client]+x.opened[server] > 0 }

// established says that phase 1 was completed: what follows it was seen.
func (x *exchange) established() bool {
	return len(x.quicks) > 0 || x.config.seen()
}
