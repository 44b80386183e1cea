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
	ipv4Header = 20
	ipv6Header = 40
	tcpHeader  = 20
	udpHeader  = 8

	protoHopByHop    = 0
	protoICMP        = 1
	protoTCP         = 6
	protoUDP         = 17
	protoICMPv6      = 58
	protoDestination = 60
)

// WholeIP is the IP packet at the beginning of data, without what pads it. It is nil if there is no
// packet: its lengths reach beyond data, or the header's checksum is wrong.
func WholeIP(data []byte) []byte {
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

// transportFits reports whether the TCP, UDP or ICMP checksum of a packet that WholeIP returned is
// right. It is true where there is none that can be computed: fragments, other protocols.
func transportFits(packet []byte) bool {
	if packet[0]>>4 == 6 {
		return transportFits6(packet)
	}
	if binary.BigEndian.Uint16(packet[6:])&0x3fff != 0 { // MF or an offset
		return true
	}
	protocol, segment := packet[9], packet[packet[0]&15*4:]
	if protocol == protoICMP {
		return len(segment) >= 4 && fold(sum(0, segment)) == 0xffff
	}
	return segmentFits(protocol, segment, sum(0, packet[12:20]))
}

// transportFits6 is transportFits for IPv6, whose header has no checksum: where the segment's is
// that of another protocol, the header is damaged.
func transportFits6(packet []byte) bool {
	protocol, segment := packet[6], packet[ipv6Header:]
	acc := sum(0, packet[8:40])
	for protocol == protoHopByHop || protocol == protoDestination {
		if len(segment) < 8 || len(segment) < 8*(1+int(segment[1])) {
			return false
		}
		protocol, segment = segment[0], segment[8*(1+int(segment[1])):]
	}
	if leastSegment[protocol] > 0 {
		return segmentFits(protocol, segment, acc)
	}
	for _, other := range [...]byte{protoTCP, protoUDP, protoICMPv6} {
		if segmentFits(other, segment, acc) {
			return false
		}
	}
	return true
}

// leastSegment is the size of the smallest segment of the protocols that have a checksum over the
// addresses, too.
var leastSegment = [256]int{protoTCP: tcpHeader, protoUDP: udpHeader, protoICMPv6: 4}

// segmentFits reports whether the checksum of a segment is right, acc being the sum of the
// addresses. It is true where the protocol has none.
func segmentFits(protocol byte, segment []byte, acc uint64) bool {
	switch least := leastSegment[protocol]; {
	case least == 0:
		return true
	case len(segment) < least:
		return false
	case protocol == protoUDP:
		n := int(binary.BigEndian.Uint16(segment[4:]))
		if n < udpHeader || n > len(segment) {
			return false
		}
		if segment = segment[:n]; segment[6] == 0 && segment[7] == 0 {
			return true // there is none
		}
	}
	return fold(sum(acc+uint64(protocol)+uint64(len(segment)), segment)) == 0xffff
}
