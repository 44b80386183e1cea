//go:build cgo && !gofuzz

package capture_test

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/capture/filter"
	"l2tpdump/testdata/filters"
)

// seen is a frame of a recording.
type seen struct {
	data   []byte
	length int
	cut    bool // libpcap's optimizer may leave out what looks at bytes that are not there
}

// TestFilterAgainstLibpcap compares the compiler of filters in Go with libpcap: random filters on
// the frames of recordings, on the IP packets in them, and on the heads of both.
func TestFilterAgainstLibpcap(t *testing.T) {
	compared, matched, refused := 0, 0, 0
	for i, name := range []string{
		"02-natt-aes256-sha1/truth-inner-client.pcap", "19-cooked-any/client-any-sll2.pcap", "13-ip-fragmented-esp/outer.pcap",
		"10-ipv6-outer/outer.pcap", "11-three-clients-two-behind-nat/outer.pcap", "19-cooked-any/server-any-sll1.pcap",
	} {
		for link, frames := range framesOf(t, filepath.Join("../testdata/captures", name)) {
			m := filters.New(uint64(i))
			for _, f := range frames {
				m.See(link, f.data, f.length)
			}
			for range 300 {
				expr := m.Filter(4)
				want, wantErr := capture.NewFilter(link, expr)
				got, err := filter.New(filter.LinkType(link), expr)
				if (err != nil) != (wantErr != nil) || errors.Is(err, filter.ErrNever) != errors.Is(wantErr, filter.ErrNever) {
					t.Errorf("%v: %s: %v, libpcap: %v", link, expr, err, wantErr)
				}
				if err != nil || wantErr != nil {
					refused++
					continue
				}
				for n, f := range frames {
					compared++
					w := want.Match(f.data, f.length)
					if w {
						matched++
					}
					if g := got.Match(f.data, f.length); g != w && !(w && f.cut) {
						t.Errorf("%s, %v, packet %d: %s: %t, libpcap: %t", name, link, n+1, expr, g, w)
						break
					}
				}
			}
		}
	}
	t.Logf("%d comparisons, %d matched, %d filters refused", compared, matched, refused)
	if compared < 100_000 || matched < compared/20 || refused > 1000 {
		t.Error("too few comparisons")
	}
}

// TestFilterLanguage compares what is no random filter: what either takes, and what it means.
func TestFilterLanguage(t *testing.T) {
	recordings := []map[capture.LinkType][]seen{
		framesOf(t, "../testdata/captures/14-pppoe-wan/outer.pcap"),
		framesOf(t, "../testdata/captures/19-cooked-any/client-any-sll2.pcap"),
	}
	for _, expr := range []string{
		"", "pppoes", "pppoes 1", "pppoes and udp port 500", "pppoed", "pppoes and ip host 203.0.113.1", "pppoes 70000", "vlan", "vlan 5",
		"vlan and ip", "vlan 5 and vlan 6", "not vlan", "vlan or udp", "ether proto 0x8864", `ether proto \ip`, `ether proto \arp`, "arp", "rarp",
		"ether broadcast", "broadcast", "multicast", "ether multicast", "ether[0] & 1 = 0", "link[12:2] = 0x8864", "inbound", "outbound", "ifindex 2",
		"arp host 203.0.113.1", "net 203.0.113.0 mask 255.255.255.0", "net 203.0.113", "net 203", "203.0.113.1",
		"not 203.0.113.1 and udp", "src 203.0.113.1", "host ::1", "ip host ::1", "ip6 host 10.0.0.1", "host 10.0.0.1/8", "net 10.0.0.1/8",
		"net 10.0.0.0/33", "net 2001:db8::/32", "net 2001:db8::1/32", "tcp host 10.0.0.1", "port 65536", "port 0x1f4", "port 0764", "port isakmp", "port http",
		"udp port http", "tcp port http", "port nosuchservice", "portrange 500", "portrange 4500-500", "portrange 500-", "port 500-600",
		"port (500 or 4500)", "port (500 or (4500 and not 1701))", "port (500", "port 500 or 4500", "udp and 500", "(port 500) and udp",
		"ip proto 50", `ip proto \esp`, "ip proto udp", "proto 17", "arp proto 17", "ip6 proto 17", "tcp proto 17", "less 100", "less", "greater 0x40",
		"len - 10 > 100", "len", "ip[0]", "ip[0:3] = 1", "ip[0:4] > 1", "foo[0] = 1", "1 = 1", "2 > 1 and udp", "5 / 0 = 1", "ip[9] % 16 = 1",
		"ip[0] + 1 * 2 << 1 & 0xff | 1 > 7", "(ip[0] + 1) * 2 > 7", "((ip[0])) = 69", "((udp))", "(udp", "udp)", "not", "and udp", "udp and", "udp or or tcp",
		"udp tcp", "src and dst port 500", "dst or src port 500", "src port 500 or dst host 203.0.113.1", "udp src 500", "ah or esp or sctp or pim or vrrp",
		"icmp[icmptype] == icmp-echo", "icmp6[icmp6type] == icmp6-routersolicit", "icmp6[0] = 133", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0", "ip multicast",
		"ip and ip6", "(ip or arp) and ip6", "tcp and udp", "icmp and port 53", "src host 10.0.0.1 and src host 10.0.0.2", "not ip and tcp and ip",
		"portrange 5-9 and not portrange 5-9", "len = 5 and len = 6", "len > 5 and not len > 5", "1 = 2", "2 * 3 = 7 - 1", "not (udp or not udp)",
		"tcp[13] = 2 and tcp[13] = 4", "tcp[13] & 2 = 0 and tcp[tcpflags] & tcp-syn != 0", "ip[0] = ip[1] and ip[0] != ip[1]", "less 5 and greater 6",
		"vlan and not vlan", "ip proto 6 and ip proto 17", "ip host 10.0.0.1 and ip6",
		"ip6 multicast", "!udp", "! udp && ! tcp", "udp&&port 500", "ip[6:2]&0x1fff!=0", "-1 = 0xffffffff", "ip[-1 + 1] = 69", "ip[0 - 1] = 69", "#", "udp; tcp",
	} {
		for _, frames := range recordings {
			for link, frames := range frames {
				want, wantErr := capture.NewFilter(link, expr)
				got, err := filter.New(filter.LinkType(link), expr)
				switch {
				case (err != nil) != (wantErr != nil), errors.Is(err, filter.ErrNever) != errors.Is(wantErr, filter.ErrNever):
					t.Errorf("%v: %s: %v, libpcap: %v", link, expr, err, wantErr)
				case err == nil:
					for n, f := range frames {
						if g, w := got.Match(f.data, f.length), want.Match(f.data, f.length); g != w && !(w && f.cut) {
							t.Errorf("%v, packet %d: %s: %t, libpcap: %t", link, n+1, expr, g, w)
							break
						}
					}
				}
			}
		}
	}
}

