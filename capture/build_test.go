package capture

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// unhex reads hexadecimal with spaces.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		panic(err)
	}
	return b
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func be16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

var (
	src4 = netip.MustParseAddr("192.0.2.1")
	dst4 = netip.MustParseAddr("198.51.100.2")
	src6 = netip.MustParseAddr("2001:db8::1")
	dst6 = netip.MustParseAddr("2001:db8:1::2")
)

// slowChecksum is RFC 1071 word by word.
func slowChecksum(parts ...[]byte) uint16 {
	b := join(parts...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	n := uint32(0)
	for i := 0; i < len(b); i += 2 {
		n += uint32(b[i])<<8 | uint32(b[i+1])
		n = n>>16 + n&0xffff
	}
	return ^uint16(n)
}

// ip4 makes an IPv4 packet.
func ip4(protocol byte, payload []byte) []byte { return ip4Fragment(protocol, payload, 0, 0) }

// ip4Fragment makes an IPv4 packet with these flags and offset.
func ip4Fragment(protocol byte, payload []byte, id, flagsOffset int) []byte {
	h := join([]byte{0x45, 0}, be16(20+len(payload)), be16(id), be16(flagsOffset), []byte{64, protocol, 0, 0}, src4.AsSlice(), dst4.AsSlice())
	binary.BigEndian.PutUint16(h[10:], slowChecksum(h))
	return join(h, payload)
}

// ip6 makes an IPv6 packet.
func ip6(next byte, payload []byte) []byte {
	return join(unhex("60000000"), be16(len(payload)), []byte{next, 64}, src6.AsSlice(), dst6.AsSlice(), payload)
}

func udpHeader(length, checksum int) []byte {
	return join(be16(4500), be16(500), be16(length), be16(checksum))
}

// udp4 and udp6 make UDP datagrams with good checksums.
func udp4(payload []byte) []byte {
	n := 8 + len(payload)
	c := slowChecksum(src4.AsSlice(), dst4.AsSlice(), []byte{0, 17}, be16(n), udpHeader(n, 0), payload)
	return join(udpHeader(n, int(c)), payload)
}

func udp6(payload []byte) []byte {
	n := 8 + len(payload)
	c := slowChecksum(src6.AsSlice(), dst6.AsSlice(), []byte{0, 0}, be16(n), []byte{0, 0, 0, 17}, udpHeader(n, 0), payload)
	return join(udpHeader(n, int(c)), payload)
}

// tcp4 makes a TCP segment with a good checksum.
func tcp4(payload []byte) []byte {
	h := join(be16(443), be16(50000), unhex("00000001 00000002 5018 0400 0000 0000"))
	n := len(h) + len(payload)
	c := slowChecksum(src4.AsSlice(), dst4.AsSlice(), []byte{0, 6}, be16(n), h, payload)
	binary.BigEndian.PutUint16(h[16:], c)
	return join(h, payload)
}

// count makes n bytes that differ from their neighbours.
func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func mustDecode(t *testing.T, lt LinkType, data []byte) *Frame {
	t.Helper()
	f := new(Frame)
	if err := f.Decode(lt, data); err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return f
}
