package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/race"
)

// outcome is what became of one frame.
type outcome struct {
	kind    pipeline.Kind
	verdict why.Verdict
	partOf  uint64
	clear   string // ESP: next header and payload
	message string // IKE: the plain messages
}

// outcomes is a sink that notes what became of each frame.
type outcomes []outcome

func (o *outcomes) Record(r *pipeline.Record) error {
	c := outcome{kind: r.Kind, verdict: r.Verdict, partOf: r.PartOf}
	if r.Verdict.Opened() && r.Kind == pipeline.ESP {
		c.clear = string(append([]byte{r.Plain.NextHeader}, r.Plain.Data...))
	}
	for _, m := range r.IKE {
		c.message += string(m.Plain)
	}
	*o = append(*o, c)
	return nil
}

func (o *outcomes) Flush() error { return nil }

// frames is a capture in memory.
type frames struct {
	link    capture.LinkType
	packets []capture.Packet
	next    int
}

func (f *frames) Next(p *capture.Packet) error {
	if f.next == len(f.packets) {
		return io.EOF
	}
	*p = f.packets[f.next]
	f.next++
	return nil
}

func (f *frames) Interfaces() []capture.Interface {
	return []capture.Interface{{LinkType: f.link, Resolution: 1e6}}
}

func (f *frames) Close() error { return nil }

