//go:build cgo

package capture

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDefaultFilter compares libpcap's filter with what is expected.
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
	fmt.Println(DefaultFilter(Raw))
	// Output: udp port 500 or udp port 4500 or udp port 1701 or esp or (ip[6:2] & 0x3fff != 0) or (ip6[6] = 44)
}
