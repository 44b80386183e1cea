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
	"KCP": func(i int) string {
		return "\x4a\x1f\x2e\x9d\x51\x00" + small(128-i%5) + little(90000+10*i) + little(i) + little(i) + little(60) + noise("kcp", i, 60)
	},
	"memcached": func(i int) string {
		return word(i + 1000)[2:] + "\x00\x00\x00\x01\x00\x00get key" + fmt.Sprint(i) + "\r\n"
	},
	"SSDP": func(int) string {
		return "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMX: 2\r\nST: ssdp:all\r\n\r\n"
	},
	"mDNS": func(i int) string {
		return "\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x05_http\x04_tcp\x05local\x00" + noise("mdns", i, 20)
	},
	"CoAP": func(i int) string { return "\x44\x01" + word(i + 1)[2:] + noise("token", i, 4) + "\xb4well\x04core" },
	"CoAP answer": func(i int) string {
		return "\x64\x45" + word(i + 1)[2:] + noise("token", i, 4) + "\xff" + noise("coap", i, 39)
	},
	"DTLS 1.3": func(i int) string { return "\x2f" + noise("masked", i, 2) + "\x00\x43" + noise("dtls13", i, 67) },
	"DTLS hello": func(i int) string {
		return "\x16\xfe\xff\x00\x00\x00\x00" + word(i) + "\x00\x5f" + noise("hello", i, 95)
	},
	"QUIC, version 1": func(i int) string {
		return "\xc3\x00\x00\x00\x01\x08" + noise("dcid", 0, 8) + "\x08" + noise("scid", 0, 8) + "\x00\x44\xd0" + noise("initial", i, 1174)
	},
	"QUIC, version 2": func(i int) string {
		return "\xd3\x6b\x33\x43\xcf\x08" + noise("dcid", 0, 8) + "\x08" + noise("scid", 0, 8) + "\x00\x44\xd0" + noise("initial2", i, 1174)
	},
	"QUIC, short header": func(i int) string { return noise("flags", i, 1) + noise("dcid", 0, 8) + noise("1rtt", i, 27+i%3) },
	"WireGuard, hello":   func(i int) string { return "\x01\x00\x00\x00" + noise("handshake", i, 144) },
	"WireGuard, answer":  func(i int) string { return "\x02\x00\x00\x00" + noise("answer", i, 88) },
	"OpenVPN, tls-crypt": func(i int) string {
		return "\x38" + noise("session", 0, 8) + word(i+1) + word(1700000000) + noise("crypt", i, 37)
	},
	"OpenVPN, control": func(i int) string { return "\x20" + noise("session", 0, 8) + "\x00" + word(i) + noise("tls", i, 100) },
	"ZeroTier": func(i int) string {
		return noise("packet", i, 8) + noise("to", 0, 5) + noise("from", 0, 5) + "\x08" + noise("zt", i, 65)
	},
	"Tailscale's disco": func(i int) string { return "TS\xf0\x9f\x92\xac" + noise("key", 0, 32) + noise("disco", i, 86) },
	"IAX2": func(i int) string {
		return "\x80\x01\x00\x02" + word(20*i) + string([]byte{byte(i), 1, 2, 4}) + noise("iax", i, 160)
	},
	"IAX2, small": func(i int) string { return "\x00\x01" + word(20 * i)[2:] + noise("ulaw", i, 160) },
	"DHT": func(i int) string {
		return "d1:ad2:id20:" + noise("id", 0, 20) + "e1:q4:ping1:t2:" + word(i)[2:] + "1:y1:qe"
	},
	"STUN": func(i int) string {
		return "\x00\x01\x00\x08\x21\x12\xa4\x42" + noise("stun", i, 12) + "\x80\x2a\x00\x04" + noise("tie", i, 4)
	},
	"Quake": func(i int) string { return "\xff\xff\xff\xffgetstatus " + fmt.Sprint(i) },
	"RakNet": func(i int) string {
		return "\x84" + string([]byte{byte(i), 0, 0}) + "\x60\x02\x30" + noise("raknet", i, 69)
	},
	"Mosh":     func(i int) string { return "\x80\x00\x00\x00" + word(i+1) + noise("mosh", i, 48) },
	"DNSCrypt": func(i int) string { return noise("magic", 0, 8) + noise("dnscrypt", i, 312) },
	"BFD": func(i int) string {
		return "\x20\xc8\x03\x18\x00\x00\x00\x01\x00\x00\x00\x02\x00\x0f\x42\x40\x00\x0f\x42\x40\x00\x00\x00\x00"
	},
	"NetBIOS": func(i int) string {
		return word(i + 1)[2:] + "\x01\x10\x00\x01\x00\x00\x00\x00\x00\x00 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\x00\x21\x00\x01"
	},
	"CLDAP":    func(i int) string { return "\x30\x84\x00\x00\x00\x2e\x02\x01" + noise("cldap", i, 44) },
	"Kerberos": func(i int) string { return "\x6a\x81\xbd\x30\x81\xba\xa1\x03" + noise("kerberos", i, 184) },
	"sFlow": func(i int) string {
		return "\x00\x00\x00\x05\x00\x00\x00\x01\xc0\x00\x02\x01" + word(0) + word(i) + noise("sflow", i, 120)
	},
	"IPFIX": func(i int) string {
		return "\x00\x0a\x00\x68" + word(1700000000+i) + word(i*3) + word(0) + noise("ipfix", i, 88)
	},
	"statsd":      func(i int) string { return fmt.Sprintf("web.requests:%d|c\nweb.time:320|ms\n", i) },
	"CAPWAP data": func(i int) string { return "\x00\x10\x03\x00" + word(i<<16) + noise("capwap", i, 80) },
	"PTP":         func(i int) string { return "\x00\x02\x00\x2c\x00\x00\x02\x00" + noise("ptp", i, 36) },
	"DHCP": func(i int) string {
		return "\x01\x01\x06\x00" + noise("xid", 0, 4) + word(i<<16) + strings.Repeat("\x00", 224) + "\x63\x82\x53\x63"
	},
	"BACnet": func(i int) string { return "\x81\x0a\x00\x1c\x01\x04" + noise("bacnet", i, 22) },
	"Zoom":   func(i int) string { return "\x05\x10\x01" + word(i + 1)[1:] + "\x01\x00" + noise("zoom", i, 91) },
	"SRT": func(i int) string {
		return word(0x12345678 + i)[:4] + word(0xe0000001+i) + word(90000+1000*i) + noise("socket", 0, 4) + noise("srt", i, 100)
	},
	"Shadowsocks": func(i int) string { return noise("salt", i, 32) + noise("shadow", i, 68) },
	"syslog":      func(i int) string { return fmt.Sprintf("<30>Nov 23 07:15:%02d gw vpn[812]: sending packet", i) },
	"RADIUS":      func(i int) string { return "\x01" + string([]byte{byte(i)}) + "\x00\x40" + noise("radius", i, 60) },
	"Geneve":      func(i int) string { return "\x00\x00\x65\x58\x00\x00\x64\x00" + noise("geneve", i, 60) },
	"LISP": func(i int) string {
		return "\xc8" + noise("lispnonce", 0, 3) + "\x00\x00\x00\x01\x45\x00\x00\x3c" + noise("lisp", i, 56)
	},
	"HTTP/3 datagram": func(i int) string { return "\x41" + noise("dcid", 0, 7) + noise("h3", i, 60) },
	"eMule":           func(i int) string { return "\xe4\x21" + noise("kad", i, 34) },
	"SIP":             func(i int) string { return "SIP/2.0 200 OK\r\nCSeq: " + strings.Repeat("1", i%4) + " REGISTER\r\n\r\n" },
}

func little(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func small(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }

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
