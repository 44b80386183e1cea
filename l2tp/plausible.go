package l2tp

import (
	"encoding/binary"
	"net/netip"

	"l2tpdump/l2tp/ppp"
)

// Plausible reports whether the payload of a UDP packet is an L2TP message beyond doubt: h, which
// was decoded from data, is plausible in all fields, its length is that of the payload, length
// bytes on the wire, and the right thing follows. Of other protocols and of random data hardly any
// payload passes.
func Plausible(h *Header, data []byte, length int) bool {
	cut := length > len(data)
	payload := data[h.PayloadStart:h.PayloadEnd]
	switch {
	case !Possible(h, data):
		return false
	case h.Version == versionL2F:
		return int(h.Length) == length && data[2] >= 1 && data[2] <= 3 // RFC 2341 section 4.2.3
	case h.Control && h.HasLength && h.HasSequence:
		kind, _ := messageType(payload)
		return int(h.Length) == length && (kind != 0 || len(payload) == 0 && length == h.PayloadStart)
	case h.Control:
		return !cut && len(payload) > 0 && wholeAVPs(payload)
	case h.HasLength && int(h.Length) != length:
		return false
	case h.Version == Version3:
		_, ok := guessLayout(payload)
		return ok
	}
	return h.Tunnel != 0 && h.Session != 0 && PlausiblePPP(payload, cut)
}

// Possible reports whether the header is one that L2TP allows: the bits that are reserved are zero
// (RFC 2661 section 3.1, RFC 3931 section 4.1.2, RFC 2341 section 4.2).
func Possible(h *Header, data []byte) bool {
	const reserved2, reserved3, reservedL2F = 0x34f0, 0x37f0, 0x0ff0
	flags := binary.BigEndian.Uint16(data)
	switch h.Version {
	case Version2:
		return flags&reserved2 == 0
	case Version3:
		if h.Control {
			return flags&reserved3 == 0 && h.HasLength && h.HasSequence
		}
		return binary.BigEndian.Uint32(data) == Version3<<16 && h.Session != 0
	}
	return flags&reservedL2F == 0
}

// Mended decodes data that has a version which does not exist as a message of L2TPv2; ok is false
// if it has another version, or would be none.
func Mended(data []byte) (h Header, ok bool) {
	if h.Decode(data) != errVersion {
		return h, false
	}
	h.Version = Version2
	ok = h.decode2(binary.BigEndian.Uint16(data), data) == nil && Possible(&h, data)
	return h, ok
}

// Damaged reports whether data, from src to dst, has a version that does not exist, and would with
// that of L2TPv2 be a message of a tunnel that is known, a data message also of its session.
func (t *Tracker) Damaged(src, dst netip.AddrPort, data []byte) bool {
	h, ok := Mended(data)
	switch {
	case !ok:
		return false
	case h.Control:
		return h.HasLength && h.HasSequence && int(h.Length) == len(data) && t.Knows(src, dst, h)
	}
	return t.Find(src, dst, &h, data).Session != nil
}

// wholeAVPs reports whether a payload is AVPs from a Message Type to the end.
func wholeAVPs(payload []byte) bool {
	if kind, _ := messageType(payload); kind == 0 {
		return false
	}
	for _, err := range walkAVPs(payload) {
		if err != nil {
			return false
		}
	}
	return true
}

// PlausiblePPP reports whether data is a PPP frame beyond doubt; cut, that its end was not
// captured.
func PlausiblePPP(data []byte, cut bool) bool {
	var f ppp.Frame
	if f.Decode(data) != nil {
		return false
	}
	payload := data[f.PayloadStart:]
	switch {
	case f.Protocol == ppp.ProtocolIP || f.Protocol == ppp.ProtocolIPv6:
		return wholeIP(payload) || cut && len(payload) > 0 &&
			payload[0]>>4 == map[uint16]byte{ppp.ProtocolIP: 4, ppp.ProtocolIPv6: 6}[f.Protocol]
	case ppp.IsControl(f.Protocol):
		var c ppp.Control
		err := c.Decode(f.Protocol, payload)
		return c.Code <= maxPPPCode && (err == nil || cut && err == ppp.ErrTruncated)
	}
	return f.AddressControl || !f.Compressed && packed(f.Protocol)
}

// packed reports whether frames of a protocol of PPP hold others: VJ, Multilink, compression.
func packed(protocol uint16) bool {
	switch protocol {
	case 0x2d, 0x2f, 0x3d, 0xfb, 0xfd:
		return true
	}
	return false
}

// Possibly reports whether a data message, that Possible allows and that had length bytes on the
// wire, can be one, too, if little but its ports speaks for it: of L2TPv3 what follows is known by
// both ends only, and in PPP frames with their protocol in one byte that is not much.
func Possibly(h *Header, data []byte, length int) bool {
	const stun = 0x2112a442 // the magic cookie (RFC 8489 section 5), where L2TPv3 has its session
	switch {
	case h.Control || h.HasLength && int(h.Length) != length:
		return false
	case h.Version == Version3:
		return h.Session != stun
	}
	var f ppp.Frame
	frame := data[h.PayloadStart:h.PayloadEnd]
	if h.Version != Version2 || h.Tunnel == 0 || h.Session == 0 || f.Decode(frame) != nil || f.PayloadStart == len(frame) {
		return false
	}
	const ip4, ip4Mask, noChange, reserved = 0x40, 0xf0, 0x80, 0x30
	switch first := frame[f.PayloadStart]; f.Protocol {
	case 0x2d: // RFC 1144 section 3.2.2: a bit of the change mask is zero
		return first&noChange == 0
	case 0x2f: // an IP header
		return first&ip4Mask == ip4
	case 0x3d: // RFC 1990 section 3
		return first&reserved == 0
	}
	return packed(f.Protocol)
}

const maxPPPCode = 15 // Reset-Ack, of those in use
