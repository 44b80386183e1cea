package pipeline_test

import (
	"bytes"
	"testing"

	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/why"
)

// TestForeignFragments: fragments that a stranger sends in the name of the peer cost no message,
// whenever they come, once the SA is known.
func TestForeignFragments(t *testing.T) {
	for name, mix := range map[string]func(good, bad [][]byte) [][]byte{
		"all before":       func(good, bad [][]byte) [][]byte { return [][]byte{bad[0], bad[1], good[0], good[1]} },
		"first before":     func(good, bad [][]byte) [][]byte { return [][]byte{bad[0], good[0], good[1]} },
		"second between":   func(good, bad [][]byte) [][]byte { return [][]byte{good[0], bad[1], good[1]} },
		"by turns":         func(good, bad [][]byte) [][]byte { return [][]byte{good[0], bad[0], bad[1], good[1]} },
		"other way round":  func(good, bad [][]byte) [][]byte { return [][]byte{bad[1], good[1], bad[0], good[0]} },
		"first behind all": func(good, bad [][]byte) [][]byte { return [][]byte{good[1], bad[1], good[0], bad[0]} },
	} {
		t.Run(name, func(t *testing.T) {
			s := aesSA(0x7000)
			packets := sealAll(s, 21)
			list := [][]byte{packets[0]}
			for i, p := range packets[1:] {
				forged := bytes.Clone(p)
				for n := 28; n < len(forged); n++ {
					forged[n] ^= 0x5a
				}
				list = append(list, mix(halves(p, uint16(i)), halves(forged, uint16(i)))...)
			}
			o := follow(t, rawFrames(list...), secrets(s.secret()), mode{layer: output.LayerIP})
			if len(o.clear) != 21 || o.stats.Frames != uint64(len(list)) {
				t.Fatalf("%d users' packets; %d frames of %d", len(o.clear), o.stats.Frames, len(list))
			}
			verified := 0
			for i := range o.results {
				if o.results[i].verdict == why.Verified {
					verified++
				}
			}
			if verified != 21 {
				t.Errorf("%d verified", verified)
			}
		})
	}
}
