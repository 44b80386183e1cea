package sessions

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp/ppp"
	"l2tpdump/l2tp/printable"
)

// maxName is how many bytes of a name are kept: as many as PAP's has at most (RFC 1334).
const maxName = 255

// Bounds of what is kept of a link.
const (
	maxTerms   = 4
	maxRejects = 8
)

// link is the PPP of a call. Arrays of two are of the client and the server.
type link struct {
	lcp, ipcp        layer
	ipv6cp, ccp, ecp *layer // &unasked as long as nothing is said of one
	auth             login
	demands          [2]string // authentication that a side asks the other for, by LCP
	demanded         [2]place
	declined         [2]span // Conf-Rej or Conf-Nak of such a demand, by who sends it
	terms            []term
	rejects          []reject
	echo             [2]span
	first            [2]place // LCP packet
	asked            [2]asking
	mru              [2]int
	mrru             bool
	cut              bool      // of a packet of LCP or IPCP the end was not captured
	addr             [2]string // that IPCP acknowledged
	dns              []string
	compression      string
}

// layer is a control protocol of PPP (RFC 1661 section 4).
type layer struct {
	requests [2]span  // Conf-Req, by who sends it
	acked    [2]place // Conf-Ack of a side's request
	settled  [2]bool  // and it has not sent another one since
	naks     [2]span  // Conf-Nak and Conf-Rej, by who sends them
	refused  place    // Protocol-Reject of it
	ended    span     // Term-Req of it
	text     string
}

func (y *layer) open() bool { return y.acked[client].seen() && y.acked[server].seen() }

// asked says that a side asked for it.
func (y *layer) asked() bool { return y.requests[client].seen() || y.requests[server].seen() }

// unasked is the layer of which the ends did not say anything. Nothing is written to it.
var unasked layer

// own is a layer that is no longer unasked, or no longer is from now on.
func own(y **layer) *layer {
	if *y == &unasked {
		*y = new(layer)
	}
	return *y
}

// login is an authentication.
type login struct {
	method   string
	user     printable.Text
	asked    span // Challenge, or Request of EAP
	answered span // Response, or Auth-Req of PAP
	accepted place
	refused  place
	refuser  int
	reason   string // as it came
	unproved place  // the client does not accept the proof of a server that accepted it
	proof    place  // the server accepts, and proves that it knows the password: MS-CHAPv2 in EAP
	nak      place  // the client wants another method of EAP
	wanted   string // these
}

// term is a Term-Req of LCP.
type term struct {
	place
	sender int
	text   string
}

// reject is a Protocol-Reject.
type reject struct {
	place
	sender   int
	protocol uint16
}

// Protocols of PPP that this package looks into.
const (
	protocolIPCP   = 0x8021
	protocolIPV6CP = 0x8057
	protocolCCP    = 0x80fd
	protocolECP    = 0x8053
	protocolLCP    = 0xc021
	protocolPAP    = 0xc023
	protocolCHAP   = 0xc223
	protocolEAP    = 0xc227
)

// Codes of LCP and of the network control protocols (RFC 1661 section 5), of CHAP and PAP, and of
// EAP.
const (
	confReq = 1
	confAck = 2
	confNak = 3
	confRej = 4
	termReq = 5
	protRej = 8
	echoReq = 9
	echoRep = 10

	chapChallenge = 1
	chapResponse  = 2
	chapSuccess   = 3
	chapFailure   = 4

	papRequest = 1
	papAck     = 2
	papNak     = 3

	eapResponse = 2
)

// ppp takes a PPP frame of a call, and what came out of it.
func (g *Gatherer) ppp(r *pipeline.Record, c *call, sender int, at place) {
	p := &r.Payload
	g.pppPacket(c, sender, at, p.PPP.Protocol, p.Frame[p.PPP.PayloadStart:p.PPP.PayloadEnd])
	x := &p.Expansion
	if x.Compression != "" && c.link.compression == "" {
		c.speaks().compression = x.Compression
	}
	unread := x.State != ppp.Plain && x.State != ppp.Expanded && x.State != ppp.Held && !ppp.IsControl(p.PPP.Protocol)
	if unread {
		c.session.unread++
	}
	if unread || x.Fragment {
		c.session.cameUnread(x.Fragment, at)
	}
	for _, packet := range x.Packets {
		g.pppPacket(c, sender, at, packet.Protocol, packet.Data)
	}
}

