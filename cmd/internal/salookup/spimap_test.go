package salookup

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// TestSPIMap compares with Go's map what becomes of SPIs that come and go.
func TestSPIMap(t *testing.T) {
	var m spiMap[int]
	want := make(map[uint32]int)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 200000 {
		spi := random.Uint32N(1 << 12)
		if i/20000%2 == 1 {
			spi <<= 20
		}
		if random.IntN(3) == 0 {
			m.remove(spi)
			delete(want, spi)
		} else {
			*m.of(spi) = i
			want[spi] = i
		}
		if other := random.Uint32N(1 << 12); m.get(spi) != want[spi] || m.get(other) != want[other] {
			t.Fatalf("step %d: 0x%x is %d, want %d", i, spi, m.get(spi), want[spi])
		}
	}
	if got := maps.Collect(m.all()); !maps.Equal(got, want) || m.len != len(want) {
		t.Errorf("%d are there and %d counted, want %d", len(got), m.len, len(want))
	}
}
