package pipeline_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// delivering is a capture during which keys come.
type delivering struct {
	*frames
	keys chan *keysrc.Keys
	send []*keysrc.Keys
	when int // at this frame
	look func()
}

func (d *delivering) Next(p *capture.Packet) error {
	if d.at == d.when {
		if d.look != nil {
			d.look()
		}
		for _, k := range d.send {
			d.keys <- k
		}
	}
	return d.frames.Next(p)
}

// TestKeysComeLater: frames that came before their key are decrypted when it comes; frames that
// need none do not wait; none is lost.
func TestKeysComeLater(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "08-rsa-ipfrag", "08b-rsa-ikefrag-natt", "13-ip-fragmented-esp"} {
		for _, names := range [][]string{tables, {"router-full.log"}} {
			f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			want := follow(t, f, keys, mode{})
			for _, when := range []int{0, 3, 7, 9, 12, 20, 100, len(f.list) - 1, len(f.list)} {
				f.at = 0
				src := &delivering{frames: f, keys: make(chan *keysrc.Keys, len(keys)), send: keys, when: when}
				o := &outcome{}
				p := pipeline.New(pipeline.Config{Source: src, Keys: src.keys, HoldBytes: 64 << 20, HoldTime: 3600e9, Workers: 2})
				p.AddSink(&keeper{o: o})
				stats, err := p.Run(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				slices.SortStableFunc(o.results, func(a, b result) int { return int(a.number) - int(b.number) })
				if len(o.results) != len(f.list) {
					t.Errorf("%s, %s, keys at frame %d: %d frames of %d came out", dir, names[0], when, len(o.results), len(f.list))
					continue
				}
				for i := range o.results {
					g, w := &o.results[i], &want.results[i]
					if g.partOf != w.partOf {
						t.Errorf("%s, %s, keys at frame %d: frame %d: part of frame %d, want %d", dir, names[0], when, i+1, g.partOf, w.partOf)
						break
					}
					if w.kind != pipeline.ESP && w.kind != pipeline.IKE || w.partOf != 0 {
						continue
					}
					if !g.verdict.Opened() != !w.verdict.Opened() || !bytes.Equal(g.plain, w.plain) {
						t.Errorf("%s, %s, keys at frame %d: frame %d: %s %s, want %s", dir, names[0], when, i+1, g.verdict, g.reason, w.verdict)
						break
					}
					for j, m := range w.ike {
						if x := g.ike[j]; !bytes.Equal(x.Plain, m.Plain) || x.Reconstructed {
							t.Errorf("%s, %s, keys at frame %d: frame %d: message differs", dir, names[0], when, i+1)
						}
					}
				}
				if stats.Expired+stats.Overflow > 0 {
					t.Errorf("%s, %s, keys at frame %d: %d frames gave up waiting", dir, names[0], when, stats.Expired+stats.Overflow)
				}
			}
		}
	}
}

// TestKeyComesInParts: IKE messages wait for the rest of a key whose beginning has come, as of a
// log that was written up to there. The time of the first that waits can be asked for.
func TestKeyComesInParts(t *testing.T) {
	const dir = "01-basic-aes128-sha1"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, "router.log")
	part := *keys[0].IKE[0]
	part.SKEYIDe = esp.NewKey(bytes.Clone(part.SKEYIDe.Bytes()[:16]))
	for _, when := range []int{100, len(f.list)} {
		f.at = 0
		src := &delivering{frames: f, keys: make(chan *keysrc.Keys, 1+len(keys)), send: keys, when: when}
		src.keys <- &keysrc.Keys{IKE: []*ikev1.Secret{&part}}
		p := pipeline.New(pipeline.Config{Source: src, Keys: src.keys, HoldBytes: 64 << 20, HoldTime: 3600e9, Workers: 2})
		var oldest int64
		src.look = func() { oldest = p.Snapshot().Oldest }
		stats, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		first := slices.IndexFunc(f.list, func(p capture.Packet) bool { return p.Time == oldest })
		if first < 0 || first > when || stats.Oldest != 0 {
			t.Errorf("the rest at frame %d: frame %d waits by then, and at the end one of %d", when, first+1, stats.Oldest)
		}
		if stats.Failed() > 0 || stats.Held == 0 {
			t.Errorf("the rest at frame %d: %d frames were not decrypted, %d waited", when, stats.Failed(), stats.Held)
		}
	}
}