func (g *Gatherer) pppPacket(c *call, sender int, at place, protocol uint16, payload []byte) {
	if !ppp.IsControl(protocol) {
		return
	}
	var k ppp.Control
	err := k.Decode(protocol, payload)
	if err != nil && err != ppp.ErrTruncated {
		return
	}
	l := c.speaks()
	if l.converse(protocol, &k, sender) {
		c.session.unasked[sender]++
		c.session.holes++
	}
	l.cut = l.cut || err != nil && (protocol == protocolLCP || protocol == protocolIPCP)
	switch protocol {
	case protocolLCP:
		l.takeLCP(&k, sender, at, err == nil)
	case protocolPAP:
		l.takePAP(&k, sender, at, err == nil)
	case protocolCHAP:
		l.takeCHAP(&k, sender, at, err == nil)
	case protocolEAP:
		l.takeEAP(&k, sender, at, err == nil)
	case protocolIPCP:
		l.ipcp.take(&k, sender, at)
		l.takeIPCP(&k, sender)
	case protocolIPV6CP:
		own(&l.ipv6cp).take(&k, sender, at)
	case protocolCCP:
		own(&l.ccp).take(&k, sender, at)
	case protocolECP:
		own(&l.ecp).take(&k, sender, at)
	}
	s := c.session
	both := [2]bool{true, true}
	if l.ipcp.settled == both && !l.cut || l.ipv6cp.settled == both && (!l.ipcp.asked() || l.ipcp.refused.seen()) {
		s.came(at)
	}
	if !g.keep(s) {
		return
	}
	frame := ppp.Frame{Protocol: protocol, PayloadEnd: len(payload)}
	name := ppp.ProtocolName(protocol) + " " + k.CodeName()
	text := string(ppp.AppendSummary(nil, &frame, payload))
	g.note(s, newEvent(at, sender, "ppp", name, strings.TrimSpace(strings.TrimPrefix(text, name))))
}

// take takes note of the negotiation of a layer.
func (y *layer) take(k *ppp.Control, sender int, at place) {
	switch k.Code {
	case confReq:
		y.requests[sender].add(at)
		y.settled[sender] = false
	case confAck:
		y.acked[1-sender] = at
		y.settled[1-sender] = true
	case confNak, confRej:
		y.naks[sender].add(at)
	case termReq:
		y.ended.add(at)
		y.text = option(k, "message")
	}
}

// option is an option's or a field's value, "" if it is not there.
func option(k *ppp.Control, wanted string) string {
	for name, value := range k.Options {
		if name == wanted {
			return value
		}
	}
	return ""
}

// nameOf is the name of a user in a field, "" if it is not there.
func nameOf(k *ppp.Control, wanted string) printable.Text {
	for name, value := range k.Values {
		if text, ok := value.(printable.Text); ok && name == wanted {
			return text.Cut(maxName)
		}
	}
	return ""
}

// takeLCP takes a packet of LCP; whole: its end was captured, and with it that of a text.
func (l *link) takeLCP(k *ppp.Control, sender int, at place, whole bool) {
	l.lcp.take(k, sender, at)
	if !l.first[sender].seen() {
		l.first[sender] = at
	}
	switch k.Code {
	case confReq:
		if auth := option(k, "auth"); auth != "" {
			l.demands[sender], l.demanded[sender] = auth, at
		}
	case confAck:
		for name, value := range k.Options {
			switch name {
			case "auth":
				if sender == client {
					l.auth.method = value
				}
			case "mru":
				if n, err := strconv.Atoi(value); err == nil {
					l.mru[1-sender] = n
				}
			case "mrru":
				l.mrru = true
			}
		}
	case confNak, confRej:
		if option(k, "auth") != "" {
			l.declined[sender].add(at)
		}
	case termReq:
		if len(l.terms) < maxTerms {
			l.terms = append(l.terms, term{at, sender, messageOf(k, whole)})
		}
	case protRej:
		l.takeReject(k, sender, at)
	case echoReq:
		l.echo[sender].add(at)
	case echoRep:
		l.echo[1-sender] = span{}
	}
}

