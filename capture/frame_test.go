package capture

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// linkFrames are headers in front of an IP packet, one for each link layer and its variants.
var linkFrames = []struct {
	name    string
	lt      LinkType
	v6      bool
	header  string
	trailer string // padding behind the IP packet
	dir     Direction
	// Where an 802.3 or PPPoE length is to be filled in, with the bytes behind it; less than 0 that
	// of NFLOG's payload; 0 none.
	lengthAt int
}{
	{name: "ethernet", lt: Ethernet, header: "020000000001 020000000002 0800"},
	{name: "ethernet padded", lt: Ethernet, header: "020000000001 020000000002 0800", trailer: "000000000000"},
	{name: "ethernet ipv6", lt: Ethernet, v6: true, header: "020000000001 020000000002 86dd"},
	{name: "802.1q", lt: Ethernet, header: "020000000001 020000000002 8100 0064 0800"},
	{name: "802.1ad", lt: Ethernet, v6: true, header: "020000000001 020000000002 88a8 0064 8100 0065 86dd"},
	{name: "qinq 9100", lt: Ethernet, header: "020000000001 020000000002 9100 0064 8100 0065 0800"},
	{name: "pppoe", lt: Ethernet, header: "020000000001 020000000002 8864 1100 0007 0000 0021", lengthAt: 18},
	{name: "pppoe padded", lt: Ethernet, header: "020000000001 020000000002 8864 1100 0007 0000 0021", lengthAt: 18, trailer: "0000"},
	{name: "pppoe one byte", lt: Ethernet, v6: true, header: "020000000001 020000000002 8864 1100 0007 0000 57", lengthAt: 18},
	{name: "pppoe in vlan", lt: Ethernet, header: "020000000001 020000000002 8100 0007 8864 1100 0007 0000 0021", lengthAt: 22},
	{name: "802.3 snap", lt: Ethernet, header: "020000000001 020000000002 0000 aaaa03 000000 0800", lengthAt: 12},
	{name: "802.3 snap padded", lt: Ethernet, v6: true, header: "020000000001 020000000002 0000 aaaa03 000000 86dd", lengthAt: 12, trailer: "000000"},
	{name: "802.3 snap in vlan", lt: Ethernet, header: "020000000001 020000000002 8100 0001 0000 aaaa03 000000 0800", lengthAt: 16},
	{name: "sll in", lt: LinuxSLL, header: "0000 0001 0006 020000000001 0000 0800", dir: DirectionIn},
	{name: "sll out", lt: LinuxSLL, v6: true, header: "0004 0001 0006 020000000001 0000 86dd", dir: DirectionOut},
	{name: "sll vlan", lt: LinuxSLL, header: "0001 0001 0006 020000000001 0000 8100 0005 0800", dir: DirectionIn},
	{name: "sll llc", lt: LinuxSLL, header: "0000 0001 0006 020000000001 0000 0004 aaaa03 000000 0800", dir: DirectionIn},
	{name: "sll pppoe", lt: LinuxSLL, header: "0000 0001 0006 020000000001 0000 8864 1100 0007 0000 0021", lengthAt: 20, dir: DirectionIn},
	{name: "sll2 in", lt: LinuxSLL2, header: "0800 0000 00000003 0001 00 06 0200000000010000", dir: DirectionIn},
	{name: "sll2 out", lt: LinuxSLL2, v6: true, header: "86dd 0000 00000003 0001 04 06 0200000000010000", dir: DirectionOut},
	{name: "sll2 vlan", lt: LinuxSLL2, header: "8100 0000 00000003 0001 04 06 0200000000010000 0005 0800", dir: DirectionOut},
	{name: "raw", lt: Raw}, {name: "raw ipv6", lt: Raw, v6: true},
	{name: "raw 12", lt: RawBSD}, {name: "raw 14", lt: RawOpenBSD, v6: true},
	{name: "raw 12 openbsd", lt: RawBSD, header: "00000002"},
	{name: "raw 12 openbsd ipv6", lt: RawBSD, v6: true, header: "00000018"},
	{name: "ipv4", lt: IPv4}, {name: "ipv6", lt: IPv6, v6: true},
	{name: "null little", lt: Null, header: "02000000"},
	{name: "null big", lt: Null, header: "00000002"},
	{name: "null ipv6 netbsd", lt: Null, v6: true, header: "18000000"},
	{name: "null ipv6 freebsd", lt: Null, v6: true, header: "0000001c"},
	{name: "null ipv6 macos", lt: Null, v6: true, header: "1e000000"},
	{name: "loop", lt: Loop, header: "00000002"},
	{name: "loop ipv6", lt: Loop, v6: true, header: "00000018"},
	{name: "ppp", lt: PPP, header: "0021"}, {name: "ppp hdlc framing", lt: PPP, header: "ff03 0021"},
	{name: "ppp one byte", lt: PPP, v6: true, header: "57"},
	{name: "ppp one byte hdlc framing", lt: PPPHDLC, header: "ff03 21"},
	{name: "ppp hdlc", lt: PPPHDLC, v6: true, header: "ff03 0057"},
	{name: "cisco hdlc", lt: PPPHDLC, header: "0f00 0800"},
	{name: "cisco hdlc 104", lt: CiscoHDLC, v6: true, header: "8f00 86dd"},
	{name: "ppp ether", lt: PPPEther, header: "1100 0007 0000 0021", lengthAt: 4},
	{name: "pppd in", lt: PPPD, header: "00 03 0021", dir: DirectionIn},
	{name: "pppd out", lt: PPPD, v6: true, header: "01 03 0057", dir: DirectionOut},
	{name: "ppp with dir in", lt: PPPWithDir, header: "00 ff03 0021", dir: DirectionIn},
	{name: "ppp with dir out", lt: PPPWithDir, v6: true, header: "01 ff03 0057", dir: DirectionOut},
	{name: "802.11", lt: IEEE80211, header: wifiHeader + snapIPv4},
	{name: "802.11 between access points", lt: IEEE80211, v6: true,
		header: "8803 0000 020000000001 020000000002 020000000003 0000 020000000004 0000 aaaa03 000000 86dd"},
	{name: "802.11 with ht control", lt: IEEE80211,
		header: "8881 0000 020000000001 020000000002 020000000003 0000 0000 00000000" + snapIPv4},
	{name: "radiotap", lt: Radiotap, header: "0000 0800 00000000" + wifiHeader + snapIPv4},
	{name: "radiotap with time and flags", lt: Radiotap,
		header: "0000 1100 03000000 1122334455667788 00" + wifiHeader + snapIPv4},
	{name: "radiotap of two words", lt: Radiotap, header: "0000 0d00 02000080 00000000 00" + wifiHeader + snapIPv4},
	{name: "radiotap padded", lt: Radiotap,
		header: "0000 0900 02000000 20 8801 0000 020000000001 020000000002 020000000003 0000 0000 0000" + snapIPv4},
	{name: "ppi", lt: PPI, header: "0000 0800 69000000" + wifiHeader + snapIPv4},
	{name: "avs", lt: AVS, header: "80211001 00000040" + strings.Repeat("00", 56) + wifiHeader + snapIPv4},
	{name: "prism", lt: Prism, header: "44000000 90000000" + strings.Repeat("00", 136) + wifiHeader + snapIPv4},
	{name: "pktap", lt: PKTAP, dir: DirectionOut, header: "6c000000 01000000 01000000" + strings.Repeat("00", 24) +
		"02000000" + strings.Repeat("00", 68) + "020000000001 020000000002 0800"},
	{name: "pktap 2", lt: PKTAP, dir: DirectionIn, header: "2800000000000c00" + strings.Repeat("00", 28) + "01000800"},
	{name: "enc", lt: ENC, header: "02000000 11111111 00000000"},
	{name: "enc ipv6", lt: ENC, v6: true, header: "18000000 11111111 00000000"},
	{name: "nflog", lt: NFLOG, dir: DirectionIn, lengthAt: -20,
		header: "02000005 0500 0a00 00000000 0800 0400 00000002 0000 0900"},
	{name: "nflog big", lt: NFLOG, dir: DirectionOut, v6: true, lengthAt: -12,
		header: "0a000005 0008 0005 00000002 0000 0009"},
}

