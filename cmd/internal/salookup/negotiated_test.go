package salookup_test

import (
	"net/netip"
	"testing"

	"l2tpdump/cmd/internal/salookup"
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

// TestNegotiatedLimit: with a limit, Quick Modes that came first are forgotten first, but those of
// an SPI that is in use are not.
func TestNegotiatedLimit(t *testing.T) {
	const limit, all, used = 16, 1000, 5
	db := newTable()
	db.Limit(limit)
	for spi := uint32(1); spi <= all; spi++ {
		db.AddNegotiated(&esp.Negotiated{SPI: spi, Dst: testDst, MessageID: spi})
		if spi == used {
			db.AdmitOne(salookup.Header{SPI: spi, Src: testSrc, Dst: testDst}, salookup.Packet{Data: make([]byte, 64)}, 1)
		}
	}
	kept := 0
	for spi := uint32(1); spi <= all; spi++ {
		known := len(db.Negotiated(spi)) > 0
		if known {
			kept++
		}
		if known != (spi == used || spi > all-limit+1) {
			t.Errorf("SPI %d: known is %v", spi, known)
		}
	}
	if kept != limit {
		t.Errorf("%d are kept, not %d", kept, limit)
	}
}
