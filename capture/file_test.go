package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// ngBuilder writes pcapng files by hand, in either byte order.
type ngBuilder struct {
	bytes.Buffer
	order binary.AppendByteOrder
}

func (b *ngBuilder) u16(n int) []byte    { return b.order.AppendUint16(nil, uint16(n)) }
func (b *ngBuilder) u32(n int) []byte    { return b.order.AppendUint32(nil, uint32(n)) }
func (b *ngBuilder) u64(n uint64) []byte { return b.order.AppendUint64(nil, n) }

func padded(b []byte) []byte { return join(b, make([]byte, pad4(len(b))-len(b))) }

func (b *ngBuilder) block(kind int, body ...[]byte) {
	all := padded(join(body...))
	b.Write(join(b.u32(kind), b.u32(len(all)+12), all, b.u32(len(all)+12)))
}

func (b *ngBuilder) opt(code int, value []byte) []byte {
	return join(b.u16(code), b.u16(len(value)), padded(value))
}

func (b *ngBuilder) section(order binary.AppendByteOrder) {
	b.order = order
	b.block(blockSectionHeader, b.u32(byteOrderMagic), b.u16(1), b.u16(0), b.u64(1<<64-1), b.opt(4, []byte("a test")), b.u32(0))
}

func (b *ngBuilder) ifc(lt LinkType, snap int, options ...[]byte) {
	b.block(blockInterface, b.u16(int(lt)), b.u16(0), b.u32(snap), join(options...))
}

func (b *ngBuilder) epb(ifc int, ticks uint64, original int, data []byte, options ...[]byte) {
	b.block(blockEnhancedPacket, b.u32(ifc), b.u32(int(ticks>>32)), b.u32(int(uint32(ticks))), b.u32(len(data)), b.u32(original), padded(data), join(options...))
}

// kept is a packet read, with copies of its slices.
type kept struct {
	time      int64
	length    int
	ifc       int
	data, opt string
}

// readAll reads a source to its end; err is nil for io.EOF.
func readAll(src Source) (all []kept, err error) {
	var p Packet
	for {
		if err := src.Next(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
		all = append(all, kept{p.Time, p.Length, p.Interface, string(p.Data), string(p.Options)})
	}
}

func readBytes(t *testing.T, data []byte) ([]kept, []Interface) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(data), "test")
	if err != nil {
		t.Fatal(err)
	}
	all, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all, r.Interfaces()
}

func check(t *testing.T, got, want []kept) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("packet %d: %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func TestPcapVariants(t *testing.T) {
	for _, c := range []struct {
		name     string
		magic    uint32
		fraction uint32
		extra    int
		res      int64
		version  [2]int
	}{
		{"microseconds", pcapMicros, 123456, 0, 1e6, [2]int{2, 4}},
		{"nanoseconds", pcapNanos, 123456000, 0, 1e9, [2]int{2, 4}},
		{"modified", pcapModified, 123456, 8, 1e6, [2]int{2, 4}},
		{"version 2.2", pcapMicros, 123456, 0, 1e6, [2]int{2, 2}},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			b := ngBuilder{order: order}
			b.Write(join(b.u32(int(c.magic)), b.u16(c.version[0]), b.u16(c.version[1]), b.u32(0), b.u32(0), b.u32(96), b.u32(0x10000000|int(LinuxSLL2))))
			for _, n := range []int{0, 1, 96} {
				first, second := n, 1500
				if c.version[1] < 3 {
					first, second = second, first
				}
				b.Write(join(b.u32(4000000000), b.u32(int(c.fraction)), b.u32(first), b.u32(second), make([]byte, c.extra), count(n)))
			}
			got, ifcs := readBytes(t, b.Bytes())
			if len(ifcs) != 1 || !ifcs[0].equal(&Interface{LinkType: LinuxSLL2, SnapLen: 96, Resolution: c.res}) {
				t.Errorf("%s: %+v", c.name, ifcs)
			}
			const at = 4000000000_123456000
			check(t, got, []kept{{at, 1500, 0, "", ""}, {at, 1500, 0, string(count(1)), ""}, {at, 1500, 0, string(count(96)), ""}})
		}
	}
}

