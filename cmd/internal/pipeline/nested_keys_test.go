package pipeline_test

import (
	"bytes"
	"context"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// TestNestedKeys: keys are used for ESP in ESP too, in whatever order they come.
func TestNestedKeys(t *testing.T) {
	user := userPacket(9)
	outer, inner := aesSA(0x6000), algorithms[15].sa(0x6001)
	packet := ipPacket(here4, there4, 50, outer.seal(50, inner.seal(4, user)))
	for _, c := range []struct {
		name        string
		first, rest []*esp.Secret
	}{
		{"both at once", []*esp.Secret{outer.secret(), inner.secret()}, nil},
		{"the outer one first", []*esp.Secret{outer.secret()}, []*esp.Secret{inner.secret()}},
		{"the inner one first", []*esp.Secret{inner.secret()}, []*esp.Secret{outer.secret()}},
	} {
		for _, live := range []bool{false, true} {
			o := &outcome{}
			o.p = pipeline.New(pipeline.Config{Source: rawFrames(packet, packet), Workers: 2, Live: live})
			o.p.AddKeys(&keysrc.Keys{ESP: c.first})
			o.p.AddKeys(&keysrc.Keys{ESP: c.rest})
			o.p.AddSink(&keeper{o: o})
			if _, err := o.p.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			if len(o.results) != 2 || len(o.p.Nested()) != 1 {
				t.Fatalf("%s: %d frames, %d SAs inside", c.name, len(o.results), len(o.p.Nested()))
			}
			for _, r := range o.results {
				if r.verdict != pipeline.Verified || r.nested != 1 || !bytes.Equal(r.inner, user) {
					t.Errorf("%s: %s, %d nested", c.name, r.verdict, r.nested)
				}
			}
		}
	}
}