// The headers of an 802.11 data frame from a station, and of 802.2 with IPv4 behind it.
const (
	wifiHeader = "0801 0000 020000000001 020000000002 020000000003 0000"
	snapIPv4   = "aaaa03 000000 0800"
)

// buildLink puts a link header before an IP packet.
func buildLink(header string, lengthAt int, ip []byte, trailer string) []byte {
	h := unhex(header)
	frame := join(h, ip)
	switch at := -lengthAt; {
	case lengthAt > 0:
		copy(frame[lengthAt:], be16(len(frame)-lengthAt-2))
	case at > 0 && frame[at+2] == 0:
		binary.BigEndian.PutUint16(frame[at:], uint16(len(frame)-at))
	case at > 0:
		binary.LittleEndian.PutUint16(frame[at:], uint16(len(frame)-at))
	}
	return join(frame, unhex(trailer))
}

func TestLinkLayers(t *testing.T) {
	for _, c := range linkFrames {
		t.Run(c.name, func(t *testing.T) {
			payload := count(33)
			ip, hdr := ip4(17, udp4(payload)), 20
			if c.v6 {
				ip, hdr = ip6(17, udp6(payload)), 40
			}
			data := buildLink(c.header, c.lengthAt, ip, c.trailer)
			f := mustDecode(t, c.lt, data)
			link := len(unhex(c.header))
			version := uint8(4)
			if c.v6 {
				version = 6
			}
			if f.LinkLen != link || f.IPVersion != version || f.Protocol != 17 || f.Direction != c.dir {
				t.Fatalf("link %d, version %d, protocol %d, direction %d; want %d, %d, 17, %d",
					f.LinkLen, f.IPVersion, f.Protocol, f.Direction, link, version, c.dir)
			}
			if f.PayloadStart != link+hdr || f.PayloadEnd != link+len(ip) || f.PayloadLen != 41 || f.Truncated || f.Fragment {
				t.Fatalf("payload %d to %d, %d bytes; truncated %v, fragment %v", f.PayloadStart, f.PayloadEnd, f.PayloadLen, f.Truncated, f.Fragment)
			}
			if !f.UDP || f.SrcPort != 4500 || f.DstPort != 500 || f.UDPLen != 33 || !bytes.Equal(data[f.UDPStart:f.UDPEnd], payload) {
				t.Fatalf("udp %v ports %d %d, %d bytes", f.UDP, f.SrcPort, f.DstPort, f.UDPLen)
			}
			if !c.v6 && (f.Src != src4 || f.Dst != dst4) || c.v6 && (f.Src != src6 || f.Dst != dst6) {
				t.Fatalf("addresses %v %v", f.Src, f.Dst)
			}

			// Written again with the same payload it is the same, without padding.
			want := data[:link+len(ip)]
			if got := f.AppendReplaced([]byte{1, 2}, data, 17, data[f.PayloadStart:f.PayloadEnd]); !bytes.Equal(got[2:], want) {
				t.Errorf("replaced by the same:\n%x\nwant\n%x", got[2:], want)
			}
			if got := f.AppendUDPPayload([]byte{1, 2}, data, payload); !bytes.Equal(got[2:], want) {
				t.Errorf("UDP payload replaced by the same:\n%x\nwant\n%x", got[2:], want)
			}
			// With others it decodes to these, and the lengths of the link layer fit.
			for _, n := range []int{0, 1, 7, 100, 1400} {
				other := count(n)
				got := f.AppendReplaced(nil, data, 50, other)
				if n > 0 { // IPv6 has no way to say that a payload is empty
					got = join(got, []byte{9, 9, 9})
				}
				g := mustDecode(t, c.lt, got)
				if g.Protocol != 50 || g.Truncated || !bytes.Equal(got[g.PayloadStart:g.PayloadEnd], other) {
					t.Errorf("payload of %d bytes: protocol %d, truncated %v", n, g.Protocol, g.Truncated)
				}
				if version == 4 && slowChecksum(got[link:link+20]) != 0 {
					t.Errorf("payload of %d bytes: bad header checksum", n)
				}
				got = f.AppendUDPPayload(nil, data, other)
				g = mustDecode(t, c.lt, got)
				if !bytes.Equal(got[g.UDPStart:g.UDPEnd], other) || g.UDPEnd != len(got) {
					t.Errorf("UDP payload of %d bytes: wrong", n)
				}
				if ok, present := transportChecksumOK(got[g.LinkLen:]); !ok || !present {
					t.Errorf("UDP payload of %d bytes: checksum ok %v, present %v", n, ok, present)
				}
			}
			// Cut anywhere it is truncated, never more.
			for n := range len(data) - len(unhex(c.trailer)) {
				err := f.Decode(c.lt, data[:n:n])
				if err == nil && f.IPVersion != 0 && !f.Truncated {
					t.Errorf("cut to %d bytes: not truncated", n)
				}
				if err != nil && !f.Truncated {
					t.Errorf("cut to %d bytes: %v, not truncated", n, err)
				}
				if f.PayloadEnd > n || f.UDPEnd > n {
					t.Errorf("cut to %d bytes: payload ends at %d, UDP at %d", n, f.PayloadEnd, f.UDPEnd)
				}
			}
		})
	}
}

