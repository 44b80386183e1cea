package keysrc

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestArchive: all logs of an archive are read, each under its name.
func TestArchive(t *testing.T) {
	type entry struct{ name, text string }
	read := func(name string) string {
		text, err := os.ReadFile("../testdata/captures/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	router, charon := read("01-basic-aes128-sha1/router.log"), read("02-natt-aes256-sha1/charon-server.log")
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	gz.Write([]byte(charon))
	gz.Close()
	entries := []entry{
		{"readme", "see there"}, {"logs/router.log", router}, {"again.log", router}, {"c.log.gz", packed.String()},
		{"outer.pcap", read("01-basic-aes128-sha1/outer.pcap")}, {"bad\n.log", "14[IKE] SKEYID_e => 16 bytes @ 0x1\n14[IKE] x\n"},
		{"cut.gz", packed.String()[:200]},
	}
	zipped := func(entries []entry) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, e := range entries {
			f, _ := w.Create(e.name)
			f.Write([]byte(e.text))
		}
		w.Close()
		return b.Bytes()
	}
	tarred := func(entries []entry) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "logs/"})
		for _, e := range entries {
			w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.text)), Mode: 0o600})
			w.Write([]byte(e.text))
		}
		w.Close()
		z.Close()
		return b.Bytes()
	}
	for what, pack := range map[string]func([]entry) []byte{"zip": zipped, "tar.gz": tarred} {
		keys, err := Parse(bytes.NewReader(pack(entries)), "x", "")
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		var from []string
		for _, s := range keys.ESP {
			from = append(from, s.Origin.File())
		}
		if want := []string{"x:logs/router.log", "x:logs/router.log", "x:c.log.gz", "x:c.log.gz"}; !slices.Equal(from, want) {
			t.Errorf("%s: ESP keys of %q", what, from)
		}
		if len(keys.Notes) != 2 || keys.Notes[0].File != `x:bad\n.log` || keys.Notes[1].File != "x:cut.gz" {
			t.Errorf("%s: %v", what, keys.Notes)
		}
		for want, part := range map[string][]entry{
			`x: no usable key: 1 value is damaged; the first: x:bad\n.log:1: SKEYID_e`: {entries[0], entries[5]},
			"x: no key in 1 line; looked for":                                          {entries[0]},
			"x: none of the ":                                                          {entries[4]},
			"x: no key in 3 lines: cut.gz: a charon log":                               {entries[6], entries[0]},
		} {
			if _, err := Parse(bytes.NewReader(pack(part)), "x", ""); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
	}
}
