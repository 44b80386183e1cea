package pipeline_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
	"l2tpdump/testdata/race"
)

// pppSet is a capture of PPP, with what its ends sent.
type pppSet struct {
	*frames
	config pipeline.Config // with the secrets
	keys   []*keysrc.Keys  // of ESP, if it carries them
	sent   map[string]int  // the SHA-1 of each packet, and how often it was sent
}

// pppSets are those of the project, and further ones beside it.
func pppSets(t *testing.T) (dirs []string) {
	t.Helper()
	known := make(map[string]bool)
	for _, pattern := range []string{"../../../testdata/ppp/*/truth.json", "../../../../shared/ppp/*/truth.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			dir := filepath.Dir(f)
			if name := filepath.Base(dir); !known[name] {
				known[name] = true
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

func newPPPSet(t *testing.T, dir string) *pppSet {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct{ Packets []struct{ SHA1 string } }
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	s := &pppSet{frames: mustRead(t, filepath.Join(dir, "outer.pcap")), sent: make(map[string]int)}
	for _, p := range truth.Packets {
		s.sent[p.SHA1]++
	}
	if f, err := os.Open(filepath.Join(dir, "chap-secrets")); err == nil {
		defer f.Close()
		if s.config.Passwords, err = ppp.ReadSecrets(f, "chap-secrets"); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := os.Open(filepath.Join(dir, "l2tp-secret")); err == nil {
		defer f.Close()
		if s.config.TunnelSecrets, err = l2tp.ReadSecrets(f, "l2tp-secret"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// innerKeeper is the sink that keeps the SHA-1 of each of the users' packets, and what PPP had
// packed.
type innerKeeper struct {
	sums     []string
	packed   map[uint64]bool // frames that are compressed, encrypted or split
	expanded [][]byte        // IP packets that came out of them
}

func (k *innerKeeper) Flush() error { return nil }

func (k *innerKeeper) Record(r *pipeline.Record) error {
	if r.Payload.Expansion.State != ppp.Plain {
		k.packed[r.Number] = true
	}
	for _, p := range r.Payload.Expansion.Packets {
		if pipeline.CarriesIP(p.Protocol) {
			k.expanded = append(k.expanded, bytes.Clone(p.Data))
		}
	}
	if r.Payload.Inner == nil {
		return nil
	}
	for _, packet := range append([][]byte{r.Payload.Inner}, r.Payload.More...) {
		sum := sha1.Sum(packet)
		k.sums = append(k.sums, hex.EncodeToString(sum[:]))
	}
	return nil
}

// inner finds the users' packets in the frames of a list.
func (s *pppSet) inner(t *testing.T, list []capture.Packet) *innerKeeper {
	t.Helper()
	config := s.config
	config.Source, config.Workers = s.with(list), 1
	p := pipeline.New(config)
	p.AddKeys(s.keys...)
	k := &innerKeeper{packed: make(map[uint64]bool)}
	p.AddSink(k)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return k
}

// invented counts the packets that nobody sent.
func (s *pppSet) invented(got []string, copies int) (n int) {
	have := make(map[string]int)
	for _, sum := range got {
		have[sum]++
	}
	for sum, times := range have {
		n += max(times-copies*s.sent[sum], 0)
	}
	return n
}

// TestPPPDisturbed loses each frame of each set in turn, and repeats some, has them overtaken, and
// begins with them: no packet comes out that was not sent.
func TestPPPDisturbed(t *testing.T) {
	for _, dir := range pppSets(t) {
		s := newPPPSet(t, dir)
		if len(s.sent) == 0 {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if n := s.invented(s.inner(t, s.list).sums, 1); n > 0 {
				t.Fatalf("%d packets that were not sent", n)
			}
			every, others := 1, 3
			if race.Enabled {
				every, others = 7, 21
			}
			for i, frame := range s.list {
				if i%every != 0 {
					continue
				}
				without := slices.Delete(slices.Clone(s.list), i, i+1)
				for _, d := range []struct {
					what string
					list []capture.Packet
				}{
					{"without", without},
					{"twice", slices.Insert(slices.Clone(s.list), i+1, frame)},
					{"again after three of", slices.Insert(slices.Clone(s.list), min(i+4, len(s.list)), frame)},
					{"overtaken by one", slices.Insert(slices.Clone(without), min(i+1, len(without)), frame)},
					{"overtaken by two", slices.Insert(slices.Clone(without), min(i+2, len(without)), frame)},
					{"from", s.list[i:]},
				} {
					if i%others != 0 && d.what != "without" {
						continue
					}
					got := s.inner(t, d.list).sums
					copies := 1
					if len(d.list) > len(s.list) {
						copies = 2 // a plain packet that comes twice is there twice
					}
					if n := s.invented(got, copies); n > 0 {
						t.Errorf("%s frame %d: %d of %d packets were not sent", d.what, i+1, n, len(got))
					}
				}
			}
		})
	}
}

// TestPPPFlipped flips bits of packed frames. Where the UDP checksum shows it, nothing comes out
// that was not sent; without one, no packet of which a checksum is wrong.
func TestPPPFlipped(t *testing.T) {
	for _, dir := range pppSets(t) {
		s := newPPPSet(t, dir)
		packed := s.inner(t, s.list).packed
		if len(packed) == 0 {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(len(s.list)), 2))
			for run := range 40 {
				sums := run%2 == 0
				list := slices.Clone(s.list)
				for i := range list {
					var n capture.Frame
					if err := n.Decode(capture.Ethernet, list[i].Data); err != nil {
						t.Fatal(err)
					}
					if !n.UDP || !packed[uint64(i+1)] {
						continue
					}
					list[i].Data = bytes.Clone(list[i].Data)
					if !sums {
						clear(list[i].Data[n.UDPStart-2 : n.UDPStart])
					}
					const l2tp = 8 // headers of these sets, at least
					if r.IntN(12) == 0 {
						list[i].Data[n.UDPStart+l2tp+r.IntN(n.UDPEnd-n.UDPStart-l2tp)] ^= 1 << r.IntN(8)
					}
				}
				got := s.inner(t, list)
				if n := s.invented(got.sums, 1); sums && n > 0 {
					t.Errorf("run %d: %d packets were not sent", run, n)
				}
				for _, p := range got.expanded {
					var n capture.Frame
					if err := n.DecodeIP(p); err != nil || n.IPVersion == 0 {
						t.Errorf("run %d: %x is no packet: %v", run, p, err)
					} else if right, known := n.Checksum(p); known && !right {
						t.Errorf("run %d: wrong checksum of %x", run, p)
					}
				}
			}
		})
	}
}
