package ikev1

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// detail is how much is told of a payload. Whatever the degree, of nonces, key exchange values,
// hashes, signatures and passwords no more than the length is told.
type detail struct {
	full   bool // all of it, else what matters
	phase1 bool // an ID is a peer, whose protocol and port say nothing
}

// maxDescribed is how many payloads, SPIs or attributes are listed where not all is told.
const maxDescribed = 40

// malformed is printed in the place of what a damaged payload says.
const malformed = "[malformed]"

// shown are the payloads that a person gets to see.
func (m *Message) shown() []Payload {
	if b := m.beginning(); b != nil {
		return b
	}
	return m.Payloads
}

// PayloadNames returns the short names of the payloads, as in "ID", "HASH".
func (m *Message) PayloadNames() []string {
	var names []string
	for _, p := range m.shown() {
		names = append(names, p.name())
	}
	return names
}

// Describe returns the payloads with what matters of them, on one line: "ID 10.0.0.2, HASH".
func (m *Message) Describe() string {
	switch {
	case m.Header.isV2():
		s := "request "
		if m.Header.ResponseV2() {
			s = "response "
		}
		return s + strconv.FormatUint(uint64(m.Header.MessageID), 10)
	case m.Fragment != nil:
		return "FRAG " + m.Fragment.text(detail{})
	case m.Encrypted && !m.Decrypted && m.beginning() == nil && (!m.Head() || len(m.Payloads) == 0):
		return fmt.Sprintf("encrypted, %d bytes", max(0, int64(m.Header.Length)-HeaderLen))
	}
	return describePayloads(m.shown(), m.Header.Phase1())
}

// ResponseV2 says that the message is a response of IKEv2 (RFC 7296 section 3.1).
func (h Header) ResponseV2() bool { return h.isV2() && h.Flags&0x20 != 0 }

// describePayloads returns payloads with what matters of them, on one line.
func describePayloads(payloads []Payload, phase1 bool) string {
	var parts []string
	for i := range payloads {
		if i == maxDescribed {
			parts = append(parts, fmt.Sprintf("and %d more", len(payloads)-i))
			break
		}
		p := &payloads[i]
		parts = append(parts, joinWords(p.name(), p.text(detail{phase1: phase1})))
	}
	return strings.Join(parts, ", ")
}

// Details returns one line for each payload that could be read, with all that may be shown.
func (m *Message) Details() []string {
	if m.Header.isV2() {
		return nil
	}
	var lines []string
	for _, p := range m.shown() {
		lines = append(lines, p.detail())
	}
	return lines
}

// detail returns the payload on one line with everything in it that may be shown.
func (p *Payload) detail() string {
	s := p.name() + ": " + p.text(detail{full: true})
	if p.Reserved != 0 {
		s += fmt.Sprintf(", reserved byte %#02x", p.Reserved)
	}
	return s
}

// name is that of the type, but "NAT-D" and "NAT-OA" also under the numbers of the drafts.
func (p *Payload) name() string {
	switch {
	case p.isNATD():
		return "NAT-D"
	case p.isNATOA():
		return "NAT-OA"
	}
	return p.Type.String()
}

// text returns what a payload says; "" for one that is named only.
func (p *Payload) text(d detail) string {
	b, err := p.parse()
	size := strconv.Itoa(len(p.Body)) + " bytes"
	switch {
	case p.Damaged && !d.full:
		return malformed
	case err != nil && d.full:
		return size + " " + malformed
	case b != nil && err != nil:
		return malformed
	case b != nil:
		return b.text(d)
	case d.full:
		return size
	}
	return ""
}

// body is a parsed payload that has something to tell, to people and to programs.
type body interface {
	text(detail) string
	fields(*Fields)
}

