package capture

import (
	"encoding/binary"
	"math/bits"
)

// sum adds b to a ones' complement sum (RFC 1071), eight bytes at a time; an odd last byte is
// padded with zero.
func sum(acc uint64, b []byte) uint64 {
	var carry uint64
	for len(b) >= 8 {
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b), 0)
		acc += carry
		b = b[8:]
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(last[:]), 0)
		acc += carry
	}
	return acc
}

// fold makes 16 bits of a sum.
func fold(acc uint64) uint16 {
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>16&0xffff + acc>>32 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return uint16(acc)
}

// ipv4Checksum puts the checksum into a whole IPv4 header.
func ipv4Checksum(h []byte) {
	h[10], h[11] = 0, 0
	binary.BigEndian.PutUint16(h[10:], ^fold(sum(0, h)))
}

// transportSum is the sum over the pseudo header of IPv4 (RFC 768, RFC 9293) or IPv6 (RFC 8200
// section 8.1) and the segment, which runs from PayloadStart to end. IPv4 addresses count as those
// in IPv6: the 16 ones in front of them are a zero.
func (f *Frame) transportSum(data []byte, end int) uint64 {
	dst := f.Dst
	if f.finalDst.IsValid() {
		dst = f.finalDst
	}
	s, d := f.Src.As16(), dst.As16()
	acc := uint64(end-f.PayloadStart)<<32 | uint64(f.Protocol)
	return sum(sum(sum(acc, s[:]), d[:]), data[f.PayloadStart:end])
}

// segment is where the UDP datagram or TCP segment ends and where in data its checksum is; ok is
// false if there is none that can be computed.
func (f *Frame) segment() (end, at int, ok bool) {
	switch {
	case f.Fragment || f.Truncated:
	case f.UDP && !f.UDPTooLong:
		return f.UDPEnd, f.PayloadStart + 6, true
	case f.TCP:
		return f.PayloadEnd, f.PayloadStart + 16, true
	}
	return 0, 0, false
}

// TransportChecksum returns the checksum of UDP, TCP, ICMP, ICMPv6 or IGMP in data, which was given
// to Decode, and which would be right; ok is false where there is none, and of fragments and
// truncated packets.
func (f *Frame) TransportChecksum(data []byte) (is, right uint16, ok bool) {
	end, at, ok := f.segment()
	var acc uint64
	switch {
	case ok && f.noChecksum(data, at):
		return 0, 0, false
	case ok:
		acc = f.transportSum(data, end)
	case f.Fragment || f.Truncated || f.PayloadLen < 4:
		return 0, 0, false
	case f.Protocol == protoICMP || f.Protocol == protoIGMP: // RFC 792, RFC 2236: over the message alone
		acc, at = sum(0, data[f.PayloadStart:f.PayloadEnd]), f.PayloadStart+2
	case f.Protocol == protoICMPv6: // RFC 4443 section 2.3
		acc, at = f.transportSum(data, f.PayloadEnd), f.PayloadStart+2
	default:
		return 0, 0, false
	}
	is = binary.BigEndian.Uint16(data[at:])
	right = ^fold(uint64(fold(acc)) + uint64(^is))
	if right == 0 && f.UDP {
		right = 0xffff
	}
	return is, right, true
}

// HeaderChecksum returns the checksum of a whole IPv4 header, and which would be right.
func HeaderChecksum(h []byte) (is, right uint16) {
	is = binary.BigEndian.Uint16(h[10:])
	return is, ^fold(uint64(fold(sum(0, h))) + uint64(^is))
}

// FixTransportChecksum computes the UDP or TCP checksum of a whole IP packet anew, in place. A UDP
// checksum of 0 over IPv4 (none) stays. Anything else, fragments and truncated packets stay as they
// are.
func FixTransportChecksum(ip []byte) {
	var f Frame
	if err := f.DecodeIP(ip); err != nil {
		return
	}
	f.fixTransport(ip)
}

func (f *Frame) fixTransport(data []byte) {
	end, at, ok := f.segment()
	if !ok || f.noChecksum(data, at) && f.IPVersion == 4 {
		return
	}
	data[at], data[at+1] = 0, 0
	c := ^fold(f.transportSum(data, end))
	if c == 0 && f.UDP {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(data[at:], c)
}

// Checksum reports whether the UDP or TCP checksum of a packet is right, data being what f was
// decoded from; known is false if there is none that can be computed.
func (f *Frame) Checksum(data []byte) (right, known bool) {
	end, at, ok := f.segment()
	if !ok || f.noChecksum(data, at) {
		return false, false
	}
	return fold(f.transportSum(data, end)) == 0xffff, true
}

// noChecksum: a sender of UDP that computes none sends 0.
func (f *Frame) noChecksum(data []byte, at int) bool {
	return f.UDP && data[at] == 0 && data[at+1] == 0
}
