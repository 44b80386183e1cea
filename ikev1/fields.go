package ikev1

import (
	"encoding/binary"
	"time"

	"l2tpdump/l2tp/printable"
)

// Fields is what a payload says, for programs: what [Message.Describe] and [Message.Details] print,
// value by value. What does not apply is nil or zero, and absent in JSON. Of nonces, key exchange
// values, hashes, signatures and passwords there is no more than the length.
type Fields struct {
	Payload   string `json:"payload"`             // short name, as PayloadNames has it
	Length    int    `json:"length"`              // of the body in bytes
	Malformed bool   `json:"malformed,omitempty"` // the rest is what stood before the damage

	Proposals    []ProposalFields    `json:"proposals,omitempty"`
	ID           *IDFields           `json:"id,omitempty"`
	Notification *NotificationFields `json:"notification,omitempty"`
	Delete       *DeleteFields       `json:"delete,omitempty"`
	Config       *ConfigFields       `json:"config,omitempty"`
	Certificate  *CertificateFields  `json:"certificate,omitempty"` // of a request: Authority
	Vendor       *VendorFields       `json:"vendor,omitempty"`
	Fragment     *FragmentFields     `json:"fragment,omitempty"`
	Address      string              `json:"address,omitempty"` // NAT-OA
}

// ProposalFields is a proposal of an SA payload. Those of the same number are wanted at once.
type ProposalFields struct {
	Number     uint8             `json:"number"`
	Protocol   string            `json:"protocol"` // "isakmp", "esp"
	SPI        string            `json:"spi,omitempty"`
	Transforms []TransformFields `json:"transforms,omitempty"`
}

// TransformFields is a transform of a proposal: what is offered, or chosen.
type TransformFields struct {
	Number        uint8  `json:"number"`
	Cipher        string `json:"cipher,omitempty"` // "aes-cbc-256"
	Hash          string `json:"hash,omitempty"`   // phase 1
	Auth          string `json:"auth,omitempty"`   // phase 1: method, "psk"; phase 2: algorithm, "hmac-sha1-96"
	Compression   string `json:"compression,omitempty"`
	Group         string `json:"group,omitempty"`
	Mode          string `json:"mode,omitempty"` // "transport", "udp-tunnel"
	ESN           bool   `json:"esn,omitempty"`
	LifeSeconds   uint64 `json:"life_seconds,omitempty"`
	LifeKilobytes uint64 `json:"life_kilobytes,omitempty"`

	Attributes []AttributeFields `json:"attributes,omitempty"` // all others
}

// AttributeFields is an attribute of a transform, or of Mode-Config and XAUTH. It has a number, a
// value, or neither, where it is not known or secret.
type AttributeFields struct {
	Name   string         `json:"name"`
	Number *uint64        `json:"number,omitempty"`
	Value  printable.Text `json:"value,omitempty"`
	Length int            `json:"length"` // in bytes
}

// IDFields is an identification: a peer in phase 1, the traffic of one side in Quick Mode.
type IDFields struct {
	Type     string         `json:"type"` // "ipv4", "fqdn"
	Value    printable.Text `json:"value"`
	Protocol uint8          `json:"protocol,omitempty"` // IP protocol, 0 any
	Port     uint16         `json:"port,omitempty"`     // 0 any
}

// NotificationFields is a notification, and what the data of the known ones says.
type NotificationFields struct {
	Type          uint16  `json:"type"`
	Name          string  `json:"name"`
	Protocol      string  `json:"protocol"`
	SPI           string  `json:"spi,omitempty"`
	DataLength    int     `json:"data_length,omitempty"` // bytes
	Sequence      *uint32 `json:"seq,omitempty"`         // of dead peer detection
	Replay        *bool   `json:"replay,omitempty"`      // REPLAY-STATUS
	LifeSeconds   uint64  `json:"life_seconds,omitempty"`
	LifeKilobytes uint64  `json:"life_kilobytes,omitempty"`
}

// DeleteFields names the SAs that are deleted.
type DeleteFields struct {
	Protocol string   `json:"protocol"`
	SPIs     []string `json:"spis"`
}

// ConfigFields is an Attribute payload of Mode-Config or XAUTH.
type ConfigFields struct {
	Type       string            `json:"type"` // "REQUEST", "REPLY", "SET", "ACK"
	ID         uint16            `json:"id"`
	Attributes []AttributeFields `json:"attributes,omitempty"`
}

// CertificateFields is a certificate or a request for one. Names are as RFC 4514 writes them.
type CertificateFields struct {
	Encoding     string         `json:"encoding"` // "x509"
	Subject      printable.Text `json:"subject,omitempty"`
	Issuer       printable.Text `json:"issuer,omitempty"`
	Serial       string         `json:"serial,omitempty"`     // hexadecimal
	NotBefore    string         `json:"not_before,omitempty"` // RFC 3339
	NotAfter     string         `json:"not_after,omitempty"`
	KeyAlgorithm string         `json:"key_algorithm,omitempty"`
	Authority    printable.Text `json:"authority,omitempty"`
}

// VendorFields is a vendor ID.
type VendorFields struct {
	Name  string `json:"name,omitempty"` // "" unknown
	Bytes string `json:"bytes"`          // hexadecimal, of a long one the first 32
}