// sample is a pcapng file with everything in it, and what must be read from it.
func sample() (file []byte, want []kept, secrets []string) {
	le := func(code, n int, value string) string {
		return string(join(binary.LittleEndian.AppendUint16(nil, uint16(code)), binary.LittleEndian.AppendUint16(nil, uint16(n)), []byte(value)))
	}
	var b ngBuilder
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		b.section(order)
		b.ifc(Ethernet, 0, b.opt(2, []byte("eth0")), b.opt(9, []byte{9}), b.opt(8, b.u64(1e9)), b.opt(14, b.u64(100)), b.u32(0))
		b.ifc(Raw, 8)
		b.block(0x0bad, b.u32(12345), count(20)) // custom
		b.block(5, b.u32(0), b.u64(0))           // interface statistics
		b.block(blockDecryptionSecrets, b.u32(int(SecretsESPS)), b.u32(5), []byte("a,b,c"))
		b.epb(0, 1_600_000_000_123456789, 60, []byte("first"),
			b.opt(1, []byte("a comment")), b.opt(2, b.u32(0x01020304)), b.opt(4, b.u64(7)), b.opt(2989, join(b.u32(9), []byte("x"))), b.u32(0))
		b.epb(1, 1_600_000_000_123456, 4, []byte("four"))
		b.block(blockObsoletePacket, b.u16(1), b.u16(0xffff), b.u32(0), b.u32(5), b.u32(3), b.u32(3), []byte("old"))
		b.block(4, b.u16(1), b.u16(8), []byte{192, 0, 2, 1, 'h', 'o', 't', 0}, b.u32(0)) // name resolution
		b.block(blockSimplePacket, b.u32(6), []byte("simple"))
		const s = 1_600_000_100_123456789
		options := le(1, 9, "a comment\x00\x00\x00") + le(2, 4, "\x04\x03\x02\x01") + le(4, 8, "\x07\x00\x00\x00\x00\x00\x00\x00") + le(2989, 5, "\x09\x00\x00\x00x\x00\x00\x00")
		// The second section describes the same interfaces in the same words: they keep their
		// places.
		want = append(want,
			kept{s, 60, 0, "first", options},
			kept{1_600_000_000_123456000, 4, 1, "four", ""},
			kept{5000, 3, 1, "old", ""},
			kept{0, 6, 0, "simple", ""})
		secrets = append(secrets, "a,b,c")
	}
	b.ifc(LinuxSLL, 4, b.opt(9, []byte{0x80 | 10}))
	b.epb(2, 1024*5+512, 9, []byte("cool"))
	want = append(want, kept{5_500_000_000, 9, 2, "cool", ""})
	return b.Bytes(), want, secrets
}

