package salookup_test

import (
	"strings"
	"testing"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// Of keys of which one is an SPI's, the one that opens the packets is used, and the others
// contradict nothing.
func TestUncertainKeys(t *testing.T) {
	const name = "01-basic-aes128-sha1"
	packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
	if len(full) != 2 {
		t.Fatalf("%d keys", len(full))
	}
	given := func(right bool) *table {
		db := newTable()
		for i, s := range full {
			for j, o := range full {
				if c := *s; i != j || right {
					c.Key, c.AuthKey, c.Uncertain, c.Origin = o.Key, esp.Key{}, true, o.Origin
					db.AddSecrets(&c)
				}
			}
		}
		return db
	}
	db := given(true)
	only(t, "one is right", db.run(packets), why.Decrypted)
	for _, r := range db.reports() {
		if r.Conflict != "" || strings.Contains(r.Reason, "another key") {
			t.Errorf("%s; %s", r.Conflict, r.Reason)
		}
	}
	for _, u := range db.unused() {
		t.Errorf("unused: %s: %s", u.Secret.Origin, u.Reason)
	}
	// A wrong one that is given for certain is wrong all the same.
	for i, s := range full {
		c := *s
		c.Key, c.AuthKey, c.Origin = full[1-i].Key, esp.Key{}, origin("wrong.log", 1)
		db.AddSecrets(&c)
	}
	db.run(packets)
	for _, r := range db.reports() {
		if !strings.Contains(r.Conflict, "wrong.log:1") {
			t.Errorf("conflict %q", r.Conflict)
		}
	}
	// None is right.
	db = given(false)
	only(t, "none is right", db.run(packets), why.NoKey)
	for _, r := range db.reports() {
		if r.Conflict != "" || !strings.Contains(r.Reason, "none of the keys that may be its opens it") {
			t.Errorf("%s; %s", r.Conflict, r.Reason)
		}
	}
}
