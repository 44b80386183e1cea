package ppp

import (
	"bytes"
	"slices"
	"testing"
)

// TestVJHole: the loss of a frame that changed nothing but the IP ID shows in no checksum of those
// behind it. They do not come out, until a header comes uncompressed; with the frame itself, if it
// was only overtaken.
func TestVJHole(t *testing.T) {
	packets := [][]byte{
		tcpPacket(1000, 1, 100, 5, 500, 0x10, nil), // uncompressed
		tcpPacket(1000, 2, 100, 5, 500, 0x18, []byte("data")),
		tcpPacket(1000, 3, 104, 9, 500, 0x18, []byte("more")),
		tcpPacket(1000, 4, 108, 9, 500, 0x10, nil),
	}
	for _, c := range []struct {
		order []int

		want []int
	}{
		{[]int{0, 1, 2, 3}, []int{0, 1, 2, 3}},
		{[]int{0, 2, 3}, []int{0}},
		{[]int{0, 2, 1, 3}, []int{0, 1, 3}},
		{[]int{0, 1, 1, 2, 3}, []int{0, 1, 2, 3}},
		{[]int{0, 1, 1, 1, 3}, []int{0, 1}},
	} {
		var v vjSlots
		var s vjSender
		var frames []numbered
		for _, packet := range packets {
			protocol, payload := s.frame(packet)
			frames = append(frames, numbered{0, protocol, payload})
		}
		var got []int
		for _, i := range c.order {
			v.losses++
			out, fit := []byte(nil), vjFits
			if frames[i].protocol == protocolVJUncompressed {
				out, _ = v.uncompressed(nil, frames[i].payload)
			} else {
				var next vjNext
				out, next, fit = v.compressed(nil, frames[i].payload)
				v.commit(&next)
			}
			if fit == vjFits {
				if got = append(got, i); !bytes.Equal(out, packets[i]) {
					t.Errorf("%v: packet %d is wrong", c.order, i)
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v came out, want %v", c.order, got, c.want)
		}
	}
}

// TestVJHoleBefore: a hole that was there before the headers were compressed costs nothing, where
// it is known that no frame was lost.
func TestVJHoleBefore(t *testing.T) {
	var v vjSlots
	var s vjSender
	for i, seq := range []uint32{100, 104, 112, 116} {
		packet := tcpPacket(1000, uint16(i), seq, 5, 500, 0x18, []byte("data"))
		if out, ok := expandVJ(&v, &s, packet); !ok || !bytes.Equal(out, packet) {
			t.Errorf("packet %d did not come out", i)
		}
	}
}