func TestPcapng(t *testing.T) {
	file, want, secrets := sample()
	r, err := NewReader(bytes.NewReader(file), "test")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	r.OnSecrets(func(kind uint32, data []byte) {
		if kind != SecretsESPS {
			t.Errorf("secrets of type %#x", kind)
		}
		got = append(got, string(data))
	})
	all, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	check(t, all, want)
	if strings.Join(got, "|") != strings.Join(secrets, "|") {
		t.Errorf("secrets %q", got)
	}
	speed := "\x08\x00\x08\x00\x00\xca\x9a\x3b\x00\x00\x00\x00"
	for i, w := range []Interface{
		{Ethernet, 0, "eth0", []byte(speed), nil, 1e9}, {Raw, 8, "", nil, nil, 1e6}, {LinuxSLL, 4, "", nil, nil, 1024},
	} {
		if g := r.Interfaces()[i]; !g.equal(&w) {
			t.Errorf("interface %d: %+v, want %+v", i, g, w)
		}
	}
	if len(r.Interfaces()) != 3 {
		t.Errorf("%d interfaces", len(r.Interfaces()))
	}
	n := 0
	eachComment([]byte(want[0].opt), func(c []byte) bool {
		n++
		return string(c) == "a comment"
	})
	if n != 1 {
		t.Errorf("%d comments", n)
	}
	if err := r.Next(new(Packet)); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

// samplePcap is a small pcap file.
func samplePcap() []byte {
	var b bytes.Buffer
	w := NewPcapWriter(&b, true)
	w.AddInterface(Interface{LinkType: Ethernet})
	for i := range 4 {
		w.WritePacket(&Packet{Time: int64(i) * 1e9, Length: 60, Data: count(i * 5)}, nil)
	}
	w.Flush()
	return b.Bytes()
}

// TestCut cuts files at every byte: all whole packets come, then ErrCut, unless the cut is between
// two blocks.
func TestCut(t *testing.T) {
	ng, _, _ := sample()
	for name, file := range map[string][]byte{"pcap": samplePcap(), "pcapng": ng} {
		whole, _ := readBytes(t, file)
		clean := 0
		last := -1
		for n := range len(file) {
			r, err := NewReader(bytes.NewReader(file[:n]), name)
			var got []kept
			if err == nil {
				got, err = readAll(r)
			}
			if err == nil {
				clean++
			} else if !errors.Is(err, ErrCut) {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
			if len(got) < last || len(got) > last+1 && last >= 0 {
				t.Fatalf("%s cut at %d: %d packets, one byte less gave %d", name, n, len(got), last)
			}
			last = len(got)
			check(t, got, whole[:len(got)])
		}
		if want := map[string]int{"pcap": 4, "pcapng": 23}[name]; clean != want {
			t.Errorf("%s: %d places to cut without damage, want %d", name, clean, want)
		}
	}
}

// TestCorrupt changes every byte: whatever is read, nothing panics or hangs, and what was read
// before stays the same.
func TestCorrupt(t *testing.T) {
	ng, _, _ := sample()
	for name, file := range map[string][]byte{"pcap": samplePcap(), "pcapng": ng} {
		whole, _ := readBytes(t, file)
		refused := 0
		for i := range file {
			for _, v := range []byte{0xff, 0x80, 0x01} {
				bad := bytes.Clone(file)
				bad[i] ^= v
				r, err := NewReader(bytes.NewReader(bad), name)
				var got []kept
				if err == nil {
					got, err = readAll(r)
				}
				var fe *FormatError
				if err != nil && !errors.Is(err, ErrCut) && !errors.As(err, &fe) {
					t.Fatalf("%s, byte %d: %v", name, i, err)
				}
				if err != nil {
					refused++
				}
				if len(got) > len(whole) {
					t.Fatalf("%s, byte %d: %d packets", name, i, len(got))
				}
				if r != nil && cap(r.in.buf) > inputSize {
					t.Fatalf("%s, byte %d: the buffer grew to %d bytes", name, i, cap(r.in.buf))
				}
			}
		}
		if refused == 0 {
			t.Errorf("%s: no damage was seen", name)
		}
	}
}

func TestDamagedLengths(t *testing.T) {
	header := func() *ngBuilder {
		b := new(ngBuilder)
		b.section(binary.LittleEndian)
		b.ifc(Ethernet, 0)
		return b
	}
	for _, c := range []struct {
		name string
		make func(b *ngBuilder)
		text string
	}{
		{"huge packet block", func(b *ngBuilder) { b.Write(join(b.u32(6), b.u32(0xfffffff0), make([]byte, 64))) }, "block of 4294967280 bytes, more than"},
		{"16 MiB packet block", func(b *ngBuilder) { b.Write(join(b.u32(6), b.u32(16<<20), make([]byte, 64))) }, "block of 16777216 bytes, more than a packet"},
		{"short block", func(b *ngBuilder) { b.Write(join(b.u32(6), b.u32(8), make([]byte, 64))) }, "block of 8 bytes, less than 12"},
		{"odd block", func(b *ngBuilder) { b.Write(join(b.u32(6), b.u32(33), make([]byte, 64))) }, "not a multiple of 4"},
		{"second length", func(b *ngBuilder) { b.Write(join(b.u32(6), b.u32(32), make([]byte, 20), b.u32(36))) }, "block length 32, at the end of the block 36"},
		{"second length of an unknown block", func(b *ngBuilder) { b.Write(join(b.u32(77), b.u32(16), make([]byte, 4), b.u32(12))) }, "block length 16, at the end of the block 12"},
		{"captured length", func(b *ngBuilder) { b.block(6, b.u32(0), b.u64(0), b.u32(9), b.u32(9), count(8)) }, "packet of 9 captured bytes in a block with room for 8"},
		{"captured length over all", func(b *ngBuilder) { b.block(6, b.u32(0), b.u64(0), b.u32(0xffffffff), b.u32(9), count(8)) }, "packet of 4294967295 captured bytes"},
		{"unknown interface", func(b *ngBuilder) { b.epb(1, 0, 4, count(4)) }, "packet of interface 1, but 1 are described"},
		{"interface of the section before", func(b *ngBuilder) { b.section(binary.BigEndian); b.epb(0, 0, 4, count(4)) }, "packet of interface 0, but 0 are described"},
		{"simple packet first", func(b *ngBuilder) { b.section(binary.BigEndian); b.block(3, b.u32(4), count(4)) }, "before any interface"},
		{"simple packet too long", func(b *ngBuilder) { b.block(3, b.u32(5), count(4)) }, "packet of 5 captured bytes in a block with room for 4"},
		{"short packet block", func(b *ngBuilder) { b.block(6, make([]byte, 16)) }, "shorter than its fields"},
		{"short old packet block", func(b *ngBuilder) { b.block(2, make([]byte, 16)) }, "shorter than its fields"},
		{"short simple packet block", func(b *ngBuilder) { b.block(3) }, "shorter than its fields"},
		{"short interface", func(b *ngBuilder) { b.block(1, make([]byte, 4)) }, "shorter than its fields"},
		{"interface option", func(b *ngBuilder) { b.ifc(1, 0, b.u16(2), b.u16(5), count(4)) }, "option goes past"},
		{"interface option of 3 bytes", func(b *ngBuilder) { b.ifc(1, 0, b.opt(9, []byte{6, 6})) }, "wrong length"},
		{"resolution 10^-19", func(b *ngBuilder) { b.ifc(1, 0, b.opt(9, []byte{19})) }, "10^-19"},
		{"resolution 2^-63", func(b *ngBuilder) { b.ifc(1, 0, b.opt(9, []byte{0x80 | 63})) }, "2^-63"},
		{"secrets", func(b *ngBuilder) { b.block(10, b.u32(1), b.u32(5), count(4)) }, "secrets of 5 bytes in a block with room for 4"},
		{"short secrets", func(b *ngBuilder) { b.block(10, b.u32(1)) }, "shorter than its fields"},
		{"section without magic", func(b *ngBuilder) { b.block(blockSectionHeader, make([]byte, 16)) }, "byte order magic"},
		{"section of version 2", func(b *ngBuilder) {
			b.block(blockSectionHeader, b.u32(byteOrderMagic), b.u16(2), b.u16(0), b.u64(0))
		}, "version 2"},
		{"short section", func(b *ngBuilder) { b.block(blockSectionHeader, b.u32(byteOrderMagic), b.u16(1), b.u16(0)) }, "section header of 20 bytes"},
	} {
		b := header()
		b.epb(0, 7, 4, []byte("good"))
		at := b.Len()
		c.make(b)
		r, err := NewReader(bytes.NewReader(b.Bytes()), "x.pcapng")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := readAll(r)
		var fe *FormatError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "x.pcapng: at byte ") || fe.Offset < int64(at) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(got) != 1 || got[0].data != "good" {
			t.Errorf("%s: %d packets before it", c.name, len(got))
		}
	}

	file := samplePcap()
	binary.LittleEndian.PutUint32(file[24+16+8:], MaxPacketLen+1)
	r, _ := NewReader(bytes.NewReader(file), "x.pcap")
	got, err := readAll(r)
	const want = "x.pcap: at byte 48: packet of 262145 captured bytes, more than 262144; skipped 21 bytes at offset 40"
	if len(got) != 3 || err == nil || err.Error() != want {
		t.Errorf("pcap: %d packets, %v", len(got), err)
	}
}

// TestAppendedFile: the header of a second file is no packet.
func TestAppendedFile(t *testing.T) {
	file := samplePcap()
	second := bytes.Clone(file)
	copy(second, "\xa1\xb2\xc3\xd4\x00\x02\x00\x04") // the other byte order
	for _, next := range [][]byte{file, second} {
		r, _ := NewReader(bytes.NewReader(append(bytes.Clone(file), next...)), "x.pcap")
		got, err := readAll(r)
		if want := fmt.Sprintf("x.pcap: at byte %d: another pcap file was appended here", len(file)); len(got) != 4 || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d packets, %v", len(got), err)
		}
	}
}