// TestFilterWithoutTemporaryFiles: libpcap is told the link type by a file; where there can be
// none, filters work all the same.
func TestFilterWithoutTemporaryFiles(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	f, err := capture.NewFilter(capture.Raw, "udp port 53")
	if err != nil {
		t.Fatal(err)
	}
	ip := append([]byte{0x45, 0, 0, 28, 0, 7, 0, 0, 64, 17, 0, 0, 10, 99, 0, 100, 10, 99, 0, 1}, 0x14, 0xe9, 0, 53, 0, 8, 0, 0)
	if !f.Match(ip, len(ip)) || f.Match(ip[:20], len(ip)) {
		t.Error("a packet is taken for another")
	}
	if _, err := capture.NewFilter(capture.Raw, "udp prt 53"); err == nil || !strings.Contains(err.Error(), "at character 5") {
		t.Error(err)
	}
}

// TestFilterOfLibpcap: what only libpcap knows it compiles, and says what is wrong with it.
func TestFilterOfLibpcap(t *testing.T) {
	if _, err := capture.NewFilter(capture.Ethernet, "ip protochain 6 or mpls"); err != nil {
		t.Error(err)
	}
	if _, err := capture.NewFilter(capture.Raw, "mpls"); err == nil || strings.Contains(err.Error(), "without libpcap") {
		t.Error(err)
	}
}

// framesOf reads the frames of a recording, and as frames without a link header the IP packets in
// them; of every seventh only the head.
func framesOf(t *testing.T, path string) map[capture.LinkType][]seen {
	src, err := capture.Open([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	all := make(map[capture.LinkType][]seen)
	for n := 0; ; n++ {
		var p capture.Packet
		if err := src.Next(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		link := src.Interfaces()[p.Interface].LinkType
		data := append([]byte(nil), p.Data...)
		cut := n%7 == 0
		if cut {
			data = data[:min(len(data), 1+n%90)]
		}
		all[link] = append(all[link], seen{data, p.Length, cut})
		var f capture.Frame
		if f.Decode(link, data) == nil && f.IPVersion != 0 && f.LinkLen > 0 && f.LinkLen < len(data) {
			all[capture.Raw] = append(all[capture.Raw], seen{data[f.LinkLen:], p.Length - f.LinkLen, cut})
		}
	}
}
