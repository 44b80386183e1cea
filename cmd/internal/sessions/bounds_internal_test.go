package sessions

import (
	"net/netip"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/ikev1"
)

// TestKeptBounds: of what one pair of addresses, one association and one session has, no more is
// kept than the bounds say.
func TestKeptBounds(t *testing.T) {
	g := NewGatherer(func(*Session) error { return nil })
	src, dst := netip.MustParseAddrPort("192.0.2.7:500"), netip.MustParseAddrPort("192.0.2.1:500")
	var a *association
	for range maxPerPair + 10 {
		a = g.newAssociation(src, dst, certain)
	}
	s := g.begin(a, src, dst, place{1, 1})
	for i := range 2 * maxTunnels {
		a.addPort(client, uint16(i))
		tunnel := s.newTunnel(client, inside, uint32(i+1))
		for range 2 {
			g.newCall(tunnel, s)
		}
		s.addExchange(&exchange{session: s, assoc: a})
	}
	for range 2 * maxTunnels {
		g.newCall(a.tunnels[0], s)
	}
	for i := range uint16(2 * maxSameSPI) {
		other := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		g.newFlow(g.newAssociation(netip.AddrPortFrom(other, 500), dst, certain), 0x1000, other, dst.Addr())
	}
	same := 0
	for f := g.flows[0x1000]; f != nil; f = f.next {
		same++
	}
	for name, n := range map[string][2]int{
		"associations":              {len(g.pairs[pairOf(src.Addr(), dst.Addr())]), maxPerPair},
		"ports":                     {len(a.ports[client]), maxPorts},
		"tunnels of an association": {len(a.tunnels), maxTunnels},
		"tunnels of a session":      {len(s.tunnels), maxCalls},
		"calls of a tunnel":         {len(a.tunnels[0].calls), maxTunnels},
		"calls of a session":        {len(s.calls), maxCalls},
		"ISAKMP SAs of a session":   {len(s.exchanges), maxExchanges},
		"flows of ESP with one SPI": {same, maxSameSPI},
	} {
		if n[0] != n[1] {
			t.Errorf("%d %s, want %d", n[0], name, n[1])
		}
	}
	g.KeepDetails()
	for g.events = allEvents - 1; g.keep(s); g.events++ {
	}
	if g.events != allEvents || s.events.refused != 1 {
		t.Errorf("%d events, %d refused", g.events, s.events.refused)
	}
}

// TestServersBounded: what 1024 servers chose in phase 1 is known, whatever number of addresses
// answers.
func TestServersBounded(t *testing.T) {
	g := NewGatherer(func(*Session) error { return nil })
	src := netip.MustParseAddrPort("192.0.2.7:500")
	server := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	m := &pipeline.Message{Message: &ikev1.Message{Number: 2}}
	const many = 100000
	for i := range many {
		x := &exchange{assoc: g.newAssociation(src, netip.AddrPortFrom(server(i), 500), certain), initiator: client}
		x.chosen.Cipher = "aes-cbc"
		g.agreed(x, m, place{1, 1})
	}
	known := 0
	for i := range many {
		if g.takes[server(i)] != nil {
			known++
		}
	}
	if known != 1024 || g.takes[server(0)] == nil {
		t.Errorf("what %d servers chose is known", known)
	}
}
