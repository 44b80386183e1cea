package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/forge"
	"l2tpdump/testdata/race"
)

// said is all that the outputs say of a frame.
type said struct{ text, json, clear string }

// outputs is a sink that asks all outputs what they say of each frame of a recording, by its number
// there. Frames that are not of it have none.
type outputs struct {
	number []uint64 // of frame i+1 of the input in the recording, 0: it is forged
	frames []said   // of the recording
	ids    [2]uint16
	text   *output.Text
	json   *output.JSONLines
	clear  *output.Clear
	buffer [3]bytes.Buffer
}

func (o *outputs) Record(r *pipeline.Record) error {
	if s := r.Payload.Tunnel.Session; s != nil && r.Kind == pipeline.ESP {
		o.ids = [2]uint16{uint16(r.Payload.L2TP.Tunnel), uint16(r.Payload.L2TP.Session)}
	}
	at, part := r.Number, r.PartOf
	r.Number = o.number[at-1]
	if part != 0 {
		r.PartOf = o.number[part-1]
	}
	defer func() { r.Number, r.PartOf = at, part }()
	for _, s := range [...]pipeline.Sink{o.text, o.json, o.clear} {
		if err := s.Record(r); err != nil {
			return err
		}
		if err := s.Flush(); err != nil {
			return err
		}
	}
	if r.Number != 0 {
		s := &o.frames[r.Number-1]
		if r.Kind == pipeline.L2TP { // who asked for a tunnel in clear is what messages in clear say
			line := strings.NewReplacer(`,"from":"lac"`, "", `,"from":"lns"`, "").Replace(o.buffer[1].String())
			o.buffer[1].Reset()
			o.buffer[1].WriteString(line)
		}
		s.text, s.json, s.clear = s.text+o.buffer[0].String(), s.json+o.buffer[1].String(), s.clear+o.buffer[2].String()
	}
	for i := range o.buffer {
		o.buffer[i].Reset()
	}
	return nil
}

func (o *outputs) Flush() error { return nil }

// tell runs the pipeline over frames, of which number tells which are the recording's.
func tell(t *testing.T, f *frames, keys []*keysrc.Keys, number []uint64) (*outputs, *verification) {
	t.Helper()
	f.next = 0
	o := &outputs{number: number, frames: make([]said, slices.Max(number))}
	o.text, o.json = output.NewText(&o.buffer[0], output.TextConfig{Verbose: 1, Bytes: output.Bytes{Hex: true, ASCII: true, Link: true}, Numbers: true, Link: true, Checksums: true, Zone: time.UTC}), output.NewJSONLines(&o.buffer[1])
	o.clear = output.NewClear(output.ClearConfig{Open: func() (io.Writer, error) { return &o.buffer[2], nil }, Layer: output.LayerL2TP, Source: f})
	p := pipeline.New(pipeline.Config{Source: f, Workers: 1})
	p.AddKeys(keys...)
	p.AddSink(o)
	stats, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	v := newVerification(p, stats, keys)
	return o, v
}

// recording is one with what is said of it alone.
type recording struct {
	*frames
	keys   []*keysrc.Keys
	signed bool // IKE comes in fragments, with signatures: no key tells random bytes from one
	alone  *outputs
	report *verification
}

func record(t *testing.T, dir string, keys []*keysrc.Keys) *recording {
	t.Helper()
	return recordAt(t, filepath.Join(captures, dir, "outer.pcap"), keys)
}

func recordAt(t *testing.T, path string, keys []*keysrc.Keys) *recording {
	t.Helper()
	r := &recording{frames: readFrames(t, path, 1<<20), keys: keys}
	number := make([]uint64, len(r.packets))
	for i := range number {
		number[i] = uint64(i + 1)
	}
	r.alone, r.report = tell(t, r.frames, keys, number)
	return r
}

// mixed is the recording with forged packets: at has those that come before frame i, and behind the
// last.
func (r *recording) mixed(at [][]capture.Packet) (*frames, []uint64) {
	f := &frames{link: r.link}
	var number []uint64
	for i, list := range at {
		for _, p := range list {
			p.Time = r.packets[min(i, len(r.packets)-1)].Time
			f.packets = append(f.packets, p)
		}
		number = append(number, make([]uint64, len(list))...)
		if i < len(r.packets) {
			f.packets = append(f.packets, r.packets[i])
			number = append(number, uint64(i+1))
		}
	}
	return f, number
}