// messageOf is the text of a packet, "" if it has none.
func messageOf(k *ppp.Control, whole bool) string {
	text := option(k, "message")
	if !whole && text != "" {
		text += "..."
	}
	return text
}

func (l *link) takeReject(k *ppp.Control, sender int, at place) {
	if len(k.Data) < 2 {
		return
	}
	protocol := binary.BigEndian.Uint16(k.Data)
	if len(l.rejects) < maxRejects {
		l.rejects = append(l.rejects, reject{at, sender, protocol})
	}
	switch protocol {
	case protocolIPCP:
		l.ipcp.refused = at
	case protocolCCP:
		own(&l.ccp).refused = at
	case protocolECP:
		own(&l.ecp).refused = at
	}
}

// takePAP takes a packet of PAP; whole: its end was captured, and with it that of a name.
func (l *link) takePAP(k *ppp.Control, sender int, at place, whole bool) {
	switch k.Code {
	case papRequest:
		if sender == client && whole {
			l.auth.user = nameOf(k, "user")
		}
		l.auth.method = "pap"
		l.auth.answered.add(at)
	case papAck:
		l.auth.accepted = at
	case papNak:
		l.auth.no(sender, at, option(k, "message"))
	}
}

func (l *link) takeCHAP(k *ppp.Control, sender int, at place, whole bool) {
	switch k.Code {
	case chapChallenge:
		if sender == server {
			l.auth.asked.add(at)
		}
	case chapResponse:
		if sender == client {
			l.auth.answered.add(at)
		}
		if sender == client && whole {
			l.auth.user = nameOf(k, "name")
		}
	case chapSuccess:
		if sender == server {
			l.auth.accepted = at
		}
	case chapFailure:
		l.auth.no(sender, at, option(k, "message"))
	}
}

func (l *link) takeEAP(k *ppp.Control, sender int, at place, whole bool) {
	kind := option(k, "type")
	switch k.Code {
	case 1:
		l.auth.asked.add(at)
		if kind != "identity" && kind != "notification" && kind != "" {
			l.auth.method = "eap-" + kind
		}
		switch op := option(k, "op"); {
		case kind == "mschap-v2" && op == "Failure":
			l.auth.no(sender, at, option(k, "message"))
		case kind == "mschap-v2" && op == "Success":
			l.auth.proof = at
		}
	case eapResponse:
		l.auth.answered.add(at)
		if name := nameOf(k, "name"); name != "" && sender == client && whole {
			l.auth.user = name
		}
		if kind == "mschap-v2" && option(k, "op") == "Failure" && sender == client && !l.auth.refused.seen() {
			l.auth.unproved = at
		}
		if kind == "nak" && sender == client {
			l.auth.nak, l.auth.wanted = at, option(k, "wants")
		}
	case 3:
		l.auth.accepted = at
	case 4:
		l.auth.no(sender, at, "")
	}
}

// no takes note of a refusal.
func (a *login) no(sender int, at place, reason string) {
	if a.refused.seen() {
		return
	}
	a.refused, a.refuser, a.reason = at, sender, reason
}

func (l *link) takeIPCP(k *ppp.Control, sender int) {
	if k.Code != confAck {
		return
	}
	for name, value := range k.Options {
		switch {
		case name == "addr":
			l.addr[1-sender] = value
		case strings.HasPrefix(name, "dns") && sender == server && value != "0.0.0.0" && !slices.Contains(l.dns, value):
			l.dns = append(l.dns, value)
		}
	}
}
