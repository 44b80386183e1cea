package ppp

import (
	"fmt"
	"slices"
	"testing"
)

// TestValues: what is a number is one, and what looks like one and is a name is not.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   []string
	}{
		{frame(0xc021, 1, 1, 1, 4, 5, 0x78, 7, 2, 0x17, 4, 0, 9), []string{"mru uint64 1400", "pfc bool true", "link-discriminator uint64 9"}},
		{frame(0xc223, 1, 1, join("\x01x1234")...), []string{"name printable.Text 1234", "value string 1 byte, fingerprint F"}},
		{frame(0xc021, 13, 1, 0, 0, 0, 1, 0, 0, 0, 60), []string{"magic string 0x00000001", "seconds uint64 60"}},
		{frame(0x8021, 1, 1, 3, 6, 10, 0, 0, 1), []string{"addr string 10.0.0.1"}},
	} {
		var f Frame
		if err := f.Decode(c.packet); err != nil {
			t.Fatal(err)
		}
		var p Control
		if err := p.Decode(f.Protocol, c.packet[f.PayloadStart:f.PayloadEnd]); err != nil {
			t.Fatal(err)
		}
		var got []string
		for name, value := range p.Values {
			got = append(got, masked(fmt.Appendf(nil, "%s %T %v", name, value, value)))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestLQRValues(t *testing.T) {
	report := make([]byte, 48)
	report[3], report[47] = 7, 5
	n := 0
	for name, value := range LQRValues(report) {
		if n++; name == "magic" && value != "0x00000007" || name == "peer-out-octets" && value != uint64(5) {
			t.Errorf("%s %v", name, value)
		}
	}
	if n != 12 {
		t.Errorf("%d values", n)
	}
	for name, value := range LQRValues(report[:40]) {
		if name != "malformed" || value != "40 bytes of 48" {
			t.Errorf("%s %v of a short one", name, value)
		}
	}
}
