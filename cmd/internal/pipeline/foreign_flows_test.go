package pipeline_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
)

// foreignFlows are the i-th packets of conversations that are like ESP in some of their fields.
var foreignFlows = map[string]func(i int) string{
	"OpenVPN":         func(i int) string { return "\x48\x00\x00\x05" + word(i+1) + noise("openvpn", i, 40+4*(i%3)) },
	"OpenVPN, any":    func(i int) string { return "\x49\xff\xff\xff" + word(i+1) + noise("any", i, 32) },
	"OpenVPN data v1": func(i int) string { return "\x30" + word(i+1) + noise("v1", i, 35) },
	"OpenVPN, pings":  func(i int) string { return "\x48\x00\x00\x00" + word(i+1) + noise("ping", i, 32) },
	"DTLS": func(i int) string {
		return "\x17\xfe\xfd\x00\x01" + "\x00\x00" + word(i) + "\x00\x40" + noise("dtls", i, 67)
	},
	"RTCP":          func(i int) string { return "\x81\xc9\x00\x07\x00\x00\x12\x34" + noise("rtcp", i, 24) },
	"STUN, old":     func(i int) string { return "\x01\x01\x00\x14\x00\x00" + noise("stun", i, 34) },
	"STUN allocate": func(i int) string { return "\x00\x03\x00\x00\x21\x12\xa4\x42" + noise("allocate", i, 12) },
	"TURN channel":  func(i int) string { return "\x40\x01\x00\x62" + word(i+1) + noise("channel", i, 96) },
	"QUIC":          func(i int) string { return noise("first", i, 1) + "\x00\x00\x00\x00\x08" + noise("quic", i, 27) },
	"WireGuard":     func(i int) string { return "\x04\x00\x00\x00\x00\x00\x00\x01" + noise("wireguard", i, 56) },
	"VXLAN":         func(i int) string { return "\x08\x00\x00\x00\x00\x00\x64\x00" + noise("vxlan", i, 60) },
	"Teredo":        func(i int) string { return "\x60\x00\x00\x00\x00\x08\x3a\x40" + noise("teredo", i, 40) },
	"GTP-U":         func(i int) string { return "\x30\xff\x00\x54\x00\x00\x00\x01" + noise("gtp", i, 84) },
	"GTPv2-C":       func(i int) string { return "\x48\x20\x00\x50\x00\x00\x00\x01" + noise("gtpc", i, 76) },
	"NTP":           func(i int) string { return "\x24\x02\x06\xe9\x00\x00\x08\x23\x00\x00\x05\x12" + noise("ntp", i, 36) },
	"SNMP":          func(i int) string { return "\x30\x2a\x02\x01\x00\x04\x06pub" + noise("snmp", i, 34) },
	"uTP": func(i int) string {
		return "\x01\x00\x40\x10" + word(90000+50*i) + noise("utp", i, 4) + word(1<<20) + noise("data", i, 60)
	},
	"TFTP":             func(i int) string { return "\x00\x03" + word(i + 1)[2:] + "\x00\x01" + noise("tftp", i, 510) },
	"TFTP request":     func(int) string { return "\x00\x02some/file\x00octet\x00" },
	"NetFlow":          func(i int) string { return "\x00\x09\x00\x03" + word(90000+1000*i) + noise("netflow", i, 120) },
	"a game's counter": func(i int) string { return "GAME" + word(i+1) + noise("game", i, 21+i%4) },
	"SIP":              func(i int) string { return "SIP/2.0 200 OK\r\nCSeq: " + strings.Repeat("1", i%4) + " REGISTER\r\n\r\n" },
}

func word(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func noise(name string, i, size int) string { return string(bytesOf(fmt.Sprint(name, i), size)) }

// TestForeignFlows: conversations of other protocols on the ports of IKE, NAT traversal and L2TP
// are other, from one port to the same and from another.
func TestForeignFlows(t *testing.T) {
	for name, payload := range foreignFlows {
		for _, port := range []uint16{500, 1701, 4500} {
			for _, from := range []uint16{port, 20000} {
				var packets [][]byte
				for i := range 24 {
					packets = append(packets, ipPacket(here4, there4, 17, udp(here4, there4, from, port, []byte(payload(i)))))
				}
				for i, r := range follow(t, rawFrames(packets...), nil, mode{}).results {
					if r.kind != pipeline.Other || r.verdict != why.Clear {
						t.Errorf("%s from %d to %d: packet %d is %v %v", name, from, port, i, r.kind, r.verdict)
						break
					}
				}
			}
		}
	}
}

// TestFromTheMiddle: of a flow of ESP of which nothing else is known, the packets that follow each
// other are recognized, however many were sent before, whatever a stranger sends between them, and
// though nothing is encrypted.
func TestFromTheMiddle(t *testing.T) {
	for _, c := range []struct {
		from     uint64
		strange  int // a packet that ESP can't be stands in front of this one
		null     bool
		expected int // packets that are not recognized
	}{
		{1, -1, false, 0}, {5000, -1, false, 0}, {1 << 20, -1, false, 1}, {3e9, -1, false, 1},
		{5000, 0, false, 1}, {3e9, 3, false, 1}, {5000, -1, true, 1},
	} {
		s := aesSA(0xc0ffee01)
		if c.null {
			s = algorithms[slices.IndexFunc(algorithms, func(a algorithm) bool { return a.cipher == "null" })].sa(0xc0ffee01)
		}
		s.seq = c.from - 1
		var packets [][]byte
		for i := range 12 {
			if i == c.strange {
				packets = append(packets, toNATT([]byte("of another protocol")))
			}
			packets = append(packets, toNATT(s.seal(17, udp(here4, there4, 1701, 1701, l2tpData(userPacket(i))))))
		}
		others := 0
		for _, r := range follow(t, rawFrames(packets...), nil, mode{}).results {
			if r.kind == pipeline.Other {
				others++
			}
		}
		if c.strange >= 0 {
			others--
		}
		if others != c.expected {
			t.Errorf("from %d, strange %d, null %v: %d packets are other, want %d", c.from, c.strange, c.null, others, c.expected)
		}
	}
}

// TestForeignFlowsOfPeers: likewise between ends that speak IKE, on other ports than it. On the
// same ports it is ESP, whatever it looks like.
func TestForeignFlowsOfPeers(t *testing.T) {
	message := ikev1.Header{InitiatorCookie: ikev1.Cookie{1}, NextPayload: 1, MajorVersion: 1, Exchange: 2, Length: ikev1.HeaderLen}.Append(nil)
	ike := ipPacket(here4, there4, 17, udp(here4, there4, 31000, 4500, append(make([]byte, 4), message...)))
	for name, payload := range foreignFlows {
		for port, want := range map[uint16]bool{20000: false, 31000: true} {
			packets := [][]byte{ike}
			for i := range 24 {
				packets = append(packets, ipPacket(there4, here4, 17, udp(there4, here4, 4500, port, []byte(payload(i)))))
			}
			for i, r := range follow(t, rawFrames(packets...), nil, mode{}).results[1:] {
				if esp := r.kind == pipeline.ESP; esp != want && payload(i)[0] != 0 { // but an SPI below 256
					t.Errorf("%s to %d: packet %d is %v", name, port, i, r.kind)
					break
				}
			}
		}
	}
}
