package keysrc

import (
	"testing"

	"l2tpdump/esp"
)

// TestSeenPlaces gives secrets that differ in the high bits of their SPIs only: they must not come
// to lie behind each other, where each would be compared with all before it.
func TestSeenPlaces(t *testing.T) {
	s := newSeen(0)
	key := esp.NewKey(make([]byte, 16))
	for i := range uint32(1 << 16) {
		if !s.Fresh(&Keys{ESP: []*esp.Secret{{SPI: i << 16, Key: key}}}) {
			t.Fatalf("SPI %#x is not new", i<<16)
		}
	}
	run, longest := 0, 0
	for _, id := range s.ids {
		if run++; id == 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest > 2000 {
		t.Errorf("%d of %d are behind each other", longest, s.len)
	}
}
