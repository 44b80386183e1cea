package l2tp

import (
	"cmp"
	"encoding/binary"
	"strconv"

	"l2tpdump/l2tp/ppp"
)

// Pseudowire types (RFC 4446 section 3.2) whose frames can be followed.
const (
	PseudowireVLAN     = 4 // Ethernet, each frame with a tag
	PseudowireEthernet = 5
	PseudowireHDLC     = 6 // Cisco's: address, control, EtherType
	PseudowirePPP      = 7
)

// PseudowireName is the name of a pseudowire type: "ethernet"; the number of an unknown one.
func PseudowireName(t uint16) string {
	return cmp.Or(pseudowires[t], strconv.Itoa(int(t)))
}

const (
	maxCookie    = 8
	sublayerSize = 4 // the Default L2-Specific Sublayer (RFC 3931 section 4.6)
	maskSublayer = 0x00ffffff
)

// layout says what a data message of L2TPv3 holds behind its Session ID.
type layout struct {
	pseudowire uint16
	cookie     uint8 // size in bytes
	sublayer   bool
}

// Frame is a data message of L2TPv3 taken apart.
type Frame struct {
	Pseudowire uint16 // 0: what the message holds is not known
	Cookie     []byte
	Numbered   bool   // the sublayer has a sequence number
	Number     uint32 // of 24 bits
	Data       []byte // the frame of the pseudowire
}

// split takes the payload of a data message apart; false if it is too short.
func (l layout) split(payload []byte) (f Frame, ok bool) {
	size := int(l.cookie)
	if l.sublayer {
		size += sublayerSize
	}
	if len(payload) < size {
		return f, false
	}
	f = Frame{Pseudowire: l.pseudowire, Cookie: payload[:l.cookie], Data: payload[size:]}
	if l.sublayer {
		word := binary.BigEndian.Uint32(payload[l.cookie:])
		f.Numbered, f.Number = word>>24&0x40 != 0, word&maskSublayer
	}
	return f, true
}

// guessLayout finds the layout of a data message whose session was set up out of sight: the one in
// which a frame with an IP packet, an ARP packet or a packet of PPP's control protocols follows.
func guessLayout(payload []byte) (l layout, ok bool) {
	for size := 0; size <= maxCookie+sublayerSize && size < len(payload); size += sublayerSize {
		for _, pseudowire := range [...]uint16{PseudowireEthernet, PseudowirePPP, PseudowireHDLC} {
			if !frameFits(pseudowire, payload[size:]) {
				continue
			}
			l = layout{pseudowire: pseudowire, cookie: uint8(size)}
			if size > 0 && (size > maxCookie || isSublayer(payload[size-sublayerSize:])) {
				l.sublayer = true
				l.cookie -= sublayerSize
			}
			return l, true
		}
	}
	return layout{}, false
}

// isSublayer reports whether data begins like the Default L2-Specific Sublayer: a sequence number,
// or all zero.
func isSublayer(data []byte) bool {
	word := binary.BigEndian.Uint32(data)
	return word == 0 || word>>24 == 0x40
}

// frameFits reports whether data is a frame of the pseudowire, beyond doubt.
func frameFits(pseudowire uint16, data []byte) bool {
	switch pseudowire {
	case PseudowireEthernet, PseudowireVLAN:
		kind, at := EtherType(data)
		return at > 0 && etherFits(kind, data[at:])
	case PseudowireHDLC:
		kind, at := HDLCType(data)
		return at > 0 && etherFits(kind, data[at:])
	case PseudowirePPP:
		return PlausiblePPP(data, false)
	}
	return false
}

const (
	etherIPv4  = 0x0800
	etherARP   = 0x0806
	etherIPv6  = 0x86dd
	etherSLARP = 0x8035 // Cisco HDLC's keepalives
)

// EtherType is the EtherType of an Ethernet frame behind its VLAN tags, and where its payload
// begins; 0 and 0 if the frame is too short. Of a frame with a length it is less than 0x600.
func EtherType(frame []byte) (kind uint16, at int) {
	const addresses, tag = 12, 4
	for at = addresses; at+2 <= len(frame) && at <= addresses+2*tag; at += tag {
		switch kind = binary.BigEndian.Uint16(frame[at:]); kind {
		case 0x8100, 0x88a8, 0x9100:
		default:
			return kind, at + 2
		}
	}
	return 0, 0
}

// HDLCType is the protocol of a frame of Cisco's HDLC, an EtherType, and where its payload begins;
// 0 and 0 if it is no such frame.
func HDLCType(frame []byte) (kind uint16, at int) {
	if len(frame) < 4 || frame[0] != 0x0f && frame[0] != 0x8f || frame[1] != 0 {
		return 0, 0
	}
	return binary.BigEndian.Uint16(frame[2:]), 4
}

// etherFits reports whether the payload of an EtherType is what that says.
func etherFits(kind uint16, data []byte) bool {
	switch kind {
	case etherIPv4, etherIPv6:
		return wholeIP(data)
	case etherARP:
		return len(data) >= 28 && binary.BigEndian.Uint64(data)>>16 == 0x000108000604
	case etherSLARP:
		return len(data) >= 14 && binary.BigEndian.Uint32(data) <= 2
	}
	return false
}

// wholeIP reports whether data is an IP packet with nothing but padding behind it.
func wholeIP(data []byte) bool {
	const padding = 46
	packet := ppp.WholeIP(data)
	return packet != nil && len(data)-len(packet) <= padding
}
