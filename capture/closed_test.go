package capture

import "testing"

func TestClosed(t *testing.T) {
	ip := ip4(50, count(40))
	wire := func(protocol byte, payload string) []byte {
		return join(unhex("020000000001 020000000002 0800"), ip4(protocol, unhex(payload)))
	}
	for _, c := range []struct {
		want string
		lt   LinkType
		data []byte
	}{
		{"MACsec", Ethernet, join(unhex("020000000001 020000000002 88e5 0000 00000001"), ip)},
		{"NSH", Ethernet, join(unhex("020000000001 020000000002 8100 0007 894f"), ip)},
		{"encrypted WLAN", IEEE80211, join(unhex("0841 0000 020000000001 020000000002 020000000003 1000 0000000000000000"), ip)},
		{"PPTP", Ethernet, wire(47, "3001880b 00100001 00000001 00000002")},
		{"PPTP", Ethernet, wire(6, "c000 06bb 00000001 00000000 5002 ffff 0000 0000")},
		{"GRE", Ethernet, wire(47, "00001234 00000000")},
		{"WireGuard", Ethernet, wire(17, "ca6c 1000 0010 0000 0400000000000000")},
		{"GUE", Ethernet, wire(17, "1000 17c0 0010 0000 0400000000000000")},
		{"Teredo", Ethernet, wire(17, "0dd8 c000 0010 0000 0400000000000000")},
		{"PCAP over IP", Ethernet, wire(6, "deb4 c000 00000001 00000000 5002 ffff 0000 0000")},
		{"TZSP", Ethernet, wire(17, "1000 9090 0010 0000 0100007801000000")}, // of an unknown protocol
		{"", Ethernet, wire(17, "1000 9090 000d 0000 0104000001")},           // a keepalive
		{"GTP-U", Ethernet, wire(17, "0868 0868 0010 0000 30ff000000000001")},
		{"", Ethernet, wire(17, "0868 0868 0014 0000 320100040000000000010000")}, // an echo
		{"VXLAN", Ethernet, wire(17, "1000 12b5 0010 0000 0000000000000700")},
		{"Geneve", Ethernet, wire(17, "1000 17c1 0010 0000 0000123400000700")},
		{"IP in IP", Ethernet, wire(4, "4500")},
		{"MPLS", Ethernet, join(unhex("020000000001 020000000002 8847 00010040"))},
		{"IPComp", Ethernet, wire(108, "32000002")},
		{"TRILL", Ethernet, join(unhex("020000000001 020000000002 22f3"), ip)},
		{"", Ethernet, wire(17, "1000 0035 0010 0000 0400000000000000")},
		{"", Ethernet, wire(6, "c000 0050 00000001 00000000 5002 ffff 0000 0000")},
		{"GRE", Ethernet, wire(47, "00")},
		{"", Ethernet, join(unhex("020000000001 020000000002 0806"), ip)},
		{"", IEEE80211, join(unhex("8000 0000 020000000001 020000000002 020000000003 1000 0000000000000000"), ip)},
	} {
		f := mustDecode(t, c.lt, c.data)
		if got := f.Closed(c.data); got != c.want {
			t.Errorf("%x: %q, want %q", c.data, got, c.want)
		}
	}
}