// TestDamagedPacketOptions: the packet is whole, so it is delivered, with the options before the
// damage.
func TestDamagedPacketOptions(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var b ngBuilder
		b.section(order)
		b.ifc(Ethernet, 0)
		b.epb(0, 7, 4, []byte("good"), b.opt(1, []byte("hi")), b.u16(1), b.u16(100), count(4))
		got, _ := readBytes(t, b.Bytes())
		check(t, got, []kept{{7000, 4, 0, "good", "\x01\x00\x02\x00hi\x00\x00"}})
	}
}

// TestBigEndianOptions: the numbers in options come out in little endian, texts and bytes as they
// are.
func TestBigEndianOptions(t *testing.T) {
	var little, big ngBuilder
	for _, b := range []*ngBuilder{&little, &big} {
		if b == &little {
			b.section(binary.LittleEndian)
		} else {
			b.section(binary.BigEndian)
		}
		b.ifc(Ethernet, 0, b.opt(3, []byte("described")), b.opt(4, count(8)), b.opt(8, b.u64(1e10)), b.opt(10, b.u32(3600)), b.opt(11, []byte("\x00udp")),
			b.opt(13, []byte{4}), b.opt(16, b.u64(5)), b.opt(17, b.u64(6)), b.opt(19372, join(b.u32(1), []byte("abc"))), b.u32(0))
		b.epb(0, 0, 4, count(4), b.opt(2, b.u32(0x12345678)), b.opt(3, count(5)), b.opt(4, b.u64(1)), b.opt(5, b.u64(2)), b.opt(6, b.u32(3)), b.opt(7, count(9)),
			b.opt(8, join(b.u32(4), b.u32(5))), b.opt(2988, join(b.u32(6), []byte("abc"))), b.opt(2989, []byte("ab")), b.opt(1, []byte("text")))
	}
	want, wantIfcs := readBytes(t, little.Bytes())
	got, gotIfcs := readBytes(t, big.Bytes())
	check(t, got, want)
	if len(want[0].opt) < 100 || !gotIfcs[0].equal(&wantIfcs[0]) || len(gotIfcs[0].Options) < 90 {
		t.Errorf("%+v\nwant %+v", gotIfcs, wantIfcs)
	}
}

