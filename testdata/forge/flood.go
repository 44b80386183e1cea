package forge

import (
	"encoding/binary"
	"maps"
	"slices"

	"l2tpdump/capture"
)

// Floods makes packet n of each flood: an IP packet that differs from all others in what the flood
// is named after.
var Floods = func() map[string]func(n uint32) []byte {
	all := maps.Clone(ipFloods)
	maps.Copy(all, ikeFloods)
	maps.Copy(all, l2tpFloods)
	return all
}()

// ipFloods are floods of ESP, of fragments, and of what carries others.
var ipFloods = map[string]func(n uint32) []byte{
	"SPIs": func(n uint32) []byte { return ipv4(protoESP, there, espPacket(0x1000+n, 1)) },
	"destinations": func(n uint32) []byte {
		return ipv4(protoESP, [4]byte{10 + byte(n>>24), byte(n >> 16), byte(n >> 8), byte(n)}, espPacket(0x1000, 1))
	},
	"sources":    func(n uint32) []byte { return sourced(n, ipv4(protoESP, there, espPacket(0x1000, n))) },
	"numbers":    func(n uint32) []byte { return ipv4(protoESP, there, espPacket(0x1000, n*0x9e3779b9)) },
	"few SPIs":   func(n uint32) []byte { return ipv4(protoESP, there, espPacket(0x1000+n%100, n*0x9e3779b9)) },
	"short SPIs": func(n uint32) []byte { return ipv4(protoESP, there, espPacket(0x1000+n, 1)[:8]) },
	"SPIs in UDP": func(n uint32) []byte {
		return ipv4(protoUDP, there, udp(4500, 4500, espPacket(0x10000000+n*16+1, 1)))
	},
	"ports of ESP": func(n uint32) []byte {
		return sourced(n>>16, ipv4(protoUDP, there, udp(uint16(n), 4500, espPacket(0x10000001, n))))
	},
	"sources of ESP in UDP": func(n uint32) []byte {
		return sourced(n, ipv4(protoUDP, there, udp(4500, 4500, espPacket(0x10000000+n*16+1, 1))))
	},
	"IPv6 SPIs":      func(n uint32) []byte { return ipv6(protoESP, 0, espPacket(0x1000+n, 1)) },
	"IPv6 sources":   func(n uint32) []byte { return ipv6(protoESP, n, espPacket(0x1000+n, 1)) },
	"fragments":      func(n uint32) []byte { return fragment4(n, 0, true, 80) },
	"last fragments": func(n uint32) []byte { return fragment4(n, 80, false, 80) },
	"fragments that complete": func(n uint32) []byte {
		return fragment4(n/2, int(n%2)*80, n%2 == 0, 80)
	},
	"small fragments":       func(n uint32) []byte { return fragment4(n/8000, int(n%8000)*8, true, 8) },
	"fragments that differ": func(n uint32) []byte { return fragment4(1+n/64, int(n%4)*80, n%4 != 3, 80, noise(n, 80)...) },
	"fragments of sources":  func(n uint32) []byte { return sourced(n, fragment4(7, 0, true, 80)) },
	"IPv6 fragments":        fragment6,
	"errors": func(n uint32) []byte { // of ICMP, about ESP
		quoted := ipv4(protoESP, there, espPacket(n, n)[:8])
		return sourced(n, ipv4(protoICMP, there, append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, quoted...)))
	},
	"TCP": func(n uint32) []byte {
		m := espPacket(0x10000000+n, 1)
		return sourced(n, ipv4(protoTCP, there, segment(n, slices.Concat([]byte("IKETCP"), word(uint16(len(m)+2)), m))))
	},
	"TCP segments": func(n uint32) []byte {
		m := espPacket(0x10000000+n, 1)
		return ipv4(protoTCP, there, segment(n*0x9e3779b9, slices.Concat([]byte("IKETCP"), word(uint16(len(m)+20)), m)))
	},
	"GRE": func(n uint32) []byte {
		return ipv4(protoGRE, there, append([]byte{0, 0, 8, 0}, ipv4(protoESP, there, espPacket(0x1000+n, 1))...))
	},
	"VXLAN": func(n uint32) []byte {
		inner := slices.Concat(make([]byte, 12), []byte{8, 0}, firstMessage(n))
		return ipv4(protoUDP, there, udp(4789, 4789, slices.Concat([]byte{8, 0, 0, 0, 0, 0, 7, 0}, inner)))
	},
	"others": func(n uint32) []byte { return sourced(n, ipv4(protoUDP, there, udp(53, uint16(n)|1, noise(n, 60)))) },
}

var (
	here  = [4]byte{192, 0, 2, 1}
	there = [4]byte{198, 51, 100, 2}
)

// Like is the IP packet of a flood in a frame like the forger's; false where that is of the other
// version of IP.
func (x *Forger) Like(ip []byte) (capture.Packet, bool) {
	if x.net.IPVersion != ip[0]>>4 || x.net.LinkLen+40 > len(x.base.Data) {
		return capture.Packet{}, false
	}
	var n capture.Frame
	if err := n.DecodeIP(ip); err != nil {
		panic(err)
	}
	return x.behindLink(ip), true
}

func ipv4(protocol byte, dst [4]byte, payload []byte) []byte {
	h := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0}
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	return summed(slices.Concat(h, here[:], dst[:], payload))
}

// summed is the packet with the checksum of its header (RFC 791 section 3.1).
func summed(p []byte) []byte {
	p[10], p[11] = 0, 0
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum+sum>>16))
	return p
}

// sourced is the packet from a source of that number.
func sourced(n uint32, p []byte) []byte {
	binary.BigEndian.PutUint32(p[12:], 0x0a000000+n)
	return summed(p)
}

// ipv6 is a packet from a source of that number.
func ipv6(protocol byte, source uint32, payload []byte) []byte {
	h := make([]byte, 40, 40+len(payload))
	h[0], h[6], h[7] = 0x60, protocol, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
	h[8], h[9], h[24], h[25] = 0x20, 1, 0x20, 2
	binary.BigEndian.PutUint32(h[20:], source)
	return append(h, payload...)
}

func espPacket(spi, seq uint32) []byte {
	b := make([]byte, 8, 84)
	binary.BigEndian.PutUint32(b, spi)
	binary.BigEndian.PutUint32(b[4:], seq)
	return append(b, noise(spi^seq, 76)...)
}

// fragment4 is a fragment of size bytes of datagram n; there are 2^16 of each destination.
func fragment4(n uint32, offset int, more bool, size int, content ...byte) []byte {
	if content == nil {
		content = espPacket(0x1000+n, uint32(offset))[:size]
	}
	p := ipv4(protoESP, [4]byte{198, 51, byte(n >> 24), byte(n >> 16)}, content)
	binary.BigEndian.PutUint16(p[4:], uint16(n))
	field := uint16(offset / 8)
	if more {
		field |= 0x2000
	}
	binary.BigEndian.PutUint16(p[6:], field)
	return summed(p)
}

func fragment6(n uint32) []byte {
	h := []byte{protoESP, 0, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(h[4:], n)
	return ipv6(44, 0, append(h, espPacket(0x1000, 1)[:80]...))
}
