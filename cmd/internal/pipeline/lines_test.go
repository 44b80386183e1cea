package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
)

// onLine is an IP packet as a PPP line has it.
var onLine = map[string]struct {
	link capture.LinkType
	wrap func(ip []byte) []byte
	own  bool // who writes it writes users' packets
}{
	"PPP":       {capture.PPP, func(ip []byte) []byte { return append([]byte{0xff, 3, 0, 0x21}, ip...) }, false},
	"PPP, HDLC": {capture.PPPHDLC, func(ip []byte) []byte { return append([]byte{0x21}, ip...) }, false},
	"direction": {capture.PPPWithDir, func(ip []byte) []byte { return append([]byte{1, 0xff, 3, 0, 0x21}, ip...) }, true},
	"pppd":      {capture.PPPD, func(ip []byte) []byte { return append([]byte{0, 3, 0, 0x21}, ip...) }, true},
	"cooked":    {capture.LinuxSLL, func(ip []byte) []byte { return append([]byte{0, 0, 2, 0, 0, 0, 14: 8, 15: 0}, ip...) }, false},
	"PPPoE": {capture.Ethernet, func(ip []byte) []byte {
		h := append(make([]byte, 12), 0x88, 0x64, 0x11, 0, 0, 1)
		return append(append(binary.BigEndian.AppendUint16(h, uint16(len(ip)+2)), 0, 0x21), ip...)
	}, false},
}

// TestLine: the packets of a PPP line are those of its users, if it carries no tunnel; else they
// are beside that, those in front of it too.
func TestLine(t *testing.T) {
	for name, c := range onLine {
		for _, tunnel := range []bool{false, true} {
			s := aesSA(0x7000)
			f := &frames{interfaces: []capture.Interface{{LinkType: c.link}}}
			var want [][]byte
			for i := range 12 {
				ip := userPacket(i)
				if tunnel && i == 8 {
					inside := s.seal(17, udp(here4, there4, 1701, 1701, l2tpData(ip)))
					want, ip = [][]byte{ip}, ipPacket(here4, there4, 50, inside)
				} else if !tunnel || i < 8 || c.own {
					want = append(want, ip)
				}
				data := c.wrap(ip)
				f.list = append(f.list, capture.Packet{Time: int64(i) * 1e6, Length: len(data), Data: data})
			}
			if tunnel && c.own {
				want = nil
				for i := range 12 {
					want = append(want, userPacket(i))
				}
			}
			o := follow(t, f, secrets(s.secret()), mode{layer: output.LayerIP})
			if len(o.clear) != len(want) {
				t.Errorf("%s, tunnel %v: %d packets, want %d", name, tunnel, len(o.clear), len(want))
				continue
			}
			for i := range want {
				if !bytes.Equal(o.clear[i].Data, want[i]) {
					t.Errorf("%s, tunnel %v: packet %d is %x", name, tunnel, i, o.clear[i].Data)
				}
			}
		}
	}
}
