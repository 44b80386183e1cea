package l2tp

import (
	"net/netip"
	"testing"
	"unicode/utf8"
)

func FuzzHeader(f *testing.F) {
	for bits := range 32 {
		on := func(i int) bool { return bits>>i&1 != 0 }
		data, _ := build(on(0), on(1), on(2), on(3), on(4), []byte{0xff, 0x03, 0xc0, 0x21})
		f.Add(data)
	}
	f.Add([]byte{0xc8, 3, 0, 12, 0, 0, 0, 1, 0, 1, 0, 2})
	f.Add([]byte{0x10, 1, 2, 0, 0, 7, 0, 0x15, 0, 12, 0, 0})
	src, dst := netip.MustParseAddrPort("192.0.2.1:1701"), netip.MustParseAddrPort("192.0.2.2:1701")
	tr := NewTracker(nil)
	time := int64(0)
	f.Fuzz(func(t *testing.T, data []byte) {
		var h Header
		err := h.Decode(data)
		if h.PayloadStart < 0 || h.PayloadStart > h.PayloadEnd || h.PayloadEnd > len(data) {
			t.Fatalf("payload %d:%d of %d", h.PayloadStart, h.PayloadEnd, len(data))
		}
		if err != nil && err != ErrTruncated {
			return
		}
		if h.HasLength && h.Version != versionL2F && h.PayloadEnd > int(h.Length) {
			t.Fatalf("payload to %d, length %d", h.PayloadEnd, h.Length)
		}
		line := AppendSummary(nil, &h, read(&h, data), 0)
		if len(line) == 0 || !utf8.Valid(line) {
			t.Fatalf("summary %q", line)
		}
		time++
		tr.Observe(src, dst, time, &h, data)
		if tr.tunnelOrder.Len() > maxTunnels || tr.sessionOrder.Len() > maxSessions {
			t.Fatalf("%d tunnels, %d sessions", tr.tunnelOrder.Len(), tr.sessionOrder.Len())
		}
	})
}

func FuzzAVPs(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	for kind := range avps {
		f.Add(append(message(messageSCCRQ), avpBytes(0x8000, 0, uint16(kind), 0, 1, 0, 2)...), uint8(1))
	}
	f.Add(avpBytes(0xc000, 9, 1, 1, 2, 3), uint8(1))
	f.Add([]byte{0x83, 0xff, 0, 0, 0, 7}, uint8(0))
	f.Fuzz(func(t *testing.T, payload []byte, verbose uint8) {
		n := 0
		for a, err := range walkAVPs(payload) {
			if err != nil {
				break
			}
			n += avpHeader + len(a.Value)
			if a.name() == "" || !utf8.ValidString(string(a.appendValue(nil))) {
				t.Fatalf("%q: %q", a.name(), string(a.appendValue(nil)))
			}
		}
		if n > len(payload) {
			t.Fatalf("AVPs of %d bytes in %d", n, len(payload))
		}
		if len(payload) > 1400 {
			return
		}
		data := control(1, 2, 3, 4, payload)
		var h Header
		if err := h.Decode(data); err != nil {
			t.Fatal(err)
		}
		line := AppendSummary(nil, &h, read(&h, data), int(verbose%3))
		for _, b := range line {
			if b < ' ' || b == 0x7f {
				t.Fatalf("control character in %q", line)
			}
		}
	})
}