func TestTooManyInterfaces(t *testing.T) {
	var b ngBuilder
	b.section(binary.LittleEndian)
	for range maxInterfaces + 1 {
		b.ifc(Ethernet, 0)
	}
	r, err := NewReader(&b, "x")
	if err != nil {
		t.Fatal(err)
	}
	if err = r.Next(new(Packet)); err == nil || !strings.Contains(err.Error(), "too many interface descriptions") {
		t.Error(err)
	}
	b = ngBuilder{}
	for i := range 40 {
		b.section(binary.LittleEndian)
		for j := range 20 {
			b.ifc(Ethernet, i*20+j, b.opt(2, bytes.Repeat([]byte{'x'}, 65000)))
		}
	}
	if r, err = NewReader(&b, "x"); err != nil {
		t.Fatal(err)
	}
	if err = r.Next(new(Packet)); err == nil || !strings.Contains(err.Error(), "too many interface descriptions") {
		t.Error(err)
	}
}

// TestBlockBounds: a block of the largest size is passed or read, one of 4 bytes more is damage.
func TestBlockBounds(t *testing.T) {
	for name, c := range map[string]struct {
		kind, length, packets int
		err                   string
	}{
		"unknown":        {0x0bad, maxBlockLen, 1, ""},
		"larger":         {0x0bad, maxBlockLen + 4, 0, "block of 16777220 bytes"},
		"packet":         {blockSimplePacket, maxPacketBlockLen, 2, ""},
		"larger packet":  {blockSimplePacket, maxPacketBlockLen + 4, 0, "block of 1048580 bytes"},
		"section":        {blockSectionHeader, maxPacketBlockLen, 0, "packet of interface 0, but 0 are described"},
		"larger section": {blockSectionHeader, maxPacketBlockLen + 4, 0, "section header of 1048580 bytes"},
	} {
		var b ngBuilder
		b.section(binary.LittleEndian)
		b.ifc(Ethernet, 60)
		body := make([]byte, c.length-12)
		if c.kind == blockSectionHeader {
			copy(body, join(b.u32(byteOrderMagic), b.u16(1)))
		}
		b.block(c.kind, body)
		b.epb(0, 1, 60, make([]byte, 60))
		r, err := NewReader(&b, "x")
		if err != nil {
			t.Fatal(err)
		}
		all, err := readAll(r)
		if len(all) != c.packets || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %d packets, %v", name, len(all), err)
		}
	}
}

