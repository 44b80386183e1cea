package inner

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDescribe compares what is told of packets, in the form in which it is printed.
func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		name string
		ip   []byte
		want string
	}{
		{"echo", ip4(1, 0, 8, 0, 0, 0, 0, 7, 0, 2),
			`"icmp":{"type":8,"code":0,"name":"echo request","id":7,"seq":2}}`},
		{"need to frag", ip4(1, 0, with([]byte{3, 4, 0, 0, 0, 0, 5, 0x14}, ip4(17, 0, udp(1000, 53)...))...),
			`"icmp":{"type":3,"code":4,"name":"unreachable","reason":"need to frag","mtu":1300,"about":{"src":"192.0.2.1","dst":"192.0.2.2","protocol":"udp","sport":1000,"dport":53,"length":28,"tos":0,"ttl":64,`},
		{"reassembly", ip4(1, 0, 11, 1, 0, 0, 0, 0, 0, 0), `"icmp":{"type":11,"code":1,"name":"ip reassembly time exceeded"}}`},
		{"too big", ip6(58, 2, 0, 0, 0, 0, 0, 5, 0), `"icmp":{"type":2,"code":0,"name":"packet too big","mtu":1280}}`},
		{"SYN", ip4(6, 0, tcp(0x02, []byte{2, 4, 5, 0x78, 4, 2, 1, 1})...),
			`"tcp":{"flags":"S","seq":`},
		{"UDP", ip4(17, 0, udp(1, 2, 3)...), `"udp":{"length":1}}`},
		{"query", ip4(17, 0, udp(5000, 53, []byte(query)...)...), `"udp":{"length":`},
		{"not IP", []byte{1, 2, 3}, `{"tos":0,"ttl":0,"payload_length":0}`},
		{"IGMP", ip4(2, 0, 0x16, 0, 0, 0, 224, 0, 0, 251), `"igmp":{"type":22,"name":"v2 report","group":"224.0.0.251"}}`},
		{"IGMPv3", ip4(2, 0, 0x22, 0, 0, 0, 0, 0, 0, 2), `"igmp":{"type":34,"name":"v3 report","records":2}}`},
		{"redirect", ip4(1, 0, 5, 0, 0, 0, 192, 0, 2, 9), `"name":"redirect","gateway":"192.0.2.9"}}`},
		{"NTP", ip4(17, 0, udp(123, 123, append([]byte{0x23}, make([]byte, 47)...)...)...), `"ntp":{"version":4,"mode":"client"}}`},
		{"DHCPv6", ip4(17, 0, udp(546, 547, 1, 0xab, 0xcd, 0xef)...), `"dhcp6":{"type":1,"message":"solicit","xid":"abcdef"}}`},
		{"OSPF", ip4(89, 0, 2, 1), `"ospf":{"version":2,"type":1,"message":"hello"}}`},
		{"ESP", ip4(50, 0, 0, 0, 1, 2, 0, 0, 0, 9), `"esp":{"spi":"0x00000102","seq":9}}`},
		{"IP in IP", ip4(4, 0, ip4(1, 0, 8, 0, 0, 0, 0, 7, 0, 2)...), `"inside":{"src":"192.0.2.1","dst":"192.0.2.2","protocol":"icmp",`},
		{"GRE", ip4(47, 0, append([]byte{0x20, 0, 8, 0, 0, 0, 0, 5}, ip4(1, 0, 8, 0, 0, 0, 0, 7, 0, 2)...)...),
			`"gre":{"version":0,"key":"5","protocol":2048},"inside":{"src":`},
		{"later fragment", ip4(6, 0x2001, 1, 2, 3, 4, 5, 6, 7, 8), `"fragment":{"id":`},
	} {
		text, err := json.Marshal(Describe(c.ip))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(text); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s\nlacks %s", c.name, got, c.want)
		}
	}
}

// TestDescribeDamage: of a transport header that can't be read nothing is told.
func TestDescribeDamage(t *testing.T) {
	for _, ip := range [][]byte{
		ip4(6, 0, 1, 2, 3), ip4(17, 0, 0, 1, 0, 2), ip4(17, 0, 0, 1, 0, 2, 0, 3, 0, 0), ip4(1, 0, 8, 0),
	} {
		if f := Describe(ip); f.TCP != nil || f.UDP != nil || f.ICMP != nil || f.DNS != nil || f.TTL == 0 {
			t.Errorf("%x: %+v", ip, f)
		}
	}
}

// TestDescribeDNS: a query and its answer.
func TestDescribeDNS(t *testing.T) {
	q := Describe(ip4(17, 0, udp(5000, 53, []byte(query)...)...)).DNS
	r := Describe(ip4(17, 0, udp(53, 5000, []byte(response)...)...)).DNS
	if q == nil || r == nil {
		t.Fatal("no DNS")
	}
	if q.Response || len(q.Questions) != 1 || q.Questions[0].Type != "A" || q.ID != r.ID || q.Protocol != "dns" {
		t.Errorf("%+v", q)
	}
	if !r.Response || len(r.Answers) == 0 || int(r.Counts[0]) != len(r.Answers) || r.Malformed || r.Answers[0].Data == "" {
		t.Errorf("%+v", r)
	}
	cut := []byte(response)[:len(response)-3]
	if d := Describe(ip4(17, 0, udp(53, 5000, cut...)...)).DNS; d == nil || !d.Malformed {
		t.Errorf("a message that is cut: %+v", d)
	}
}
