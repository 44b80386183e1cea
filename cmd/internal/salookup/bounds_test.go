package salookup

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"l2tpdump/esp"
)

// TestBounds: of flows that rest, of what Quick Modes agreed on, of sources, candidates and packets
// kept there are no more than the bounds say.
func TestBounds(t *testing.T) {
	dst := netip.MustParseAddr("192.0.2.1")
	key := func(i int) esp.Key { return esp.NewKey(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))) }

	table := New()
	for i := range maxResting + 10 {
		f := table.flow(&Header{SPI: uint32(i) + 256, Src: dst, Dst: dst})
		table.move(f, opened)
		table.move(f, resting)
	}
	if n := table.kinds[resting].len; n != maxResting {
		t.Errorf("%d flows rest", n)
	}
	for i := range maxNegotiated + 10 {
		table.AddNegotiated(&esp.Negotiated{SPI: uint32(i) + 256, Dst: dst})
	}
	if n := len(table.quick); n != maxNegotiated || len(table.quickSPI) != n {
		t.Errorf("%d SPIs were negotiated, %d in order", n, len(table.quickSPI))
	}
	for i := range maxSources + 10 {
		table.patterns = append(table.patterns, &Known{Secret: &esp.Secret{Key: key(i)}})
	}
	if n := len(table.appendSources(make([]Source, 3), 1<<30, dst, dst)); n != 3+maxSources {
		t.Errorf("%d sources behind 3", n-3)
	}
	cipher := esp.Suite{Cipher: esp.CipherByName("aes-cbc")}
	var set Set
	for i := range maxCandidates + 10 {
		set.add(&Candidate{Suite: cipher, Key: key(i), AuthKey: key(i)})
		set.add(&Candidate{Suite: cipher, Key: key(i)})
	}
	if len(set.Candidates) != maxCandidates || len(set.plain) != maxCandidates {
		t.Errorf("%d candidates, %d whose ICV is not checked", len(set.Candidates), len(set.plain))
	}
	const size = 1400
	for trying, most := range map[*trying]int{nil: keptBytes / 2, {}: keptBytes} {
		table := New()
		for range keptBytes/size + 10 {
			table.keep(&Flow{trying: trying}, Packet{Data: make([]byte, size)})
		}
		if n := table.budget.kept; n > most || n+size <= most {
			t.Errorf("%d bytes of packets kept of %d", n, most)
		}
	}
}