func TestClock(t *testing.T) {
	const first, last = -1 << 63, 1<<63 - 1
	for _, c := range []struct {
		resolution byte
		offset     int64
		ticks      uint64
		want       int64
	}{
		{6, 0, 1_700_000_000_123456, 1_700_000_000_123456000},
		{9, 0, 1_700_000_000_123456789, 1_700_000_000_123456789},
		{12, 0, 1_700_000_123456789_999, 1_700_000_123456789},
		{3, 5, 1_700_000_000_123, 1_700_000_005_123000000},
		{0, 0, 1_700_000_000, 1_700_000_000_000000000},
		{6, -10, 5_000000, -5_000000000},
		{0x80 | 20, 0, 3<<20 | 1<<19, 3_500000000},
		{0x80 | 62, 0, 1<<62 | 1<<61, 1_500000000},
		{0x80, 0, 12, 12_000000000},
		{18, 0, 1<<64 - 1, 18_446744073},
		{6, 0, 1<<64 - 1, last},
		{9, 0, 1<<64 - 1, last},
		{0, 0, 1<<64 - 1, last},
		{0, last, 1<<64 - 1, last},
		{6, last, 0, last},
		{6, first, 1 << 63, first},
		{0, -9_000_000_000, 18_000_000_000, 9_000_000_000_000000000},
	} {
		clk, trouble := newClock(c.resolution, c.offset)
		if trouble != "" {
			t.Fatal(trouble)
		}
		if got := clk.nanoseconds(c.ticks); got != c.want {
			t.Errorf("resolution %#x, offset %d, %d ticks: %d, want %d", c.resolution, c.offset, c.ticks, got, c.want)
		}
	}
}

func FuzzReader(f *testing.F) {
	ng, _, _ := sample()
	f.Add(ng)
	f.Add(samplePcap())
	f.Add(gzipped(samplePcap()))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		r.OnSecrets(func(kind uint32, data []byte) {})
		var b bytes.Buffer
		w := NewPcapngWriter(&b)
		var p Packet
		written := 0
		var read []kept
		for {
			if err := r.Next(&p); err != nil {
				break
			}
			if len(p.Data) > p.Length || len(p.Data) > MaxPacketLen || p.Interface < 0 || p.Interface >= len(r.Interfaces()) || len(p.Options)%4 != 0 {
				t.Fatalf("%+v", p)
			}
			for ; written < len(r.Interfaces()); written++ {
				if _, err := w.AddInterface(r.Interfaces()[written]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.WritePacket(&p, nil); err != nil {
				t.Fatal(err)
			}
			read = append(read, kept{p.Time, p.Length, p.Interface, string(p.Data), string(p.Options)})
		}
		w.Flush()
		again, err := NewReader(&b, "again")
		if err != nil {
			t.Fatal(err)
		}
		all, err := readAll(again)
		if err != nil || len(all) != len(read) {
			t.Fatalf("written and read again: %d packets of %d: %v", len(all), len(read), err)
		}
		for i := range all {
			all[i].time, read[i].time = 0, 0 // some times have no exact counterpart
			if all[i] != read[i] {
				t.Fatalf("written and read again: %+v, was %+v", all[i], read[i])
			}
		}
	})
}

// eachComment calls yield with each comment in packet or interface options (Packet.Options,
// Interface.Options) until it returns false.
func eachComment(options []byte, yield func(comment []byte) bool) {
	var ng pcapngFile
	for {
		o, rest, state := ng.option(options)
		if state != optionHere {
			return
		}
		if o.code == optComment && !yield(o.value) {
			return
		}
		options = rest
	}
}
