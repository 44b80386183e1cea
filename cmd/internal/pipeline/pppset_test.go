package pipeline_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// pppSet is a capture of PPP, with what its ends sent.
type pppSet struct {
	*frames
	config pipeline.Config // with the secrets
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

// innerKeeper is the sink that keeps the SHA-1 of each of the users' packets.
type innerKeeper struct{ sums []string }

func (k *innerKeeper) Flush() error { return nil }

func (k *innerKeeper) Record(r *pipeline.Record) error {
	if r.Payload.Inner == nil {
		return nil
	}
	for _, packet := range append([][]byte{r.Payload.Inner}, r.Payload.More...) {
		sum := sha1.Sum(packet)
		k.sums = append(k.sums, hex.EncodeToString(sum[:]))
	}
	return nil
}

// inner returns the users' packets of the frames of a list.
func (s *pppSet) inner(t *testing.T, list []capture.Packet) []string {
	t.Helper()
	config := s.config
	config.Source, config.Workers = s.with(list), 1
	p := pipeline.New(config)
	k := &innerKeeper{}
	p.AddSink(k)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return k.sums
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

// TestPPPDisturbed loses each frame of each set in turn, repeats it, has it overtaken, and begins
// with it: no packet comes out that was not sent.
func TestPPPDisturbed(t *testing.T) {
	for _, dir := range pppSets(t) {
		s := newPPPSet(t, dir)
		if len(s.sent) == 0 {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			all := s.inner(t, s.list)
			if n := s.invented(all, 1); n > 0 {
				t.Fatalf("%d packets that were not sent", n)
			}
			for i, frame := range s.list {
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
					got := s.inner(t, d.list)
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