// FragmentFields is an IKE fragment.
type FragmentFields struct {
	ID     uint16 `json:"id"`
	Number uint8  `json:"number"`
	Last   bool   `json:"last"`
	Length int    `json:"length"` // bytes of the message in it
}

// Fields returns what each payload says. It is nil for IKEv2 and for what could not be decrypted.
func (m *Message) Fields() []Fields {
	if m.Header.isV2() {
		return nil
	}
	var list []Fields
	for _, p := range m.shown() {
		list = append(list, p.fields())
	}
	return list
}

func (p *Payload) fields() Fields {
	f := Fields{Payload: p.name(), Length: len(p.Body)}
	b, err := p.parse()
	f.Malformed = err != nil
	if b != nil {
		b.fields(&f)
	}
	return f
}

func (a address) fields(f *Fields) { f.Address = a.text(detail{}) }

func (sa *saPayload) fields(f *Fields) {
	for p := range sa.proposals() {
		x := ProposalFields{Number: p.Number, Protocol: p.Protocol.String(), SPI: spiText(p.SPI)}
		for t := range p.transforms() {
			x.Transforms = append(x.Transforms, t.fields())
		}
		f.Proposals = append(f.Proposals, x)
	}
}

func (t transform) fields() TransformFields {
	x := t.named()
	for name, a := range t.others() {
		y := AttributeFields{Name: name, Length: len(a.Value)}
		if v, ok := a.number(); ok {
			y.Number = &v
		}
		x.Attributes = append(x.Attributes, y)
	}
	return x
}

// named returns the fields without Attributes.
func (t transform) named() TransformFields {
	p := t.terms()
	x := TransformFields{Number: t.Number, ESN: p.ESN, LifeSeconds: p.LifeSeconds, LifeKilobytes: p.LifeKilobytes}
	x.Cipher, x.Auth, x.Compression = p.algorithms()
	x.Mode, x.Group = knownName(modes, "mode", p.Mode), knownName(groupNames, "group", p.Group)
	if t.Protocol == protocolISAKMP {
		x.Hash, x.Group = p.hashName(), groupName(p.Group)
	}
	return x
}

func (id *identification) fields(f *Fields) {
	f.ID = &IDFields{id.Type.String(), id.value(), id.Protocol, id.Port}
}

func (n *notification) fields(f *Fields) {
	x := &NotificationFields{
		Type: uint16(n.Type), Name: n.Type.String(), Protocol: n.Protocol.String(), SPI: spiText(n.SPI),
		DataLength: len(n.Data),
	}
	if seq, ok := n.sequence(); ok {
		x.Sequence = &seq
	}
	if on, ok := n.replay(); ok {
		x.Replay = &on
	}
	if n.Type == notifyResponderLifetime {
		var err error
		x.LifeSeconds, x.LifeKilobytes, err = n.lifetime()
		f.Malformed = f.Malformed || err != nil
	}
	f.Notification = x
}

func (x *deletePayload) fields(f *Fields) {
	f.Delete = &DeleteFields{Protocol: x.Protocol.String(), SPIs: []string{}}
	for spi := range x.spis() {
		f.Delete.SPIs = append(f.Delete.SPIs, spiText(spi))
	}
}

func (c *configPayload) fields(f *Fields) {
	f.Config = &ConfigFields{Type: c.Type.String(), ID: c.ID}
	for i := range c.Attributes {
		a := &c.Attributes[i]
		x := AttributeFields{Name: configAttributeName(a.Type), Length: len(a.Value)}
		if text := c.Type.text(a); text != nil {
			x.Value = printable.NewText(text)
		} else {
			x.Value = printable.Text(c.Type.value(a))
		}
		f.Config.Attributes = append(f.Config.Attributes, x)
	}
}

func (c *certificate) fields(f *Fields) {
	f.Certificate = &CertificateFields{Encoding: c.Encoding.String()}
	cert := c.x509()
	if cert == nil {
		return
	}
	x := f.Certificate
	x.Subject, x.Issuer = distinguishedName(cert.RawSubject), distinguishedName(cert.RawIssuer)
	x.Serial = cert.SerialNumber.Text(16)
	x.NotBefore, x.NotAfter = cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339)
	x.KeyAlgorithm = cert.PublicKeyAlgorithm.String()
}

func (c *certRequest) fields(f *Fields) {
	f.Certificate = &CertificateFields{Encoding: c.Encoding.String(), Authority: distinguishedName(c.Data)}
}

func (v vendorID) fields(f *Fields) { f.Vendor = &VendorFields{vendorName(v), shortHex(v)} }

func (x *Fragment) fields(f *Fields) {
	f.Fragment = &FragmentFields{x.ID, x.Number, x.Last, len(x.Data)}
}

// replay says whether a REPLAY-STATUS notification says on or off (RFC 2407 section 4.6.3.2).
func (n *notification) replay() (on, ok bool) {
	if n.Type != notifyReplayStatus || len(n.Data) != 4 {
		return false, false
	}
	v := binary.BigEndian.Uint32(n.Data)
	return v == 1, v <= 1
}
