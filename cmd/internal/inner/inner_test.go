package inner

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// ip4 makes an IPv4 packet from 192.0.2.1 to 192.0.2.2; fragment is the field of flags and offset.
func ip4(protocol byte, fragment uint16, payload ...byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(b[6:], fragment)
	return append(b, payload...)
}

// ip6 makes an IPv6 packet from fe80::1 to ff02::2.
func ip6(next byte, payload ...byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0], b[6], b[7] = 0x60, next, 255
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[8], b[9], b[23] = 0xfe, 0x80, 1
	b[24], b[25], b[39] = 0xff, 2, 2
	return append(b, payload...)
}

func udp(src, dst uint16, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, src)
	b = binary.BigEndian.AppendUint16(b, dst)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

// tcp makes a segment from port 1234 to port 80 with sequence number 1000 and acknowledgment 2000.
func tcp(flags byte, options []byte, payload ...byte) []byte {
	b := []byte{0x04, 0xd2, 0, 80, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, byte(5+len(options)/4) << 4, flags, 1, 0, 0, 0, 0, 9}
	return append(append(b, options...), payload...)
}

func with(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func dhcp(operation, kind byte, options ...string) []byte {
	b := make([]byte, 240)
	b[0], b[1], b[2] = operation, 1, 6
	copy(b[4:], "\xde\xad\xbe\xef")
	copy(b[16:], "\x00\x00\x00\x00")
	copy(b[28:], "\x00\x11\x22\x33\x44\x55")
	copy(b[236:], "\x63\x82\x53\x63")
	return append(append(append(b, 53, 1, kind, 50, 4, 10, 0, 0, 9), strings.Join(options, "")...), 255)
}

const (
	query    = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03org\x00\x00\x01\x00\x01"
	response = "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x01\x03www\x07example\x03org\x00\x00\x01\x00\x01" +
		"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01a\xc0\x10" + "\xc0\x2d\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07"
)

var target = []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}

