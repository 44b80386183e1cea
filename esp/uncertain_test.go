package esp

import (
	"strings"
	"testing"
)

// Of keys of which one is an SPI's, the one that opens the packets is used, and the others contradict nothing.
func TestUncertainKeys(t *testing.T) {
	const name = "01-basic-aes128-sha1"
	packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
	if len(full) != 2 {
		t.Fatalf("%d keys", len(full))
	}
	given := func(right bool) *DB {
		db := NewDB()
		for i, s := range full {
			for j, o := range full {
				if c := *s; i != j || right {
					c.Key, c.AuthKey, c.Uncertain, c.Origin = o.Key, Key{}, true, o.Origin
					db.AddSecret(&c)
				}
			}
		}
		return db
	}
	db := given(true)
	only(t, "one is right", run(db, packets), Decrypted)
	for _, f := range db.Flows() {
		if r := f.Report(); r.Conflict != "" || strings.Contains(r.Reason, "another key") {
			t.Errorf("%s; %s", r.Conflict, r.Reason)
		}
	}
	for u := range db.Unused() {
		t.Errorf("unused: %s: %s", u.Secret.Origin, u.Reason)
	}
	// A wrong one that is given for certain is wrong all the same.
	for i, s := range full {
		c := *s
		c.Key, c.AuthKey, c.Origin = full[1-i].Key, Key{}, Origin{File: "wrong.log", Line: 1}
		db.AddSecret(&c)
	}
	run(db, packets)
	for _, f := range db.Flows() {
		if r := f.Report(); !strings.Contains(r.Conflict, "wrong.log:1") {
			t.Errorf("conflict %q", r.Conflict)
		}
	}
	// None is right.
	db = given(false)
	only(t, "none is right", run(db, packets), NoKey)
	for _, f := range db.Flows() {
		if r := f.Report(); r.Conflict != "" || !strings.Contains(r.Reason, "none of the keys that may be its opens it") {
			t.Errorf("%s; %s", r.Conflict, r.Reason)
		}
	}
}
