package yamaha_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// No text makes a key that is longer than it, or a note about a line that it has not.
func FuzzReader(f *testing.F) {
	logs := routerLogs(f)
	for _, name := range []string{"02/router.log", "02/router-full.log"} {
		f.Add([]byte(logs[name]))
		f.Add([]byte(reversed(logs[name])))
		f.Add([]byte(strings.ReplaceAll(logs[name], "\n", "\r")))
		f.Add([]byte(wrapped(restamped(longPrefix(7))(logs[name]), 80, false)))
	}
	f.Add([]byte("[IKE] SKEYID_e\n[IKE]   01 02\nsame message repeated 1 times\n[IKE]   ** ** (confidential)\n"))
	f.Add([]byte(showDetail))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			return
		}
		keys, err := keysrc.Parse(bytes.NewReader(data), "fuzz", "yamaha")
		if err != nil && !errors.As(err, new(*keysrc.NoKeysError)) {
			t.Fatal(err)
		}
		lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + 1
		for _, n := range keys.Notes {
			if n.Line < 0 || n.Line > lines || n.Text == "" {
				t.Fatalf("note %v of %d lines", n, lines)
			}
		}
		check := func(list ...esp.Key) {
			for _, k := range list {
				if k.Len() > len(data) || k.Len() > 64 {
					t.Fatalf("key of %d bytes", k.Len())
				}
			}
		}
		for _, s := range keys.IKE {
			check(s.SKEYID, s.SKEYIDd, s.SKEYIDa, s.SKEYIDe)
		}
		for _, s := range keys.ESP {
			check(s.Key, s.AuthKey)
		}
	})
}