// readFrames reads up to n frames of a capture.
func readFrames(t *testing.T, name string, n int) *frames {
	t.Helper()
	src, err := capture.Open([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f := &frames{}
	var p capture.Packet
	for len(f.packets) < n && src.Next(&p) == nil {
		p.Data = bytes.Clone(p.Data)
		f.packets = append(f.packets, p)
	}
	f.link = src.Interfaces()[0].LinkType
	return f
}

// decryptFrames runs the pipeline over f.
func decryptFrames(t *testing.T, f *frames, keys []*keysrc.Keys) outcomes {
	t.Helper()
	f.next = 0
	p := pipeline.New(pipeline.Config{Source: f, Workers: 1})
	p.AddKeys(keys...)
	var o outcomes
	p.AddSink(&o)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(o) != len(f.packets) {
		t.Fatalf("%d records of %d frames", len(o), len(f.packets))
	}
	return o
}

// espPacket returns the ESP packet in a frame, and its SPI.
func espPacket(f *frames, i int) ([]byte, uint32) {
	var net capture.Frame
	data := f.packets[i].Data
	if net.Decode(f.link, data) != nil || net.Fragment {
		return nil, 0
	}
	switch {
	case net.Protocol == 50:
		data = data[net.PayloadStart:net.PayloadEnd]
	case net.UDP && (net.SrcPort == 4500 || net.DstPort == 4500):
		if data = data[net.UDPStart:net.UDPEnd]; len(data) < 8 || binary.BigEndian.Uint32(data) == 0 {
			return nil, 0
		}
	default:
		return nil, 0
	}
	return data, binary.BigEndian.Uint32(data)
}

// targets are the first, the second and the fifth packet of each SPI among the frames: the first
// ones are those by which the SA is recognised.
func targets(f *frames) []int {
	var list []int
	count := make(map[uint32]int)
	for i := range f.packets {
		if _, spi := espPacket(f, i); spi != 0 {
			if count[spi]++; count[spi] == 1 || count[spi] == 2 || count[spi] == 5 {
				list = append(list, i)
			}
		}
	}
	return list
}

func parseKeys(t *testing.T, dir string, names ...string) []*keysrc.Keys {
	t.Helper()
	var all []*keysrc.Keys
	for _, name := range names {
		k, err := keysrc.ParseFile(filepath.Join(captures, dir, name), "")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	return all
}

// TestBitFlips flips a bit of each byte of ESP packets. With the full keys that packet alone is
// refused, whichever byte it is, and every other frame gives what it did.
func TestBitFlips(t *testing.T) {
	step := 1
	if race.Enabled {
		step = 7 // coprime with the lengths of all fields
	}
	for _, c := range []struct {
		dir    string
		keys   []string
		frames int
	}{
		{"01-basic-aes128-sha1", []string{"keys/esp_sa"}, 60},
		{"01-basic-aes128-sha1", []string{"router-full.log"}, 60},
		{"01-basic-aes128-sha1", []string{"router.log", "keys/esp_sa"}, 60},
		{"02-natt-aes256-sha1", []string{"keys/esp_sa"}, 60},
		{"03-3des-sha1-modp1024", []string{"keys/esp_sa"}, 60},
		{"04-aes128-md5-modp1024", []string{"keys/esp_sa"}, 60},
		{"05-aes256-sha256-ecp384", []string{"router-full.log"}, 60},
		{"10-ipv6-outer", []string{"keys/esp_sa"}, 60},
		{"14-pppoe-wan", []string{"keys/esp_sa"}, 90},
		{"17a-aes128gcm16", []string{"keys/esp_sa"}, 60},
		{"17b-aes128ctr-sha1", []string{"keys/esp_sa"}, 60},
		{"17d-aes128-sha256-esn", []string{"keys/esp_sa"}, 60},
		{"17d-aes128-sha256-esn", []string{"router-full.log"}, 60},
		{"17f-aes192-sha384-modp3072", []string{"keys/esp_sa"}, 60},
		{"17h-aes128ccm16", []string{"keys/esp_sa"}, 60},
		{"23-ipcomp-inside-esp", []string{"keys/esp_sa"}, 60},
	} {
		t.Run(c.dir+"/"+c.keys[len(c.keys)-1], func(t *testing.T) {
			t.Parallel()
			f := readFrames(t, filepath.Join(captures, c.dir, "outer.pcap"), c.frames)
			keys := parseKeys(t, c.dir, c.keys...)
			want := decryptFrames(t, f, keys)
			list := targets(f)
			if len(list) < 6 {
				t.Fatalf("%d packets to damage", len(list))
			}
			for n, at := range list {
				packet, _ := espPacket(f, at)
				if want[at].verdict != why.Verified {
					t.Fatalf("frame %d undamaged: %s", at+1, want[at].verdict)
				}
				for i := n % step; i < len(packet); i += step {
					bit := byte(1) << ((i + n) % 8)
					packet[i] ^= bit
					got := decryptFrames(t, f, keys)
					packet[i] ^= bit
					compareDamaged(t, want, got, at, fmt.Sprintf("byte %d of %d of frame %d flipped", i, len(packet), at+1), i < 4)
				}
			}
		})
	}
}

// compareDamaged checks that of all frames only that at at has changed, and how.
func compareDamaged(t *testing.T, want, got outcomes, at int, what string, spi bool) {
	t.Helper()
	for k := range got {
		if k != at && got[k] != want[k] {
			t.Fatalf("%s: frame %d was %s, is %s", what, k+1, want[k].verdict, got[k].verdict)
		}
	}
	switch v := got[at].verdict; {
	case v == why.WrongKey || v == why.Malformed:
	case spi && v == why.NoKey:
	default:
		t.Fatalf("%s: %s, %s", what, got[at].kind, v)
	}
}

// TestBitFlipsWithoutAuthenticationKey does the same with the keys of a router's log, which can't
// prove a packet: what is flipped in the padding, the next header or the UDP and L2TP headers is
// noticed, no other frame changes, and nothing is called verified.
func TestBitFlipsWithoutAuthenticationKey(t *testing.T) {
	step := 5
	if race.Enabled {
		step = 31
	}
	for _, dir := range []string{"01-basic-aes128-sha1", "04-aes128-md5-modp1024", "13-ip-fragmented-esp", "17d-aes128-sha256-esn", "19-cooked-any"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			f := readFrames(t, filepath.Join(captures, dir, "outer.pcap"), 60)
			keys := parseKeys(t, dir, "router.log")
			want := decryptFrames(t, f, keys)
			for n, at := range targets(f) {
				packet, _ := espPacket(f, at)
				for i := n % step; i < len(packet); i += step {
					packet[i] ^= 0x10
					got := decryptFrames(t, f, keys)
					packet[i] ^= 0x10
					for k := range got {
						if got[k].verdict == why.Verified && got[k].kind == pipeline.ESP || k != at && got[k] != want[k] {
							t.Fatalf("byte %d of %d of frame %d flipped: frame %d was %s, is %s", i, len(packet), at+1, k+1, want[k].verdict, got[k].verdict)
						}
					}
				}
			}
		})
	}
}

// TestBitFlipsInFragments flips bits in packets that came in fragments: these then pass as they
// are.
func TestBitFlipsInFragments(t *testing.T) {
	for _, c := range []struct{ dir, keys string }{
		{"13-ip-fragmented-esp", "keys/esp_sa"}, {"02-natt-aes256-sha1", "keys/esp_sa"}, {"10-ipv6-outer", "keys/esp_sa"},
	} {
		t.Run(c.dir, func(t *testing.T) {
			t.Parallel()
			f := readFrames(t, filepath.Join(captures, c.dir, "outer.pcap"), 100)
			keys := parseKeys(t, c.dir, c.keys)
			want := decryptFrames(t, f, keys)
			tried := 0
			for first := range want {
				last := int(want[first].partOf) - 1
				if last < 0 || want[last].kind != pipeline.ESP {
					continue
				}
				data := f.packets[first].Data
				for i := len(data) - 1; i > len(data)-500 && i > 80; i -= 37 {
					data[i] ^= 2
					got := decryptFrames(t, f, keys)
					data[i] ^= 2
					if got[last].verdict != why.WrongKey || got[first].partOf != 0 {
						t.Fatalf("byte %d of frame %d: frame %d is %s", i, first+1, last+1, got[last].verdict)
					}
					for k := range got {
						if k != last && want[k].partOf != uint64(last+1) && got[k] != want[k] {
							t.Fatalf("byte %d of frame %d: frame %d was %s, is %s", i, first+1, k+1, want[k].verdict, got[k].verdict)
						}
					}
					tried++
				}
			}
			if tried < 20 {
				t.Errorf("%d bytes flipped", tried)
			}
		})
	}
}

// TestCutAnywhere cuts captures at many places: all whole packets are delivered, then there is an
// error that says where, and exit status 1. Not beside other tests: what is allocated is counted.
func TestCutAnywhere(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1/outer.pcap", "01-basic-aes128-sha1/outer-be.pcap", "03-3des-sha1-modp1024/outer.pcapng", "25-forceencaps-no-nat/outer.pcap"} {
		t.Run(name, func(t *testing.T) {
			whole, err := os.ReadFile(filepath.Join(captures, name))
			if err != nil {
				t.Fatal(err)
			}
			items := itemsOf(whole)
			if n, err := countFrames(whole); err != nil || n != items[len(items)-1].packets {
				t.Fatalf("%d of %d packets, %v", n, items[len(items)-1].packets, err)
			}
			for i := 1; i < 150; i++ {
				at := len(whole) * i / 150
				switch {
				case i < 60: // close to the beginning
					at = i * 7
				case i%10 == 0: // between two packets
					at = items[len(items)*i/150].end
				}
				k, clean := slices.BinarySearchFunc(items, at, func(it item, at int) int { return it.end - at })
				want := 0
				if clean {
					want = items[k].packets
				} else if k > 0 {
					want = items[k-1].packets
				}
				n, err := countFrames(whole[:at])
				if n != want {
					t.Errorf("cut at %d: %d packets, not %d", at, n, want)
				}
				if clean != (err == nil) || err != nil && !errors.Is(err, capture.ErrCut) {
					t.Errorf("cut at %d: %v", at, err)
				}
			}
		})
	}
}

