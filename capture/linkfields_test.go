package capture

import (
	"slices"
	"testing"
)

func TestLinkFields(t *testing.T) {
	for _, c := range []struct {
		name     string
		lt       LinkType
		header   string
		src, dst string
		vlans    []uint16
		pppoe    int // -1: none
	}{
		{"ethernet", Ethernet, "020000000001 020000000002 0800", "02:00:00:00:00:02", "02:00:00:00:00:01", nil, -1},
		{"vlan in vlan", Ethernet, "020000000001 020000000002 88a8 e064 8100 0fff 0800", "02:00:00:00:00:02", "02:00:00:00:00:01", []uint16{100, 4095}, -1},
		{"pppoe in vlan", Ethernet, "020000000001 020000000002 8100 0007 8864 1100 1234 0000 0021", "02:00:00:00:00:02", "02:00:00:00:00:01", []uint16{7}, 0x1234},
		{"cooked", LinuxSLL, "0001 0001 0006 020000000001 0000 8100 0005 0800", "", "", []uint16{5}, -1},
		{"raw", Raw, "", "", "", nil, -1},
	} {
		lengthAt := 0
		if c.pppoe >= 0 {
			lengthAt = len(unhex(c.header)) - 4
		}
		data := buildLink(c.header, lengthAt, ip4(17, udp4(count(9))), "")
		var f Frame
		if err := f.Decode(c.lt, data); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		dst, src := f.MAC(data)
		if src.String() != c.src || dst.String() != c.dst {
			t.Errorf("%s: %s > %s", c.name, src, dst)
		}
		if got := f.VLANs(data); !slices.Equal(got, c.vlans) {
			t.Errorf("%s: VLANs %v, want %v", c.name, got, c.vlans)
		}
		if id, ok := f.PPPoESession(data); ok != (c.pppoe >= 0) || ok && int(id) != c.pppoe {
			t.Errorf("%s: PPPoE session %#x %v", c.name, id, ok)
		}
	}
}
