package salookup_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/traffic"
	"l2tpdump/esp"
)

// TestLookAhead gives packets of new SAs to tables with many SPIs, 32 together, and one by one to
// tables with so few that these don't look ahead: right ones, damaged ones and cut ones, in any
// order, with right keys and wrong ones. What opens each is the same.
func TestLookAhead(t *testing.T) {
	const sas, frameHead = 24, 34
	rng := rand.New(rand.NewPCG(3, 4))
	others := manySecrets(1000)
	opened := 0
	for round := range 12 {
		var secrets []*esp.Secret
		senders := make([]*traffic.SA, sas)
		for i := range senders {
			senders[i] = traffic.NewSA(uint32(0x1000 + round*sas + i))
			key, authKey := senders[i].Keys()
			s := &esp.Secret{SPI: senders[i].SPI, SPIMask: 0xffffffff, Suite: cbcSealer().suite,
				Key: esp.NewKey(key), AuthKey: esp.NewKey(authKey), Origin: origin("table", i+1)}
			switch i % 12 {
			case 1:
				s = flipped(s, true, 5)
			case 2:
				s = flipped(s, false, 7)
			case 3:
				secrets = append(secrets, flipped(s, false, 9))
			case 4:
				s = head(s)
			}
			secrets = append(secrets, s)
		}
		few, many := newTable(secrets...), newTable(slices.Concat(others, secrets)...)
		for range 3 {
			batch := make([]salookup.Arrival, 32)
			for i := range batch {
				sender := senders[rng.IntN(sas)]
				p := salookup.Packet{Data: sender.Append(nil, 200)[frameHead:]}
				switch rng.IntN(8) {
				case 0:
					p.Data[rng.IntN(len(p.Data)-8)+8] ^= 1
				case 1:
					p.Cut = rng.IntN(len(p.Data) - 8)
					p.Data = p.Data[:len(p.Data)-p.Cut]
				}
				batch[i] = salookup.Arrival{Header: salookup.Header{SPI: sender.SPI, Src: testSrc, Dst: testDst}, Packet: p}
			}
			alone := slices.Clone(batch)
			for i := range alone {
				alone[i].Admission = few.AdmitOne(alone[i].Header, alone[i].Packet, 0)
			}
			many.Admit(batch)
			for i := range batch {
				want, ok := outcome(&alone[i])
				if got, _ := outcome(&batch[i]); got != want {
					t.Fatalf("round %d, SPI %08x: %s together, %s alone", round, batch[i].SPI, got, want)
				}
				if ok {
					opened++
				}
			}
		}
	}
	if opened < 600 {
		t.Errorf("only %d were opened", opened)
	}
}

// outcome is what became of a packet, and whether it was opened.
func outcome(a *salookup.Arrival) (what string, opened bool) {
	if a.Ring == nil {
		return fmt.Sprint(a.Err), false
	}
	var o esp.Opener
	var plain esp.Plaintext
	sa, high, err := a.Ring.Open(&o, &plain, nil, a.Packet)
	return fmt.Sprintf("%x %v %d %s %v %d", plain.Data, plain.Verified, plain.Evidence, sa.Place(), err, high), err == nil
}
