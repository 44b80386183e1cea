package l2tp

import (
	"bytes"
	"fmt"
	"testing"
)

// TestGuessLayout: each combination of cookie, sublayer and pseudowire is found by what follows,
// and the data of nothing else.
func TestGuessLayout(t *testing.T) {
	ip := unhex(t, "4500001800010000401166d20a0000010a00000200000000")
	arp := append(unhex(t, "0001080006040001"), make([]byte, 20)...)
	ether := func(kind string, data []byte) []byte {
		return append(append(unhex(t, "0200000000020200000000010000")[:12], unhex(t, kind)...), data...)
	}
	frames := map[string][]byte{
		"ethernet IP": ether("0800", append(bytes.Clone(ip), make([]byte, 22)...)), "ethernet ARP": ether("0806", arp), "ethernet VLAN": ether("810000110800", ip),
		"ppp LCP": unhex(t, "ff03c0210101000a05060102030401")[:14], "ppp IP": append(unhex(t, "ff030021"), ip...), "ppp PFC": append(unhex(t, "21"), ip...),
		"hdlc IP": append(unhex(t, "0f000800"), ip...), "hdlc SLARP": append(unhex(t, "8f008035"), make([]byte, 14)...),
	}
	for name, frame := range frames {
		for _, size := range []int{0, 4, 8} {
			for _, sublayer := range []string{"", "00000000", "40000102"} {
				payload := append(append(unhex(t, "a63e0f91133210c7")[:size], unhex(t, sublayer)...), frame...)
				l, ok := guessLayout(payload)
				f, _ := l.split(payload)
				want := fmt.Sprint(true, size, sublayer != "", string(frame))
				if got := fmt.Sprint(ok, l.cookie, l.sublayer, string(f.Data)); got != want {
					t.Errorf("%s, cookie of %d, sublayer %q: %+v %v", name, size, sublayer, l, ok)
				}
				if f.Numbered != (sublayer == "40000102") || f.Numbered && f.Number != 0x102 {
					t.Errorf("%s: number %v %d", name, f.Numbered, f.Number)
				}
			}
		}
	}
	for _, other := range []string{"", "00", "0000000000000000000000000000", "4500001800010000401100000a0000010a000002"} {
		if l, ok := guessLayout(unhex(t, other)); ok {
			t.Errorf("%s: %+v", other, l)
		}
	}
}

// TestWrongCookie: a data message with another cookie than the assigned one is not of the session.
func TestWrongCookie(t *testing.T) {
	tr := NewTracker(nil)
	v3 := func(data []byte) []byte { data[1] = 3; return data }
	id32 := func(kind uint16, n byte) []byte { return avpBytes(0x8000, 0, kind, 0, 0, 0, n) }
	observe(t, tr, client, server, v3(control(0, 0, 0, 0, message(SCCRQ), id32(avpAssignedConnection, 1))))
	observe(t, tr, server, client, v3(control(0, 1, 0, 1, message(SCCRP), id32(avpAssignedConnection, 2))))
	a, _ := observe(t, tr, client, server, v3(control(0, 2, 2, 1, message(ICRQ), id32(avpLocalSession, 7), id32(avpRemoteSession, 0),
		id(avpPseudowireType, PseudowireEthernet), avpBytes(0x8000, 0, avpAssignedCookie, 1, 2, 3, 4))))
	b, from := observe(t, tr, server, client, v3(control(0, 1, 1, 3, message(ICRP), id32(avpLocalSession, 8), id32(avpRemoteSession, 7))))
	if a == nil || a != b || from != 1 || a.IDs != [2]uint32{7, 8} {
		t.Fatalf("%+v %+v from %d", a, b, from)
	}
	for cookie, wrong := range map[string]bool{"\x01\x02\x03\x04": false, "\x01\x02\x03\x05": true} {
		data := append([]byte{0, 3, 0, 0, 0, 0, 0, 7}, cookie+"frame"...)
		var h Header
		if err := h.Decode(data); err != nil {
			t.Fatal(err)
		}
		if o := observation(tr, server, client, &h, data); o.Session != a || o.Sender != 1 || o.WrongCookie != wrong || string(o.Frame.Data) != "frame" {
			t.Errorf("%x: %+v", cookie, o)
		}
	}
}
