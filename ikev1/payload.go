package ikev1

import (
	"encoding/binary"
	"fmt"
)

// PayloadType is the number of an ISAKMP payload (RFC 2408 section 3.1, the
// IANA registry "IPsec-related: next payload types", and the NAT-T drafts).
type PayloadType uint8

// The payload types of ISAKMP and of its extensions.
const (
	PayloadNone        PayloadType = 0
	PayloadSA          PayloadType = 1
	PayloadProposal    PayloadType = 2 // only within an SA payload
	PayloadTransform   PayloadType = 3 // only within a proposal
	PayloadKE          PayloadType = 4
	PayloadID          PayloadType = 5
	PayloadCert        PayloadType = 6
	PayloadCertRequest PayloadType = 7
	PayloadHash        PayloadType = 8
	PayloadSignature   PayloadType = 9
	PayloadNonce       PayloadType = 10
	PayloadNotify      PayloadType = 11
	PayloadDelete      PayloadType = 12
	PayloadVendorID    PayloadType = 13
	PayloadConfig      PayloadType = 14 // Mode-Config and XAUTH attributes
	PayloadSAK         PayloadType = 15 // RFC 6407; NAT-D in NAT-T drafts 4 to 8
	PayloadSAT         PayloadType = 16 // RFC 6407; NAT-OA in NAT-T drafts 4 to 8
	PayloadKD          PayloadType = 17
	PayloadSEQ         PayloadType = 18
	PayloadPOP         PayloadType = 19
	PayloadNATD        PayloadType = 20 // RFC 3947
	PayloadNATOA       PayloadType = 21 // RFC 3947
	PayloadGAP         PayloadType = 22
	PayloadNATDDraft   PayloadType = 130 // NAT-T drafts 1 to 3
	PayloadNATOADraft  PayloadType = 131
	PayloadFragment    PayloadType = 132 // IKE fragmentation of Cisco and Microsoft
)

// payloadHeaderLen is the size of the generic payload header (RFC 2408
// section 3.2).
const payloadHeaderLen = 4

// Payload is one payload of a message.
type Payload struct {
	Type     PayloadType
	Next     PayloadType // type of the payload behind this one, 0 for none
	Reserved uint8       // second byte of the generic header; zero in good messages
	Offset   int         // where the generic header begins, in the bytes given to ParsePayloads
	Body     []byte      // without the 4-byte generic header; part of the bytes parsed
}

// End returns the offset behind the payload.
func (p *Payload) End() int { return p.Offset + payloadHeaderLen + len(p.Body) }

// Chain is what ParsePayloads found.
type Chain struct {
	Payloads     []Payload
	Consumed     int    // bytes that Payloads cover, generic headers included
	Rest         []byte // the bytes behind them: padding where the message was encrypted
	Complete     bool   // the chain ended with a next payload of 0, within the data
	ReservedZero bool   // the reserved byte of every generic header is zero
	TypesKnown   bool   // every type is one that may stand at this level
}

// ParsePayloads follows a chain of payloads through data, whose first payload
// is of type first. The Body of each payload is a part of data, not a copy.
//
// It fails when a payload's length is under 4 or reaches behind the data, or
// when the data ends before the chain does; the Chain then holds the payloads
// before the damage. Bytes behind the last payload are no error: see Chain.Rest.
func ParsePayloads(first PayloadType, data []byte) (Chain, error) {
	c := Chain{Rest: data, ReservedZero: true, TypesKnown: true}
	for t := first; t != PayloadNone; {
		rest := data[c.Consumed:]
		if len(rest) < payloadHeaderLen {
			return c, fmt.Errorf("ikev1: %s payload at byte %d: %d bytes left, less than a payload header: %w",
				t, c.Consumed, len(rest), ErrMalformed)
		}
		n := int(binary.BigEndian.Uint16(rest[2:]))
		if n < payloadHeaderLen || n > len(rest) {
			return c, fmt.Errorf("ikev1: %s payload at byte %d: length %d, with %d bytes left: %w",
				t, c.Consumed, n, len(rest), ErrMalformed)
		}
		p := Payload{
			Type:     t,
			Next:     PayloadType(rest[0]),
			Reserved: rest[1],
			Offset:   c.Consumed,
			Body:     rest[payloadHeaderLen:n:n],
		}
		c.Payloads = append(c.Payloads, p)
		c.Consumed += n
		c.Rest = data[c.Consumed:]
		if p.Reserved != 0 {
			c.ReservedZero = false
		}
		if !t.topLevel() {
			c.TypesKnown = false
		}
		t = p.Next
	}
	c.Complete = true
	return c, nil
}

// PaddingZero says that all bytes behind the payloads are zero, as RFC 2409
// appendix B wants them (also when there are none).
func (c *Chain) PaddingZero() bool {
	for _, b := range c.Rest {
		if b != 0 {
			return false
		}
	}
	return true
}

// maxPadding is how many bytes of padding are believed. Some senders pad more
// than the cipher's block needs.
const maxPadding = 256

// PaddingFits says that the bytes behind the payloads can be padding: none or
// zeros (RFC 2409 appendix B), or what racoon writes, random bytes of which the
// last one counts the padding, with or without itself.
func (c *Chain) PaddingFits() bool {
	n := len(c.Rest)
	if n > maxPadding {
		return false
	}
	if c.PaddingZero() {
		return true
	}
	last := int(c.Rest[n-1])
	return last == n || last == n-1
}

// Exact says that the whole of the data is a well-formed chain and padding: the
// chain ended properly with at least one payload, each type is known, reserved
// bytes are zero. Random bytes, such as a decryption with a wrong key gives,
// seldom pass: the length of the first payload alone has to lead to another
// plausible header or to the padding.
func (c *Chain) Exact() bool {
	return c.Complete && len(c.Payloads) > 0 && c.ReservedZero && c.TypesKnown && c.PaddingFits()
}

// Find returns the first payload of type t, or nil.
func (c *Chain) Find(t PayloadType) *Payload { return FindPayload(c.Payloads, t) }

// FindPayload returns the first payload of type t in a parsed chain, or nil.
func FindPayload(payloads []Payload, t PayloadType) *Payload {
	for i := range payloads {
		if payloads[i].Type == t {
			return &payloads[i]
		}
	}
	return nil
}

// topLevel says that a payload of this type may stand in a message's own chain.
func (t PayloadType) topLevel() bool {
	switch t {
	case PayloadProposal, PayloadTransform:
		return false
	}
	return t != PayloadNone && t <= PayloadGAP || t >= PayloadNATDDraft && t <= PayloadFragment
}
