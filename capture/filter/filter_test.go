package filter

import (
	"strings"
	"testing"
)

// Whether filters mean what libpcap means is tested where libpcap is: in package capture.

// udp4 is a UDP packet of 40 bytes from 10.99.0.100 port 5353 to 10.99.0.1 port 53.
var udp4 = append([]byte{
	0x45, 0, 0, 40, 0, 7, 0, 0, 64, 17, 0, 0, 10, 99, 0, 100, 10, 99, 0, 1,
	0x14, 0xe9, 0, 53, 0, 20, 0, 0,
}, make([]byte, 12)...)

func TestMatch(t *testing.T) {
	for expr, want := range map[string]bool{
		"":                                 true,
		"host 10.99.0.1 and udp port 53":   true,
		"src host 10.99.0.1":               false,
		"net 10.99.0.0/16 and not tcp":     true,
		"portrange 5000-6000":              true,
		"port 80 or 53":                    true,
		"udp[2:2] = 53 and ip[8] >= 0x40":  true,
		"less 39":                          false,
		"not udp or ip6":                   false,
		"ip proto \\udp":                   true,
		"not (port 53 or port 80) or icmp": false,
	} {
		f, err := New(Raw, expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		} else if f.Match(udp4, len(udp4)) != want {
			t.Errorf("%s: not %t", expr, want)
		}
	}
}

// TestShort: a packet that ends before what is looked at does not match, not even "not".
func TestShort(t *testing.T) {
	for _, expr := range []string{"port 53", "not port 53", "not port 53 or not udp port 80"} {
		f, err := New(Raw, expr)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 24 {
			if f.Match(udp4[:n], len(udp4)) {
				t.Errorf("%s matches the first %d bytes", expr, n)
			}
		}
	}
}

// TestErrors: each says what is wrong, and where.
func TestErrors(t *testing.T) {
	for expr, want := range map[string]string{
		"frobnicate":                   `not known, at character 1: "frobnicate"`,
		"tcp and frobnicate 5":         `not known, at character 9: "frobnicate 5"`,
		"10.99.0.1":                    `an address goes behind host, net or ether host, at character 1: "10.99.0.1"`,
		"udp port":                     "a value is missing, at its end",
		"host and tcp":                 `a value is missing, at character 6: "and tcp"`,
		"tcp port 70000":               `not a port, at character 10: "70000"`,
		"portrange x-y":                `not a portrange, at character 11: "x-y"`,
		"host example.com":             `not an address; names are not looked up, at character 6: "example.com"`,
		"net 10.0.0.1/8":               `a network of 8 bits has no further ones: write 10.0.0.0/8, at character 5: "10.0.0.1/8"`,
		"net 10.0.0.0/40":              `an address has 32 bits, at its end`,
		"tcp host 10.0.0.1":            `no address goes with tcp: say "tcp and host", at character 10: "10.0.0.1"`,
		"ip6 host 10.0.0.1":            `ip6 has no such address, at character 10: "10.0.0.1"`,
		"ether host 00:00:5e:00:53:01": `these frames have no Ethernet header, at character 12: "00:00:5e:00:53:01"`,
		"icmp port 5":                  `icmp has no ports, at character 11: "5"`,
		"vlan 5":                       `these frames have no Ethernet header, at character 1: "vlan 5"`,
		"mpls":                         `"mpls" is not known without libpcap, at character 1: "mpls"`,
		"ip protochain 6":              `"protochain" is not known without libpcap, at character 4: "protochain 6"`,
		"ip and ip6":                   `no frame can match "ip and ip6"`,
		"(tcp":                         `"(" without ")", at character 1: "(tcp"`,
		"tcp)":                         `")" without "(", at character 4: ")"`,
		"tcp udp":                      `not understood, at character 5: "udp"`,
		"tcp or":                       "a condition is missing, at its end",
		"tcp[13":                       `"]" is missing, at its end`,
		"tcp[0:3] = 1":                 `so many bytes are no number: it is 1, 2 or 4, at character 7: "3] = 1"`,
		"tcp[13]":                      "a comparison is missing: =, !=, <, >, <= or >=, at its end",
		"foo[1] = 1":                   "bytes are those of ether, ip, ip6, arp, tcp, udp, sctp, icmp, igmp or icmp6, at character 1",
		"1 / 0 = 1":                    "division by zero",
		"udp; tcp":                     `a character that means nothing here, at character 4: "; tcp"`,
		"arp":                          `no frame can match "arp"`,
		strings.Repeat("(", 300) + "tcp" + strings.Repeat(")", 300): "nested more than 200 deep",
		strings.Repeat("not ", 300) + "tcp":                         "nested more than 200 deep",
		strings.Repeat("tcp ", 20000):                               "it may have 65536",
	} {
		if _, err := New(Raw, expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", expr, err, want)
		}
	}
	if _, err := New(127, "tcp"); err == nil {
		t.Error("a link type that is not known")
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	f, err := New(Raw, "not (src host 10.99.0.1 or net 2001:db8::/32) and (port 53 or tcp[13] & 2 != 0) and len > 30")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if !f.Match(udp4, len(udp4)) {
			t.Fatal("no match")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzFilter: no expression and no frame makes it panic or hang, and an error names a place in it.
func FuzzFilter(f *testing.F) {
	for _, expr := range []string{
		"host 10.99.0.1 and tcp port 445", "not (net 2001:db8::/32 or portrange 5-9)", "pppoes 5 and vlan 7 and ip6", "ether host 00:00:5e:00:53:01",
		"tcp[((tcp[12] & 0xf0) >> 2) - 2:2] % 7 != -1", `ip proto \icmp || ! less 100`, "port (80 or (443 and not 8080))", "((((1 + 2) * 3)) > len)",
	} {
		f.Add(expr, uint16(1), udp4)
		f.Add(expr, uint16(276), udp4)
	}
	f.Fuzz(func(t *testing.T, expr string, link uint16, frame []byte) {
		filter, err := New(LinkType(link), expr)
		if e, ok := err.(*Error); ok && (e.At < 0 || e.At > len(expr) || e.What == "") {
			t.Errorf("%q: %+v", expr, e)
		}
		if err == nil {
			filter.Match(frame, len(frame))
		}
	})
}
