package pipeline_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
)

// delivering is a capture during which keys come.
type delivering struct {
	*frames
	keys chan *keysrc.Keys
	send []*keysrc.Keys
	when int // at this frame
}

func (d *delivering) Next(p *capture.Packet) error {
	if d.at == d.when {
		for _, k := range d.send {
			d.keys <- k
		}
	}
	return d.frames.Next(p)
}

// TestKeysComeLater: frames that came before their key are decrypted when it comes; frames that need none do not wait; none is lost.
func TestKeysComeLater(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "08-rsa-ipfrag", "08b-rsa-ikefrag-natt"} {
		for _, names := range [][]string{tables, {"router-full.log"}} {
			f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			want := follow(t, f, keys, mode{})
			for _, when := range []int{0, 3, 7, 9, 12, 20, 100, len(f.list) - 1} {
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
					if w.kind != pipeline.ESP && w.kind != pipeline.IKE || w.partOf != 0 {
						continue
					}
					if !pipeline.Opened(g.verdict) != !pipeline.Opened(w.verdict) || !bytes.Equal(g.plain, w.plain) {
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
