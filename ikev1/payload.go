package ikev1

import "encoding/binary"

// PayloadType is the number of an ISAKMP payload (RFC 2408 section 3.1, the IANA registry
// "IPsec-related: next payload types", and the NAT-T drafts).
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
	PayloadNATD        PayloadType = 20 // RFC 3947
	PayloadNATOA       PayloadType = 21 // RFC 3947
	PayloadGAP         PayloadType = 22
	PayloadNATDDraft   PayloadType = 130 // NAT-T drafts 1 to 3
	PayloadNATOADraft  PayloadType = 131
	PayloadFragment    PayloadType = 132 // IKE fragmentation of Cisco and Microsoft
)

// payloadHeaderLen is the size of the generic payload header (RFC 2408 section 3.2).
const payloadHeaderLen = 4

// Payload is one payload of a message.
type Payload struct {
	Type     PayloadType
	Next     PayloadType // type of the payload behind this one, 0 for none
	Reserved uint8       // second byte of the generic header; zero in good messages
	Damaged  bool        // its length is impossible: Body is all that is left
	Offset   int32       // where the generic header begins, from the end of the message's header
	Body     []byte      // without the 4-byte generic header; part of the message
}

// end returns the offset behind the payload.
func (p *Payload) end() int { return p.bodyAt() + len(p.Body) }

// bodyAt returns the offset of its body.
func (p *Payload) bodyAt() int { return int(p.Offset) + payloadHeaderLen }

// maxPayloads bounds the payloads of a message: a peer sends some twenty.
const maxPayloads = 256

// parsePayloads follows a chain of payloads through data, whose first payload is of type first. The
// Body of each payload is a part of data, not a copy.
//
// It fails when a payload's length is under 4 or reaches behind the data, when the data ends before
// the chain does, or when there are too many; it then returns the payloads before. Bytes behind the
// last payload are no error: they are padding where the message was encrypted.
func parsePayloads(first PayloadType, data []byte) ([]Payload, error) {
	var usual [8]Payload
	list, err := appendPayloads(usual[:0], first, data)
	return append([]Payload(nil), list...), err
}

func appendPayloads(list []Payload, first PayloadType, data []byte) ([]Payload, error) {
	off := 0
	for t := first; t != PayloadNone; {
		rest := data[off:]
		if len(list) == maxPayloads {
			return list, malformedf("more than %d payloads", maxPayloads)
		}
		if len(rest) < payloadHeaderLen {
			return list, malformedf("%s payload at byte %d: %d bytes left, less than a payload header",
				t, off, len(rest))
		}
		n := int(binary.BigEndian.Uint16(rest[2:]))
		if n < payloadHeaderLen || n > len(rest) {
			return list, malformedf("%s payload at byte %d: length %d, with %d bytes left", t, off, n, len(rest))
		}
		p := Payload{
			Type:     t,
			Next:     PayloadType(rest[0]),
			Reserved: rest[1],
			Offset:   int32(off),
			Body:     rest[payloadHeaderLen:n:n],
		}
		list = append(list, p)
		off += n
		t = p.Next
	}
	return list, nil
}

// maxPadding is how many bytes of padding are believed: some senders add more than they need to.
const maxPadding = 256

// Find returns the first payload of a type in the message, or nil.
func (m *Message) Find(t PayloadType) *Payload {
	for i := range m.Payloads {
		if m.Payloads[i].Type == t {
			return &m.Payloads[i]
		}
	}
	return nil
}

// topLevel says that a payload of this type may stand in a message's own chain.
func (t PayloadType) topLevel() bool {
	switch t {
	case PayloadNone, PayloadProposal, PayloadTransform:
		return false
	}
	return t <= PayloadGAP || t >= PayloadNATDDraft && t <= PayloadFragment
}