func TestSummary(t *testing.T) {
	echo := []byte{8, 0, 0, 0, 0, 1, 0, 2, 'a', 'b'}
	for _, c := range []struct {
		ip      []byte
		verbose int
		want    string
	}{
		{ip4(1, 0, echo...), 0, "IP 192.0.2.1 > 192.0.2.2: ICMP echo request id 1 seq 2, length 10"},
		{ip4(1, 0x4000, echo...), 1, "IP (tos 0x0, ttl 64, id 4660, offset 0, flags [DF], proto icmp (1), length 30) 192.0.2.1 > 192.0.2.2: ICMP echo request id 1 seq 2, length 10"},
		{ip4(1, 0, append([]byte{0}, echo[1:]...)...), 0, "IP 192.0.2.1 > 192.0.2.2: ICMP echo reply id 1 seq 2, length 10"},
		{ip4(1, 0, with([]byte{3, 3, 0, 0, 0, 0, 0, 0}, ip4(17, 0, udp(1000, 53)...))...), 0,
			"IP 192.0.2.1 > 192.0.2.2: ICMP unreachable port, for udp 192.0.2.2.53, length 36"},
		{ip4(1, 0, with([]byte{3, 4, 0, 0, 0, 0, 5, 0x78}, ip4(50, 0x4000, 1, 2, 3, 4, 5, 6, 7, 8))...), 0,
			"IP 192.0.2.1 > 192.0.2.2: ICMP unreachable need to frag (mtu 1400), for esp 192.0.2.2, length 36"},
		{ip4(1, 0, with([]byte{11, 0, 0, 0, 0, 0, 0, 0}, ip4(6, 0, tcp(2, nil)...))...), 0,
			"IP 192.0.2.1 > 192.0.2.2: ICMP time exceeded in-transit, for tcp 192.0.2.2.80, length 48"},
		{ip4(1, 0, 5, 1, 0, 0, 192, 0, 2, 9), 0, "IP 192.0.2.1 > 192.0.2.2: ICMP redirect to host 192.0.2.9, length 8"},
		{ip4(1, 0, 12, 0, 0, 0, 20, 0, 0, 0), 0, "IP 192.0.2.1 > 192.0.2.2: ICMP parameter problem - octet 20, length 8"},
		{ip4(1, 0, 42, 7, 0, 0), 0, "IP 192.0.2.1 > 192.0.2.2: ICMP type 42 code 7, length 4"},
		{ip4(1, 0, 8), 0, "IP 192.0.2.1 > 192.0.2.2: ICMP [header cut off]"},
		// TCP
		{ip4(6, 0, tcp(0x02, []byte{2, 4, 5, 0x78, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})...), 0,
			"IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [S], seq 1000, win 256, options [mss 1400,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0"},
		{ip4(6, 0, tcp(0x12, nil)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [S.], seq 1000, ack 2000, win 256, length 0"},
		{ip4(6, 0, tcp(0x18, nil, []byte("hello")...)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [P.], seq 1000:1005, ack 2000, win 256, length 5: HTTP"},
		{ip4(6, 0, tcp(0x10, nil)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [.], ack 2000, win 256, length 0"},
		{ip4(6, 0, tcp(0x14, nil)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [R.], seq 1000, ack 2000, win 256, length 0"},
		{ip4(6, 0, tcp(0x21, nil)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [FU], seq 1000, win 256, urg 9, length 0"},
		{ip4(6, 0, tcp(0, nil)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [none], win 256, length 0"},
		{ip4(6, 0, tcp(0xd0, nil)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [.EW], ack 2000, win 256, length 0"},
		{ip4(6, 0, tcp(0x10, []byte{1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9})...), 1,
			"IP (tos 0x0, ttl 64, id 4660, offset 0, flags [none], proto tcp (6), length 52) 192.0.2.1.1234 > 192.0.2.2.80: Flags [.], ack 2000, win 256, options [nop,nop,sack 1 {1:9}], length 0"},
		{ip4(6, 0, tcp(0x02, []byte{2, 0, 0, 0})...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [S], seq 1000, win 256, options [malformed], length 0"},
		{ip4(6, 0, append(tcp(0x10, nil)[:12], 0x40, 0x10, 1, 0, 0, 0, 0, 0)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [.] [bad header length]"},
		{ip4(6, 0, append(tcp(0x10, nil)[:12], 0xf0, 0x10, 1, 0, 0, 0, 0, 0)...), 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [.] [bad header length]"},
		{ip4(6, 0, 0, 1, 0, 2), 0, "IP 192.0.2.1.1 > 192.0.2.2.2: TCP [header cut off]"},
		// UDP and what is in it
		{ip4(17, 0, udp(1000, 2000, 1, 2, 3)...), 0, "IP 192.0.2.1.1000 > 192.0.2.2.2000: UDP, length 3"},
		{ip4(17, 0, with(udp(1, 2)[:4], []byte{0, 7, 0, 0})...), 0, "IP 192.0.2.1.1 > 192.0.2.2.2: UDP, bad length 7 in 8"},
		{ip4(17, 0, with(udp(1, 2)[:4], []byte{0, 99, 0, 0})...), 0, "IP 192.0.2.1.1 > 192.0.2.2.2: UDP, bad length 99 in 8"},
		{ip4(17, 0, udp(5000, 53, []byte(query)...)...), 0, "IP 192.0.2.1.5000 > 192.0.2.2.53: DNS 4660+ A? www.example.org. (33)"},
		{ip4(17, 0, udp(53, 5000, []byte(response)...)...), 0, "IP 192.0.2.1.53 > 192.0.2.2.5000: DNS 4660 2/0/1 CNAME a.example.org., A 192.0.2.7 (65)"},
		{ip4(17, 0, udp(5353, 5353, []byte(query)...)...), 0, "IP 192.0.2.1.5353 > 192.0.2.2.5353: mDNS 4660+ A? www.example.org. (33)"},
		{ip4(17, 0, udp(5355, 5355, []byte(query)...)...), 0, "IP 192.0.2.1.5355 > 192.0.2.2.5355: LLMNR 4660+ A? www.example.org. (33)"},
		{ip4(17, 0, udp(53, 5000, 1, 2, 3)...), 0, "IP 192.0.2.1.53 > 192.0.2.2.5000: DNS [malformed], length 3"},
		{ip4(17, 0, udp(53, 5000, []byte(response[:40])...)...), 0, "IP 192.0.2.1.53 > 192.0.2.2.5000: DNS 4660 2/0/1 [malformed] (40)"},
		{ip4(17, 0, udp(53, 5000, []byte("\x12\x34\x81\x83\x00\x00\x00\x00\x00\x00\x00\x00")...)...), 0, "IP 192.0.2.1.53 > 192.0.2.2.5000: DNS 4660 NXDomain 0/0/0 (12)"},
		{ip4(17, 0, udp(5000, 53, []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02\x1b[\x00\x00\x41\x00\x01")...)...), 0,
			`IP 192.0.2.1.5000 > 192.0.2.2.53: DNS 4660+ HTTPS? \027[. (20)`},
		{ip4(17, 0, udp(68, 67, dhcp(1, 1)...)...), 0, "IP 192.0.2.1.68 > 192.0.2.2.67: DHCP discover from 00:11:22:33:44:55, requests 10.0.0.9, length 250"},
		{ip4(17, 0, udp(67, 68, dhcp(2, 5)...)...), 0, "IP 192.0.2.1.67 > 192.0.2.2.68: DHCP ack from 00:11:22:33:44:55, requests 10.0.0.9, length 250"},
		{ip4(17, 0, udp(67, 68, dhcp(1, 99)...)...), 0, "IP 192.0.2.1.67 > 192.0.2.2.68: BOOTP request from 00:11:22:33:44:55, requests 10.0.0.9, length 250"},
		{ip4(17, 0, udp(67, 68, 1, 2, 3)...), 0, "IP 192.0.2.1.67 > 192.0.2.2.68: UDP, length 3"},
		{ip4(17, 0, udp(123, 123, append([]byte{0x23}, make([]byte, 47)...)...)...), 0, "IP 192.0.2.1.123 > 192.0.2.2.123: NTPv4, client, length 48"},
		{ip6(17, udp(546, 547, 1, 0xab, 0xcd, 0xef)...), 0, "IP6 fe80::1.546 > ff02::2.547: DHCP6 solicit xid 0xabcdef, length 4"},
		// Fragments and cut packets
		{ip4(17, 0x2000, udp(1000, 2000, make([]byte, 8)...)...), 0, "IP 192.0.2.1.1000 > 192.0.2.2.2000: UDP, length 8 [fragment id 4660 offset 0 size 16+]"},
		{ip4(17, 2, 1, 2, 3), 0, "IP 192.0.2.1 > 192.0.2.2: udp [fragment id 4660 offset 16 size 3]"},
		{ip4(6, 0, tcp(0x10, nil, make([]byte, 100)...)...)[:60], 0, "IP 192.0.2.1.1234 > 192.0.2.2.80: Flags [.], seq 1000:1100, ack 2000, win 256, length 100: HTTP [truncated: 80 bytes missing]"},
		{ip6(44, 58, 0, 0, 1, 0, 0, 0, 9, 128, 0, 0, 0, 0, 1, 0, 2), 0, "IP6 fe80::1 > ff02::2: ICMP6 echo request id 1 seq 2, length 8 [fragment id 9 offset 0 size 8+]"},
		{ip6(44, 58, 0, 0, 16, 0, 0, 0, 9, 1, 2), 0, "IP6 fe80::1 > ff02::2: icmp6 [fragment id 9 offset 16 size 2]"},
		// ICMPv6
		{ip6(58, 133, 0, 0, 0, 0, 0, 0, 0), 0, "IP6 fe80::1 > ff02::2: ICMP6 router solicitation, length 8"},
		{ip6(58, 133, 0, 0, 0, 0, 0, 0, 0), 1, "IP6 (hlim 255, next-header icmp6 (58), length 48) fe80::1 > ff02::2: ICMP6 router solicitation, length 8"},
		{ip6(58, with([]byte{134, 0, 0, 0}, make([]byte, 12), []byte{5, 1, 0, 0, 0, 0, 5, 0x78, 3, 4, 64}, make([]byte, 13), target)...), 0,
			"IP6 fe80::1 > ff02::2: ICMP6 router advertisement, mtu 1400, prefix fe80::7/64, length 56"},
		{ip6(58, with([]byte{134, 0, 0, 0}, make([]byte, 12), []byte{5, 0, 0, 0, 0, 0, 5, 0x78})...), 0,
			"IP6 fe80::1 > ff02::2: ICMP6 router advertisement [malformed option], length 24"},
		{ip6(58, with([]byte{135, 0, 0, 0, 0, 0, 0, 0}, target)...), 0, "IP6 fe80::1 > ff02::2: ICMP6 neighbor solicitation, who has fe80::7, length 24"},
		{ip6(58, with([]byte{136, 0, 0, 0, 0, 0, 0, 0}, target)...), 0, "IP6 fe80::1 > ff02::2: ICMP6 neighbor advertisement, tgt is fe80::7, length 24"},
		{ip6(58, with([]byte{2, 0, 0, 0, 0, 0, 5, 0}, ip6(17, udp(1, 2)...))...), 0, "IP6 fe80::1 > ff02::2: ICMP6 packet too big, mtu 1280, for udp ff02::2.2, length 56"},
		{ip6(58, with([]byte{1, 4, 0, 0, 0, 0, 0, 0}, ip6(17, udp(1, 2)...))...), 0, "IP6 fe80::1 > ff02::2: ICMP6 unreachable port, for udp ff02::2.2, length 56"},
		// A multicast listener report behind a hop-by-hop header with the router alert
		{ip6(0, 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 1), 0, "IP6 fe80::1 > ff02::2: HBH ICMP6 multicast listener report v2, 1 group record(s), length 8"},
		{ip6(58, with([]byte{131, 0, 0, 0, 0, 0, 0, 0}, target)...), 0, "IP6 fe80::1 > ff02::2: ICMP6 multicast listener report fe80::7, length 24"},
		{ip6(59), 0, "IP6 fe80::1 > ff02::2: no next header"},
		{ip6(0, 58, 9, 0, 0, 0, 0, 0, 0), 0, "IP6 fe80::1 > ff02::2: hopopt, length 8"},
		// Others
		{ip4(2, 0, 0x22, 0, 0, 0, 0, 0, 0, 1), 0, "IP 192.0.2.1 > 192.0.2.2: IGMP v3 report, 1 group record(s), length 8"},
		{ip4(2, 0, 0x16, 0, 0, 0, 224, 0, 0, 251), 0, "IP 192.0.2.1 > 192.0.2.2: IGMP v2 report 224.0.0.251, length 8"},
		{ip4(2, 0, 0x11, 100, 0, 0, 0, 0, 0, 0), 0, "IP 192.0.2.1 > 192.0.2.2: IGMP query v2, length 8"},
		{ip4(47, 0, with([]byte{0x20, 0, 8, 0, 0, 0, 0, 7}, ip4(1, 0, echo...))...), 0,
			"IP 192.0.2.1 > 192.0.2.2: GREv0, key=0x7, length 38: IP 192.0.2.1 > 192.0.2.2: ICMP echo request id 1 seq 2, length 10"},
		{ip4(47, 0, 0x30, 0x81, 0x88, 0x0b, 0, 0), 0, "IP 192.0.2.1 > 192.0.2.2: GREv1, proto 0x880b, length 6"},
		{ip4(50, 0, 0, 0, 0, 1, 0, 0, 0, 2, 9), 0, "IP 192.0.2.1 > 192.0.2.2: ESP(spi=0x1,seq=0x2), length 9"},
		{ip4(4, 0, ip4(1, 0, echo...)...), 0, "IP 192.0.2.1 > 192.0.2.2: IP 192.0.2.1 > 192.0.2.2: ICMP echo request id 1 seq 2, length 10"},
		{ip4(89, 0, 2, 1), 0, "IP 192.0.2.1 > 192.0.2.2: OSPFv2, hello, length 2"},
		{ip4(132, 0, 0, 1, 0, 2), 0, "IP 192.0.2.1.1 > 192.0.2.2.2: SCTP, length 4"},
		{ip4(99, 0, 1), 0, "IP 192.0.2.1 > 192.0.2.2: ip-proto-99, length 1"},
		// What -v tells more
		{with([]byte{0x46, 0xc0, 0, 40, 0, 0, 0x40, 0, 1, 2, 0, 0, 192, 0, 2, 1, 224, 0, 0, 22, 148, 4, 0, 0}, []byte{0x22, 0, 0, 0, 0, 0, 0, 1},
			[]byte{4, 0, 0, 0, 224, 0, 0, 251}), 1,
			"IP (tos 0xc0, ttl 1, id 0, offset 0, flags [DF], proto igmp (2), length 40, options (RA)) 192.0.2.1 > 224.0.0.22: IGMP v3 report, 1 group record(s) [gaddr 224.0.0.251 to_ex, 0 source(s)], length 16"},
		{ip6(58, with([]byte{143, 0, 0, 0, 0, 0, 0, 2, 6, 0, 0, 1}, target, target, []byte{1, 0, 0, 9}, target)...), 1,
			"IP6 (hlim 255, next-header icmp6 (58), length 104) fe80::1 > ff02::2: ICMP6 multicast listener report v2, 2 group record(s) [gaddr fe80::7 block {fe80::7}, 1 source(s)], length 64"},
		{ip6(58, with([]byte{136, 0, 0, 0, 0x60, 0, 0, 0}, target, []byte{2, 1, 0, 17, 34, 51, 68, 85})...), 1,
			"IP6 (hlim 255, next-header icmp6 (58), length 72) fe80::1 > ff02::2: ICMP6 neighbor advertisement, tgt is fe80::7, flags [solicited, override], link-address 00:11:22:33:44:55, length 32"},
		{ip6(58, with([]byte{134, 0, 0, 0, 64, 0x80, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{25, 3, 0, 0, 0, 0, 0, 9}, target)...), 1,
			"IP6 (hlim 255, next-header icmp6 (58), length 80) fe80::1 > ff02::2: ICMP6 router advertisement, hop limit 64, flags [managed], router lifetime 1800s, reachable time 0ms, retrans timer 1ms, rdnss fe80::7, length 40"},
		{ip4(1, 0, with([]byte{3, 3, 0, 0, 0, 0, 0, 0}, ip4(17, 0, udp(1000, 53)...))...), 1,
			"IP (tos 0x0, ttl 64, id 4660, offset 0, flags [none], proto icmp (1), length 56) 192.0.2.1 > 192.0.2.2: ICMP unreachable port, for " +
				"[IP (tos 0x0, ttl 64, id 4660, offset 0, flags [none], proto udp (17), length 28) 192.0.2.1.1000 > 192.0.2.2.53: DNS [malformed], length 0], length 36"},
		{ip4(17, 0, udp(67, 68, dhcp(2, 5, "\x36\x04\x0a\x00\x00\x01\x01\x04\xff\xff\xff\x00\x03\x04\x0a\x00\x00\x01\x06\x08\x0a\x00\x00\x01\x0a\x00\x00\x02"+
			"\x33\x04\x00\x00\x0e\x10\x0c\x03a\x1bc\x0f\x03lan\x3c\x08MSFT 5.0\x37\x02\x01\x79")...)...), 1,
			"IP (tos 0x0, ttl 64, id 4660, offset 0, flags [none], proto udp (17), length 336) 192.0.2.1.67 > 192.0.2.2.68: DHCP ack from 00:11:22:33:44:55, xid 0xdeadbeef, " +
				`requests 10.0.0.9, server 10.0.0.1, mask 255.255.255.0, router 10.0.0.1, dns 10.0.0.1 10.0.0.2, lease 3600s, hostname "a.c", domain "lan", vendor class "MSFT 5.0", asks for 1 121, length 308`},
		{ip4(6, 0, tcp(0x10, nil)...), 2, "IP (tos 0x0, ttl 64, id 4660, offset 0, flags [none], proto tcp (6), length 40) 192.0.2.1.1234 > 192.0.2.2.80: Flags [.], seq 1000, ack 2000, win 256, length 0"},
		{ip4(17, 0, udp(53, 5000, []byte(response)...)...), 2, "IP (tos 0x0, ttl 64, id 4660, offset 0, flags [none], proto udp (17), length 93) 192.0.2.1.53 > 192.0.2.2.5000: " +
			"DNS 4660 q: A? www.example.org. 2/0/1 www.example.org. CNAME a.example.org., a.example.org. A 192.0.2.7 (65)"},
		// Damage
		{nil, 0, "IP [malformed: packet is shorter than its IP header]"},
		{ip4(1, 0)[:19], 0, "IP [malformed: packet is shorter than its IP header]"},
		{[]byte{0x75}, 0, "IP [malformed: neither IPv4 nor IPv6]"},
		{append([]byte{0x44}, ip4(1, 0)[1:]...), 0, "IP [malformed: IP header length is wrong]"},
		{append([]byte{0x46}, ip4(1, 0)[1:]...), 0, "IP [malformed: IP header length is wrong]"},
	} {
		if got := string(AppendSummary([]byte("PPP: "), c.ip, c.verbose)); got != "PPP: "+c.want {
			t.Errorf("got  %s\nwant PPP: %s", got, c.want)
		}
	}
}

func TestDepth(t *testing.T) {
	p := ip4(1, 0, 8, 0, 0, 0, 0, 1, 0, 2)
	for range 100 {
		p = ip4(4, 0, p...)
	}
	if n := strings.Count(string(AppendSummary(nil, p, 0)), "IP "); n != maxDepth {
		t.Errorf("%d headers described", n)
	}
}

func TestDecode(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	a6, b6 := netip.MustParseAddr("fe80::1"), netip.MustParseAddr("ff02::2")
	for _, c := range []struct {
		ip   []byte
		want Info
		err  error
	}{
		{ip4(17, 0, udp(1000, 53, 1, 2)...), Info{a, b, "udp", 1000, 53, 30}, nil},
		{ip4(6, 0, tcp(2, nil)...), Info{a, b, "tcp", 1234, 80, 40}, nil},
		{ip4(1, 0, 8, 0, 0, 0), Info{a, b, "icmp", 0, 0, 24}, nil},
		{ip4(17, 5, udp(1000, 53, 1, 2)...), Info{a, b, "udp", 0, 0, 30}, nil},
		{ip4(99, 0), Info{a, b, "proto-99", 0, 0, 20}, nil},
		{ip4(6, 0, tcp(2, nil)...)[:22], Info{a, b, "tcp", 0, 0, 40}, nil},
		{append(ip4(17, 0, udp(1000, 53)...), 0, 0, 0), Info{a, b, "udp", 1000, 53, 28}, nil},
		{ip6(17, udp(1000, 53)...), Info{a6, b6, "udp", 1000, 53, 48}, nil},
		{ip6(0, with([]byte{60, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0}, tcp(2, nil))...), Info{a6, b6, "tcp", 1234, 80, 76}, nil},
		{ip6(58), Info{a6, b6, "icmp6", 0, 0, 40}, nil},
		{nil, Info{}, ErrShort},
		{[]byte{0x45}, Info{}, ErrShort},
		{make([]byte, 40), Info{}, errVersion},
		{ip6(17)[:39], Info{}, ErrShort},
	} {
		got, err := Decode(c.ip)
		if got != c.want || err != c.err {
			t.Errorf("%x: %+v %v, want %+v %v", c.ip, got, err, c.want, c.err)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	line := make([]byte, 0, 1024)
	for _, p := range [][]byte{
		ip4(1, 0, 8, 0, 0, 0, 0, 1, 0, 2), ip4(6, 0, tcp(0x18, nil, []byte("hello")...)...), ip4(17, 0, udp(1, 2, 3)...),
		ip6(58, 133, 0, 0, 0, 0, 0, 0, 0), ip4(6, 0, tcp(0x02, []byte{2, 4, 5, 0x78, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})...),
	} {
		AppendSummary(line, p, 1)
		if n := testing.AllocsPerRun(1000, func() {
			line = AppendSummary(line[:0], p, 1)
			if _, err := Decode(p); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

func TestCorruptEveryByte(t *testing.T) {
	for _, p := range seeds() {
		for i := range p {
			for _, x := range []byte{0x01, 0x0f, 0x10, 0x80, 0xff} {
				damaged := append([]byte(nil), p...)
				damaged[i] ^= x
				AppendSummary(nil, damaged, i%2)
				AppendSummary(nil, damaged[:i], i%2)
				Decode(damaged)
				Describe(damaged)
				Describe(damaged[:i])
			}
		}
	}
}

func seeds() [][]byte {
	return [][]byte{
		ip4(1, 0, with([]byte{3, 3, 0, 0, 0, 0, 0, 0}, ip4(17, 0, udp(1000, 53)...))...),
		ip4(6, 0, tcp(0x02, []byte{2, 4, 5, 0x78, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})...),
		ip4(17, 0, udp(5000, 53, []byte(query)...)...), ip4(17, 0, udp(53, 5000, []byte(response)...)...), ip4(17, 0, udp(68, 67, dhcp(1, 1)...)...),
		ip4(47, 0, with([]byte{0x20, 0, 8, 0, 0, 0, 0, 7}, ip4(1, 0, 8, 0, 0, 0, 0, 1, 0, 2))...), ip4(2, 0, 0x22, 0, 0, 0, 0, 0, 0, 1),
		ip6(0, 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 1), ip6(44, 58, 0, 0, 1, 0, 0, 0, 9, 128, 0, 0, 0, 0, 1, 0, 2),
		ip6(58, with([]byte{134, 0, 0, 0}, make([]byte, 12), []byte{5, 1, 0, 0, 0, 0, 5, 0x78, 3, 4, 64}, make([]byte, 13), target)...),
		ip6(58, with([]byte{136, 0, 0, 0, 0x60, 0, 0, 0}, target, []byte{2, 1, 0, 17, 34, 51, 68, 85, 25, 3, 0, 0, 0, 0, 0, 9}, target)...),
		ip6(58, with([]byte{143, 0, 0, 0, 0, 0, 0, 1, 6, 0, 0, 1}, target, target)...), ip4(17, 0, udp(67, 68, dhcp(2, 5, "\x06\x04\x0a\x00\x00\x01\x0c\x03a\x1bc")...)...),
		ip6(58, with([]byte{135, 0, 0, 0, 0, 0, 0, 0}, target)...), ip6(17, udp(546, 547, 1, 0xab, 0xcd, 0xef)...),
	}
}

func FuzzInner(f *testing.F) {
	for _, p := range seeds() {
		f.Add(p, uint8(1))
	}
	f.Fuzz(func(t *testing.T, p []byte, verbose uint8) {
		line := AppendSummary(nil, p, int(verbose%3))
		if len(line) == 0 {
			t.Fatal("no summary")
		}
		for _, b := range line {
			if b < ' ' || b >= 0x7f {
				t.Fatalf("unprintable byte in %q", line)
			}
		}
		if d := Describe(p).DNS; d != nil && (len(d.Questions) > maxQuestions || len(d.Answers) > maxAnswers) {
			t.Fatalf("%+v", d)
		}
		info, err := Decode(p)
		if err == nil && (info.Protocol == "" || info.Length < 20 || !info.Src.IsValid() || !info.Dst.IsValid()) {
			t.Fatalf("%+v", info)
		}
	})
}
