package ppp

import (
	"bytes"
	"testing"
)

// FuzzVJ: whatever comes, what is expanded has right checksums.
func FuzzVJ(f *testing.F) {
	var c vjSender
	first := tcpPacket(1, 1, 1, 1, 500, 0x10, []byte("abc"))
	_, a := c.frame(first)
	_, b := c.frame(tcpPacket(1, 2, 4, 1, 600, 0x18, []byte("defg")))
	f.Add(a, b)
	f.Fuzz(func(t *testing.T, uncompressed, compressed []byte) {
		var v vjSlots
		if out, ok := v.uncompressed(nil, uncompressed); ok && WholeIP(out) == nil {
			t.Fatalf("uncompressed: %x", out)
		}
		for range 2 {
			out, next, fit := v.compressed(nil, compressed)
			if fit != vjFits {
				return
			}
			if p := WholeIP(out); p == nil || !transportFits(p) {
				t.Fatalf("compressed: %x", out)
			}
			v.commit(&next)
		}
	})
}

func FuzzMPPC(f *testing.F) {
	f.Add(mppcCompress(nil, []byte("for whom the bell tolls, the bell tolls for thee.")))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m mppcHistory
		out, err := m.expand(nil, data)
		if m.next > mppcSize || len(out) > mppcSize || err != nil && len(out) > 0 {
			t.Fatalf("%d bytes, next %d, %v", len(out), m.next, err)
		}
		m.restart()
		m.expand(nil, data)
	})
}

func FuzzBSD(f *testing.F) {
	c := bsdSender{bsdDictionary: newBSDDictionary(9)}
	f.Add(uint8(9), c.packet(0x21, []byte("aaaaaaaaabababab"))[2:], []byte("plain"))
	f.Fuzz(func(t *testing.T, bits uint8, packet, passed []byte) {
		d := newBSDDictionary(bsdMinBits + int(bits)%(bsdMaxBits-bsdMinBits+1))
		for range 3 {
			out, err := d.expand(nil, packet)
			if len(out) > maxExpanded || err != nil && len(out) > 0 {
				t.Fatalf("%d bytes, %v", len(out), err)
			}
			d.pass(0x21, passed)
			if d.last >= len(d.entries) || d.bits > d.maxBits {
				t.Fatalf("code %d of %d, %d bits", d.last, len(d.entries), d.bits)
			}
		}
	})
}

func FuzzMPPE(f *testing.F) {
	keys := keysV2(secret("clientPass").ntHashes()[0], make([]byte, 24))
	f.Add(uint32(mppe128|mppeStateless), uint16(0x9000), uint16(0x9003), []byte("packet"))
	f.Add(uint32(mppe40|mppeMPPC), uint16(0xb000), uint16(0x30ff), []byte("packet"))
	f.Fuzz(func(t *testing.T, options uint32, first, second uint16, data []byte) {
		cipher := newMPPECipher(options, keys, 0)
		m := newMicrosoftCompressor(options, cipher, func(frame []byte) bool { return len(frame) > 0 && frame[0]&1 != 0 })
		for _, header := range []uint16{first, second, second + 1, first} {
			packet := append([]byte{byte(header >> 8), byte(header)}, data...)
			if number, _, ok := m.number(packet); !ok || number != header&mppeCountMask {
				t.Fatal(number)
			}
			if out, err := m.expand([]byte{1}, packet); err != nil && !bytes.Equal(out, []byte{1}) {
				t.Fatalf("%d bytes, %v", len(out), err)
			}
		}
	})
}

// FuzzExpand gives a session frames of any kind: the first byte of each piece says who sends it.
func FuzzExpand(f *testing.F) {
	p := newPair(f)
	f.Add([]byte("\x00\xc0\x21\x01\x01\x00\x04|\x01\x80\xfd\x02\x01\x00\x08\x1a\x04\x78\x00|\x01\x00\xfd\x00\x00abc"))
	f.Add([]byte("\x00\x00\x3d\xc0\x00\x00\x00\x21E|\x00\x00\x3d\x80\x05\x21E|\x01\x80\x21\x02\x01\x00\x0a\x02\x06\x00\x2d\x0f\x01"))
	f.Add([]byte("\x01\xc2\x23\x01\x01\x00\x05\x00|\x00\xc2\x23\x02\x01\x00\x05\x00|\x00\x80\xfd\x0f\x01\x00\x04|\x00\xfd\x80\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := NewExpander(p.x.secrets)
		links := []*Link{x.NewLink(ends[0], ends[1]), x.NewLink(ends[1], ends[0])}
		frames := uint64(0)
		for _, piece := range bytes.Split(data, []byte("|")) {
			var f Frame
			if len(piece) < 1 || f.Decode(piece[1:]) != nil {
				continue
			}
			f.Position = Position{Counter: uint32(piece[0] >> 2 & 1), Number: uint32(piece[0] >> 4), Ordered: piece[0]&8 != 0}
			r := expand(links[piece[0]>>1&1], int(piece[0]&1), &f, piece[1:])
			if r.State != Plain {
				frames++
			}
			for _, packet := range r.Packets {
				if packet.Protocol == ProtocolIP && WholeIP(packet.Data) == nil {
					t.Fatalf("%x", packet.Data)
				}
			}
		}
		total := uint64(0)
		for _, n := range x.Counts().States {
			total += n
		}
		if total != frames {
			t.Fatalf("%d frames were not plain, %d are counted: %v", frames, total, x.Counts())
		}
		for _, l := range links {
			l.Close()
		}
		if x.held != 0 || x.bytes != 0 {
			t.Fatalf("%d frames held, %d bytes", x.held, x.bytes)
		}
	})
}

func benchmark(b *testing.B, name string) {
	s := senders(b)[name]()
	p := newPair(b)
	p.connect(s)
	packets := traffic(24)
	var frames [][]byte
	size := 0
	for _, packet := range packets {
		frames = append(frames, s.packet(plainFrame(packet)))
		size += len(packet)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		comp := &p.link.bundle.ccp.streams[0]
		p.link.bundle.choose(0, s.option)
		for _, frame := range frames {
			p.x.arena, p.x.packets = p.x.arena[:0], p.x.packets[:0]
			if state := comp.receive(p.x, frame, p.link.bundle.plainUp[0]); state != Expanded {
				b.Fatal(state)
			}
		}
	}
}

func BenchmarkDeflate(b *testing.B)       { benchmark(b, "deflate") }
func BenchmarkBSD(b *testing.B)           { benchmark(b, "bsd") }
func BenchmarkMPPC(b *testing.B)          { benchmark(b, "mppc") }
func BenchmarkMPPEStateless(b *testing.B) { benchmark(b, "mppe-128 stateless") }
func BenchmarkMPPEStateful(b *testing.B)  { benchmark(b, "mppe-56 stateful") }

func BenchmarkVJ(b *testing.B) {
	var c vjSender
	var protocols []uint16
	var payloads [][]byte
	size := 0
	for _, packet := range traffic(24) {
		protocol, payload := c.frame(packet)
		protocols, payloads = append(protocols, protocol), append(payloads, bytes.Clone(payload))
		size += len(packet)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var v vjSlots
	var out []byte
	for b.Loop() {
		for i, payload := range payloads {
			ok := false
			if protocols[i] == protocolVJUncompressed {
				out, ok = v.uncompressed(out[:0], payload)
			} else {
				var next vjNext
				var fit vjFit
				out, next, fit = v.compressed(out[:0], payload)
				v.commit(&next)
				ok = fit == vjFits
			}
			if !ok {
				b.Fatal(i)
			}
		}
	}
}
