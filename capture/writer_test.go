package capture

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"l2tpdump/testdata/race"
)

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func TestGzip(t *testing.T) {
	ng, want, _ := sample()
	got, _ := readBytes(t, gzipped(ng))
	check(t, got, want)
	got, _ = readBytes(t, join(gzipped(ng[:100]), gzipped(ng[100:]))) // several members
	check(t, got, want)

	z := gzipped(samplePcap())
	for n := range len(z) {
		r, err := NewReader(bytes.NewReader(z[:n]), "x")
		if err == nil {
			_, err = readAll(r)
		}
		if !errors.Is(err, ErrCut) {
			t.Errorf("cut at %d of %d: %v", n, len(z), err)
		}
	}
	var fe *FormatError
	z[len(z)-5] ^= 1 // in the check sum
	r, err := NewReader(bytes.NewReader(z), "x")
	if err == nil {
		_, err = readAll(r)
	}
	if !errors.As(err, &fe) {
		t.Errorf("damaged: %v", err)
	}
}

// What is compressed is read as it is without: as a file, where a zip archive can be read in any
// order, and as a pipe. Cut at its end it gives what it holds.
func TestCompressed(t *testing.T) {
	ng, want, _ := sample()
	var x, z, archive bytes.Buffer
	xw, _ := xz.NewWriter(&x)
	xw.Write(ng)
	xw.Close()
	zw, _ := zstd.NewWriter(&z)
	zw.Write(ng)
	zw.Close()
	aw := zip.NewWriter(&archive)
	for name, data := range map[string][]byte{"router.log": []byte("[IKE]"), "wan.pcapng.gz": gzipped(ng)} {
		f, _ := aw.Create(name)
		f.Write(data)
	}
	aw.Close()
	for name, file := range map[string][]byte{"xz": x.Bytes(), "zstd": z.Bytes(), "zip": archive.Bytes()} {
		got, _ := readBytes(t, file)
		check(t, got, want)
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		got, err = readAll(src)
		src.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check(t, got, want)
	}
	many := bytes.Repeat(ng, 50)
	cut := gzipped(many)
	r, err := NewReader(bytes.NewReader(cut[:len(cut)-100]), "x")
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(r)
	if !errors.Is(err, ErrCut) || len(got) < 10*len(want) {
		t.Errorf("a gzip file cut at its end: %d of %d packets, %v", len(got), 50*len(want), err)
	}
	if _, err := NewReader(bytes.NewReader(archive.Bytes()[:100]), "x"); err == nil || !strings.Contains(err.Error(), "zip data is damaged") {
		t.Errorf("half of a zip archive: %v", err)
	}
}

func TestSmallReads(t *testing.T) {
	ng, want, _ := sample()
	for _, file := range [][]byte{ng, gzipped(ng)} {
		r, err := NewReader(iotest.OneByteReader(bytes.NewReader(file)), "x")
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(r)
		if err != nil {
			t.Fatal(err)
		}
		check(t, got, want)
	}
	trouble := errors.New("trouble")
	r, err := NewReader(io.MultiReader(bytes.NewReader(ng[:400]), iotest.ErrReader(trouble)), "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = readAll(r); !errors.Is(err, trouble) || errors.Is(err, ErrCut) {
		t.Errorf("a read error came as %v", err)
	}
}

func TestForeign(t *testing.T) {
	for head, text := range map[string]string{
		"":                              "the file is empty",
		"\xa1\xb2":                      "cut short",
		"router.log of today":           "neither pcap nor pcapng (it begins with 72 6f 75 74)",
		"\x04\x22\x4d\x18":              "lz4",
		"snoop\x00\x00\x00":             "snoop",
		string(gzipped([]byte("text"))): "neither pcap nor pcapng",
	} {
		if _, err := NewReader(strings.NewReader(head), "-"); err == nil || !strings.Contains(err.Error(), text) || !strings.HasPrefix(err.Error(), "standard input: ") {
			t.Errorf("%q: %v", head, err)
		}
	}
}

