package keysrc

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestListingsBehindSyslog: what a script lists into the log gives what it gives by itself, each
// line under its own number; of two that list at a time no key is given the SPI of the other's.
func TestListingsBehindSyslog(t *testing.T) {
	headers := []string{
		"Nov 23 07:15:18 gw script[12]: ", "<13>Nov  3 07:15:18 gw script: ", "2026-11-23T07:15:18.123456+09:00 gw script: ",
		"<13>1 2026-11-23T07:15:18Z gw script 12 - - ", "Nov 23 07:15:18 script[12]: ",
	}
	for name, file := range map[string]string{
		"xfrm": "../testdata/captures/02-natt-aes256-sha1/xfrm-state.txt",
		"esp":  "../testdata/captures/02-natt-aes256-sha1/keys/esp_sa",
		"ike":  "../testdata/captures/02-natt-aes256-sha1/keys/ikev1_decryption_table",
		"add":  "../testdata/field/keys/s07-setkey-conf-add",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Parse(strings.NewReader(string(text)), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range headers {
			lines := h + strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", "\n"+h)
			got, err := Parse(strings.NewReader(lines), "x", "")
			if err != nil {
				t.Errorf("%s behind %q: %v", name, h, err)
				continue
			}
			sameKeys(t, name+" behind "+h, got, want)
		}
	}
}

func sameKeys(t *testing.T, what string, got, want *Keys) {
	t.Helper()
	if len(got.IKE) != len(want.IKE) || len(got.ESP) != len(want.ESP) {
		t.Errorf("%s: %d and %d keys, want %d and %d", what, len(got.IKE), len(got.ESP), len(want.IKE), len(want.ESP))
		return
	}
	for i, s := range got.ESP {
		if w := want.ESP[i]; s.SPI != w.SPI || !s.Key.Equal(w.Key) || !s.AuthKey.Equal(w.AuthKey) || s.Origin != w.Origin || s.Src != w.Src {
			t.Errorf("%s: key %d is another", what, i)
		}
	}
	for i, s := range got.IKE {
		if w := want.IKE[i]; s.InitiatorCookie != w.InitiatorCookie || !s.Ka.Equal(w.Ka) || s.Origin != w.Origin {
			t.Errorf("%s: key %d is another", what, i)
		}
	}
}

// TestListingsOfTwo: two listings line by line into one log.
func TestListingsOfTwo(t *testing.T) {
	listing := func(host, spi, digit string) []string {
		h := "Nov 23 07:15:18 " + host + " x[1]: "
		return []string{h + "src 192.0.2.1 dst 192.0.2.2", h + "\tproto esp spi 0x" + spi + " reqid 1 mode transport",
			h + "\tauth-trunc hmac(sha1) 0x" + strings.Repeat(digit, 40) + " 96", h + "\tenc cbc(aes) 0x" + strings.Repeat(digit, 32)}
	}
	a, b := listing("a", "11111111", "1"), listing("b", "22222222", "2")
	for shift := range 4 {
		var text []string
		for i := range 8 {
			if i < 4 {
				text = append(text, a[i])
			}
			if j := i - shift; j >= 0 && j < 4 {
				text = append(text, b[j])
			}
		}
		k, err := Parse(strings.NewReader(strings.Join(text, "\n")), "x", "")
		if err != nil {
			continue // no key is better than a wrong one
		}
		for _, s := range k.ESP {
			if first := s.Key.Bytes()[:1]; len(first) == 0 || first[0] != byte(s.SPI) {
				t.Errorf("shift %d: the key of another SPI for 0x%08x", shift, s.SPI)
			}
		}
	}
}

// FuzzListingBegins: the first byte of a line that is of a listing is one of listingBegins.
func FuzzListingBegins(f *testing.F) {
	for _, s := range samples() {
		for line := range strings.Lines(s.text) {
			if ofListing([]byte(strings.TrimRight(line, "\n"))) {
				f.Add([]byte(strings.TrimRight(line, "\n")))
			}
		}
	}
	for _, r := range espRows {
		f.Add([]byte(r.row))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		line = bytes.TrimLeft(line, "\r\n\x00") // which no line has
		if len(line) > 0 && !listingBegins[line[0]] && ofListing(line) {
			t.Errorf("%q", line)
		}
	})
}
