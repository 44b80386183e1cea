package ikev1

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// maxDescribed is how many payloads Describe lists.
const maxDescribed = 40

// ExchangeName returns the name of the message's exchange: "main", "quick",
// "informational"; for IKEv2 "IKE_SA_INIT".
func (m *Message) ExchangeName() string { return m.Header.ExchangeName() }

// PayloadNames returns the short names of the payloads, as in "ID", "HASH": nil
// when they could not be read.
func (m *Message) PayloadNames() []string {
	if len(m.Payloads) == 0 {
		return nil
	}
	names := make([]string, len(m.Payloads))
	for i := range m.Payloads {
		names[i] = m.Payloads[i].Name()
	}
	return names
}

// Describe returns the payloads of the message with what matters of them, on one
// line: "ID 10.0.0.2, HASH". It never shows nonces, key exchange values, hashes,
// signatures or passwords.
func (m *Message) Describe() string {
	switch {
	case m.Header.IsV2():
		s := "request "
		if m.Header.Flags&flagV2Response != 0 {
			s = "response "
		}
		return s + strconv.FormatUint(uint64(m.Header.MessageID), 10)
	case m.Fragment != nil:
		return "FRAG " + m.Fragment.describe()
	case m.Encrypted && !m.Decrypted && (!m.Head() || len(m.Payloads) == 0):
		return fmt.Sprintf("encrypted, %d bytes", max(0, int64(m.Header.Length)-HeaderLen))
	}
	return DescribePayloads(m.Payloads, m.Header.Phase1())
}

// flagV2Response marks a response of IKEv2 (RFC 7296 section 3.1).
const flagV2Response = 0x20

// DescribePayloads returns payloads with what matters of them, on one line. An
// ID of phase 1 is printed without its protocol and port.
func DescribePayloads(payloads []Payload, phase1 bool) string {
	var parts []string
	for i := range payloads {
		if i == maxDescribed {
			parts = append(parts, fmt.Sprintf("and %d more", len(payloads)-i))
			break
		}
		parts = append(parts, payloads[i].describe(phase1))
	}
	return strings.Join(parts, ", ")
}

// Name returns the short name of the payload: that of its type, but "NAT-D" and
// "NAT-OA" also under the numbers of the drafts.
func (p *Payload) Name() string {
	switch {
	case p.IsNATD():
		return "NAT-D"
	case p.IsNATOA():
		return "NAT-OA"
	}
	return p.Type.String()
}

// describe returns the payload in a few words.
func (p *Payload) describe(phase1 bool) string {
	name := p.Name()
	if s := p.summary(phase1); s != "" {
		return name + " " + s
	}
	return name
}

// malformed is printed in the place of what a damaged payload says.
const malformed = "[malformed]"

// summary returns what matters of a payload, "" for one that is named only.
func (p *Payload) summary(phase1 bool) string {
	switch {
	case p.IsNATD():
		return ""
	case p.IsNATOA():
		addr, err := ParseNATOA(p.Body)
		if err != nil {
			return malformed
		}
		return addr.String()
	}
	switch p.Type {
	case PayloadSA:
		sa, err := ParseSA(p.Body)
		if err != nil {
			return malformed
		}
		return sa.describe()
	case PayloadID:
		id, err := ParseID(p.Body)
		if err != nil {
			return malformed
		}
		return id.describe(phase1)
	case PayloadCert:
		c, err := ParseCertificate(p.Body)
		if err != nil {
			return malformed
		}
		return joinWords(c.Encoding.String(), first(c.Subject()))
	case PayloadCertRequest:
		c, err := ParseCertificate(p.Body)
		if err != nil {
			return malformed
		}
		return joinWords(c.Encoding.String(), first(c.Authority()))
	case PayloadNotify:
		n, err := ParseNotification(p.Body)
		if err != nil {
			return malformed
		}
		return n.describe()
	case PayloadDelete:
		d, err := ParseDelete(p.Body)
		if err != nil {
			return malformed
		}
		return d.describe()
	case PayloadVendorID:
		if s := VendorName(p.Body); s != "" {
			return s
		}
		if len(p.Body) > 4 {
			return shortHex(p.Body[:4]) + "..."
		}
		return shortHex(p.Body)
	case PayloadConfig:
		c, err := ParseConfig(p.Body)
		if err != nil {
			return malformed
		}
		return c.describe()
	case PayloadFragment:
		f, err := ParseFragment(p.Body)
		if err != nil {
			return malformed
		}
		return f.describe()
	}
	return ""
}

// first drops the second result of a call.
func first(s string, _ bool) string { return s }

