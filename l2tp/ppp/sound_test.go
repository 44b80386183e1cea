package ppp

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// udp6 is a UDP packet of IPv6.
func udp6(data []byte) []byte {
	p := append([]byte{0x60, 0, 0, 0, 0, byte(udpHeader + len(data)), protoUDP, 64}, make([]byte, 32)...)
	p[8], p[9], p[24], p[25] = 0xfe, 0x80, 0xfe, 0x80
	p = append(append(p, 0x13, 0x88, 0x13, 0x89, 0, byte(udpHeader+len(data)), 0, 0), data...)
	acc := sum(uint64(protoUDP)+uint64(udpHeader+len(data)), p[8:40])
	binary.BigEndian.PutUint16(p[46:], ^fold(sum(acc, p[40:])))
	return p
}

// TestSoundIP flips each bit of headers: none passes but in fields that no checksum covers.
func TestSoundIP(t *testing.T) {
	tcp := tcpPacket(1000, 7, 1, 1, 500, 0x10, []byte("data"))
	udp := udp6([]byte("some data"))
	for _, c := range []struct {
		name     string
		protocol uint16
		packet   []byte
		free     func(at int, mask byte) bool // is in no checksum
	}{
		{"TCP over IPv4", ProtocolIP, tcp, func(int, byte) bool { return false }},
		{"UDP over IPv6", ProtocolIPv6, udp, func(at int, mask byte) bool {
			return at == 0 && mask < 0x10 || at > 0 && at < 4 || at == 7 // traffic class, flow label, hop limit
		}},
	} {
		if soundIP(c.protocol, c.packet) == nil || soundIP(c.protocol^ProtocolIP^ProtocolIPv6, c.packet) != nil {
			t.Errorf("%s: the packet itself", c.name)
		}
		for at := range c.packet {
			for mask := byte(1); mask != 0; mask <<= 1 {
				p := bytes.Clone(c.packet)
				p[at] ^= mask
				if got := soundIP(c.protocol, p) != nil; got != c.free(at, mask) {
					t.Errorf("%s: byte %d, bit %02x: %v", c.name, at, mask, got)
				}
			}
		}
	}
}

// TestSoundOthers: what no checksum covers comes out of a compressed stream only if the ends have
// asked for it.
func TestSoundOthers(t *testing.T) {
	p := newPair(t)
	c := newDeflateSender()
	p.agree(protocolCCP, ccpDeflate, 4, 7<<4|8, 0)
	const osi, osiControl = 0x23, 0x8023
	for i, want := range []int{0, 1} {
		if _, out := p.send(0, protocolCompressed, c.packet(t, []byte{osi, 1, 2, 3})); len(out) != want {
			t.Errorf("OSI, %d: %d packets", i, len(out))
		}
		p.agree(osiControl, 1, 2)
	}
	for _, frame := range [][]byte{{0x73, 1, 2}, {0x21, 1, 2}, {0x80, 0x21, 1, 1, 0, 9, 1}, {0x80, 0x77, 1, 1, 0, 4}} {
		if state, out := p.send(0, protocolCompressed, c.packet(t, frame)); state != Damaged || len(out) != 0 {
			t.Errorf("%x: %v", frame, state)
		}
	}
}

// TestWrongChecksum: a frame whose datagram was damaged on the way changes nothing, where others of
// its sender show that its checksums are to be relied on.
func TestWrongChecksum(t *testing.T) {
	for _, sums := range []bool{false, true} {
		p := newPair(t)
		var s vjSender
		for i := range 3 {
			packet := tcpPacket(1000, uint16(i), uint32(100+4*i), 5, 500, 0x10, []byte("data"))
			protocol, payload := s.frame(packet)
			frame := append([]byte{byte(protocol)}, payload...)
			f := Frame{Protocol: protocol, PayloadStart: 1, PayloadEnd: len(frame), Checksum: ChecksumWrong}
			if sums && i == 0 {
				f.Checksum = ChecksumRight
			}
			want := Expanded
			if sums && i > 0 {
				want = Damaged
			}
			if r := expand(p.link, 0, &f, frame); r.State != want {
				t.Errorf("%v, frame %d: %v", sums, i, r.State)
			}
		}
	}
}
