package ppp

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// The other sides of the codecs, as simple as they can be, to test these with.

// tcpPacket makes a packet of TCP with right checksums.
func tcpPacket(port uint16, id uint16, seq, ack uint32, window uint16, flags byte, data []byte) []byte {
	p := make([]byte, ipv4Header+tcpHeader, ipv4Header+tcpHeader+len(data))
	p[0], p[8], p[9] = 0x45, 64, protoTCP
	binary.BigEndian.PutUint16(p[4:], id)
	copy(p[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(p[20:], port)
	binary.BigEndian.PutUint16(p[22:], 80)
	binary.BigEndian.PutUint32(p[24:], seq)
	binary.BigEndian.PutUint32(p[28:], ack)
	p[32], p[33] = 5<<4, flags
	binary.BigEndian.PutUint16(p[34:], window)
	return finishIP(append(p, data...))
}

// finishIP puts length and checksums into a packet of IPv4.
func finishIP(p []byte) []byte {
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	clear(p[10:12])
	binary.BigEndian.PutUint16(p[10:], ^fold(sum(0, p[:ipv4Header])))
	at := map[byte]int{protoTCP: 16, protoUDP: 6}[p[9]] + ipv4Header
	clear(p[at : at+2])
	acc := sum(uint64(p[9])+uint64(len(p)-ipv4Header), p[12:20])
	binary.BigEndian.PutUint16(p[at:], ^fold(sum(acc, p[ipv4Header:])))
	return p
}

// vjSender compresses the headers of packets of one connection, without the special cases.
type vjSender struct {
	last   []byte
	number bool // the slot's number goes into each frame
}

func (v *vjSender) frame(packet []byte) (protocol uint16, payload []byte) {
	const slot = 3
	last := v.last
	v.last = packet
	if last == nil || packet[33]&0x20 == 0 && !bytes.Equal(packet[38:40], last[38:40]) {
		payload = bytes.Clone(packet)
		payload[9] = slot
		return protocolVJUncompressed, payload
	}
	var changes byte
	var deltas []byte
	delta := func(bit byte, n uint16) {
		changes |= bit
		if n > 0 && n < 256 {
			deltas = append(deltas, byte(n))
		} else {
			deltas = append(deltas, 0, byte(n>>8), byte(n))
		}
	}
	if packet[33]&0x20 != 0 {
		delta(vjUrgent, binary.BigEndian.Uint16(packet[38:]))
	}
	if n := binary.BigEndian.Uint16(packet[34:]) - binary.BigEndian.Uint16(last[34:]); n != 0 {
		delta(vjWindow, n)
	}
	if n := binary.BigEndian.Uint32(packet[28:]) - binary.BigEndian.Uint32(last[28:]); n != 0 {
		delta(vjAck, uint16(n))
	}
	if n := binary.BigEndian.Uint32(packet[24:]) - binary.BigEndian.Uint32(last[24:]); n != 0 {
		delta(vjSequence, uint16(n))
	}
	if s := changes & vjSpecials; s == vjEcho || s == vjData {
		payload = bytes.Clone(packet)
		payload[9] = slot
		return protocolVJUncompressed, payload
	}
	if n := binary.BigEndian.Uint16(packet[4:]) - binary.BigEndian.Uint16(last[4:]); n != 1 {
		delta(vjID, n)
	}
	changes |= packet[33] & 8 << 1
	if v.number {
		payload = append(payload, changes|vjConnection, slot)
	} else {
		payload = append(payload, changes)
	}
	payload = append(append(payload, packet[36:38]...), deltas...)
	return protocolVJCompressed, append(payload, packet[40:]...)
}

// mppcCompress encodes bytes as literals, and as copies what has been there.
func mppcCompress(history, data []byte) []byte {
	var w bitWriter
	all := append(bytes.Clone(history), data...)
	for at := len(history); at < len(all); {
		length, offset := 0, 0
		for o := 1; o <= at && o < mppcSize; o++ {
			n := 0
			for at+n < len(all) && all[at+n] == all[at-o+n] {
				n++
			}
			if n > length {
				length, offset = n, o
			}
		}
		if length < 3 {
			if b := all[at]; b < 0x80 {
				w.bits(uint64(b), 8)
			} else {
				w.bits(0x100|uint64(b&0x7f), 9)
			}
			at++
			continue
		}
		switch {
		case offset < 64:
			w.bits(0xf<<6|uint64(offset), 10)
		case offset < 320:
			w.bits(0xe<<8|uint64(offset-64), 12)
		default:
			w.bits(6<<13|uint64(offset-320), 16)
		}
		if length == 3 {
			w.bits(0, 1)
		} else {
			n := bitLength(length) - 1
			w.bits(1<<n-2, n)
			w.bits(uint64(length-1<<n), n)
		}
		at += length
	}
	return w.out
}

func bitLength(n int) (l int) {
	for ; n > 0; n >>= 1 {
		l++
	}
	return l
}

type bitWriter struct {
	out  []byte
	used int // bits of the last byte
}

func (w *bitWriter) bits(v uint64, n int) {
	for n--; n >= 0; n-- {
		if w.used%8 == 0 {
			w.out = append(w.out, 0)
		}
		w.out[len(w.out)-1] |= byte(v>>n&1) << (7 - w.used%8)
		w.used++
	}
}

// bsdSender is the compressor of BSD-compress, with a dictionary like the other side's.
type bsdSender struct {
	*bsdDictionary
	number uint16
}

func (c *bsdSender) packet(protocol byte, data []byte) []byte {
	c.need()
	w := bitWriter{out: binary.BigEndian.AppendUint16(nil, c.number), used: 16}
	c.number++
	code := int(protocol)
	for _, b := range data {
		if next := c.find(code, b); next != 0 {
			code = next
			continue
		}
		w.bits(uint64(code), c.bits)
		c.widen()
		if !c.full() {
			c.add(code, b)
		}
		code = int(b)
	}
	w.bits(uint64(code), c.bits)
	c.in += uint(1 + len(data))
	c.out += uint(len(w.out) - 2)
	full, width := c.full(), c.bits
	if c.check(); full && !c.full() {
		w.bits(bsdClear, width)
	}
	for w.used%8 != 0 {
		w.bits(1, 1)
	}
	if !full {
		c.widen()
	}
	return w.out
}

// deflateSender is the compressor of Deflate.
type deflateSender struct {
	out    bytes.Buffer
	w      *flate.Writer
	number uint16
}

func newDeflateSender() *deflateSender {
	c := new(deflateSender)
	c.w, _ = flate.NewWriter(&c.out, flate.BestCompression)
	return c
}

func (c *deflateSender) reset() {
	c.w.Reset(&c.out)
	c.number = 0
}

func (c *deflateSender) packet(t testing.TB, frame []byte) []byte {
	c.out.Reset()
	if _, err := c.w.Write(frame); err != nil {
		t.Fatal(err)
	}
	if err := c.w.Flush(); err != nil {
		t.Fatal(err)
	}
	p := binary.BigEndian.AppendUint16(nil, c.number)
	c.number++
	return append(p, bytes.TrimSuffix(c.out.Bytes(), []byte{0, 0, 0xff, 0xff})...)
}

// encrypt is the sending side of MPPE: flush says whether a flush is due, linux that it changes the
// key.
func (m *mppeCipher) encrypt(frame []byte, flush, linux bool) []byte {
	header := m.count | mppeEncrypted
	flag := m.count&mppeFlagMask == mppeFlagMask
	switch {
	case m.stateless, flag, flush && linux:
		m.key = m.change(m.key)
		m.stream = m.rc4(m.key)
		header |= mppeFlushed
	case flush:
		m.stream = m.rc4(m.key)
		header |= mppeFlushed
	}
	m.count = (m.count + 1) & mppeCountMask
	return appendXOR(binary.BigEndian.AppendUint16(nil, header), &m.stream, frame)
}

// TestMPPCExample is the example of RFC 2118 section 4, and sizes of copies at the borders of the
// code.
func TestMPPCExample(t *testing.T) {
	text := []byte("for whom the bell tolls, the bell tolls for thee.")
	var w bitWriter
	for _, b := range text[:24] {
		w.bits(uint64(b), 8)
	}
	w.bits(0xf<<6|16, 10) // 16 back, 15 bytes
	w.bits(0b110_111, 6)
	w.bits(' ', 8)
	w.bits(0xf<<6|40, 10) // 40 back, 4 bytes
	w.bits(0b10_00, 4)
	w.bits(0xf<<6|19, 10) // 19 back, 3 bytes
	w.bits(0, 1)
	w.bits('e', 8)
	w.bits('.', 8)
	var m mppcHistory
	got, err := m.expand(nil, w.out)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(text) {
		t.Errorf("%q, want %q", got, text)
	}
	for _, length := range []int{3, 4, 7, 8, 15, 16, 4095, 4096, 8000} {
		var m mppcHistory
		data := bytes.Repeat([]byte{0xc5}, length+1)
		if got, err := m.expand(nil, mppcCompress(nil, data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("length %d: %d bytes, %v", length, len(got), err)
		}
	}
	for _, offset := range []int{1, 63, 64, 319, 320, 4000} {
		r := rand.New(rand.NewPCG(1, uint64(offset)))
		data := make([]byte, offset)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for range 5 {
			data = append(data, data[len(data)-offset])
		}
		var m mppcHistory
		if got, err := m.expand(nil, mppcCompress(nil, data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("offset %d: %d bytes, %v", offset, len(got), err)
		}
	}
}

// TestMPPCRefuses: what no sender writes is an error, and no panic.
func TestMPPCRefuses(t *testing.T) {
	for _, data := range []string{
		"f000",         // 0 back
		"bfffffffffff", // longer than any copy
		"41f07ff8",     // a length of 12 ones
	} {
		var m mppcHistory
		if got, err := m.expand(nil, unhex(t, data)); err == nil {
			t.Errorf("%s: %x", data, got)
		}
	}
	var m mppcHistory
	m.next = mppcSize - 1
	if _, err := m.expand(nil, []byte("ab")); err == nil {
		t.Error("it goes on behind the end of the history")
	}
}

// TestVJ sends a connection's packets through the compressor: slots with and without number, all
// deltas, lost frames.
func TestVJ(t *testing.T) {
	for _, number := range []bool{false, true} {
		c := vjSender{number: number}
		var v vjSlots
		seq, ack, window := uint32(0xfffffff0), uint32(7), uint16(500)
		r := rand.New(rand.NewPCG(2, 3))
		for i := range 300 {
			data := bytes.Repeat([]byte{byte(i)}, r.IntN(40))
			flags := byte(0x10 | r.IntN(2)<<3 | r.IntN(2)<<5)
			packet := tcpPacket(1000, uint16(i*(1+i%3)), seq, ack, window, flags, data)
			if flags&0x20 != 0 {
				binary.BigEndian.PutUint16(packet[38:], uint16(r.IntN(600)))
				finishIP(packet)
			}
			got, ok := expandVJ(&v, &c, packet)
			if !ok || !bytes.Equal(got, packet) {
				t.Fatalf("packet %d:\n%x, want\n%x", i, got, packet)
			}
			seq += uint32(len(data))
			ack += uint32(r.IntN(3) * 700)
			window += uint16(r.IntN(3)) - 1
		}
	}
}

func expandVJ(v *vjSlots, c *vjSender, packet []byte) ([]byte, bool) {
	protocol, payload := c.frame(packet)
	if protocol == protocolVJUncompressed {
		return v.uncompressed(nil, payload)
	}
	out, next, fit := v.compressed(nil, payload)
	v.commit(&next)
	return out, fit == vjFits
}

// TestVJSpecials are the two cases that have no deltas (RFC 1144 section 3.2.2).
func TestVJSpecials(t *testing.T) {
	var v vjSlots
	first := tcpPacket(1000, 1, 100, 200, 500, 0x10, []byte("hello"))
	first9 := bytes.Clone(first)
	first9[9] = 0
	if _, ok := v.uncompressed(nil, first9); !ok {
		t.Fatal("uncompressed")
	}
	for _, c := range []struct {
		changes byte
		packet  []byte
	}{
		{vjData, tcpPacket(1000, 2, 105, 200, 500, 0x10, []byte("x"))},
		{vjEcho, tcpPacket(1000, 3, 106, 201, 500, 0x10, []byte("yz"))},
		{vjData | vjPush, tcpPacket(1000, 4, 108, 201, 500, 0x18, nil)},
	} {
		payload := append([]byte{c.changes}, c.packet[36:38]...)
		out, next, fit := v.compressed(nil, append(payload, c.packet[40:]...))
		if fit != vjFits || !bytes.Equal(out, c.packet) {
			t.Fatalf("%02x: %x, want %x", c.changes, out, c.packet)
		}
		v.commit(&next)
	}
}

// TestVJLoss drops each frame in turn: what follows in the slot is told by its checksum until a
// header comes uncompressed, and nothing wrong comes out.
func TestVJLoss(t *testing.T) {
	const again = 10 // the packet that comes uncompressed
	var packets [][]byte
	for i := range 20 {
		packets = append(packets, tcpPacket(1000, uint16(i), uint32(100*i), 5, 500, 0x10, bytes.Repeat([]byte{byte(i)}, 100)))
	}
	for lost := range packets {
		var v vjSlots
		var c vjSender
		for i, packet := range packets {
			if i == again {
				c.last = nil
			}
			if i == lost {
				c.frame(packet)
				continue
			}
			got, ok := expandVJ(&v, &c, packet)
			if ok && !bytes.Equal(got, packet) {
				t.Errorf("frame %d lost: packet %d is wrong", lost, i)
			}
			if want := i < lost || lost < again && i >= again; ok != want {
				t.Errorf("frame %d lost: packet %d expanded: %v", lost, i, ok)
			}
		}
	}
}

// TestVJOvertaken has each frame overtake the one before it: it costs no more than that one or
// both.
func TestVJOvertaken(t *testing.T) {
	for early := 2; early < 20; early++ {
		var v vjSlots
		var c vjSender
		type sent struct {
			protocol        uint16
			payload, packet []byte
		}
		var frames []sent
		for i := range 20 {
			packet := tcpPacket(1000, uint16(i), uint32(100*i), uint32(7*i), 500, 0x10, bytes.Repeat([]byte{byte(i)}, 100))
			protocol, payload := c.frame(packet)
			frames = append(frames, sent{protocol, bytes.Clone(payload), packet})
		}
		frames[early-1], frames[early] = frames[early], frames[early-1]
		got := 0
		for _, f := range frames {
			var out []byte
			ok := false
			if f.protocol == protocolVJUncompressed {
				out, ok = v.uncompressed(nil, f.payload)
			} else {
				var next vjNext
				var fit vjFit
				out, next, fit = v.compressed(nil, f.payload)
				v.commit(&next)
				ok = fit == vjFits
			}
			if ok && !bytes.Equal(out, f.packet) {
				t.Fatalf("frame %d: a wrong packet", early)
			}
			if ok {
				got++
			}
		}
		if got < 18 {
			t.Errorf("frame %d overtook another: %d packets of 20", early, got)
		}
	}
}

func words(r *rand.Rand, n int) []byte {
	list := []string{"GET ", "index ", "html ", "HTTP/1.1 ", "the ", "fox ", "\x00\x01\xff", "host: ", "10.0.0.1 "}
	var b []byte
	for len(b) < n {
		b = append(b, list[r.IntN(len(list))]...)
	}
	return b[:n]
}

// TestBSDRoundTrip goes on until the dictionary is full and is cleared, by the sender's CLEAR and
// by packets that were sent as they are.
func TestBSDRoundTrip(t *testing.T) {
	for bits := bsdMinBits; bits <= 12; bits++ {
		c, d := bsdSender{bsdDictionary: newBSDDictionary(bits)}, newBSDDictionary(bits)
		r := rand.New(rand.NewPCG(4, uint64(bits)))
		cleared := 0
		for i := range 400 {
			data := words(r, 20+r.IntN(900))
			noise := i%7 == 6
			if noise {
				for i := range data {
					data[i] = byte(r.Uint32())
				}
			}
			last := c.last
			if packet := c.packet(0x21, data); noise { // it would not shrink
				c.number--
				d.pass(0x21, data)
			} else if got, err := d.expand(nil, packet[2:]); err != nil || got[0] != 0x21 || !bytes.Equal(got[1:], data) {
				t.Fatalf("%d bits, packet %d: %d bytes of %d, %v", bits, i, len(got), len(data), err)
			}
			if c.last < last {
				cleared++
			}
			if c.last != d.last || c.bits != d.bits || c.ratio != d.ratio || c.in != d.in {
				t.Fatalf("%d bits, packet %d: the dictionaries differ: %d %d, %d %d", bits, i, c.last, d.last, c.bits, d.bits)
			}
		}
		if cleared == 0 {
			t.Errorf("%d bits: the dictionary was never cleared", bits)
		}
	}
}

// TestInflate: a packet that would blow up is refused, one of the largest size is not.
func TestInflate(t *testing.T) {
	for size, want := range map[int]error{maxExpanded: nil, maxExpanded + 1: errExpanded, 1 << 20: errExpanded} {
		var f inflater
		c := newDeflateSender()
		got, err := f.expand(nil, c.packet(t, make([]byte, size))[2:], new(deflateWindow))
		if err != want || err == nil && len(got) != size {
			t.Errorf("Deflate of %d bytes: %d, %v", size, len(got), err)
		}
		d, e := newBSDDictionary(15), bsdSender{bsdDictionary: newBSDDictionary(15)}
		got, err = d.expand(nil, e.packet(0x21, make([]byte, size-1))[2:])
		if err != want || err == nil && len(got) != size {
			t.Errorf("BSD of %d bytes: %d, %v", size, len(got), err)
		}
	}
}
