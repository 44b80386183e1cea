package pipeline

import (
	"encoding/binary"

	"l2tpdump/esp"
)

// What other protocols have where ESP has its SPI and its sequence number. A random SPI passes for
// one of these once in thousands; a flow of ESP that was recognized before is not asked.

// mayBeRTP reports whether the header of ESP is also one of RTP (RFC 3550 section 5.1): version 2,
// no contributing sources, and a payload type that RFC 3551 section 6 leaves to media. What would
// be an SPI has the sequence number of RTP in it, which no two packets share; what would be a
// sequence number is the timestamp, which the first packet of an SA has as 1 and that of RTP hardly
// ever.
func mayBeRTP(h *esp.Header) bool {
	const fixed, version2 = 0xcf000000, 0x80000000
	media := h.SPI >> 16 & 0x7f
	return h.SPI&fixed == version2 && (media <= 34 || media >= 96)
}

// foreign reports whether a payload of length bytes on the wire begins as one of another protocol
// does, of which the fields agree with each other.
func foreign(h *esp.Header, payload []byte, length int) bool {
	return h.SPI&0x00ffffff == 0 || // WireGuard, VXLAN, LISP, CAPWAP, QUIC
		isOpenVPN(h) || saysLength(h, length) || isIPv6(h, length) || isNTP(h, length) || isDNS(payload) ||
		isNetFlow(h) || isRTCP(h, length) || isBER(h, length) || isUTP(h, payload, length) ||
		isIAX(h, payload) || carriesIP(payload, length)
}

// isOpenVPN: an operation of five bits that is data, a key of three bits, and the number of the
// peer, or that of the packet; the packet's number follows.
func isOpenVPN(h *esp.Header) bool {
	const data1, data2, anyPeer, maxPeers = 6, 9, 0xffffff, 0x1000
	operation, peer := h.SPI>>27, h.SPI&0xffffff
	return (operation == data1 || operation == data2) && (peer < maxPeers || peer == anyPeer)
}

// saysLength: a length in the third and fourth byte, of all as RADIUS and IPv4 have it, or of what
// is behind a header, as GTP (8 or 4 bytes), STUN (20) and the channels of TURN (4) do.
func saysLength(h *esp.Header, length int) bool {
	size := int(h.SPI & 0xffff)
	switch length - size {
	case 0, 4, 8, 20:
		return true
	}
	const channel = 1 // of TURN (RFC 8656 section 12.4), padded
	return h.SPI>>30 == channel && (size+3)&^3+4 == length
}

// isIPv6: Teredo (RFC 4380).
func isIPv6(h *esp.Header, length int) bool {
	const header = 40
	return h.SPI>>28 == 6 && int(h.Seq>>16)+header == length
}

// isNTP: a version of 1 to 4, a mode, stratum, poll interval and precision (RFC 5905 section 7.3),
// perhaps with a MAC behind it.
func isNTP(h *esp.Header, length int) bool {
	const header, maxStratum, maxPoll, minPrecision = 48, 16, 17, 0xe0
	version, mode := h.SPI>>27&7, h.SPI>>24&7
	if version < 1 || version > 4 || mode == 0 ||
		h.SPI>>16&0xff > maxStratum || h.SPI>>8&0xff > maxPoll || h.SPI&0xff < minPrecision {
		return false
	}
	switch length - header {
	case 0, 4, 20, 24, 36, 68: // none, and with a key's number a digest of 0, 128, 160, 256 or 512 bits
		return true
	}
	return false
}

// isDNS: the last two of its four counts are small.
func isDNS(payload []byte) bool {
	return len(payload) >= esp.HeaderLen+4 && binary.BigEndian.Uint32(payload[esp.HeaderLen:])&0xffe0ffe0 == 0
}

// isNetFlow: version 5 or 9, and how many flows there are.
func isNetFlow(h *esp.Header) bool {
	const maxFlows = 100
	version := h.SPI >> 16
	return (version == 5 || version == 9) && h.SPI&0xffff <= maxFlows
}

// isRTCP: version 2, a packet type, and a length that fits (RFC 3550 section 6.4).
func isRTCP(h *esp.Header, length int) bool {
	const version2 = 2
	kind := h.SPI >> 16 & 0xff
	return h.SPI>>30 == version2 && kind >= 192 && kind <= 223 && 4*(int(h.SPI&0xffff)+1) <= length
}

// isBER: a sequence that is as long as the payload: SNMP, LDAP.
func isBER(h *esp.Header, length int) bool {
	const sequence, longForm = 0x30, 0x81
	first, second := h.SPI>>24, int(h.SPI>>16&0xff)
	return first == sequence && (second == length-2 || second == longForm && int(h.SPI>>8&0xff) == length-3)
}

// isUTP: the transport of BitTorrent: a type and version 1, extension, connection, and the time
// in microseconds; then a time difference and a window.
func isUTP(h *esp.Header, payload []byte, length int) bool {
	const header, windowAt, maxWindow = 20, 12, 1 << 26
	return h.SPI>>24&0x0f == 1 && h.SPI>>28 <= 4 && h.SPI>>16&0xff <= 2 && length >= header &&
		(len(payload) < header || binary.BigEndian.Uint32(payload[windowAt:]) < maxWindow)
}

// isIAX: a full frame of IAX2 (RFC 5456 section 8.1.1): a call, a time, two sequence numbers, a
// type and a subclass that goes with it.
func isIAX(h *esp.Header, payload []byte) bool {
	const full, header, power = 1, 12, 0x80
	if h.SPI>>31 != full || len(payload) < header {
		return false
	}
	switch kind, sub := payload[10], payload[11]; kind {
	case 2: // voice: a codec, as a bit or its number
		return sub&power != 0 && sub&^power < 32 || sub != 0 && sub&(sub-1) == 0
	case 4: // control
		return sub > 0 && sub <= 20
	case 6: // of IAX
		return sub > 0 && sub <= 40
	}
	return false
}

// carriesIP: an IP packet behind 8 bytes, up to the end, as LISP has it (RFC 9300 section 5). In
// ESP a trailer would follow it.
func carriesIP(payload []byte, length int) bool {
	const header, header6 = 8, 40
	if len(payload) < header+6 {
		return false
	}
	ip := payload[header:]
	return ip[0]>>4 == 4 && int(binary.BigEndian.Uint16(ip[2:]))+header == length ||
		ip[0]>>4 == 6 && int(binary.BigEndian.Uint16(ip[4:]))+header6+header == length
}