func TestNotIP(t *testing.T) {
	for _, c := range []struct {
		name string
		lt   LinkType
		data string
	}{
		{"arp", Ethernet, "ffffffffffff 020000000002 0806 0001 0800 0604 0001"},
		{"pppoe discovery", Ethernet, "ffffffffffff 020000000002 8863 1109 0000 0004 0101 0000"},
		{"pppoe padi as session", Ethernet, "ffffffffffff 020000000002 8864 1109 0000 0004 0101 0000"},
		{"pppoe lcp", Ethernet, "020000000001 020000000002 8864 1100 0007 0006 c021 01010004"},
		{"spanning tree", Ethernet, "0180c2000000 020000000002 0026 424203 0000000000"},
		{"snap of another organisation", Ethernet, "0180c2000000 020000000002 0010 aaaa03 00000c 2000 02b4 0000 0000 0000"},
		{"too many tags", Ethernet, "020000000001 020000000002 8100000181000001810000018100000181000001810000018100000181000001 81000001 0800 45"},
		{"sll arp", LinuxSLL, "0000 0001 0006 020000000001 0000 0806 0001"},
		{"sll of a small protocol number", LinuxSLL, "0000 0001 0006 020000000001 0000 0060 0001"},
		{"null other family", Null, "10000000 45"},
		{"raw neither", Raw, "00000000"},
		{"ppp lcp", PPPWithDir, "01 ff03 c021 01010004"},
		{"not known", LinkType(189), "08000000"},
		{"802.11 acknowledgement", IEEE80211, "d4000000 020000000001"},
		{"802.11 encrypted", IEEE80211, "0841 0000 020000000001 020000000002 020000000003 0000" + snapIPv4 + "45"},
		{"802.11 without data", IEEE80211, "4801 0000 020000000001 020000000002 020000000003 0000"},
		{"802.11 aggregated", IEEE80211, "8801 0000 020000000001 020000000002 020000000003 0000 8000" + snapIPv4 + "45"},
		{"802.11 second fragment", IEEE80211, "0801 0000 020000000001 020000000002 020000000003 0100" + snapIPv4 + "45"},
		{"ppi in ppi", PPI, "0000 0800 c0000000 0000 0800 69000000" + wifiHeader + snapIPv4 + "45"},
		{"pktap of a type beyond 16 bits", PKTAP, "28000000 01000000 01000100" + strings.Repeat("00", 28) + "4500"},
		{"nflog without payload", NFLOG, "02000005 0500 0a00 00000000"},
		{"nflog of empty attributes", NFLOG, "02000005 0000 0000 0000 0000"},
		{"enc other family", ENC, "10000000 11111111 00000000 45"},
	} {
		var f Frame
		if err := f.Decode(c.lt, unhex(c.data)); err != nil || f.IPVersion != 0 {
			t.Errorf("%s: version %d, link %d, error %v", c.name, f.IPVersion, f.LinkLen, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	u := udp4([]byte("abcd"))
	for _, c := range []struct {
		name string
		lt   LinkType
		data []byte
		want error
	}{
		{"pppoe version", Ethernet, unhex("020000000001 020000000002 8864 2100 0007 0006 c021 01010004"), errPPPoEVersion},
		{"ipv4 expected", IPv4, ip6(59, nil), errIPVersion},
		{"ipv6 expected", IPv6, ip4(59, nil), errIPVersion},
		{"version 5", Ethernet, join(unhex("020000000001 020000000002 0800"), unhex("55000014"), make([]byte, 16)), errIPVersion},
		{"header length 4", Raw, join([]byte{0x44}, ip4(17, u)[1:]), errIPv4Header},
		{"total length 19", Raw, join(unhex("45000013"), ip4(17, u)[4:]), errIPv4Length},
		{"udp of 7 bytes", Raw, ip4(17, u[:7]), errShortUDP},
		{"udp length 7", Raw, ip4(17, join(udpHeader(7, 0), []byte("abcd"))), errUDPLength},
		{"tcp of 19 bytes", Raw, ip4(6, tcp4(nil)[:19]), errShortTCP},
		{"tcp header of 16", Raw, ip4(6, join(tcp4(nil)[:12], []byte{0x40}, tcp4(nil)[13:])), errTCPHeader},
		{"tcp header of 24", Raw, ip4(6, join(tcp4(nil)[:12], []byte{0x60}, tcp4(nil)[13:])), errTCPHeader},
		{"extension of 7 bytes", Raw, ip6(0, unhex("11000104000000")), errExtension},
		{"extension beyond", Raw, ip6(60, join(unhex("1101010400000000"), u[:4])), errExtension},
		{"extension of 1 byte", Raw, ip6(43, unhex("11")), errExtension},
		{"fragment header of 7", Raw, ip6(44, unhex("11000001000000")), errExtension},
		{"fragment of a fragment", Raw, ip6(44, unhex("2c000001 00000001 11000001 00000001 0000000000000000")), errExtensions},
		{"17 extensions", Raw, ip6(60, join(bytes.Repeat(unhex("3c00010400000000"), 16), unhex("3b00010400000000"))), errExtensions},
		{"ah of 11 bytes", Raw, ip4(51, unhex("1104000000000001000000")), errAH},
		{"ah beyond", Raw, ip4(51, unhex("110400000000000100000001aabbccddaabbccdd")), errAH},
		{"ah beyond ipv6", Raw, ip6(51, unhex("110400000000000100000001aabbccddaabbccdd")), errAH},
	} {
		var f Frame
		if err := f.Decode(c.lt, c.data); err != c.want || f.Truncated {
			t.Errorf("%s: error %v, truncated %v; want %v", c.name, err, f.Truncated, c.want)
		}
	}
}

func TestSegmentationOffload(t *testing.T) {
	data := ip4(6, tcp4(count(3000)))
	data[2], data[3] = 0, 0
	f := mustDecode(t, Raw, data)
	if !f.TCP || f.PayloadEnd != len(data) || f.PayloadLen != 3020 || f.TCPEnd-f.TCPStart != 3000 || f.Truncated {
		t.Errorf("IPv4: %+v", f)
	}
	data = ip6(50, count(100))
	data[4], data[5] = 0, 0
	if f = mustDecode(t, Raw, data); f.PayloadLen != 100 || f.PayloadEnd != 140 {
		t.Errorf("IPv6: %+v", f)
	}
	data = join(ip6(59, nil), count(6)) // nothing, and padding
	if f = mustDecode(t, Raw, data); f.PayloadLen != 0 || f.PayloadEnd != 40 {
		t.Errorf("IPv6 without payload: %+v", f)
	}
	if got := f.AppendReplaced(nil, data, 50, count(65540)); got[4] != 0 || got[5] != 0 || len(got) != 40+65540 {
		t.Error("a payload beyond 65535 bytes does not give length 0")
	}
}

func TestExtensionHeaders(t *testing.T) {
	u := udp6([]byte("payload"))
	ah := "04 0000 00000100 00000007 112233445566778899aabbcc" // length (4+2)*4 = 24 bytes with the next header byte
	for _, c := range []struct {
		name  string
		next  byte
		chain string
		at    int // of the last next header byte, behind the IPv6 header
		frag  bool
	}{
		{name: "hop-by-hop", next: 0, chain: "11 00 010400000000"},
		{name: "hop-by-hop of 16", next: 0, chain: "11 01 010c000000000000000000000000"},
		{name: "hop-by-hop, routing, destination", next: 0, chain: "2b 00 010400000000 3c 00 030000000000 11 00 010400000000", at: 16},
		{name: "ah", next: 51, chain: "11" + ah},
		{name: "destination, ah, destination", next: 60, chain: "33 00 010400000000 3c" + ah + "11 00 010400000000", at: 32},
		{name: "mobility", next: 135, chain: "11 00 000000000000"},
		{name: "hip", next: 139, chain: "11 00 000000000000"},
		{name: "shim6", next: 140, chain: "11 00 000000000000"},
		{name: "atomic fragment", next: 44, chain: "11 00 0000 12345678"},
		{name: "first fragment", next: 44, chain: "3c 00 0001 12345678 11 00 010400000000", at: 8, frag: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := unhex(c.chain)
			data := join(unhex("020000000001 020000000002 86dd"), ip6(c.next, join(chain, u)), []byte{0, 0})
			f := mustDecode(t, Ethernet, data)
			if !f.UDP || f.Protocol != 17 || f.PayloadStart != 14+40+len(chain) || f.PayloadLen != len(u) || f.PayloadEnd != len(data)-2 {
				t.Fatalf("%+v", f)
			}
			if f.Fragment != c.frag || f.MoreFragments != c.frag || c.frag && f.FragID != 0x12345678 {
				t.Fatalf("fragment %v %v id %#x", f.Fragment, f.MoreFragments, f.FragID)
			}
			got := f.AppendReplaced(nil, data, 50, []byte("esp"))
			want := join(data[:14], ip6(c.next, join(chain, []byte("esp"))))
			want[14+40+c.at] = 50
			if !bytes.Equal(got, want) {
				t.Errorf("replaced:\n%x\nwant\n%x", got, want)
			}
			if c.frag {
				return
			}
			got = f.AppendUDPPayload(nil, data, []byte("payload"))
			if !bytes.Equal(got, data[:len(data)-2]) {
				t.Errorf("UDP payload replaced:\n%x\nwant\n%x", got, data)
			}
			if ok, present := transportChecksumOK(got[14:]); !ok || !present {
				t.Errorf("checksum ok %v, present %v", ok, present)
			}
		})
	}

	// AH over IPv4 as well.
	v4 := udp4([]byte("payload"))
	data := ip4(51, join(unhex("11"+ah), v4))
	f := mustDecode(t, IPv4, data)
	if !f.UDP || f.Protocol != 17 || f.PayloadStart != 44 {
		t.Fatalf("AH over IPv4: %+v", f)
	}
	got := f.AppendReplaced(nil, data, 50, []byte("esp"))
	if g := mustDecode(t, IPv4, got); g.Protocol != 50 || got[9] != 51 || got[20] != 50 || string(got[g.PayloadStart:g.PayloadEnd]) != "esp" {
		t.Errorf("AH over IPv4, replaced: %x", got)
	}

	// A later fragment is opaque.
	data = ip6(44, join(unhex("3c 00 0009 12345678"), count(16)))
	f = mustDecode(t, IPv6, data)
	if !f.Fragment || !f.MoreFragments || f.FragOffset != 8 || f.Protocol != 60 || f.UDP || f.PayloadLen != 16 {
		t.Errorf("later fragment: %+v", f)
	}
}

// TestFirstFragmentCutInHeader: what a first fragment lacks is in the others, and no error.
func TestFirstFragmentCutInHeader(t *testing.T) {
	for _, c := range []struct {
		name  string
		data  []byte
		proto uint8
	}{
		{"udp", ip4Fragment(17, nil, 1, 0x2000), 17},
		{"tcp", ip4Fragment(6, tcp4(nil)[:16], 1, 0x2000), 6},
		{"ah", ip4Fragment(51, unhex("1104000000000001"), 1, 0x2000), 51},
		{"ah ipv6", ip6(44, unhex("3300000100000001 1104000000000001")), 51},
		{"destination options", ip6(44, unhex("3c00000100000001 1101010400000000")), 60},
	} {
		var f Frame
		if err := f.DecodeIP(c.data); err != nil || !f.Fragment || f.Truncated || f.UDP || f.TCP || f.Protocol != c.proto {
			t.Errorf("%s: %v %+v", c.name, err, f)
		}
	}
}

func TestLinkTypeNames(t *testing.T) {
	for _, c := range linkFrames {
		if !c.lt.Supported() || strings.HasPrefix(c.lt.String(), "LINKTYPE_") {
			t.Errorf("%v: supported %v", c.lt, c.lt.Supported())
		}
	}
	for lt, name := range map[LinkType]string{189: "USB_LINUX (189)", 2: "EN3MB (2)", 6789: "LINKTYPE_6789"} {
		if lt.Supported() || lt.String() != name {
			t.Errorf("%v: supported %v, want %s", lt, lt.Supported(), name)
		}
	}
}

// What is written again has no frame check sequence, and does not say so.
func TestRadiotapFrameCheckSequence(t *testing.T) {
	data := buildLink("0000 0900 02000000 10"+wifiHeader+snapIPv4, 0, ip4(17, udp4(count(9))), "deadbeef")
	f := mustDecode(t, Radiotap, data)
	got := f.AppendUDPPayload(nil, data, count(9))
	want := bytes.Clone(data[:len(data)-4])
	want[8] = 0
	if !bytes.Equal(got, want) {
		t.Errorf("written again:\n%x\nwant\n%x", got, want)
	}
}

// A UDP length beyond that of the IP packet: what is there is the payload. Written again, the
// lengths agree.
func TestUDPLengthBeyondThePacket(t *testing.T) {
	udp := join(udpHeader(13, 0), []byte("abcd"))
	for _, ip := range [][]byte{ip4(17, udp), ip6(17, udp)} {
		f := mustDecode(t, Raw, ip)
		if !f.UDPTooLong || f.UDPLen != 4 || string(ip[f.UDPStart:f.UDPEnd]) != "abcd" || f.SrcPort != 4500 {
			t.Fatalf("%+v", f)
		}
		if _, present := transportChecksumOK(ip); present {
			t.Error("a checksum counts that covers bytes that are not there")
		}
		g := mustDecode(t, Raw, f.AppendUDPPayload(nil, ip, []byte("abcdefg")))
		if g.UDPTooLong || g.UDPLen != 7 {
			t.Errorf("written again: %+v", g)
		}
	}
}

func TestRoutingHeaderChecksum(t *testing.T) {
	// The checksum covers the final destination; the IPv6 header holds the next hop.
	final := dst6
	for _, kind := range []byte{0, 2, 4} {
		hop := ip6(43, join([]byte{17, 2, kind, 1, 0, 0, 0, 0}, final.AsSlice(), udp6([]byte("source routed"))))
		copy(hop[24:40], src6.AsSlice())
		if ok, present := transportChecksumOK(hop); !ok || !present {
			t.Errorf("type %d: ok %v, present %v", kind, ok, present)
		}
		hop[43] = 0 // no segment left: the header's destination counts
		if ok, _ := transportChecksumOK(hop); ok {
			t.Errorf("type %d, no segments left: still ok", kind)
		}
	}
}

func TestChecksums(t *testing.T) {
	for n := range 40 {
		for _, c := range []struct {
			name string
			ip   []byte
			at   int
		}{
			{"udp4", ip4(17, udp4(count(n))), 26},
			{"udp6", ip6(17, udp6(count(n))), 46},
			{"tcp4", ip4(6, tcp4(count(n))), 36},
		} {
			if ok, present := transportChecksumOK(c.ip); !ok || !present {
				t.Errorf("%s of %d bytes: ok %v, present %v", c.name, n, ok, present)
			}
			bad := bytes.Clone(c.ip)
			bad[c.at] ^= 0x55
			bad[c.at+1] ^= 0x33
			if ok, present := transportChecksumOK(bad); ok || !present {
				t.Errorf("%s of %d bytes, changed: ok %v, present %v", c.name, n, ok, present)
			}
			FixTransportChecksum(bad)
			if !bytes.Equal(bad, c.ip) {
				t.Errorf("%s of %d bytes: mended to %x, want %x", c.name, n, bad, c.ip)
			}
		}
	}
	none := ip4(17, join(udpHeader(12, 0), []byte("abcd")))
	same := bytes.Clone(none)
	FixTransportChecksum(same)
	if _, present := transportChecksumOK(none); present || !bytes.Equal(same, none) {
		t.Error("UDP checksum 0 over IPv4 counts or was filled in")
	}
	f := mustDecode(t, Raw, none)
	if got := f.AppendUDPPayload(nil, none, []byte("xyz")); got[26] != 0 || got[27] != 0 {
		t.Error("UDP checksum 0 was filled in by AppendUDPPayload")
	}
	six := ip6(17, join(udpHeader(12, 0), []byte("abcd")))
	FixTransportChecksum(six)
	if ok, present := transportChecksumOK(six); !ok || !present {
		t.Error("UDP checksum 0 over IPv6 was not filled in")
	}
	// A sum of zero is sent as ffff.
	zero := ip4(17, udp4([]byte{0, 0}))
	copy(zero[28:], be16(int(slowChecksum(src4.AsSlice(), dst4.AsSlice(), []byte{0, 17}, be16(10), udpHeader(10, 0)))))
	FixTransportChecksum(zero)
	if zero[26] != 0xff || zero[27] != 0xff {
		t.Errorf("checksum %x, want ffff", zero[26:28])
	}
	for _, whole := range [][]byte{nil, {0x45}, ip4(1, count(20)), ip4Fragment(17, udp4(count(8)), 1, 0x2000), ip4(17, udp4(count(20)))[:40]} {
		changed := bytes.Clone(whole)
		FixTransportChecksum(changed)
		if _, present := transportChecksumOK(whole); present || !bytes.Equal(changed, whole) {
			t.Errorf("%x: checksum present or changed", whole)
		}
	}
}

func TestAppendReplacedLen(t *testing.T) {
	data := buildLink("020000000001 020000000002 8864 1100 0007 0000 0021", 18, ip4(50, count(200)), "")
	f := mustDecode(t, Ethernet, data[:100])
	if !f.Truncated || f.PayloadLen != 200 {
		t.Fatalf("%+v", f)
	}
	out := f.AppendReplacedLen(nil, data[:100], 17, udp4(count(150))[:40], 158)
	g := mustDecode(t, Ethernet, out)
	if !g.Truncated || g.PayloadLen != 158 || g.UDPLen != 150 || g.UDPEnd != len(out) {
		t.Errorf("%+v", g)
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations differ under the race detector")
	}
	v4 := buildLink("020000000001 020000000002 8864 1100 0007 0000 0021", 18, ip4(17, udp4(count(1000))), "")
	v6 := join(unhex("020000000001 020000000002 86dd"), ip6(0, join(unhex("11 00 010400000000"), udp6(count(1000)))))
	bad := v4[:50]
	var f Frame
	out := make([]byte, 0, 2000)
	if n := testing.AllocsPerRun(100, func() {
		for _, d := range [][]byte{v4, v6} {
			f.Decode(Ethernet, d)
			out = f.AppendReplaced(out[:0], d, 50, d[:100])
			out = f.AppendUDPPayload(out[:0], d, d[:100])
			FixTransportChecksum(out[f.LinkLen:])
			transportChecksumOK(out[f.LinkLen:])
		}
		f.Decode(Ethernet, bad)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	data := buildLink("020000000001 020000000002 0800", 0, ip4(17, udp4(count(1400))), "")
	var f Frame
	for b.Loop() {
		f.Decode(Ethernet, data)
	}
}

func BenchmarkAppendReplaced(b *testing.B) {
	data := buildLink("020000000001 020000000002 0800", 0, ip4(17, udp4(count(1400))), "")
	var f Frame
	f.Decode(Ethernet, data)
	out := make([]byte, 0, 2000)
	b.SetBytes(1400)
	for b.Loop() {
		out = f.AppendUDPPayload(out[:0], data, data[42:])
	}
}

func FuzzFrameDecode(f *testing.F) {
	for _, c := range linkFrames {
		ip := ip4(17, udp4(count(9)))
		if c.v6 {
			ip = ip6(0, join(unhex("2c 00 010400000000 11 00 0000 12345678"), udp6(count(9))))
		}
		f.Add(uint16(c.lt), buildLink(c.header, c.lengthAt, ip, c.trailer))
	}
	f.Fuzz(func(t *testing.T, lt uint16, data []byte) {
		var fr, again Frame
		err := fr.Decode(LinkType(lt), data)
		if d := DirectionOf(LinkType(lt), &Packet{Data: data, Options: data}); fr.Direction != DirectionUnknown && d != fr.Direction {
			t.Fatalf("direction %d, and of the frame %d", d, fr.Direction)
		}
		for _, at := range []int{fr.LinkLen, fr.PayloadStart, fr.PayloadEnd, fr.UDPStart, fr.UDPEnd, fr.TCPStart, fr.TCPEnd} {
			if at < 0 || err == nil && at > len(data) {
				t.Fatalf("%d is outside of %d bytes: %+v", at, len(data), fr)
			}
		}
		fr.MAC(data)
		fr.PPPoESession(data)
		if ids := fr.VLANs(data); len(ids) > maxVLANTags {
			t.Fatalf("%d VLAN tags", len(ids))
		}
		if err != nil || fr.IPVersion == 0 {
			return
		}
		if fr.PayloadEnd < fr.PayloadStart || fr.UDP && fr.UDPEnd < fr.UDPStart || fr.TCP && fr.TCPEnd < fr.TCPStart {
			t.Fatalf("ends before it begins: %+v", fr)
		}
		if !fr.Truncated && fr.PayloadLen != fr.PayloadEnd-fr.PayloadStart {
			t.Fatalf("not truncated, yet lengths differ: %+v", fr)
		}
		out := fr.AppendReplaced(nil, data, 50, []byte("12345678"))
		if fr.Protocol == 51 || fr.Fragment {
			return
		}
		if err := again.Decode(LinkType(lt), out); err != nil || again.Protocol != 50 || string(out[again.PayloadStart:again.PayloadEnd]) != "12345678" {
			t.Fatalf("after AppendReplaced: %v %+v\n%x", err, again, out)
		}
		if fr.UDP && !fr.Truncated {
			out = fr.AppendUDPPayload(nil, data, []byte("12345678"))
			if err := again.Decode(LinkType(lt), out); err != nil || string(out[again.UDPStart:again.UDPEnd]) != "12345678" {
				t.Fatalf("after AppendUDPPayload: %v %+v\n%x", err, again, out)
			}
		}
	})
}

// TestTooManyHeaders: headers and labels behind each other are followed as far as their bounds, and
// no farther.
func TestTooManyHeaders(t *testing.T) {
	followed := func(n int) bool {
		chain := bytes.Repeat(unhex("3c00010400000000"), n)
		chain[8*(n-1)] = 17
		f := new(Frame)
		return f.Decode(Raw, ip6(60, join(chain, udp6([]byte("abcd"))))) == nil && f.UDP
	}
	if !followed(maxExtensions) || followed(maxExtensions+1) || followed(4*maxExtensions) {
		t.Error("IPv6 extension headers")
	}
	authenticated := func(n int) bool {
		chain := bytes.Repeat(unhex("330100000000000000000000"), n)
		chain[12*(n-1)] = 17
		f := new(Frame)
		return f.Decode(Raw, ip4(51, join(chain, udp4([]byte("abcd"))))) == nil && f.UDP
	}
	if !authenticated(maxExtensions) || authenticated(maxExtensions+1) {
		t.Error("AH in IPv4")
	}
	tagged := func(n int) bool {
		f := new(Frame)
		frame := join(unhex("020000000001 020000000002"), bytes.Repeat(unhex("81000001"), n), unhex("0800"), ip4(17, udp4([]byte("abcd"))))
		return f.Decode(Ethernet, frame) == nil && f.UDP && len(f.VLANs(frame)) == n
	}
	if !tagged(maxVLANTags) || tagged(maxVLANTags+1) {
		t.Error("VLAN tags")
	}
	labelled := func(n int) bool {
		labels := bytes.Repeat(unhex("00010040"), n)
		labels[4*n-2] |= 1
		frame := join(unhex("020000000001 020000000002 8847"), labels, ip4(17, udp4([]byte("abcd"))))
		w, ok := mustDecode(t, Ethernet, frame).Unwrap(Ethernet, frame)
		return ok && len(w.Data) > 0
	}
	if !labelled(maxMPLSLabels) || labelled(maxMPLSLabels+1) || labelled(4*maxMPLSLabels) {
		t.Error("MPLS labels")
	}
}
