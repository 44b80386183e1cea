package ikev1

import (
	"cmp"
	"iter"
	"net/netip"
	"time"

	"l2tpdump/l2tp/printable"
)

// Notice is what a Notification payload says.
type Notice struct {
	Type uint16 // RFC 2408 section 3.14.1
	Name string // "NO-PROPOSAL-CHOSEN", "notification 99"
}

// Failed says that the notification reports an error, and not a status.
func (n Notice) Failed() bool { return n.Type > 0 && n.Type < uint16(notifyConnected) }

// Asks and Answers say that it is the question or the answer of dead peer detection (RFC 3706).
func (n Notice) Asks() bool    { return n.Type == uint16(notifyRUThere) }
func (n Notice) Answers() bool { return n.Type == uint16(notifyRUThereAck) }

// bodies yields the bodies of the payloads of a type that could be read, in their order.
func bodies[T any](m *Message, t PayloadType, parse func([]byte) (T, error)) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range m.Payloads {
			if p := &m.Payloads[i]; p.Type == t {
				if b, err := parse(p.Body); err == nil && !yield(b) {
					return
				}
			}
		}
	}
}

// collect returns what say, where it is ok, says of the bodies of the payloads of a type that could
// be read.
func collect[T, X any](m *Message, t PayloadType, parse func([]byte) (T, error), say func(T) (x X, ok bool)) (list []X) {
	for b := range bodies(m, t, parse) {
		x, ok := say(b)
		if !ok {
			continue
		}
		if list == nil {
			n := 0
			for i := range m.Payloads {
				if m.Payloads[i].Type == t {
					n++
				}
			}
			list = make([]X, 0, n)
		}
		list = append(list, x)
	}
	return list
}

// Notices returns the notifications of a message that could be read.
func (m *Message) Notices() []Notice {
	return collect(m, PayloadNotify, parseNotification, func(n notification) (Notice, bool) {
		return Notice{Type: uint16(n.Type), Name: n.Type.String()}, true
	})
}

// DeletesISAKMP says that a Delete payload of the message names the ISAKMP SA.
func (m *Message) DeletesISAKMP() bool { return m.deletes(protocolISAKMP) }

// DeletesESP says that a Delete payload of the message names an ESP SA.
func (m *Message) DeletesESP() bool { return m.deletes(protocolESP) }

func (m *Message) deletes(protocol protocolID) bool {
	for d := range bodies(m, PayloadDelete, parseDelete) {
		if d.Protocol == protocol {
			return true
		}
	}
	return false
}

// Identity is what an ID payload says: a peer in phase 1, the traffic of one side in Quick Mode.
type Identity struct {
	Text     string         // fit for a terminal: "10.0.0.2", "vpn.example.com"
	Value    printable.Text // the same as it came
	Addr     netip.Addr     // of an address
	Protocol uint8          // IP protocol, 0 any
	Port     uint16         // 0 any
}

// Identities returns the identities of a message that could be read, in their order.
func (m *Message) Identities() []Identity {
	return collect(m, PayloadID, parseID, func(id identification) (Identity, bool) {
		text := id.String()
		value := cmp.Or(id.name(), printable.Text(text))
		return Identity{Text: text, Value: value, Addr: id.addr(), Protocol: id.Protocol, Port: id.Port}, true
	})
}

// Offer is a transform of an SA payload, without its Attributes.
type Offer struct {
	TransformFields
	Text     string // "aes-cbc-256 sha256 psk modp2048 3600s"; of phase 2 "aes-cbc-128 hmac-sha1-96 transport 3600s"
	LifeZero bool   // of phase 1: a life of 0 seconds is named
}

// maxOffers bounds the transforms of one SA payload that [Message.Offers] returns.
const maxOffers = 64

// Offers returns the transforms of a message's SA payload that could be read: offered, or chosen.
func (m *Message) Offers() []Offer {
	p := m.Find(PayloadSA)
	if p == nil {
		return nil
	}
	sa, err := parseSA(p.Body)
	if err != nil {
		return nil
	}
	n := 0
	for p := range sa.proposals() {
		n += int(p.count)
	}
	list := make([]Offer, 0, min(n, maxOffers))
	for p := range sa.proposals() {
		for t := range p.transforms() {
			if len(list) == maxOffers {
				return list
			}
			list = append(list, t.offer())
		}
	}
	return list
}

func (t transform) offer() Offer {
	f := t.named()
	o := Offer{TransformFields: f, Text: t.textOf(f)}
	for kind, n := range t.numbers() {
		if t.Protocol == protocolISAKMP && kind == phase1LifeDuration {
			o.LifeZero = n == 0
		}
	}
	return o
}

// Vendors returns the names of the vendor IDs of a message that are known.
func (m *Message) Vendors() []string {
	known := func(b []byte) (string, error) { return vendorName(b), nil }
	return collect(m, PayloadVendorID, known, func(name string) (string, bool) { return name, name != "" })
}

// CertificateInfo is what a certificate says that a message holds.
type CertificateInfo struct {
	Subject             string // in quotes, fit for a terminal
	NotBefore, NotAfter time.Time
}

// Certificates returns what the X.509 certificates of a message say that could be read.
func (m *Message) Certificates() []CertificateInfo {
	return collect(m, PayloadCert, parseCertificate, func(c certificate) (x CertificateInfo, ok bool) {
		cert := c.x509()
		if cert == nil {
			return x, false
		}
		return CertificateInfo{shownName(distinguishedName(cert.RawSubject)), cert.NotBefore.UTC(), cert.NotAfter.UTC()}, true
	})
}

// Setting is an attribute of Mode-Config or XAUTH. What is secret has no value.
type Setting struct {
	Kind  string // "REQUEST", "REPLY", "SET", "ACK"
	Name  string
	Value string // fit for a terminal
	Text  []byte // part of the message, where the value is a text
}

// Settings returns the attributes of Mode-Config and XAUTH of a message that could be read.
func (m *Message) Settings() (list []Setting) {
	for c := range bodies(m, PayloadConfig, parseConfig) {
		for i := range c.Attributes {
			a := &c.Attributes[i]
			list = append(list, Setting{c.Type.String(), configAttributeName(a.Type), c.Type.value(a), c.Type.text(a)})
		}
	}
	return list
}

// AuthName and GroupName are "psk", "modp2048"; "" while they are not known.
func (sa *SA) AuthName() string  { return knownName(authMethods, "method", sa.AuthMethod) }
func (sa *SA) GroupName() string { return knownName(groupNames, "group", sa.Group) }
