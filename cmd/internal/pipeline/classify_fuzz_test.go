package pipeline

import (
	"testing"

	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/l2tp"
)

// FuzzClassify: whatever a datagram holds, its content is a part of it; and what looks random or
// plausible is asked of any bytes.
func FuzzClassify(f *testing.F) {
	ike := ikev1.Header{InitiatorCookie: ikev1.Cookie{1}, NextPayload: ikev1.PayloadSA, MajorVersion: 1, Exchange: ikev1.ExchangeMain, Length: ikev1.HeaderLen}
	f.Add(uint16(500), uint16(500), uint8(0), ike.Append(nil))
	f.Add(uint16(4500), uint16(4500), uint8(0), ike.Append(make([]byte, 4)))
	f.Add(uint16(4500), uint16(4500), uint8(0), []byte("\x00\x00\x10\x01\x00\x00\x00\x01\x9a\xd1\x07\x5c\xe8\x33\x71\xba\x4f\x10\x8e\xc5\x62\x0d\x97\x2b"))
	f.Add(uint16(1701), uint16(1701), uint8(0), []byte("\xc8\x02\x00\x0c\x00\x15\x00\x00\x00\x01\x00\x01"))
	f.Add(uint16(4500), uint16(1024), uint8(1), []byte{0xff})
	f.Add(uint16(4500), uint16(1024), uint8(51), []byte("\x41\x42\x43\x44\x00\x00\x00\x01\x9a"))
	f.Add(uint16(1), uint16(2), uint8(7), []byte{})
	f.Fuzz(func(t *testing.T, sport, dport uint16, missing uint8, payload []byte) {
		if len(payload) > 2000 {
			return
		}
		frame := append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
			byte(sport >> 8), byte(sport), byte(dport >> 8), byte(dport), 0, 0, 0, 0}, payload...)
		whole := len(frame) + int(missing)
		frame[2], frame[3] = byte(whole>>8), byte(whole)
		frame[24], frame[25] = byte((whole-20)>>8), byte(whole-20)
		var n capture.Frame
		if err := n.Decode(capture.Raw, frame); err != nil {
			t.Fatal(err)
		}
		c := classifier{named: func(spi uint32) bool { return spi&1 != 0 }, keyed: func(spi uint32) bool { return spi&2 != 0 }, ike: ikev1.NewTracker(), tunnels: seenTunnels{Tracker: l2tp.NewTracker(nil)}}
		for range 2 { // what it learns of the first may make the second another
			x := c.classify(&n, frame)
			if x.kind == Other && len(x.data) > 0 && !isPort(&n, portNATT) || len(x.data) > len(payload) || x.kind != Other && x.length < len(x.data) {
				t.Fatalf("%v of %d bytes, %d on the wire, of %d", x.kind, len(x.data), x.length, len(payload))
			}
			if x.kind == IKE && x.sure && !plausibleIKE(x.data, x.length+int(missing)) {
				t.Fatalf("%d bytes are surely IKE", len(x.data))
			}
			c.learn(&n, &x)
		}
		classifyNATT(&n, payload)
		var h esp.Header
		if h.Decode(payload) == nil && plausibleESP(&h, payload, n.UDPLen) && (h.Seq == 0 || len(payload)+int(missing) < minESP) {
			t.Fatal("plausible")
		}
	})
}
