package l2tp

import (
	"bytes"
	"net/netip"
	"strings"
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
		observation(tr, src, dst, &h, data)
		if tr.tunnelOrder.n > maxTunnels || tr.sessionOrder.n > maxSessions {
			t.Fatalf("%d tunnels, %d sessions", tr.tunnelOrder.n, tr.sessionOrder.n)
		}
	})
}

func FuzzAVPs(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	for kind := range avps {
		f.Add(append(message(SCCRQ), avpBytes(0x8000, 0, uint16(kind), 0, 1, 0, 2)...), uint8(1))
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
			if a.name() == "" || !utf8.ValidString(string(a.appendValue(nil, 0))) {
				t.Fatalf("%q: %q", a.name(), string(a.appendValue(nil, 0)))
			}
		}
		if n > len(payload) {
			t.Fatalf("AVPs of %d bytes in %d", n, len(payload))
		}
		for name, value := range readControl(payload).Values {
			if s, ok := value.(string); name == "" || ok && !utf8.ValidString(s) {
				t.Fatalf("%q: %q", name, s)
			}
		}
		readControl(payload).Result()
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

// FuzzTracker has messages in UDP and in IP followed, in both directions: nothing panics, the
// bounds hold, and what is said of a message can be printed.
func FuzzTracker(f *testing.F) {
	f.Add([]byte{0xc8, 3, 0, 12, 0, 0, 0, 1, 0, 1, 0, 2}, []byte{0, 3, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4}, uint8(0))
	f.Add([]byte{0, 0, 0, 0, 0xc8, 3, 0, 20, 0, 0, 0, 1, 0, 1, 0, 2, 0x80, 8, 0, 0, 0, 0, 0, 10}, []byte{0, 0, 0, 7, 1, 2, 3, 4}, uint8(1))
	f.Add(control(21, 0, 0, 1, message(SCCRP), id(avpAssignedTunnel, 9), avpBytes(0x8000, 0, avpRandomVector, 1, 2),
		hide(avpAssignedSession, []byte{1, 2}, []byte("secret"), []byte{1, 2}, 3)), payload(9, 258), uint8(2))
	f.Add(append([]byte{0xc8, 3, 0, 43, 0, 0, 0, 1, 0, 1, 0, 2}, append(message(SCCRQ), avpBytes(0x8000, 0, avpMessageDigest, make([]byte, 17)...)...)...), []byte{}, uint8(4))
	secrets, err := ReadSecrets(strings.NewReader("secret\nother"), "FILE")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, how uint8) {
		tr := NewTracker(secrets)
		for i, data := range [][]byte{first, second, first, second} {
			var h Header
			decode := h.Decode
			if how&1 != 0 {
				decode = h.DecodeIP
			}
			src, dst := client, server
			if (how>>1+uint8(i))&1 != 0 {
				src, dst = server, client
			}
			if err := decode(data); err != nil && err != ErrTruncated {
				tr.Damaged(src, dst, data)
				continue
			}
			tr.Knows(src, dst, h)
			o := observation(tr, src, dst, &h, data)
			for verbose := range 2 {
				if line := AppendSummary(nil, &h, &o, verbose); !utf8.Valid(line) {
					t.Fatalf("%q", line)
				}
			}
			if len(o.Frame.Data) > len(data) || o.Session != nil && o.Sender > 1 {
				t.Fatalf("%+v", o)
			}
		}
		if tr.tunnelOrder.n > 4 || tr.sessionOrder.n > 4 || len(tr.findings) > 8 {
			t.Fatalf("%d tunnels, %d sessions", tr.tunnelOrder.n, tr.sessionOrder.n)
		}
	})
}

// FuzzLayout: a layout that is guessed, and a message that is plausible, fit the data.
func FuzzLayout(f *testing.F) {
	ip := append([]byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17}, make([]byte, 10)...)
	f.Add(append([]byte{0xff, 3, 0, 0x21}, ip...), uint8(0))
	f.Add(append([]byte{0x40, 0, 0, 1, 0x0f, 0, 8, 0}, ip...), uint8(9))
	f.Add(append(make([]byte, 12), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1), uint8(30))
	f.Fuzz(func(t *testing.T, data []byte, more uint8) {
		if l, ok := guessLayout(data); ok {
			frame, ok := l.split(data)
			if !ok || !frameFits(l.pseudowire, frame.Data) || l.cookie > maxCookie {
				t.Fatalf("%+v", l)
			}
		}
		var h Header
		if err := h.Decode(data); err == nil || err == ErrTruncated {
			Plausible(&h, data, len(data)+int(more))
		}
	})
}

// FuzzSecrets reads files of secrets.
func FuzzSecrets(f *testing.F) {
	f.Add([]byte("secret\r\nother\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSecrets(bytes.NewReader(data), "FILE")
		if err == nil && (len(s.all) == 0 || len(s.all) > maxSecrets) {
			t.Fatalf("%d secrets", len(s.all))
		}
	})
}