// item is a header, a packet or a block of a capture file.
type item struct{ end, packets int }

// itemsOf walks through a whole capture file.
func itemsOf(file []byte) []item {
	var order binary.ByteOrder = binary.LittleEndian
	if file[0] == 0xa1 {
		order = binary.BigEndian
	}
	var items []item
	if binary.LittleEndian.Uint32(file) == 0x0a0d0d0a {
		for at, n := 0, 0; at < len(file); {
			if order.Uint32(file[at:]) == 6 {
				n++
			}
			at += int(order.Uint32(file[at+4:]))
			items = append(items, item{at, n})
		}
		return items
	}
	items = append(items, item{end: 24})
	for at := 24; at < len(file); {
		at += 16 + int(order.Uint32(file[at+8:]))
		items = append(items, item{at, len(items)})
	}
	return items
}

// TestDamagedBlockLength gives a block of a pcapng every kind of wrong length: all packets but its
// own are delivered, and there is an error that names the place.
func TestDamagedBlockLength(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(captures, "03-3des-sha1-modp1024/outer.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	items := itemsOf(whole)
	const block = 100
	at, packets := items[block-1].end, items[len(items)-1].packets-1
	length := uint32(items[block].end - at)
	for _, wrong := range []uint32{0, 1, 8, length - 4, length + 1, length + 4, length + 3000, 1 << 20, 1 << 24, 1<<24 + 4, 1 << 30, 1<<32 - 4, 1<<32 - 1} {
		file := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(file[at+4:], wrong)
		want := packets
		if wrong == 1<<20 { // a block may be as long: the file is one that was cut short in it
			want = items[block-1].packets
		}
		n, err := countFrames(file)
		if n != want {
			t.Errorf("length %d: %d packets, not %d", wrong, n, want)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "damaged.pcapng: at byte ") {
			t.Errorf("length %d: %v", wrong, err)
		}
		// Of the captured length inside the block.
		file = bytes.Clone(whole)
		binary.LittleEndian.PutUint32(file[at+20:], wrong|1<<12)
		if n, err := countFrames(file); n != packets || err == nil {
			t.Errorf("captured length %d: %d packets, not %d: %v", wrong|1<<12, n, packets, err)
		}
	}
}

// countFrames counts the frames that a capture gives before its end or an error.
func countFrames(file []byte) (n int, err error) {
	src, err := capture.NewReader(bytes.NewReader(file), "damaged.pcapng")
	if err != nil {
		return 0, err
	}
	var o outcomes
	p := pipeline.New(pipeline.Config{Source: src, Workers: 1})
	p.AddSink(&o)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = p.Run(context.Background())
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 64<<20 {
		err = fmt.Errorf("%d bytes were allocated", after.TotalAlloc-before.TotalAlloc)
	}
	return len(o), err
}

// TestDamagedFrames flips bits anywhere in frames, link, IP, UDP and IKE included: with complete
// keys every other ESP packet gives what it did.
func TestDamagedFrames(t *testing.T) {
	t.Parallel()
	step := 1
	if race.Enabled {
		step = 11
	}
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "08b-rsa-ikefrag-natt", "10-ipv6-outer", "14-pppoe-wan", "23-ipcomp-inside-esp"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			f := readFrames(t, filepath.Join(captures, dir, "outer.pcap"), 75)
			keys := parseKeys(t, dir, "keys/esp_sa", "keys/ikev1_decryption_table")
			want := decryptFrames(t, f, keys)
			for at := 0; at < len(f.packets); at += 3 {
				data := f.packets[at].Data
				for i := at % step; i < len(data) && i < 200; i += step {
					bit := byte(1) << ((i + at) % 8)
					data[i] ^= bit
					got := decryptFrames(t, f, keys)
					data[i] ^= bit
					part := want[at].partOf
					for k := range got {
						switch {
						case k == at || part != 0 && (got[k].partOf == part || want[k].partOf == part || uint64(k+1) == part):
						case want[k].kind == pipeline.ESP && got[k] != want[k]:
							t.Fatalf("byte %d of frame %d flipped: frame %d was %s, is %s", i, at+1, k+1, want[k].verdict, got[k].verdict)
						}
					}
				}
			}
		})
	}
}
