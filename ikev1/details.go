package ikev1

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Details returns one line for each payload with everything in it that may be
// shown: of nonces, key exchange values, hashes, signatures and passwords only
// the length. It is nil for IKEv2 and for what could not be decrypted.
func (m *Message) Details() []string {
	if m.Header.IsV2() {
		return nil
	}
	lines := make([]string, 0, len(m.Payloads))
	for i := range m.Payloads {
		lines = append(lines, m.Payloads[i].Detail())
	}
	return lines
}

// Detail returns the payload on one line with everything in it that may be
// shown; see Message.Details.
func (p *Payload) Detail() string {
	s := p.Name() + ": " + p.detail()
	if p.Reserved != 0 {
		s += fmt.Sprintf(", reserved byte %#02x", p.Reserved)
	}
	return s
}

func (p *Payload) detail() string {
	size := strconv.Itoa(len(p.Body)) + " bytes"
	if err := p.Check(); err != nil {
		return size + " " + malformed
	}
	switch {
	case p.IsNATD():
		return size
	case p.IsNATOA():
		addr, _ := ParseNATOA(p.Body)
		return addr.String()
	}
	switch p.Type {
	case PayloadSA:
		sa, _ := ParseSA(p.Body)
		return sa.detail()
	case PayloadID:
		id, _ := ParseID(p.Body)
		s := id.Type.String() + " " + strings.TrimPrefix(id.String(), id.Type.String()+" ")
		if sel := id.Selector(); sel != "" {
			s += ", " + sel
		}
		return s
	case PayloadCert:
		c, _ := ParseCertificate(p.Body)
		return c.details()
	case PayloadCertRequest:
		c, _ := ParseCertificate(p.Body)
		if name, ok := c.Authority(); ok {
			return c.Encoding.String() + ", authority " + name
		}
		if len(c.Data) == 0 {
			return c.Encoding.String() + ", any authority"
		}
		return fmt.Sprintf("%s, %d bytes", c.Encoding, len(c.Data))
	case PayloadNotify:
		n, _ := ParseNotification(p.Body)
		return n.detail()
	case PayloadDelete:
		d, _ := ParseDelete(p.Body)
		return d.detail()
	case PayloadVendorID:
		s := shortHex(p.Body)
		if name := VendorName(p.Body); name != "" {
			s = name + ", " + s
		}
		return s
	case PayloadConfig:
		c, _ := ParseConfig(p.Body)
		return c.detail()
	case PayloadFragment:
		f, _ := ParseFragment(p.Body)
		return f.describe()
	}
	return size
}

// detail returns all proposals and transforms.
func (sa *SAPayload) detail() string {
	var b strings.Builder
	switch sa.DOI {
	case DOIGeneric:
		b.WriteString("doi isakmp")
	case DOIIPsec:
		b.WriteString("doi ipsec")
	}
	if sa.Situation != SituationIdentityOnly {
		fmt.Fprintf(&b, ", situation %#x", sa.Situation)
	}
	for i := range sa.Proposals {
		p := &sa.Proposals[i]
		fmt.Fprintf(&b, "; proposal %d %s", p.Number, p.Protocol)
		if s := spiText(p.SPI); s != "" {
			b.WriteString(" spi " + s)
		}
		for j := range p.Transforms {
			t := &p.Transforms[j]
			fmt.Fprintf(&b, ", transform %d %s", t.Number, t.describe())
			t.otherAttributes(&b)
		}
	}
	return b.String()
}

// Attributes that Transform.describe shows.
var (
	phase1Shown = []uint16{phase1Encryption, phase1Hash, phase1AuthMethod, phase1Group, phase1LifeType, phase1LifeDuration, phase1KeyLength}
	phase2Shown = []uint16{phase2LifeType, phase2LifeDuration, phase2Group, phase2Mode, phase2Auth, phase2KeyLength, phase2ESN}
)

// otherAttributes writes the attributes that Transform.describe does not show.
func (t *Transform) otherAttributes(b *strings.Builder) {
	names, shown := phase2Attributes, phase2Shown
	if t.Protocol == ProtocolISAKMP {
		names, shown = phase1Attributes, phase1Shown
	}
	for i := range t.Attributes {
		a := &t.Attributes[i]
		if slices.Contains(shown, a.Type) {
			continue
		}
		name, ok := names[a.Type]
		if !ok {
			name = numbered("attribute", a.Type)
		}
		if v, ok := a.Uint(); ok {
			fmt.Fprintf(b, " %s=%d", name, v)
		} else {
			fmt.Fprintf(b, " %s (%d bytes)", name, len(a.Value))
		}
	}
}

func (n *Notification) detail() string {
	s := fmt.Sprintf("%s (%d), %s", n.describe(), uint16(n.Type), n.Protocol)
	if len(n.SPI) > 0 {
		s += ", spi " + spiText(n.SPI)
	}
	if len(n.Data) > 0 {
		s += fmt.Sprintf(", %d bytes of data", len(n.Data))
	}
	return s
}

func (d *Delete) detail() string {
	var b strings.Builder
	b.WriteString(d.Protocol.String() + ", spi")
	for _, spi := range d.SPIs {
		b.WriteString(" " + spiText(spi))
	}
	return b.String()
}

func (c *Config) detail() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, id %d", c.Type, c.ID)
	for i := range c.Attributes {
		b.WriteString(", " + c.Type.attributeText(&c.Attributes[i]))
	}
	return b.String()
}