// unmoved checks that with forged packets among them the same is said of all frames, and of their
// SAs.
func (r *recording) unmoved(t *testing.T, at [][]capture.Packet) {
	t.Helper()
	f, number := r.mixed(at)
	got, report := tell(t, f, r.keys, number)
	r.compare(t, got)
	wrong := 0
	differ := func(format string, args ...any) {
		t.Helper()
		if wrong++; wrong <= 4 {
			t.Errorf(format, args...)
		}
	}
	for _, want := range r.report.ESP {
		i := slices.IndexFunc(report.ESP, func(s verifiedESP) bool { return s.SPI == want.SPI && s.Dst == want.Dst })
		if i < 0 {
			differ("SPI %s is gone", want.SPI)
			continue
		}
		g := report.ESP[i]
		// Which packets are its own is proved by nothing else: of random bytes a few are shaped like
		// packets.
		opened := want.Verified > 0
		if g.Src != want.Src && opened || g.Cipher != want.Cipher || g.Auth != want.Auth || g.Verdict != want.Verdict || g.Key != want.Key || g.Verified != want.Verified ||
			opened && (g.Decrypted != want.Decrypted) || opened && (g.FirstSeq != want.FirstSeq || g.LastSeq != want.LastSeq || g.Missing != want.Missing ||
			g.Duplicates != want.Duplicates || g.Reordered != want.Reordered || g.Wrapped != want.Wrapped || g.Restarts != want.Restarts) {
			differ("verify says\n%+v, alone\n%+v", g, want)
		}
	}
	for _, want := range r.report.IKE {
		if want.Encrypted == 0 {
			continue // nothing of it is proven: a stranger's messages may be its own
		}
		i := slices.IndexFunc(report.IKE, func(s verifiedIKE) bool {
			return s.InitiatorCookie == want.InitiatorCookie && s.ResponderCookie == want.ResponderCookie
		})
		if i < 0 {
			differ("IKE %s is gone", want.InitiatorCookie)
			continue
		}
		g := report.IKE[i]
		if g.Initiator != want.Initiator || g.Responder != want.Responder || g.Cipher != want.Cipher || g.Hash != want.Hash || g.Verdict != want.Verdict ||
			g.Decrypted != want.Decrypted || g.HashesChecked != want.HashesChecked || g.Key != want.Key {
			differ("verify says\n%+v, alone\n%+v", g, want)
		}
	}
	for _, g := range report.IKE {
		fits := func(s verifiedIKE) bool { return s.Key == g.Key && s.Decrypted > 0 }
		if g.Verdict == string(why.WrongKey) && slices.ContainsFunc(r.report.IKE, fits) {
			differ("verify calls the key of another SA wrong: %+v", g)
		}
	}
	for _, k := range report.Wrong {
		if !slices.Contains(r.report.Wrong, k) {
			differ("verify calls a key wrong: %+v", k)
		}
	}
	if wrong > 4 {
		t.Errorf("and %d more", wrong-4)
	}
}

// compare checks that the outputs say the same of all frames.
func (r *recording) compare(t *testing.T, got *outputs) {
	t.Helper()
	wrong := 0
	differ := func(format string, args ...any) {
		t.Helper()
		if wrong++; wrong <= 4 {
			t.Errorf(format, args...)
		}
	}
	for i, want := range r.alone.frames {
		g := got.frames[i]
		switch {
		case strings.Contains(want.json, `"kind":"l2tp","verdict":"clear"`): // nobody can tell it from a stranger's
		case g.text != want.text:
			differ("frame %d is\n%salone\n%s", i+1, g.text, want.text)
		case g.json != want.json:
			differ("frame %d is\n%salone\n%s", i+1, g.json, want.json)
		case g.clear[len(g.clear)-min(len(g.clear), len(want.clear)):] != want.clear && i > 0: // the first packet has the file's head with it
			differ("frame %d is written in another way:\n%q alone\n%q", i+1, g.clear, want.clear)
		}
	}
	if wrong > 4 {
		t.Errorf("and %d more frames", wrong-4)
	}
}

