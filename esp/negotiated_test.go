package esp

import (
	"net/netip"
	"testing"
)

// TestNegotiatedTwice: one message of a Quick Mode tells less than both; when it is read again, what both told stays.
func TestNegotiatedTwice(t *testing.T) {
	half := Negotiated{SPI: 0x1234, Dst: netip.MustParseAddr("192.0.2.1"), MessageID: 7, KeyReason: "Quick Mode message 1 is missing"}
	both := half
	both.Key, both.KeyReason = NewKey(make([]byte, 16)), ""
	for _, order := range [][]*Negotiated{{&half, &both}, {&both, &half}, {&half, &both, &half}} {
		db := NewDB()
		for _, n := range order {
			db.AddNegotiated(n)
		}
		if list := db.negotiated[half.SPI]; len(list) != 1 || list[0].Key.IsZero() {
			t.Errorf("%d entries, or without the key", len(list))
		}
	}
}
