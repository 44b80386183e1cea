package ppp

import "encoding/binary"

// sum adds data to acc as RFC 1071 does, in words of 32 bits; fold makes 16 bits of it. Only the
// last piece of a sum may have an odd length.
func sum(acc uint64, data []byte) uint64 {
	for ; len(data) >= 4; data = data[4:] {
		acc += uint64(binary.BigEndian.Uint32(data))
	}
	if len(data) >= 2 {
		acc += uint64(binary.BigEndian.Uint16(data))
		data = data[2:]
	}
	if len(data) > 0 {
		acc += uint64(data[0]) << 8
	}
	return acc
}

func fold(acc uint64) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// Fields of IP headers that expansion has to do with.
const (
	ipv4Header  = 20
	ipv6Header  = 40
	tcpHeader   = 20
	udpHeader   = 8
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// wholeIP is the IP packet at the beginning of data, without what pads it. It is nil if there is no
// packet: its lengths reach beyond data, or the header's checksum is wrong.
func wholeIP(data []byte) []byte {
	switch {
	case len(data) >= ipv4Header && data[0]>>4 == 4:
		header, total := int(data[0]&15)*4, int(binary.BigEndian.Uint16(data[2:]))
		if header >= ipv4Header && header <= total && total <= len(data) && fold(sum(0, data[:header])) == 0xffff {
			return data[:total]
		}
	case len(data) >= ipv6Header && data[0]>>4 == 6:
		if total := ipv6Header + int(binary.BigEndian.Uint16(data[4:])); total <= len(data) {
			return data[:total]
		}
	}
	return nil
}

// transportFits reports whether the TCP, UDP or ICMP checksum of a packet that wholeIP returned is
// right. It is true where there is none that can be computed: fragments, other protocols.
func transportFits(packet []byte) bool {
	var protocol byte
	var segment []byte
	var acc uint64
	if packet[0]>>4 == 4 {
		if binary.BigEndian.Uint16(packet[6:])&0x3fff != 0 { // MF or an offset
			return true
		}
		protocol, segment = packet[9], packet[packet[0]&15*4:]
		acc = sum(0, packet[12:20])
	} else {
		protocol, segment = packet[6], packet[ipv6Header:]
		acc = sum(0, packet[8:40])
	}
	acc += uint64(protocol) + uint64(len(segment))
	switch {
	case protocol == protoTCP && len(segment) >= tcpHeader, protocol == protoICMPv6 && len(segment) >= 4:
		return fold(sum(acc, segment)) == 0xffff
	case protocol == protoUDP && len(segment) >= udpHeader:
		none := segment[6] == 0 && segment[7] == 0
		return none || fold(sum(acc, segment)) == 0xffff
	case protocol == protoICMP && packet[0]>>4 == 4 && len(segment) >= 4:
		return fold(sum(0, segment)) == 0xffff
	}
	return true
}