// forgeries are packets like p of each family.
var forgeries = map[string]func(x *forge.Forger, r *recording) []capture.Packet{
	"ESP": func(x *forge.Forger, r *recording) []capture.Packet { return x.ESP(r.checks()).All() },
	"fragments": func(x *forge.Forger, r *recording) []capture.Packet {
		if !r.checks() || r.signed {
			return nil // nothing proves which fragments belong together
		}
		return x.Fragments().All()
	},
	"IKE": func(x *forge.Forger, _ *recording) []capture.Packet { return x.IKE().All() },
	"L2TP": func(x *forge.Forger, r *recording) []capture.Packet {
		return x.L2TP(r.alone.ids[0], r.alone.ids[1]).All()
	},
	"strange": func(x *forge.Forger, _ *recording) []capture.Packet { return x.Strange().All() },
	"wrapped": func(x *forge.Forger, r *recording) []capture.Packet {
		return x.Wrapped(slices.Concat(x.ESP(r.checks()).All(), x.IKE().All())).All()
	},
	"wrapped L2TP": func(x *forge.Forger, r *recording) []capture.Packet {
		return x.Wrapped(x.L2TP(r.alone.ids[0], r.alone.ids[1]).All()).All()
	},
	"the other IP": func(x *forge.Forger, r *recording) []capture.Packet {
		return x.OtherVersion(slices.Concat(x.ESP(r.checks()).All(), x.IKE().All()))
	},
	"wrapped fragments": func(x *forge.Forger, r *recording) []capture.Packet {
		if !r.checks() || r.signed {
			return nil
		}
		return x.Wrapped(x.Fragments().All()).All()
	},
	"errors":                func(x *forge.Forger, _ *recording) []capture.Packet { return x.Errors().All() },
	"lying lengths":         func(x *forge.Forger, _ *recording) []capture.Packet { return x.Lying().All() },
	"wrapped lying lengths": func(x *forge.Forger, _ *recording) []capture.Packet { return x.Wrapped(x.Lying().All()).All() },
	"elsewhere":             func(x *forge.Forger, _ *recording) []capture.Packet { return x.Elsewhere().All() },
	"keepalives":            func(x *forge.Forger, _ *recording) []capture.Packet { return x.Keepalives().All() },
	"floods": func(x *forge.Forger, _ *recording) (list []capture.Packet) {
		for _, kind := range slices.Sorted(maps.Keys(forge.Floods)) {
			for n := range uint32(3) {
				if p, ok := x.Like(forge.Floods[kind](uint32(len(kind))<<16 + n)); ok {
					list = append(list, p)
				}
			}
		}
		return list
	},
}

// mixture is packets of families that say most between a packet's ends, in an order that has
// nothing to do with them.
func mixture(x *forge.Forger, r *recording, seed uint64) (list []capture.Packet) {
	for _, family := range slices.Sorted(maps.Keys(forgeries)) {
		list = append(list, forgeries[family](x, r)...)
	}
	rand.New(rand.NewPCG(seed+2, uint64(len(list)))).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// trial is forged packets of a family, at each so many packets.
type trial struct {
	family string
	forged func(*forge.Forger, *recording) []capture.Packet
	every  int
}

const allFamilies = "mixed"

// trials are what the n-th recording is tried with: all families together as dense as they come,
// and each alone in a density that the next recording does not share.
func trials(n int) (list []trial) {
	for i, family := range slices.Sorted(maps.Keys(forgeries)) {
		list = append(list, trial{family, forgeries[family], forgedEvery[(n+i)%len(forgedEvery)]})
	}
	for i, every := range forgedEvery {
		mixture := func(x *forge.Forger, r *recording) []capture.Packet { return mixture(x, r, uint64(i)) }
		list = append(list, trial{allFamilies, mixture, every})
	}
	return list
}

// TestForged: what strangers send before, between and after the packets of a recording changes
// nothing of what the outputs say of each of these, nor of what verify says of their SAs. The race
// detector sees one mixture of all families, among three recordings.
func TestForged(t *testing.T) {
	t.Parallel()
	for n, path := range captureDirs(t) {
		dir := filepath.Base(path)
		if race.Enabled && !strings.HasPrefix(dir, "01-") && !strings.HasPrefix(dir, "17d-") && !strings.HasPrefix(dir, "08b-") {
			continue // each takes long
		}
		for i, names := range [][]string{{"keys/esp_sa", "keys/ikev1_decryption_table"}, {"router.log"}} {
			t.Run(dir+"/"+names[0], func(t *testing.T) {
				t.Parallel()
				keys := parseSources(t, sourcesOf(t, dir, names)...)
				r := record(t, dir, keys)
				r.signed = dir == "08-rsa-ipfrag"
				for _, f := range trials(n + 2*i) {
					if race.Enabled && (f.family != allFamilies || f.every != 3) {
						continue
					}
					t.Run(fmt.Sprintf("%s, before every %d", f.family, f.every), func(t *testing.T) {
						if at := r.among(f.forged, f.every); at != nil {
							r.unmoved(t, at)
						}
					})
				}
			})
		}
	}
}

// TestForgedOthers is TestForged for all other recordings, those of causes and those beside the
// repository if they are there, with a mixture of what strangers send.
func TestForgedOthers(t *testing.T) {
	t.Parallel()
	var tables []string
	for _, pattern := range []string{"../../testdata/causes/*/esp_sa", "../../../shared/captures/3*/keys/esp_sa"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, race.Sampled(list)...)
	}
	if !race.Enabled && len(tables) < 50 {
		t.Fatalf("%d recordings", len(tables))
	}
	for _, table := range tables {
		keys := filepath.Dir(table)
		dir := strings.TrimSuffix(keys, "/keys")
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			r := recordAt(t, filepath.Join(dir, "outer.pcap"), parseSources(t, readSource(t, table), readSource(t, filepath.Join(keys, "ikev1_decryption_table"))))
			at := r.among(func(x *forge.Forger, r *recording) []capture.Packet { return mixture(x, r, 1) }, 3)
			if at == nil {
				t.Fatal("nothing was forged")
			}
			r.onceSeen(at)
			r.unmoved(t, at)
		})
	}
}

