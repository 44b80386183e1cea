package sessions

import (
	"net/netip"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// sealed is an ESP packet in UDP, with an SPI that all of them have.
func sealed(number uint64, seq uint32, verdict why.Verdict) *pipeline.Record {
	r := &pipeline.Record{Number: number, Kind: pipeline.ESP, Verdict: verdict, SPI: 0xc0ffee01, Seq: seq}
	r.Packet.Time = int64(number) * 1e6
	r.Net.IPVersion, r.Net.UDP, r.Net.PayloadEnd = 4, true, 100
	r.Net.Src, r.Net.SrcPort = netip.MustParseAddr("192.0.2.7"), portNATT
	r.Net.Dst, r.Net.DstPort = netip.MustParseAddr("192.0.2.1"), portNATT
	return r
}

// TestForgedNumbersHideNothing: what no ICV proves takes no number from a packet of which one does,
// before the first of these or behind it.
func TestForgedNumbersHideNothing(t *testing.T) {
	for _, forged := range []why.Verdict{why.Truncated, why.NoKey, why.Decrypted} {
		for first := range 2 {
			var list []*Session
			g := collect(&list)
			var number, before uint64
			take := func(seq uint32, verdict why.Verdict) {
				number++
				if err := g.Record(sealed(number, seq, verdict)); err != nil {
					t.Fatal(err)
				}
			}
			for seq := range uint32(first) {
				take(seq+1, why.Verified)
			}
			for i := range uint32(30) {
				take(3+i*400, forged)
			}
			if e := g.held.Front(); e != nil {
				d := e.Value.(*Session).protected
				before = d[0].bytes + d[1].bytes
			}
			for seq := range uint32(20) {
				take(seq+2, why.Verified)
			}
			if err := g.Close(); err != nil || len(list) != 1 {
				t.Fatal(err, len(list))
			}
			d := &list[0].protected
			if got := d[0].bytes + d[1].bytes - before; got != 2000 {
				t.Errorf("%s, %d packets before: %d bytes are counted of 2000", forged, first, got)
			}
		}
	}
}
