package esp

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"l2tpdump/testdata/race"
	"l2tpdump/testdata/seal"
)

// Bits is what it says: of random plaintexts, which a wrong key gives, about one of 2^Bits gets
// that far. Trailers are enumerated, each with its probability, so that rare events are counted
// with few packets.
func TestEvidenceOfRandomPlaintexts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var chance [64]float64 // that a random plaintext has at least so many bits
	rounds := 1 << 12
	if race.Enabled {
		rounds = 1 << 10
	}
	count := func(plain []byte, weight float64) {
		b := min(structure(plain).Bits, len(chance)-1)
		for i := 0; i <= b; i++ {
			chance[i] += weight
		}
	}
	plain := make([]byte, 112)
	for next := range 256 {
		for range rounds {
			for i := 0; i < len(plain); i += 8 {
				binary.LittleEndian.PutUint64(plain[i:], r.Uint64())
			}
			plain[111] = byte(next)
			each := 1.0 / 256 / float64(rounds)
			// Right padding of 0 to 3 bytes, then any padding.
			for pad := range 4 {
				plain[110] = byte(pad)
				for i := range pad {
					plain[110-pad+i] = byte(i + 1)
				}
				count(plain, each*math.Pow(256, -float64(pad+1)))
			}
			plain[107] = 0xee
			plain[110] = byte(4 + r.IntN(12))
			count(plain, each*12/256)
			plain[110] = byte(16 + r.IntN(112-18))
			count(plain, each*94/256)
		}
	}
	for _, b := range []int{minVerified, 12, minEvidence, 20, 24, 28} {
		if got, most := math.Log2(chance[b]), float64(-b)+2; got > most {
			t.Errorf("%d bits: chance 2^%.1f", b, got)
		}
		t.Logf("%d bits: chance 2^%.1f", b, math.Log2(chance[b]))
	}
}