// checks reports whether the keys check ICVs.
func (r *recording) checks() bool {
	return slices.ContainsFunc(r.report.ESP, func(s verifiedESP) bool { return s.Verified > 0 })
}

func sourcesOf(t *testing.T, dir string, names []string) (list []source) {
	for _, n := range names {
		list = append(list, readSource(t, filepath.Join(captures, dir, n)))
	}
	return list
}

// forgedEvery has which packets forged ones stand beside: each, or one of so many. Among few others
// a forged packet may be the only one that makes its claim.
var forgedEvery = []int{1, 3, 17, 50}

// among makes forged packets like those of the recording, each like the one before it or, every so
// many, like the one behind it; nil: there are none.
func (r *recording) among(forged func(*forge.Forger, *recording) []capture.Packet, every int) [][]capture.Packet {
	at := make([][]capture.Packet, len(r.packets)+1)
	some := false
	for i := 0; i < len(r.packets); i += every {
		x := forge.New(r.link, &r.packets[i], uint64(i))
		if x == nil {
			continue
		}
		list := forged(x, r)
		if len(list) == 0 {
			continue
		}
		some = true
		pick := func(n int) capture.Packet { return list[(i*7+n)%len(list)] }
		at[i] = append(at[i], pick(0), pick(1))
		at[i+1] = append(at[i+1], pick(2))
		if i < 20 || i%50 == 0 {
			at[0] = append(at[0], list...)
			at[len(r.packets)] = append(at[len(r.packets)], list...)
		}
	}
	if !some {
		return nil
	}
	return at
}

// TestForgedFloods: 4,200 packets of each flood, and as many false Quick Modes with true cookies,
// in the midst of a recording.
func TestForgedFloods(t *testing.T) {
	t.Parallel()
	const dir, many = "01-basic-aes128-sha1", 4200
	r := record(t, dir, parseSources(t, sourcesOf(t, dir, []string{"keys/esp_sa", "keys/ikev1_decryption_table"})...))
	half := len(r.packets) / 2
	x := forge.New(r.link, &r.packets[half], 1)
	for _, kind := range race.Sampled(slices.Sorted(maps.Keys(forge.Floods))) {
		packet := forge.Floods[kind]
		at := make([][]capture.Packet, len(r.packets)+1)
		for n := range uint32(many) {
			if p, ok := x.Like(packet(n)); ok {
				i := [...]int{6, half, half + 1}[n%3]
				at[i] = append(at[i], p)
			}
		}
		t.Run(kind, func(t *testing.T) { r.unmoved(t, at) })
	}
	at := make([][]capture.Packet, len(r.packets)+1)
	for i := range at {
		for n := uint64(0); n < many/uint64(len(at))*2 && i > 5; n++ {
			for kind, list := range forge.New(r.link, &r.packets[4], uint64(i)<<32|n).IKE() {
				if kind == "quick mode with another ID" || kind == "informational mode with another ID" {
					at[i] = append(at[i], list...)
				}
			}
		}
	}
	t.Run("Quick Modes of the SA", func(t *testing.T) { r.unmoved(t, at) })
}

// TestReplays: packets that are sent again, by whomever, change nothing of what is said of others.
func TestReplays(t *testing.T) {
	t.Parallel()
	for _, path := range race.Sampled(captureDirs(t)) {
		dir := filepath.Base(path)
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			r := record(t, dir, parseSources(t, sourcesOf(t, dir, []string{"keys/esp_sa", "keys/ikev1_decryption_table"})...))
			at := make([][]capture.Packet, len(r.packets)+1)
			for i := range r.packets {
				if x := forge.New(r.link, &r.packets[i], 0); x != nil {
					for _, behind := range [...]int{1, 5, 40} {
						j := min(i+behind, len(r.packets))
						at[j] = append(at[j], x.Replay())
					}
				}
			}
			f, number := r.mixed(at)
			got, _ := tell(t, f, r.keys, number)
			r.compare(t, got)
			at = make([][]capture.Packet, len(r.packets)+1) // all of it once more
			at[len(r.packets)] = r.packets
			f, number = r.mixed(at)
			got, _ = tell(t, f, r.keys, number)
			r.compare(t, got)
		})
	}
}