// parse reads the body of a payload; it is nil for one whose inside is not known or not told.
func (p *Payload) parse() (body, error) {
	n := len(p.Body)
	switch {
	case p.Damaged:
		return nil, ErrMalformed
	case p.isNATD():
		return nil, p.lengthError(isHashLen(n))
	case p.isNATOA():
		a, err := parseNATOA(p.Body)
		return address(a), err
	}
	switch p.Type {
	case PayloadSA:
		return pointer(parseSA(p.Body))
	case PayloadID:
		return pointer(parseID(p.Body))
	case PayloadCert:
		return pointer(parseCertificate(p.Body))
	case PayloadCertRequest:
		c, err := parseCertificate(p.Body)
		return (*certRequest)(&c), err
	case PayloadNotify:
		return pointer(parseNotification(p.Body))
	case PayloadDelete:
		return pointer(parseDelete(p.Body))
	case PayloadVendorID:
		return vendorID(p.Body), nil
	case PayloadConfig:
		return pointer(parseConfig(p.Body))
	case PayloadFragment:
		return pointer(parseFragment(p.Body))
	case PayloadHash:
		return nil, p.lengthError(isHashLen(n))
	case PayloadNonce:
		return nil, p.lengthError(n >= minNonce && n <= maxNonce)
	case PayloadKE, PayloadSignature:
		return nil, p.lengthError(n > 0)
	}
	return nil, nil
}

// Sizes of a nonce in bytes (RFC 2409 section 5).
const (
	minNonce = 8
	maxNonce = 256
)

// isHashLen says that n bytes is the length of a hash that phase 1 can agree on.
func isHashLen(n int) bool {
	switch n {
	case 16, 20, 24, 32, 48, 64:
		return true
	}
	return false
}

func (p *Payload) lengthError(ok bool) error {
	if ok {
		return nil
	}
	return malformedf("%s payload with a body of %d bytes", p.name(), len(p.Body))
}

// pointer returns the address of what a parser returned.
func pointer[T any, P interface {
	*T
	body
}](v T, err error) (body, error) {
	return P(&v), err
}

// address is the body of a NAT-OA payload.
type address netip.Addr

func (a address) text(detail) string { return netip.Addr(a).String() }

