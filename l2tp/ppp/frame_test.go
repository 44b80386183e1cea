package ppp

import (
	"encoding/hex"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFrame(t *testing.T) {
	for _, c := range []struct {
		data string
		want Frame
		err  error
	}{
		{"ff03 c021 01", Frame{0xc021, true, false, 4, 5, false, Position{}, 0}, nil},
		{"c021 01", Frame{0xc021, false, false, 2, 3, false, Position{}, 0}, nil},
		{"ff03 0021 45", Frame{0x0021, true, false, 4, 5, false, Position{}, 0}, nil},
		{"0021 45", Frame{0x0021, false, false, 2, 3, false, Position{}, 0}, nil},
		{"ff03 21 45", Frame{0x0021, true, true, 3, 4, false, Position{}, 0}, nil},
		{"21 45", Frame{0x0021, false, true, 1, 2, false, Position{}, 0}, nil},
		{"21", Frame{0x0021, false, true, 1, 1, false, Position{}, 0}, nil},
		{"2d 00", Frame{0x002d, false, true, 1, 2, false, Position{}, 0}, nil},
		{"fd 00", Frame{0x00fd, false, true, 1, 2, false, Position{}, 0}, nil},
		{"ff04", Frame{0x00ff, false, true, 1, 2, false, Position{}, 0}, nil},
		{"", Frame{}, errShort},
		{"ff03", Frame{AddressControl: true}, errShort},
		{"c0", Frame{}, errShort},
		{"ff03 c0", Frame{AddressControl: true}, errShort},
		{"c020 01", Frame{Protocol: 0xc020}, errProtocol},
	} {
		var f Frame
		if err := f.Decode(unhex(t, c.data)); err != c.err || f != c.want {
			t.Errorf("%s: %+v %v, want %+v %v", c.data, f, err, c.want, c.err)
		}
	}
}

func TestProtocolName(t *testing.T) {
	for p, want := range map[uint16]string{0x0021: "IP", 0x0057: "IPv6", 0xc021: "LCP", 0x8021: "IPCP", 0x80fd: "CCP", 0xc223: "CHAP",
		0x1235: "0x1235", 0x0fff: "0x0fff"} {
		if got := ProtocolName(p); got != want {
			t.Errorf("%#x: %s, want %s", p, got, want)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	var f Frame
	line := make([]byte, 0, 256)
	for _, data := range [][]byte{
		{0xff, 0x03, 0x00, 0x21, 0x45, 0}, {0x21, 0x45, 0}, {0xfd, 1, 2, 3}, {0x2d, 1}, {0x3d, 0xc0, 0, 0, 1, 0x21}, {0x12, 0x35, 0},
	} {
		if n := testing.AllocsPerRun(1000, func() {
			if f.Decode(data) != nil || f.Decode(nil) == nil || f.Decode(data) != nil {
				t.Error("decoding failed")
			}
			line = AppendSummary(line[:0], &f, data)
		}); n != 0 {
			t.Errorf("%x: %v allocations", data, n)
		}
	}
}

// TestLogin: the bytes of a login are not to be shown, nor are those of one that is rejected.
func TestLogin(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want bool
	}{
		{frame(protocolPAP, 1, 1), true},
		{frame(protocolVSAP, 1, 1), true},
		{frame(protocolLCP, codeProtocolReject, 1, 0xc0, 0x23, 1, 1), true},
		{frame(protocolLCP, codeProtocolReject, 1, 0xc2), false},
		{frame(protocolLCP, codeEchoRequest, 1, 0xc0, 0x23, 1, 1), false},
	} {
		var f Frame
		if err := f.Decode(c.data); err != nil || f.Login(c.data) != c.want {
			t.Errorf("%x: %v %v", c.data, f.Login(c.data), err)
		}
	}
}