func TestStructure(t *testing.T) {
	udp := seal.L2TP(40)
	ipv4 := unhex(t, "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637")
	ipv6 := append(unhex(t, "6000000000083aff20010db800000000000000000000000120010db8000000000000000000000002"), unhex(t, "8500000000000000")...)
	tcp := unhex(t, "cbc00016c978662800000000500272102b590000")
	with := func(p []byte, at int, b byte) []byte {
		q := append([]byte(nil), p...)
		q[at] = b
		return q
	}
	for _, c := range []struct {
		what     string
		next     byte
		payload  []byte
		min, max int // bits with padding 1, 2
	}{
		{"L2TP", 17, udp, 70, 100},
		{"UDP of another port", 17, with(with(udp, 0, 1), 2, 1), 40, 60},
		{"UDP, length too long", 17, with(udp, 5, 41), 0, 0},
		{"UDP, length too short", 17, with(udp, 5, 7), 0, 0},
		{"UDP with padding behind", 17, append(udp[:40:40], 0, 0, 0), 50, 90},
		{"UDP header cut", 17, udp[:7], 0, 0},
		{"IPv4", 4, ipv4, 60, 70},
		{"IPv4 in version 5", 4, with(ipv4, 0, 0x55), 0, 0},
		{"IPv4, wrong checksum", 4, with(ipv4, 11, 0), 45, 50},
		{"IPv4, length too long", 4, with(ipv4, 3, 0x55), 0, 0},
		{"IPv4, options beyond", 4, with(ipv4, 0, 0x4f)[:30], 0, 0},
		{"IPv6", 41, ipv6, 45, 60},
		{"IPv6, wrong checksum of ICMPv6", 41, with(ipv6, 43, 1), 50, 60},
		{"IPv6, right checksum of ICMPv6", 41, with(with(ipv6, 42, 0x1f), 43, 0x48), 65, 70},
		{"IPv6, L2TP", 41, append(with(with(ipv6[:40], 6, 17), 5, 40), udp...), 90, 120},
		{"IPv6, UDP with a wrong length", 41, append(with(with(ipv6[:40], 6, 17), 5, 40), with(udp, 5, 41)...), 50, 60},
		{"IPv6, TCP", 41, append(with(with(ipv6[:40], 6, 6), 5, 20), tcp...), 60, 70},
		{"IPv6 in version 4", 41, with(ipv6, 0, 0x40), 0, 0},
		{"TCP", 6, tcp, 40, 50},
		{"TCP, SYN and FIN", 6, with(tcp, 13, 3), 0, 0},
		{"ICMP", 1, ipv4[20:], 40, 50},
		{"ICMP, wrong checksum", 1, with(ipv4[20:], 3, 0), 25, 30},
		{"ICMPv6", 58, ipv6[40:], 30, 40},
		{"GRE", 47, unhex(t, "2000880b00000001ff03"), 40, 60},
		{"ESP in ESP", 50, unhex(t, "c0ffee0100000009ffffffff"), 35, 50},
		{"IPComp", 108, unhex(t, "1100abcd01020304"), 30, 50},
		{"IPComp, flags", 108, unhex(t, "1101abcd01020304"), 0, 0},
		{"destination options, UDP", 60, append(unhex(t, "1100010400000000"), udp...), 60, 100},
		{"hop by hop, nothing behind", 0, unhex(t, "1101010400000000"), 0, 0},
		{"dummy", 59, []byte("anything"), 30, 40},
		{"not assigned", 200, []byte("anything"), 24, 24},
	} {
		got := structure(append(append([]byte(nil), c.payload...), 1, 2, 2, c.next))
		if got.Bits < c.min || got.Bits > c.max || got.PayloadLen != len(c.payload) || got.PadLen != 2 || got.NextHeader != c.next {
			t.Errorf("%s: %+v, want %d to %d bits", c.what, got, c.min, c.max)
		}
	}
	for _, p := range [][]byte{nil, {17}, {1, 17}, {0, 2, 17}} {
		if got := structure(p); got.Bits != 0 {
			t.Errorf("% x: %+v", p, got)
		}
	}
	// An extension header in an extension header without end.
	deep := make([]byte, 0, 8000)
	for range 1000 {
		deep = append(deep, protoDestOpts, 0, 0, 0, 0, 0, 0, 0)
	}
	if got := structure(append(deep, 0, protoDestOpts)); got.Bits != 0 {
		t.Errorf("extension headers without end: %+v", got)
	}
}

func TestHeadStructure(t *testing.T) {
	udp := seal.L2TP(1000)
	ipv4 := packetTests[2].payload
	for _, c := range []struct {
		what    string
		head    []byte
		missing int
		next    byte
	}{
		{"L2TP", udp[:32], 1000 - 32 + 4, 17},
		{"L2TP, all of the payload there", udp, 4, 17},
		{"L2TP, the packet is shorter than it says", udp[:32], 100, 0},
		{"L2TP, the packet is far longer than it says", udp[:32], 1400, 0},
		{"IPv4", unhex(t, ipv4)[:24], 84 - 24 + 12, 4},
		{"too short", udp[:7], 1000, 0},
		{"nothing", nil, 100, 0},
		{"zeros", make([]byte, 64), 100, 0},
	} {
		next, bits := headStructure(c.head, c.missing)
		if next != c.next || (bits >= minEvidence) != (c.next != 0) {
			t.Errorf("%s: next header %d, %d bits", c.what, next, bits)
		}
	}
}

func TestHeader(t *testing.T) {
	var h Header
	if err := h.Decode([]byte{1, 2, 3, 4, 0, 0, 0, 5, 9}); err != nil || h != (Header{0x01020304, 5}) {
		t.Errorf("%+v, %v", h, err)
	}
	if err := h.Decode(make([]byte, 7)); err == nil || err.Error() != "esp: malformed packet: 7 bytes are shorter than the header" {
		t.Error(err)
	}
}