// TestFragmentsWait: whatever becomes of a datagram that waits for its key, each of its fragments
// comes out once, also where it was sent twice and where the queue has no room.
func TestFragmentsWait(t *testing.T) {
	const dir = "13-ip-fragmented-esp"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, tables...)
	twice := &frames{interfaces: f.interfaces}
	for i := 0; i < len(f.list); i++ {
		twice.list = append(twice.list, f.list[i], f.list[i])
		if i >= 2 { // and once more, when the datagram is complete
			twice.list = append(twice.list, f.list[i-2])
		}
	}
	never := len(twice.list) + 1
	for _, c := range []struct {
		name      string
		when      int
		holdBytes int
		holdTime  int64
		merged    bool
	}{
		{"keys at the end", len(twice.list), 64 << 20, 3600e9, true},
		{"keys in the middle", 500, 64 << 20, 3600e9, true},
		{"no keys", never, 64 << 20, 3600e9, false},
		{"no keys, a moment", never, 64 << 20, 1e9, false},
		{"no room", never, 20_000, 3600e9, false},
		{"no room and keys", 700, 20_000, 3600e9, true},
	} {
		twice.at = 0
		src := &delivering{frames: twice, keys: make(chan *keysrc.Keys, len(keys)), send: keys, when: c.when}
		o := &outcome{}
		p := pipeline.New(pipeline.Config{Source: src, Keys: src.keys, HoldBytes: c.holdBytes, HoldTime: c.holdTime, Workers: 2})
		p.AddSink(&keeper{o: o})
		stats, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[uint64]int)
		merged := 0
		for _, r := range o.results {
			seen[r.number]++
			if r.partOf != 0 {
				merged++
			}
		}
		for i := range twice.list {
			if n := seen[uint64(i+1)]; n != 1 {
				t.Errorf("%s: frame %d came out %d times", c.name, i+1, n)
			}
		}
		if merged > 0 != c.merged {
			t.Errorf("%s: %d fragments were merged", c.name, merged)
		}
		if gone := stats.Expired + stats.Overflow; gone > stats.Held || !c.merged && gone != stats.Held {
			t.Errorf("%s: %d frames waited, of which %d expired and %d had no room", c.name, stats.Held, stats.Expired, stats.Overflow)
		}
	}
}

// TestIKENeedNotWait: where only keys of ESP come, IKE is not kept back.
func TestIKENeedNotWait(t *testing.T) {
	f := mustRead(t, filepath.Join(capturesDir, "01-basic-aes128-sha1", "outer.pcap"))
	for _, espOnly := range []bool{false, true} {
		f.at = 0
		keys := make(chan *keysrc.Keys)
		p := pipeline.New(pipeline.Config{Source: f, Keys: keys, HoldBytes: 64 << 20, HoldTime: 3600e9, ESPKeysOnly: espOnly})
		o := &outcome{}
		p.AddSink(&keeper{o: o})
		if _, err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(o.results, func(r result) bool { return r.kind == pipeline.IKE && r.verdict == why.NoKey })
		if i < 1 {
			t.Fatal("no IKE without a key")
		}
		if waited := o.results[i-1].number > o.results[i].number; waited == espOnly {
			t.Errorf("keys of ESP only: %v; IKE waited: %v", espOnly, waited)
		}
		if n := len(o.results); n != len(f.list) {
			t.Errorf("%d frames of %d", n, len(f.list))
		}
	}
}
