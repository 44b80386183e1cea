package capture

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// filterFrame is a frame and whether a live capture takes it unless told otherwise.
type filterFrame struct {
	name   string
	frame  []byte
	wanted bool
}

func udpPacket(src, dst int) []byte {
	return join(be16(src), be16(dst), be16(8+16), []byte{0, 0}, make([]byte, 16))
}

// filterFrames makes each packet in each way it can lie in an Ethernet frame.
func filterFrames() []filterFrame {
	esp := make([]byte, 40)
	esp[0] = 0x12
	optioned := ip4(17, udpPacket(40000, 4500)) // with 8 bytes of options
	optioned = join([]byte{0x47}, optioned[1:20], []byte{1, 1, 1, 1, 1, 1, 1, 1}, optioned[20:])
	binary.BigEndian.PutUint16(optioned[2:], uint16(len(optioned)))
	packets := []filterFrame{
		{"ike", ip4(17, udpPacket(500, 500)), true},
		{"ike from a translated port", ip4(17, udpPacket(61000, 500)), true},
		{"nat-t", ip4(17, udpPacket(4500, 61000)), true},
		{"nat-t behind options", optioned, true},
		{"l2tp", ip4(17, udpPacket(1701, 1701)), true},
		{"esp", ip4(50, esp), true},
		{"first fragment", ip4Fragment(17, udpPacket(9, 9), 7, 0x2000), true},
		{"last fragment", ip4Fragment(17, esp, 7, 5), true},
		{"don't fragment", ip4Fragment(17, udpPacket(9, 9), 7, 0x4000), false},
		{"dns", ip4(17, udpPacket(40000, 53)), false},
		{"tcp to port 500", ip4(6, join(be16(40000), be16(500), make([]byte, 8), []byte{0x50}, make([]byte, 20))), false},
		{"icmp", ip4(1, make([]byte, 40)), false},
		{"ike over 6", ip6(17, udpPacket(500, 500)), true},
		{"nat-t over 6", ip6(17, udpPacket(4500, 9)), true},
		{"esp over 6", ip6(50, esp), true},
		{"fragment over 6", ip6(44, join([]byte{50, 0, 0, 1, 0, 0, 0, 7}, esp)), true},
		{"dns over 6", ip6(17, udpPacket(40000, 53)), false},
	}
	addresses := make([]byte, 12)
	vlan := func(kind, id int) []byte { return join(be16(kind), be16(id)) }
	var all []filterFrame
	for _, p := range packets {
		kind, ppp := 0x0800, 0x0021
		if p.frame[0]>>4 == 6 {
			kind, ppp = 0x86dd, 0x0057
		}
		session := join(be16(0x8864), []byte{0x11, 0}, be16(3), be16(len(p.frame)+2), be16(ppp), p.frame)
		plain := join(be16(kind), p.frame)
		for name, rest := range map[string][]byte{
			"plain": plain, "vlan": join(vlan(0x8100, 5), plain), "two vlans": join(vlan(0x88a8, 5), vlan(0x8100, 6), plain),
			"pppoe": session, "vlan pppoe": join(vlan(0x8100, 5), session), "two vlans pppoe": join(vlan(0x9100, 5), vlan(0x8100, 6), session),
		} {
			all = append(all, filterFrame{p.name + ", " + name, join(addresses, rest), p.wanted})
		}
	}
	arp := join(addresses, be16(0x0806), make([]byte, 46))
	discovery := join(addresses, be16(0x8863), []byte{0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0}, make([]byte, 36))
	lcp := join(addresses, be16(0x8864), []byte{0x11, 0, 0, 3, 0, 6, 0xc0, 0x21, 9, 1, 0, 4}, make([]byte, 34))
	all = append(all, filterFrame{"arp", arp, false}, filterFrame{"pppoe discovery", discovery, false}, filterFrame{"lcp", lcp, false})
	slices.SortFunc(all, func(a, b filterFrame) int { return strings.Compare(a.name, b.name) })
	return all
}

func TestOpenLiveRefuses(t *testing.T) {
	for _, c := range []LiveConfig{{}, {Interface: "no-such-interface"}} {
		l, err := OpenLive(c)
		if err == nil {
			l.Close()
			t.Errorf("%q: opened", c.Interface)
		}
	}
	_, err := OpenLive(LiveConfig{Interface: "no-such-interface"})
	if !strings.Contains(err.Error(), "no-such-interface") {
		t.Errorf("the message does not name the interface: %v", err)
	}
}

func TestDevices(t *testing.T) {
	devices, err := Devices()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]int)
	for _, d := range devices {
		if names[d.Name]++; d.Name == "" || names[d.Name] > 1 {
			t.Errorf("%+v: no name, or listed twice", d)
		}
	}
}

// TestDefaultFilter compares the filter with what is expected.
func TestDefaultFilter(t *testing.T) {
	filter, err := NewFilter(Ethernet, DefaultFilter(Ethernet))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range filterFrames() {
		if filter.Match(f.frame, len(f.frame)) != f.wanted {
			t.Errorf("%s: the filter says %t", f.name, !f.wanted)
		}
	}
}

// TestDefaultFilterLinkTypes compiles the filter for all kinds of interfaces.
func TestDefaultFilterLinkTypes(t *testing.T) {
	ike := ip4(17, udpPacket(500, 500))
	for lt, header := range map[LinkType][]byte{
		Raw:       {},
		LinuxSLL:  join(make([]byte, 14), be16(0x0800)),
		LinuxSLL2: join(be16(0x0800), make([]byte, 18)),
		Null:      {2, 0, 0, 0},
	} {
		filter, err := NewFilter(lt, DefaultFilter(lt))
		if err != nil {
			t.Errorf("%v: %v", lt, err)
			continue
		}
		if frame := join(header, ike); !filter.Match(frame, len(frame)) {
			t.Errorf("%v: IKE is not taken", lt)
		}
		if frame := join(header, ip4(6, make([]byte, 20))); filter.Match(frame, len(frame)) {
			t.Errorf("%v: TCP is taken", lt)
		}
	}
}

// TestReadmeFilter: the filter that the READMEs name for tcpdump is this one.
func TestReadmeFilter(t *testing.T) {
	for _, name := range []string{"../README.md", "../README.ja.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if want := "-w outer.pcap '" + DefaultFilter(Raw) + "'"; !strings.Contains(string(text), want) {
			t.Errorf("%s does not have %s", name, want)
		}
	}
}

func ExampleDefaultFilter() {
	fmt.Println(strings.ReplaceAll(DefaultFilter(Raw), " or (", "\nor ("))
	// Output:
	// udp port 500 or udp port 4500 or udp port 1701 or esp
	// or (ip[6:2] & 0x3fff != 0)
	// or (ip6[6] = 44)
}
