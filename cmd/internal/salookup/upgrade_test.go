package salookup_test

import (
	"testing"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// TestAuthKeyComesLater: a flow that was opened without its authentication key is verified as soon
// as that is known, and keeps its account.
func TestAuthKeyComesLater(t *testing.T) {
	e := cbcSealer()
	db := newTable(head(e.secret()))
	only(t, "without", db.run(e.several(3)), why.Decrypted)
	db.AddNegotiated(&esp.Negotiated{SPI: e.spi, Suite: e.suite, Key: esp.NewKey(e.key), AuthKey: esp.NewKey(e.authKey)})
	only(t, "with", db.run(e.several(1)), why.Verified)
	if r := db.reports()[0]; r.Verdict != why.Verified || r.Packets() != 4 || r.LastSeq-r.FirstSeq != 3 || r.Restarts != 0 || r.Missing != 0 {
		t.Errorf("%+v", r)
	}
	db.AddSecrets(head(e.secret()))
	only(t, "after a head", db.run(e.several(1)), why.Verified)
}

// TestUpgradeAfterForgedPackets: nor do forged packets keep it from that.
func TestUpgradeAfterForgedPackets(t *testing.T) {
	e := cbcSealer()
	db := newTable(head(e.secret()))
	db.run(e.several(3))
	db.AddNegotiated(&esp.Negotiated{SPI: e.spi, Suite: e.suite, Key: esp.NewKey(e.key), AuthKey: esp.NewKey(e.authKey)})
	db.run(again(9, 1000).several(500))
	db.run(e.several(200))
	if r := db.reports()[0]; r.Verdict != why.Verified || r.Verified == 0 || r.Verified+r.Decrypted != 203 {
		t.Errorf("%+v", r)
	}
}