// joinWords joins what is not empty with blanks.
func joinWords(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// text returns the first proposal and how many transforms stand beside it, or all of them:
// "aes-cbc-256 sha256 psk modp2048 3600s (+3)", "esp 0xc2c4be60 aes-cbc-256 hmac-sha1-96 transport
// 3600s".
func (sa *saPayload) text(d detail) string {
	if d.full {
		return sa.all()
	}
	var parts []string
	hidden, n := 0, 0
	for p := range sa.proposals() {
		n++
		hidden += int(p.count)
		if p.Number != sa.number() || n > 5 {
			continue
		}
		words := []string{p.Protocol.String(), spiText(p.SPI), ""}
		if p.Protocol == protocolISAKMP {
			words[0], words[1] = "", ""
		}
		if p.count > 0 {
			hidden--
			words[2] = p.first().text()
		}
		parts = append(parts, joinWords(words...))
	}
	s := strings.Join(parts, " + ")
	if hidden > 0 {
		s += fmt.Sprintf(" (+%d)", hidden)
	}
	return s
}

// all returns all proposals and transforms.
func (sa *saPayload) all() string {
	var b strings.Builder
	switch sa.DOI {
	case doiGeneric:
		b.WriteString("doi isakmp")
	case doiIPsec:
		b.WriteString("doi ipsec")
	}
	if sa.Situation != situationIdentityOnly {
		fmt.Fprintf(&b, ", situation %#x", sa.Situation)
	}
	for p := range sa.proposals() {
		fmt.Fprintf(&b, "; proposal %d %s", p.Number, p.Protocol)
		if s := spiText(p.SPI); s != "" {
			b.WriteString(" spi " + s)
		}
		for t := range p.transforms() {
			fmt.Fprintf(&b, ", transform %d %s", t.Number, t.text())
			for name, a := range t.others() {
				if v, ok := a.number(); ok {
					fmt.Fprintf(&b, " %s=%d", name, v)
				} else {
					fmt.Fprintf(&b, " %s (%d bytes)", name, len(a.Value))
				}
			}
		}
	}
	return b.String()
}

// spiText prints an SPI of any length: "0xc2c4be60".
func spiText(spi []byte) string {
	if len(spi) == 0 {
		return ""
	}
	return "0x" + shortHex(spi)
}

// text returns the algorithms and the lifetime of a transform.
func (t transform) text() string { return t.textOf(t.named()) }

func (t transform) textOf(f TransformFields) string {
	group, esn, pfs := f.Group, "", ""
	if t.Protocol != protocolISAKMP && group != "" {
		group, pfs = "", "pfs "+group
	}
	if f.ESN {
		esn = "esn"
	}
	return joinWords(f.Cipher, f.Hash, f.Auth, f.Compression, group, f.Mode, lifeText(f.LifeSeconds, f.LifeKilobytes),
		esn, pfs)
}

// others yields the attributes that transform.text does not show, by name.
func (t transform) others() iter.Seq2[string, attribute] {
	names := phase2Attributes
	if t.Protocol == protocolISAKMP {
		names = phase1Attributes
	}
	return func(yield func(string, attribute) bool) {
		shown := terms{Protocol: t.Protocol}
		for a := range t.Attributes.all() {
			if !shown.set(a.Type, 0) && !yield(nameOf(names, "attribute", a.Type), a) {
				return
			}
		}
	}
}

// lifeText prints a lifetime: "3600s", "3600s 250000kB", "".
func lifeText(seconds, kilobytes uint64) string {
	var s, k string
	if seconds != 0 {
		s = strconv.FormatUint(seconds, 10) + "s"
	}
	if kilobytes != 0 {
		k = strconv.FormatUint(kilobytes, 10) + "kB"
	}
	return joinWords(s, k)
}

func (id *identification) text(d detail) string {
	switch {
	case d.full:
		s := id.Type.String() + " " + strings.TrimPrefix(id.String(), id.Type.String()+" ")
		if sel := id.selector(); sel != "" {
			s += ", " + sel
		}
		return s
	case d.phase1:
		return id.String()
	}
	return joinWords(id.selector(), id.String())
}

func (n *notification) text(d detail) string {
	if !d.full {
		return n.brief()
	}
	s := fmt.Sprintf("%s (%d), %s", n.brief(), uint16(n.Type), n.Protocol)
	if len(n.SPI) > 0 {
		s += ", spi " + spiText(n.SPI)
	}
	if len(n.Data) > 0 {
		s += fmt.Sprintf(", %d bytes of data", len(n.Data))
	}
	return s
}

func (n *notification) brief() string {
	s := n.Type.String()
	switch n.Type {
	case notifyRUThere, notifyRUThereAck:
		if seq, ok := n.sequence(); ok {
			s += " seq " + strconv.FormatUint(uint64(seq), 10)
		}
		return s // its SPI is both cookies
	case notifyResponderLifetime:
		life := malformed
		if seconds, kilobytes, err := n.lifetime(); err == nil {
			life = lifeText(seconds, kilobytes)
		}
		s = joinWords(s, life)
	case notifyReplayStatus:
		if on, ok := n.replay(); ok && on {
			s += " on"
		} else if ok {
			s += " off"
		}
	}
	if n.Protocol != protocolISAKMP && len(n.SPI) == 4 {
		s += " " + n.Protocol.String() + " " + spiText(n.SPI)
	}
	return s
}

// lifetime returns the lifetime in the data of RESPONDER-LIFETIME.
func (n *notification) lifetime() (seconds, kilobytes uint64, err error) {
	list, err := parseAttributes(n.Data)
	if err != nil {
		return 0, 0, err
	}
	t := transform{Protocol: n.Protocol, Attributes: list}
	p := t.terms()
	if n.Protocol == protocolISAKMP && p.LifeSeconds == 0 && p.LifeKilobytes == 0 {
		t.Protocol = protocolESP // as some senders number them
		p = t.terms()
	}
	return p.LifeSeconds, p.LifeKilobytes, nil
}

func (x *deletePayload) text(d detail) string {
	s := x.Protocol.String()
	switch {
	case d.full:
		s += ", spi"
	case x.Protocol == protocolISAKMP:
		return s // the SPI is both cookies
	}
	i := 0
	for spi := range x.spis() {
		if i == maxDescribed && !d.full {
			return s + fmt.Sprintf(" and %d more", x.count-i)
		}
		s += " " + spiText(spi)
		i++
	}
	return s
}

func (c *configPayload) text(d detail) string {
	s, sep := c.Type.String(), " "
	if d.full {
		s, sep = fmt.Sprintf("%s, id %d", c.Type, c.ID), ", "
	}
	for i := range c.Attributes {
		if i == maxDescribed && !d.full {
			return s + fmt.Sprintf(" and %d more", len(c.Attributes)-i)
		}
		s += sep + c.Type.attributeText(&c.Attributes[i])
	}
	return s
}

func (f *Fragment) text(detail) string {
	last := ""
	if f.Last {
		last = " last"
	}
	return fmt.Sprintf("id %d number %d%s, %d bytes", f.ID, f.Number, last, len(f.Data))
}
