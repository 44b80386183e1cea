package ppp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestMidDeflate begins in the middle of a stream of which each fifth packet is sent as it is. What
// refers to known bytes alone comes out, and nothing else; so it is after damage.
func TestMidDeflate(t *testing.T) {
	var packets [][]byte
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 60 { // alike in their headers only
		data := make([]byte, 200)
		for k := range data {
			data[k] = "0123456789abcdef"[r.IntN(16)]
		}
		packets = append(packets, tcpPacket(1000, uint16(i), uint32(200*i), 5, 500, 0x10, data))
	}
	follow := func(p *pair, frames []numbered, damaged int) (got int) {
		for _, f := range frames {
			if int(f.number) == damaged {
				f.payload = append(bytes.Clone(f.payload[:2]), 0xff, 0xff) // a block of no type
			}
			_, out := p.send(1, f.protocol, f.payload)
			if len(out) > 0 && !bytes.Equal(out[0], packets[f.number]) {
				t.Fatalf("packet %d is wrong", f.number)
			}
			got += len(out)
		}
		return got
	}
	for from := range 10 {
		frames := mixed(t, newPair(t), "deflate", packets)
		if got := follow(newPair(t), frames[from:], -1); got < 4 || from == 0 && got != 48 {
			t.Errorf("from %d: %d packets", from, got)
		}
	}
	p := newPair(t)
	frames := mixed(t, p, "deflate", packets)
	if got := follow(p, frames[:11], 10); got != 8 {
		t.Errorf("%d packets before damage", got)
	}
	if got := follow(p, frames[11:], -1); got < 4 {
		t.Errorf("%d packets after damage: %v", got, p.x.Counts())
	}
}

// TestMidBSD begins in the middle: with the first CLEAR, whatever the size of codes. So it is where
// the negotiation was seen, and a packet was lost.
func TestMidBSD(t *testing.T) {
	for _, bits := range []int{9, 10, 12} {
		for _, negotiated := range []bool{false, true} {
			p := newPair(t)
			if negotiated {
				p.agree(protocolCCP, ccpBSD, 3, 1<<5|byte(bits))
			}
			c := bsdSender{bsdDictionary: newBSDDictionary(bits)}
			r := rand.New(rand.NewPCG(4, uint64(bits)))
			got, cleared := 0, false
			for i := range 700 {
				data := words(r, 100+r.IntN(900))
				if i%20 > 10 { // hardly compressible: the dictionary becomes a bad one
					for k := range data {
						data[k] = "0123456789abcdef"[r.IntN(16)]
					}
				}
				packet := tcpPacket(1000, uint16(i), uint32(i), 5, 500, 0x10, data)
				frame := c.packet(ProtocolIP, packet)
				if i < 5 {
					continue
				}
				_, out := p.send(0, protocolCompressed, frame)
				if len(out) > 0 && (!cleared || !bytes.Equal(out[0], packet)) {
					t.Fatalf("%d bits: packet %d, cleared %v: %x", bits, i, cleared, out[0])
				}
				got += len(out)
				cleared = cleared || bsdClears(frame[2:], bits)
			}
			if !cleared || got < 50 {
				t.Errorf("%d bits, negotiated %v: %d packets, cleared %v", bits, negotiated, got, cleared)
			}
		}
	}
}

// TestMidMultilink: fragments of a link whose format is not known are not damaged, and are read
// when another link has shown it.
func TestMidMultilink(t *testing.T) {
	x := NewExpander(nil)
	b := newMPSender(t, x, 2, false)
	packets := traffic(6)
	for _, packet := range packets {
		b.split(plainFrame(packet), 3)
	}
	late := NewExpander(nil)
	for i := range b.links {
		b.links[i] = late.NewLink(ends[0], ends[1]) // nothing was seen of their negotiation
	}
	b.fragments = b.fragments[1:]
	if got := b.flush(); len(got) != 5 || !bytes.Equal(got[0], packets[1]) {
		t.Errorf("%d packets: %v", len(got), late.Counts())
	}
	if c := late.Counts(); c.States[Damaged] != 0 || c.States[Incomplete] != 2 {
		t.Errorf("%v", c)
	}
}