// joinWords joins what is not empty with blanks.
func joinWords(words ...string) string {
	var b strings.Builder
	for _, w := range words {
		if w == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// describe returns the first proposal and how many transforms stand beside it:
// "aes-cbc-256 sha256 psk modp2048 3600s (+3)",
// "esp 0xc2c4be60 aes-cbc-256 hmac-sha1-96 transport 3600s".
func (sa *SAPayload) describe() string {
	if len(sa.Proposals) == 0 {
		return ""
	}
	var parts []string
	shown, all := 0, 0
	for i := range sa.Proposals {
		p := &sa.Proposals[i]
		all += len(p.Transforms)
		if p.Number != sa.Proposals[0].Number || i > 4 {
			continue
		}
		if len(p.Transforms) > 0 {
			shown++
			parts = append(parts, joinWords(p.prefix(), p.Transforms[0].describe()))
		} else {
			parts = append(parts, p.prefix())
		}
	}
	s := strings.Join(parts, " + ")
	if all > shown {
		s += fmt.Sprintf(" (+%d)", all-shown)
	}
	return s
}

// prefix names the protocol and SPI of a proposal for phase 2.
func (p *Proposal) prefix() string {
	if p.Protocol == ProtocolISAKMP {
		return ""
	}
	return joinWords(p.Protocol.String(), spiText(p.SPI))
}

// spiText prints an SPI of any length: "0xc2c4be60".
func spiText(spi []byte) string {
	if len(spi) == 0 {
		return ""
	}
	return "0x" + shortHex(spi)
}

// describe returns the algorithms and the lifetime of a transform.
func (t *Transform) describe() string {
	if t.Protocol == ProtocolISAKMP {
		p := t.Phase1()
		return joinWords(p.CipherName(), p.HashName(), p.AuthMethodName(), p.GroupName(), lifeText(p.LifeSeconds, p.LifeKilobytes))
	}
	p := t.Phase2()
	words := []string{p.AlgorithmNames(), p.ModeName(), lifeText(p.LifeSeconds, p.LifeKilobytes)}
	if p.ESN {
		words = append(words, "esn")
	}
	if p.Group != 0 {
		words = append(words, "pfs "+GroupName(p.Group))
	}
	return joinWords(words...)
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

// describe returns the identity. In phase 1 protocol and port are 0 or those of
// IKE, and say nothing.
func (id *Identification) describe(phase1 bool) string {
	if phase1 {
		return id.String()
	}
	return joinWords(id.Selector(), id.String())
}

func (n *Notification) describe() string {
	s := n.Type.String()
	switch n.Type {
	case NotifyRUThere, NotifyRUThereAck:
		if seq, ok := n.Sequence(); ok {
			s += " seq " + strconv.FormatUint(uint64(seq), 10)
		}
		return s // its SPI is both cookies
	case NotifyResponderLifetime:
		s = joinWords(s, n.lifetime())
	case NotifyReplayStatus:
		if len(n.Data) == 4 {
			switch binary.BigEndian.Uint32(n.Data) {
			case 0:
				s += " off"
			case 1:
				s += " on"
			}
		}
	}
	if n.Protocol != ProtocolISAKMP && len(n.SPI) == 4 {
		s += " " + n.Protocol.String() + " " + spiText(n.SPI)
	}
	return s
}

// lifetime returns the lifetime in the data of RESPONDER-LIFETIME, whose
// attributes are those of the protocol's transforms.
func (n *Notification) lifetime() string {
	list, err := ParseAttributes(n.Data)
	if err != nil {
		return malformed
	}
	t := Transform{Protocol: n.Protocol, Attributes: list}
	if n.Protocol == ProtocolISAKMP {
		if p := t.Phase1(); p.LifeSeconds != 0 || p.LifeKilobytes != 0 {
			return lifeText(p.LifeSeconds, p.LifeKilobytes)
		}
	}
	p := t.Phase2()
	return lifeText(p.LifeSeconds, p.LifeKilobytes)
}

func (d *Delete) describe() string {
	s := d.Protocol.String()
	if d.Protocol == ProtocolISAKMP {
		return s // the SPI is both cookies
	}
	for i, spi := range d.SPIs {
		if i == maxDescribed {
			return s + fmt.Sprintf(" and %d more", len(d.SPIs)-i)
		}
		s += " " + spiText(spi)
	}
	return s
}

func (c *Config) describe() string {
	words := []string{c.Type.String()}
	for i := range c.Attributes {
		if i == maxDescribed {
			words = append(words, fmt.Sprintf("and %d more", len(c.Attributes)-i))
			break
		}
		words = append(words, c.Type.attributeText(&c.Attributes[i]))
	}
	return strings.Join(words, " ")
}

func (f *Fragment) describe() string {
	last := ""
	if f.Last {
		last = " last"
	}
	return fmt.Sprintf("id %d number %d%s, %d bytes", f.ID, f.Number, last, len(f.Data))
}
