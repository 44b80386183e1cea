package keysrc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// seeds adds short sources of all kinds.
func seeds(f *testing.F) {
	logs := routerLogs(f)
	for _, name := range []string{"02/router.log", "02/router-full.log"} {
		f.Add([]byte(logs[name]))
		f.Add([]byte(strings.ReplaceAll(logs[name], "\n", "\r")))
	}
	f.Add([]byte("[IKE] SKEYID_e\n[IKE]   01 02\nsame message repeated 1 times\n[IKE]   ** ** (confidential)\n"))
	f.Add([]byte(showDetail))
	for _, r := range espRows {
		f.Add([]byte(r.row))
	}
	f.Add([]byte("148048a5bc8c637f," + k32 + "\n\"0x148048a5bc8c637f\",\"" + k20 + "\"\n"))
}

// checkKeys holds for keys from any source: no key is longer than its source, notes are about lines
// that are there.
func checkKeys(t *testing.T, data []byte, keys *Keys) {
	t.Helper()
	lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + 1
	for _, n := range keys.Notes {
		if n.Line < 0 || n.Line > lines || n.Text == "" {
			t.Fatalf("note %v of %d lines", n, lines)
		}
	}
	for _, s := range keys.IKE {
		for _, k := range []esp.Key{s.SKEYID, s.SKEYIDd, s.SKEYIDa, s.SKEYIDe, s.Ka} {
			if k.Len() > len(data) || k.Len() > 2*maxKeyLen {
				t.Fatalf("key of %d bytes", k.Len())
			}
		}
	}
	for _, s := range keys.ESP {
		if s.Key.Len() > len(data) || s.AuthKey.Len() > len(data) {
			t.Fatalf("key of %d bytes", s.Key.Len())
		}
	}
}

func fuzzParse(f *testing.F, format string) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			return
		}
		keys, err := Parse(bytes.NewReader(data), "fuzz", format)
		if err != nil && !isNoKeys(err) {
			t.Fatal(err)
		}
		if err != nil && (len(keys.IKE) != 0 || len(keys.ESP) != 0) {
			t.Fatal("keys, and an error that says that there are none")
		}
		checkKeys(t, data, keys)
		// As lines arrive one by one.
		s, err := NewStream("fuzz", format, func(*Keys) {})
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			s.Line(line)
		}
		s.Close()
	})
}

func FuzzParse(f *testing.F)        { fuzzParse(f, "") }
func FuzzWiresharkESP(f *testing.F) { fuzzParse(f, "wireshark-esp") }
func FuzzWiresharkIKE(f *testing.F) { fuzzParse(f, "wireshark-ike") }

func FuzzESPSecrets(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) { checkKeys(t, data, ParseESPSecrets(data, "fuzz")) })
}

func FuzzScript(f *testing.F)  { fuzzField(f, "script", "*add*", "s0*", "w1*", "x09*", "x10*") }
func FuzzIsakmpd(f *testing.F) { fuzzField(f, "isakmpd", "b1*", "b2*") }
func FuzzJournal(f *testing.F) { fuzzField(f, "charon", "j[23]*", "c23*") }
func FuzzXFRM(f *testing.F)    { fuzzField(f, "xfrm", "x0[4568]*", "x22*") }

// fuzzField is fuzzParse, beginning with sources of the field.
func fuzzField(f *testing.F, format string, patterns ...string) {
	for _, pattern := range patterns {
		addFiles(f, pattern)
	}
	fuzzParse(f, format)
}

func addFiles(f *testing.F, pattern string) {
	files, err := filepath.Glob(filepath.Join("../testdata/field/keys", pattern))
	if err != nil || len(files) == 0 {
		f.Fatal(pattern, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// What is taken out of wrappings is no longer than they are, but for bytes of JSON that are no
// UTF-8, for which three stand each.
func FuzzUnwrap(f *testing.F) {
	for _, pattern := range []string{"c17*", "c26*", "j5*", "m26*", "r-dlink", "w0*", "x06*", "x1[78]*", "y0*", "y17*"} {
		addFiles(f, pattern)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var u unwrapper
		for line := range bytes.Lines(data) {
			size := 0
			u.entries(line, func(depth int, text []byte) {
				u.split(depth, text, func(inner []byte) { size += len(inner) + 1 })
			})
			if size > 3*len(line)+64 {
				t.Fatalf("%d bytes out of %d", size, len(line))
			}
		}
	})
}
