package esp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Whatever way a key is printed, alone or in any struct, no byte of it is seen.
func TestKeyNeverPrints(t *testing.T) {
	raw := []byte{0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef}
	k := NewKey(raw)
	hidden := struct {
		k Key
		p *Key
		m map[string]Key
	}{k, &k, map[string]Key{"a": k}}
	secret := Secret{Key: k, AuthKey: k, Origin: OriginAt("x", 1)}
	var out strings.Builder
	for _, v := range []any{k, &k, []Key{k}, hidden, &hidden, secret, &secret, Negotiated{Key: k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%p", "%t", "%w"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, v := range []any{k, &k, secret, map[string]Key{"a": k}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("key", "key", k, "secret", secret, "hidden", hidden)
	}
	text := strings.ToLower(out.String())
	for _, bad := range []string{"deadbeef", "de ad be", "de, 0xad", "222 173", "222, 173", "336 255", "11011110 10101101", "\xde\xad\xbe", "\\xde\\xad", "3q2+7w", "u+00de", "\u00de \u00ad"} {
		if i := strings.Index(text, bad); i >= 0 {
			t.Errorf("%q is in the output: ...%.80q", bad, text[max(0, i-40):])
		}
	}
	if !strings.Contains(text, "8 bytes, fingerprint "+k.Fingerprint()) {
		t.Error("the fingerprint is not in the output")
	}
}

func TestKey(t *testing.T) {
	raw := []byte{1, 2, 3, 4}
	k := NewKey(raw)
	raw[0] = 9
	if !bytes.Equal(k.Bytes(), []byte{1, 2, 3, 4}) || k.Len() != 4 || k.IsZero() {
		t.Error("NewKey keeps no copy")
	}
	var zero Key
	if !zero.IsZero() || zero.Len() != 0 || zero.Bytes() != nil || zero.Fingerprint() != "-" || zero.String() != "none" || NewKey(nil) != zero {
		t.Error("the zero Key is not the empty key")
	}
	if !k.Equal(NewKey([]byte{1, 2, 3, 4})) || k.Equal(NewKey([]byte{1, 2, 3})) || k.Equal(zero) || !zero.Equal(Key{}) {
		t.Error("Equal")
	}
	for n, want := range map[int]int{-1: 0, 0: 0, 2: 2, 4: 4, 5: 4} {
		h := k.Head(n)
		if h.Len() != want || !k.HasPrefix(h) {
			t.Errorf("Head(%d) has %d bytes", n, h.Len())
		}
	}
	if k.HasPrefix(NewKey([]byte{1, 3})) || k.HasPrefix(NewKey([]byte{1, 2, 3, 4, 5})) {
		t.Error("HasPrefix")
	}
	if k.Fingerprint() == k.Head(3).Fingerprint() || len(k.Fingerprint()) != 8 {
		t.Error("Fingerprint")
	}
	if b := append(k.Bytes(), 7); len(b) != 5 || k.Len() != 4 {
		t.Error("append to Bytes reaches the key")
	}
}

// Keys in common memory are what they are alone.
func TestKeyRoom(t *testing.T) {
	var room KeyRoom
	var keys []Key
	raw := bytes.Repeat([]byte("0123456789abcdef"), 64)
	for n := range 600 {
		keys = append(keys, room.NewKey(raw[n:][:n%65]), room.NewKey(raw[:n]))
	}
	for n := range 600 {
		for i, want := range []Key{NewKey(raw[n:][:n%65]), NewKey(raw[:n])} {
			if got := keys[2*n+i]; !got.Equal(want) || got.IsZero() != want.IsZero() {
				t.Errorf("%d: %v, expected %v", n, got, want)
			}
		}
	}
}
