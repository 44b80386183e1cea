package l2tp

import (
	"net/netip"
	"runtime"
	"testing"

	"l2tpdump/testdata/processor"
)

// flood are messages from as many tunnels, sessions or sources as there are numbers.
var floods = map[string]func(i uint32) (src netip.AddrPort, data []byte){
	"tunnels":  func(i uint32) (netip.AddrPort, []byte) { return client, payload(uint16(i)|1, 1) },
	"sessions": func(i uint32) (netip.AddrPort, []byte) { return client, payload(7, uint16(i)|1) },
	"sources": func(i uint32) (netip.AddrPort, []byte) {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1701), payload(7, 1)
	},
	"ports": func(i uint32) (netip.AddrPort, []byte) {
		return netip.AddrPortFrom(client.Addr(), uint16(i)), payload(7, uint16(i>>16)|1)
	},
	"requests": func(i uint32) (netip.AddrPort, []byte) {
		return netip.AddrPortFrom(client.Addr(), uint16(i>>16)), control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, uint16(i)|1))
	},
	"sessions of L2TPv3": func(i uint32) (netip.AddrPort, []byte) {
		return netip.AddrPortFrom(client.Addr(), uint16(i%7)), []byte{0, 3, 0, 0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i) | 1, 1, 2, 3, 4}
	},
}

// TestFloods: whatever is sent, all that is kept is bounded.
func TestFloods(t *testing.T) {
	for name, flood := range floods {
		tr := NewTracker(nil)
		for i := range uint32(60000) {
			src, data := flood(i)
			observe(t, tr, src, server, data)
		}
		if n := tr.tunnelOrder.n; n > maxTunnels {
			t.Errorf("%s: %d tunnels", name, n)
		}
		if n := tr.sessionOrder.n; n > maxSessions {
			t.Errorf("%s: %d sessions", name, n)
		}
		sizes := [...]int{len(tr.tunnels), len(tr.sessions), len(tr.sessions3), len(tr.moved), len(tr.half)}
		for i, limit := range [...]int{2 * maxTunnels, 2 * maxSessions, 4 * maxSessions, 2 * maxTunnels, 2 * maxTunnels} {
			if sizes[i] > limit {
				t.Errorf("%s: map %d has %d keys", name, i, sizes[i])
			}
		}
	}
}

// TestManySessionsOfManyTunnels: tunnels whose sessions were forgotten take no room for them.
func TestManySessionsOfManyTunnels(t *testing.T) {
	const tunnels, sessions = 24, 1 << 15
	tr := NewTracker(nil)
	inUse := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := inUse()
	for i := range uint32(tunnels * sessions) {
		src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i / sessions)}), 1701)
		observe(t, tr, src, server, payload(7, uint16(i)<<1|1))
	}
	if n := inUse() - before; n > 32<<20 {
		t.Errorf("%d bytes", n)
	}
	runtime.KeepAlive(tr)
}

func BenchmarkFlood(b *testing.B) {
	for name, flood := range floods {
		b.Run(name, func(b *testing.B) {
			tr := NewTracker(nil)
			var h Header
			defer processor.Report(b)()
			for i := range b.N {
				src, data := flood(uint32(i))
				if err := h.Decode(data); err != nil {
					b.Fatal(err)
				}
				observation(tr, src, server, &h, data)
			}
		})
	}
}
