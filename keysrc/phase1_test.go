package keysrc

import (
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// A cipher's key that does not come from SKEYID_e is left out where it is a part of what does, and
// kept where a bit of it, or of SKEYID_e, is wrong: the capture settles which.
func TestPhase1Key(t *testing.T) {
	e := make([]byte, 20)
	for i := range e {
		e[i] = byte(i * 7)
	}
	whole := ikev1.ExpandKa(esp.NewKey(e), 32).Bytes()
	flipped := append([]byte(nil), whole...)
	flipped[20] ^= 4
	for _, c := range []struct {
		name        string
		ka          []byte
		kept, noted bool
	}{
		{"right", whole, true, false},
		{"its head", whole[:16], false, true},
		{"its end", whole[16:], false, true},
		{"one bit", flipped, true, true},
		{"one bit of the head", append([]byte{e[0] ^ 1}, e[1:16]...), true, true},
	} {
		notes := 0
		out := &output{name: "t", emit: func(k *Keys) { notes += len(k.Notes) }}
		s := &ikev1.Secret{SKEYIDe: esp.NewKey(e), Ka: esp.NewKey(c.ka), Origin: esp.OriginAt("t", 1)}
		if !checkPhase1(out, s) || s.Ka.IsZero() == c.kept || (notes > 0) != c.noted {
			t.Errorf("%s: kept %v, %d notes", c.name, !s.Ka.IsZero(), notes)
		}
	}
}