// copyAll writes what src yields.
func copyAll(t *testing.T, src Source, w Writer, comment string) {
	t.Helper()
	var p Packet
	var index []int
	for {
		if err := src.Next(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for len(index) <= p.Interface {
			i, err := w.AddInterface(src.Interfaces()[len(index)])
			if err != nil {
				t.Fatal(err)
			}
			index = append(index, i)
		}
		p.Interface = index[p.Interface]
		if err := w.WritePacket(&p, []byte(comment)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestPcapngRoundTrip(t *testing.T) {
	file, want, _ := sample()
	r, _ := NewReader(bytes.NewReader(file), "x")
	var out bytes.Buffer
	w := NewPcapngWriter(&out)
	copyAll(t, r, w, "")
	got, ifcs := readBytes(t, out.Bytes())
	check(t, got, want)
	for i := range ifcs {
		was := r.Interfaces()[i]
		if was.Resolution == 1024 {
			was.Resolution = 1e9
		}
		if !ifcs[i].equal(&was) {
			t.Errorf("interface %d: %+v, was %+v", i, ifcs[i], was)
		}
	}
	// A comment comes behind the others.
	r, _ = NewReader(bytes.NewReader(file), "x")
	out.Reset()
	copyAll(t, r, NewPcapngWriter(&out), "mine!")
	got, _ = readBytes(t, out.Bytes())
	for i := range want {
		want[i].opt += "\x01\x00\x05\x00mine!\x00\x00\x00"
	}
	check(t, got, want)
}

// The comments of the first section become those of the file written; those of a further one become
// its interfaces'.
func TestSectionComments(t *testing.T) {
	var b ngBuilder
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		b.order = order
		comment := "of the file"
		if order == binary.LittleEndian {
			comment = "of section two"
		}
		b.block(blockSectionHeader, b.u32(byteOrderMagic), b.u16(1), b.u16(0), b.u64(1<<64-1), b.opt(1, []byte(comment)), b.opt(4, []byte("a test")), b.u32(0))
		b.ifc(Raw, 0)
		b.epb(0, 1, 4, []byte("four"))
	}
	r, err := NewReader(bytes.NewReader(b.Bytes()), "x")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	copyAll(t, r, NewPcapngWriter(&out), "")
	_, ifcs := readBytes(t, out.Bytes())
	if len(ifcs) != 2 {
		t.Fatalf("%d interfaces", len(ifcs))
	}
	texts := func(options []byte) (all []string) {
		eachComment(options, func(c []byte) bool { all = append(all, string(c)); return true })
		return all
	}
	for i, want := range []struct{ section, own string }{{"[of the file]", "[]"}, {"[of the file]", "[of section two]"}} {
		if got := fmt.Sprint(texts(ifcs[i].Section)); got != want.section {
			t.Errorf("interface %d: section %s", i, got)
		}
		if got := fmt.Sprint(texts(ifcs[i].Options)); got != want.own {
			t.Errorf("interface %d: %s", i, got)
		}
	}
}

func TestResolutions(t *testing.T) {
	const at = 1_700_000_001_000000000
	for _, c := range []struct{ resolution, fraction, want int64 }{
		{1e9, 123456789, 123456789}, {1e6, 123456000, 123456000}, {1e6, 123456789, 123456000}, {1e3, 123000000, 123000000},
		{1, 0, 0}, {0, 123456789, 123456789}, {1e12, 123456789, 123456789}, {1024, 500000000, 500000000},
	} {
		var out bytes.Buffer
		w := NewPcapngWriter(&out)
		w.AddInterface(Interface{Resolution: c.resolution})
		w.WritePacket(&Packet{Time: at + c.fraction}, nil)
		w.Flush()
		if got, _ := readBytes(t, out.Bytes()); got[0].time != at+c.want {
			t.Errorf("resolution %d: %d, want %d", c.resolution, got[0].time, at+c.want)
		}
	}
}

func TestPcapWriter(t *testing.T) {
	for _, nanos := range []bool{false, true} {
		var out bytes.Buffer
		w := NewPcapWriter(&out, nanos)
		if err := w.WritePacket(&Packet{}, nil); err != errNoInterface {
			t.Error(err)
		}
		if i, err := w.AddInterface(Interface{LinkType: LinuxSLL2, SnapLen: 96}); i != 0 || err != nil {
			t.Error(i, err)
		}
		if i, err := w.AddInterface(Interface{LinkType: LinuxSLL2, Name: "other"}); i != 0 || err != nil {
			t.Error(i, err)
		}
		if _, err := w.AddInterface(Interface{LinkType: Ethernet}); err == nil || !strings.Contains(err.Error(), "not LINUX_SLL2 and ETHERNET") {
			t.Error(err)
		}
		if err := w.WriteSecrets(SecretsESPS, nil); err != errNoSecrets {
			t.Error(err)
		}
		for _, p := range []Packet{{Time: 4_000_000_000_123456789, Data: []byte("abc"), Length: 9}, {Time: -1}, {Time: 1<<63 - 1, Length: 1}} {
			if err := w.WritePacket(&p, []byte("dropped")); err != nil {
				t.Error(err)
			}
		}
		if err := w.WritePacket(&Packet{Data: make([]byte, MaxPacketLen+1)}, nil); err == nil {
			t.Error("a packet longer than any reader takes was written")
		}
		w.Flush()
		got, ifcs := readBytes(t, out.Bytes())
		unit := int64(1000)
		if nanos {
			unit = 1
		}
		check(t, got, []kept{
			{4_000_000_000_000000000 + 123456789/unit*unit, 9, 0, "abc", ""}, {0, 0, 0, "", ""},
			{4294967295_000000000 + 999999999/unit*unit, 1, 0, "", ""}})
		if ifcs[0].LinkType != LinuxSLL2 || ifcs[0].SnapLen != MaxPacketLen {
			t.Errorf("%+v", ifcs[0])
		}
	}
}

func TestPcapngWriterRefuses(t *testing.T) {
	w := NewPcapngWriter(io.Discard)
	if err := w.WritePacket(&Packet{}, nil); err != errNoInterface {
		t.Error(err)
	}
	if _, err := w.AddInterface(Interface{Options: []byte{1}}); err != errOptions {
		t.Error(err)
	}
	if _, err := w.AddInterface(Interface{Options: make([]byte, maxPacketBlockLen)}); err == nil {
		t.Error("an interface longer than any reader takes was written")
	}
	w.AddInterface(Interface{})
	for _, p := range []Packet{{Interface: 1}, {Interface: -1}, {Options: []byte{1}}, {Data: make([]byte, MaxPacketLen+1)}, {Options: make([]byte, maxPacketBlockLen)}} {
		if err := w.WritePacket(&p, nil); err == nil {
			t.Errorf("interface %d, %d bytes, %d of options: written", p.Interface, len(p.Data), len(p.Options))
		}
	}
	if err := w.WriteSecrets(1, make([]byte, maxBlockLen)); err == nil {
		t.Error("secrets longer than any reader takes were written")
	}
}

func TestLargestPacketAndComment(t *testing.T) {
	var out bytes.Buffer
	w := NewPcapngWriter(&out)
	w.AddInterface(Interface{})
	comment := strings.Repeat("é", 40000)
	for range 8 {
		if err := w.WritePacket(&Packet{Data: count(MaxPacketLen), Length: MaxPacketLen}, []byte(comment)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteSecrets(7, make([]byte, 3<<20)); err != nil {
		t.Fatal(err)
	}
	w.WritePacket(&Packet{Data: []byte("last"), Length: 4}, nil)
	w.Flush()
	r, err := NewReader(&out, "x")
	if err != nil {
		t.Fatal(err)
	}
	secrets := 0
	r.OnSecrets(func(kind uint32, data []byte) { secrets = len(data) })
	all, err := readAll(r)
	if err != nil || len(all) != 9 || secrets != 3<<20 || all[8].data != "last" {
		t.Fatalf("%d packets, %d bytes of secrets, %v", len(all), secrets, err)
	}
	eachComment([]byte(all[7].opt), func(c []byte) bool {
		if string(c) != comment[:65534] {
			t.Errorf("comment of %d bytes", len(c))
		}
		return true
	})
	if all[7].data != string(count(MaxPacketLen)) {
		t.Error("the largest packet changed")
	}
}

func TestWriterError(t *testing.T) {
	for _, w := range []Writer{NewPcapWriter(failing{}, false), NewPcapngWriter(failing{})} {
		w.AddInterface(Interface{})
		var err error
		for i := 0; i < 10000 && err == nil; i++ {
			err = w.WritePacket(&Packet{Data: count(1000)}, nil)
		}
		if !errors.Is(err, errFull) || !errors.Is(w.Flush(), errFull) {
			t.Errorf("%v", err)
		}
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestReadingAndWritingDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations differ under the race detector")
	}
	var file bytes.Buffer
	w := NewPcapngWriter(&file)
	w.AddInterface(Interface{Resolution: 1e6})
	for range 3000 {
		w.WritePacket(&Packet{Data: count(700), Length: 700}, []byte("a comment"))
	}
	w.Flush()
	r, err := NewReader(&file, "x")
	if err != nil {
		t.Fatal(err)
	}
	pc, ng := NewPcapWriter(io.Discard, true), NewPcapngWriter(io.Discard)
	pc.AddInterface(Interface{})
	ng.AddInterface(Interface{})
	var p Packet
	comment := []byte("another")
	r.Next(&p)
	if n := testing.AllocsPerRun(2000, func() {
		if err := r.Next(&p); err != nil {
			t.Fatal(err)
		}
		pc.WritePacket(&p, nil)
		ng.WritePacket(&p, comment)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// tshark gives tshark's output, and skips the test where it is not installed.
func tshark(t *testing.T, program string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skip(program + " is not installed")
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C", "HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", program, strings.Join(args, " "), err)
	}
	return string(out)
}

// TestWiresharkReads has Wireshark's programs read what the writers wrote.
func TestWiresharkReads(t *testing.T) {
	file, _, _ := sample()
	fields := []string{"-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.interface_id", "-e", "frame.comment", "-e", "frame.protocols"}
	dir := t.TempDir()
	in := filepath.Join(dir, "in.pcapng")
	out := filepath.Join(dir, "out.pcapng")
	os.WriteFile(in, file, 0o600)
	var b bytes.Buffer
	w := NewPcapngWriter(&b)
	w.WriteSecrets(SecretsESPS, []byte("\"IPv4\",\"*\",\"*\"\n"))
	r, _ := NewReader(bytes.NewReader(file), "x")
	copyAll(t, r, w, "")
	os.WriteFile(out, b.Bytes(), 0o600)
	rows := func(name string) (all []string) {
		for _, line := range strings.Split(tshark(t, "tshark", append([]string{"-r", name}, fields...)...), "\n") {
			if line != "" && !strings.HasSuffix(line, "\tdata") { // tshark shows custom blocks too
				all = append(all, line)
			}
		}
		return all
	}
	want, got := rows(in), rows(out)
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		g, w := strings.Split(got[i], "\t"), strings.Split(want[i], "\t")
		g[3], w[3] = "", "" // tshark counts the interfaces of all sections
		if g[0] == "" || strings.Join(g, "\t") != strings.Join(w, "\t") {
			// The Simple Packet Block has no time, the packet written for it has 1970.
			if !(w[0] == "" && strings.Join(g[1:], "\t") == strings.Join(w[1:], "\t")) {
				t.Errorf("packet %d: %q, want %q", i, got[i], want[i])
			}
		}
	}
	for _, nanos := range []bool{false, true} {
		b.Reset()
		pw := NewPcapWriter(&b, nanos)
		r, err := NewReader(bytes.NewReader(samplePcap()), "x")
		if err != nil {
			t.Fatal(err)
		}
		copyAll(t, r, pw, "")
		name := filepath.Join(dir, "out.pcap")
		os.WriteFile(name, b.Bytes(), 0o600)
		info := tshark(t, "capinfos", "-T", "-r", "-c", "-t", "-E", "-d", name)
		kind := "pcap"
		if nanos {
			kind = "nsecpcap"
		}
		if got := strings.Fields(info); strings.Join(got[1:], " ") != kind+" ether 4 240" {
			t.Errorf("capinfos: %q", info)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, format := range []string{"pcap", "pcapng"} {
		b.Run(format, func(b *testing.B) {
			var file bytes.Buffer
			w := NewPcapWriter(&file, false)
			if format == "pcapng" {
				w = NewPcapngWriter(&file)
			}
			w.AddInterface(Interface{LinkType: Ethernet})
			for range 50000 {
				w.WritePacket(&Packet{Data: count(1400), Length: 1400}, nil)
			}
			w.Flush()
			name := filepath.Join(b.TempDir(), "x")
			os.WriteFile(name, file.Bytes(), 0o600)
			b.SetBytes(int64(file.Len()))
			var p Packet
			for b.Loop() {
				src, err := Open([]string{name})
				if err != nil {
					b.Fatal(err)
				}
				for src.Next(&p) == nil {
				}
				src.Close()
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	w := NewPcapngWriter(io.Discard)
	w.AddInterface(Interface{})
	p := Packet{Data: count(1400), Length: 1400}
	comment := []byte("a comment of usual length")
	b.SetBytes(1400)
	for b.Loop() {
		w.WritePacket(&p, comment)
	}
}

// TestWiresharkAgreesOnLinkLayers has tshark look at frames of every link layer, rewritten ones
// too: it must find IP and UDP in all, no bad checksum, nothing malformed.
func TestWiresharkAgreesOnLinkLayers(t *testing.T) {
	var b bytes.Buffer
	w := NewPcapngWriter(&b)
	var names []string
	write := func(name string, i int, data []byte) {
		names = append(names, name)
		if err := w.WritePacket(&Packet{Time: 1e18, Data: data, Length: len(data), Interface: i}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range linkFrames {
		if strings.Contains(c.name, "openbsd") {
			continue // tshark takes 12 for raw IP always
		}
		if c.lt == PPPD || c.name == "pktap 2" || c.name == "nflog big" {
			continue // tshark 4.0 does not take it apart
		}
		i, err := w.AddInterface(Interface{LinkType: c.lt, Name: c.name})
		if err != nil {
			t.Fatal(err)
		}
		ip := ip4(17, udp4(count(100)))
		fragments := cutUp4(17, udp4(count(2000)), 5, 1400)
		if c.v6 {
			ip = ip6(17, udp6(count(100)))
			fragments = cutUp6(17, udp6(count(2000)), 5, 1400)
		}
		data := buildLink(c.header, c.lengthAt, ip, c.trailer)
		f := mustDecode(t, c.lt, data)
		if c.name != "pppoe padded" { // tshark calls padding behind PPPoE a bad length
			write(c.name, i, data)
		}
		write(c.name+", replaced", i, f.AppendUDPPayload(nil, data, count(77)))
		r := NewReassembler(1<<20, 30e9)
		for _, ip := range fragments {
			data = buildLink(c.header, c.lengthAt, ip, c.trailer)
			f = mustDecode(t, c.lt, data)
			d, err := r.Add(nil, f, data, 0)
			if err != nil {
				t.Fatal(err)
			}
			if d.Complete {
				out, err := f.DecodeReassembled(nil, f, data, d.Data)
				if err != nil {
					t.Fatal(err)
				}
				write(c.name+", reassembled", i, out)
				write(c.name+", reassembled and replaced", i, f.AppendUDPPayload(nil, out, count(300)))
			}
		}
	}
	w.Flush()
	file := filepath.Join(t.TempDir(), "x.pcapng")
	os.WriteFile(file, b.Bytes(), 0o600)
	out := tshark(t, "tshark", "-r", file, "--disable-protocol", "isakmp", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-T", "fields", "-e", "udp.srcport", "-e", "udp.checksum.status", "-e", "ip.checksum.status", "-e", "ipv6.version", "-e", "_ws.malformed", "-e", "_ws.expert.severity")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(names) {
		t.Fatalf("%d frames, tshark saw %d", len(names), len(lines))
	}
	for i, line := range lines {
		if f := strings.Split(line, "\t"); f[0] != "4500" || f[1] != "1" || f[2] != "1" && f[3] != "6" || f[4] != "" || strings.Contains(f[5], "8388608") {
			t.Errorf("%s: %q", names[i], line)
		}
	}
}
