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

// TestDirectionOf: the link layer tells which way a frame went, or else the flags of its packet,
// whatever options stand before them.
func TestDirectionOf(t *testing.T) {
	cooked := make([]byte, 20)
	comment := []byte{1, 0, 3, 0, 'o', 'n', 'e', 0}
	flags := func(way byte) []byte { return append(comment, 2, 0, 4, 0, way|4, 0, 0, 0) }
	for _, c := range []struct {
		lt   LinkType
		kind byte // of a cooked frame
		p    Packet
		want Direction
	}{
		{LinuxSLL2, 0, Packet{}, DirectionIn},
		{LinuxSLL2, 4, Packet{Options: flags(1)}, DirectionOut},
		{Ethernet, 0, Packet{}, DirectionUnknown},
		{Ethernet, 0, Packet{Options: comment}, DirectionUnknown},
		{Ethernet, 0, Packet{Options: flags(0)}, DirectionUnknown},
		{Ethernet, 0, Packet{Options: flags(1)}, DirectionIn},
		{Ethernet, 0, Packet{Options: flags(2)}, DirectionOut},
		{Ethernet, 0, Packet{Options: flags(3)}, DirectionUnknown},
		{Ethernet, 0, Packet{Options: flags(1)[:12]}, DirectionUnknown},
		{PPPWithDir, 0, Packet{Data: []byte{1, 0, 0x21, 0x45}}, DirectionOut},
		{LinkType(147), 0, Packet{Data: []byte{1}}, DirectionUnknown},
	} {
		if c.p.Data == nil {
			cooked[10] = c.kind
			c.p.Data = cooked
		}
		if got := DirectionOf(c.lt, &c.p); got != c.want {
			t.Errorf("%v %d %v: %d, want %d", c.lt, c.kind, c.p.Options, got, c.want)
		}
	}
}
