package pipeline_test

import (
	"encoding/binary"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

// toNATT is a datagram to the port of NAT traversal.
func toNATT(payload []byte) []byte {
	return ipPacket(here4, there4, 17, udp(here4, there4, 20000, 4500, payload))
}

// TestRTP: a stream of RTP on port 4500 is other, from its first packet on, whatever its timestamps
// begin with.
func TestRTP(t *testing.T) {
	for _, first := range []byte{0x80, 0x90, 0xa0, 0xb0} {
		for _, media := range []byte{0, 8, 18, 34, 96, 111, 127, 0x80, 0x80 | 111} {
			for _, start := range []uint32{0, 160, 5000, 1 << 20, 0xdeadbe00} {
				for _, step := range []uint32{1, 80, 160, 960, 3000} {
					var packets [][]byte
					for i := range uint32(12) {
						p := []byte{first, media, 0, 0}
						binary.BigEndian.PutUint16(p[2:], uint16(start+i))
						p = binary.BigEndian.AppendUint32(p, start+(i+i/10)*step) // one is lost
						packets = append(packets, toNATT(append(append(p, "SSRC"...), bytesOf("media", 160)...)))
					}
					o := follow(t, rawFrames(packets...), nil, mode{})
					for i, r := range o.results {
						// A timestamp of 1 is not told from the first sequence number of an SA.
						if one := start+uint32(i+i/10)*step == 1; r.kind != pipeline.Other && !one {
							t.Fatalf("%#x, payload type %d, timestamps from %d by %d: packet %d is %v", first, media, start, step, i, r.kind)
						}
					}
				}
			}
		}
	}
}

// TestLikeRTP: of an SA whose SPI might be the beginning of an RTP header, and of which nothing is
// known, no packet is lost if its first is there; otherwise the first, and its copies.
func TestLikeRTP(t *testing.T) {
	anySPI := aesSA(0x80600001).secret()
	anySPI.SPI, anySPI.SPIMask = 0, 0
	for name, c := range map[string]struct {
		spi, from uint32
		order     []int
		keys      []*keysrc.Keys
		other     int
	}{
		"from the first":    {0x80600001, 1, []int{0, 1, 2, 3}, nil, 0},
		"from the middle":   {0x80600001, 5000, []int{0, 1, 2, 3}, nil, 1},
		"twice":             {0x80600001, 5000, []int{0, 0, 1, 1, 2, 2}, nil, 2},
		"out of order":      {0x80600001, 5000, []int{0, 2, 1, 3}, nil, 1},
		"the first is late": {0x80600001, 1, []int{1, 0, 2, 3}, nil, 1},
		"contributors":      {0x81600001, 5000, []int{0, 1, 2, 3}, nil, 0},
		"no payload type":   {0x80480001, 5000, []int{0, 1, 2, 3}, nil, 0},
		"another version":   {0x40600001, 5000, []int{0, 1, 2, 3}, nil, 0},
		"a key of this SPI": {0x80600001, 5000, []int{0, 1, 2, 3}, secrets(aesSA(0x80600001).secret()), 0},
		"a key for any SPI": {0x80600001, 5000, []int{0, 1, 2, 3}, secrets(anySPI), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := aesSA(c.spi)
			s.seq = uint64(c.from) - 1
			var sealed, packets [][]byte
			for range 4 {
				sealed = append(sealed, toNATT(s.seal(17, udp(here4, there4, 1701, 1701, l2tpData(userPacket(len(sealed)))))))
			}
			for _, i := range c.order {
				packets = append(packets, sealed[i])
			}
			o := follow(t, rawFrames(packets...), c.keys, mode{})
			for i, r := range o.results {
				want := pipeline.ESP
				if i < c.other {
					want = pipeline.Other
				}
				if r.kind != want || c.keys != nil && !r.verdict.Opened() {
					t.Errorf("packet %d: %v %v, want %v", i, r.kind, r.verdict, want)
				}
				if r.kind == pipeline.Other && r.verdict != why.Clear {
					t.Errorf("packet %d: %v", i, r.verdict)
				}
			}
		})
	}
}
