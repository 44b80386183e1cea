package salookup_test

import (
	"net/netip"
	"testing"

	"l2tpdump/esp"
)

// TestNegotiatedTwice: one message of a Quick Mode tells less than both; when it is read again,
// what both told stays.
func TestNegotiatedTwice(t *testing.T) {
	half := esp.Negotiated{SPI: 0x1234, Dst: netip.MustParseAddr("192.0.2.1"), MessageID: 7, KeyReason: "Quick Mode message 1 is missing"}
	both := half
	both.Key, both.KeyReason = esp.NewKey(make([]byte, 16)), ""
	for _, order := range [][]*esp.Negotiated{{&half, &both}, {&both, &half}, {&half, &both, &half}} {
		db := newTable()
		for _, n := range order {
			db.AddNegotiated(n)
		}
		if list := db.Negotiated(half.SPI); len(list) != 1 || list[0].Key.IsZero() {
			t.Errorf("%d entries, or without the key", len(list))
		}
	}
}
