package esp

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"l2tpdump/testdata/race"
	"l2tpdump/testdata/seal"
)

// together is packets of all suites, whole, damaged and cut, with the parameters of Open.
type together struct {
	sa          *SA
	data        []byte
	seqHigh     uint32
	truncatedBy int
}

func mixed(r *rand.Rand, n int) []together {
	suites := allSuites()
	packets := make([]together, n)
	for i := range packets {
		e := newSealer(suites[r.IntN(len(suites))])
		p := together{sa: e.sa(), seqHigh: e.seqHigh, data: e.seal(seal.L2TP(20+r.IntN(1400)), 17, nil)}
		switch r.IntN(10) {
		case 0:
			p.data[r.IntN(len(p.data))] ^= 1
		case 1:
			p.data = p.data[:r.IntN(len(p.data))]
		case 2:
			n := r.IntN(len(p.data))
			p.data, p.truncatedBy = p.data[:n], len(p.data)-n
		}
		packets[i] = p
	}
	return packets
}

// Whatever is expected together, each packet comes out as if it were alone.
func TestOpenerTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var o Opener
	for range 60 {
		packets := mixed(r, r.IntN(200))
		for _, p := range packets {
			switch r.IntN(20) {
			case 0: // not expected
			case 1: // otherwise than it comes
				o.Expect(p.sa, p.data, p.seqHigh+1, p.truncatedBy)
			default:
				o.Expect(p.sa, p.data, p.seqHigh, p.truncatedBy)
			}
		}
		for i, p := range packets {
			for range 1 + r.IntN(2) {
				var got Plaintext
				err := o.Open(p.sa, &got, nil, p.data, p.seqHigh, p.truncatedBy)
				want, wantErr := p.sa.Open(nil, p.data, p.seqHigh, p.truncatedBy)
				if err != wantErr || !bytes.Equal(got.Data, want.Data) || got.Verified != want.Verified || got.NextHeader != want.NextHeader ||
					got.PadLen != want.PadLen || got.Evidence != want.Evidence {
					t.Fatalf("%v, packet %d of %d: %v, %v; alone %v, %v", p.sa.Suite(), i, len(packets), got, err, want, wantErr)
				}
			}
		}
		o.Release()
	}
}

func TestOpenerAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	packets := mixed(rand.New(rand.NewPCG(3, 4)), 100)
	var (
		o     Opener
		plain Plaintext
	)
	dst := make([]byte, 0, 2048)
	open := func() {
		for _, p := range packets {
			o.Expect(p.sa, p.data, p.seqHigh, p.truncatedBy)
		}
		for _, p := range packets {
			o.Open(p.sa, &plain, dst, p.data, p.seqHigh, p.truncatedBy)
		}
		o.Release()
	}
	open()
	if n := testing.AllocsPerRun(20, open); n != 0 {
		t.Errorf("%v allocations for %d packets", n, len(packets))
	}
}
