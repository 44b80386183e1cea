package keysrc

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// The usual labels are what they are in the long run.
func TestUsualLabels(t *testing.T) {
	for _, text := range []string{
		" CKY-I", " CKY-R", " SKEYID", " SKEYID_d", " SKEYID_a", " SKEYID_e", " SPI", " key material (first 16byte)", " authentication key (first 8byte)",
		" respond ISAKMP phase to 203.0.113.10", " respond IPsec phase to 0.0.0.0", " initiate ISAKMP phase to 255.255.255.255", " initiate IPsec phase to 1.2.3.4",
	} {
		fast, slow := usualLabel([]byte(text)), classify([]byte(text))
		if _, kind := parseRow(nil, []byte(text)); fast.kind == labelNone || fast != slow || kind != rowNone {
			t.Errorf("%q: %+v, %+v; row: %d", text, fast, slow, kind)
		}
	}
	for _, text := range []string{
		"", " ", " SPI ", "SPI", " respond IPsec phase to 203.0.113.10:500", " respond IPsec phase to 203.0.113.10 (local address 203.0.113.1)",
		" respond IPsec phase to 2001:db8::1", " respond IPsec phase to 01.2.3.4", " respond IPsec phase to 1.2.3",
	} {
		if lb := usualLabel([]byte(text)); lb.kind != labelNone {
			t.Errorf("%q: %+v", text, lb)
		}
	}
}

// An address that is read the short way is the one that it is, and others are not read.
func TestPlainAddr(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	read := 0
	for range 200000 {
		var b strings.Builder
		for range 1 + rnd.IntN(6) {
			b.WriteString([]string{"0", "1", "9", "25", "255", "256", "100", "01", ".", ".", ".", ":", "/", "a"}[rnd.IntN(14)])
			if rnd.IntN(3) > 0 {
				b.WriteString(".")
			}
		}
		text := strings.TrimSuffix(b.String(), ".")
		want, err := netip.ParseAddr(text)
		got, ok := plainAddr([]byte(text))
		if ok != (err == nil && want.Is4()) || ok && got != want {
			t.Fatalf("%q: %v %t, want %v", text, got, ok, want)
		}
		if ok {
			read++
		}
	}
	if read < 100 {
		t.Errorf("%d addresses", read)
	}
}
