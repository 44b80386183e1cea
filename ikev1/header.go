package ikev1

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// HeaderLen is the size of the ISAKMP header in bytes (RFC 2408 section 3.1); IKEv2's is as long.
const HeaderLen = 28

// Cookie is CKY-I or CKY-R (RFC 2408 section 2.5.3). It is no secret.
type Cookie [8]byte

// String returns the cookie as 16 hexadecimal digits.
func (c Cookie) String() string { return hex.EncodeToString(c[:]) }

// IsZero says that the cookie is that of a responder in a first message, or not known.
func (c Cookie) IsZero() bool { return c == Cookie{} }

// Flags of the ISAKMP header (RFC 2408 section 3.1).
const (
	FlagEncryption = 0x01 // all payloads after the header are encrypted
	FlagCommit     = 0x02 // the sender waits for a CONNECTED notification
	FlagAuthOnly   = 0x04 // authenticated, not encrypted
)

// Header is the ISAKMP header that begins every message (RFC 2408 section 3.1).
type Header struct {
	InitiatorCookie Cookie
	ResponderCookie Cookie
	NextPayload     PayloadType // type of the first payload, 0 for none
	MajorVersion    uint8       // 1; 2 is IKEv2
	MinorVersion    uint8
	Exchange        ExchangeType
	Flags           uint8
	MessageID       uint32 // 0 in phase 1
	Length          uint32 // header and payloads, in bytes
}

// ParseHeader reads the header at the beginning of data. It fails when data is shorter than
// HeaderLen; it judges neither the version nor the length field, so that IKEv2 and unknown versions
// can be named.
func ParseHeader(data []byte) (Header, error) {
	if len(data) < HeaderLen {
		return Header{}, malformedf("message of %d bytes is shorter than its header", len(data))
	}
	return Header{
		InitiatorCookie: Cookie(data[0:8]),
		ResponderCookie: Cookie(data[8:16]),
		NextPayload:     PayloadType(data[16]),
		MajorVersion:    data[17] >> 4,
		MinorVersion:    data[17] & 15,
		Exchange:        ExchangeType(data[18]),
		Flags:           data[19],
		MessageID:       binary.BigEndian.Uint32(data[20:]),
		Length:          binary.BigEndian.Uint32(data[24:]),
	}, nil
}

// Append appends the HeaderLen bytes of the header to dst.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, h.InitiatorCookie[:]...)
	dst = append(dst, h.ResponderCookie[:]...)
	dst = append(dst, byte(h.NextPayload), h.MajorVersion<<4|h.MinorVersion&15, byte(h.Exchange), h.Flags)
	dst = binary.BigEndian.AppendUint32(dst, h.MessageID)
	return binary.BigEndian.AppendUint32(dst, h.Length)
}

// isV1 says that the message is of ISAKMP version 1.x, the one this package reads.
func (h Header) isV1() bool { return h.MajorVersion == 1 }

// isV2 says that the message is of IKEv2, which is named and left alone.
func (h Header) isV2() bool { return h.MajorVersion == 2 }

// encrypted says that what follows the header is encrypted.
func (h Header) encrypted() bool { return h.isV1() && h.Flags&FlagEncryption != 0 }

// Phase1 says that the exchange sets up an ISAKMP SA of version 1.
func (h Header) Phase1() bool {
	switch h.Exchange {
	case ExchangeBase, ExchangeMain, ExchangeAuthOnly, ExchangeAggressive:
		return h.isV1()
	}
	return false
}

// ExchangeName returns the name of the exchange: "main", "quick", and for IKEv2 "IKE_SA_INIT".
func (h Header) ExchangeName() string {
	if h.isV2() {
		if s, ok := exchangeNamesV2[h.Exchange]; ok {
			return s
		}
		return fmt.Sprintf("exchange %d", uint8(h.Exchange))
	}
	return h.Exchange.String()
}

// VersionName returns "IKEv1", "IKEv2", or "ISAKMP 3.0" for an unknown version.
func (h Header) VersionName() string {
	switch {
	case h.isV1():
		return "IKEv1"
	case h.isV2():
		return "IKEv2"
	}
	return fmt.Sprintf("ISAKMP %d.%d", h.MajorVersion, h.MinorVersion)
}
