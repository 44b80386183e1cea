package esp

import (
	"bytes"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// TestSettleEveryRow: each algorithm with an ICV is settled from its name and its keys, with ordinary sequence numbers, with extended ones
// from the start and in mid-life, where nothing says so and where a Quick Mode does; a wrong key never is.
func TestSettleEveryRow(t *testing.T) {
	for _, s := range allSuites() {
		if s.Auth != nil && !s.Auth.Checked || race.Enabled && s.KeyLen != s.Cipher.KeyLens[0] {
			continue
		}
		t.Run(s.String(), func(t *testing.T) {
			for _, high := range []uint32{0, 5, 800} {
				if high > 0 && !s.ESN {
					break
				}
				e := newSealer(s)
				e.seqHigh = high
				var packets []espPacket
				for i := range 6 {
					packets = append(packets, e.next(l2tpPacket(40+i), protoUDP))
				}
				secret := e.secret()
				secret.Suite.ESN = false // not known
				db := newDB([]*Secret{secret})
				only(t, "by name", run(db, packets), Verified)
				if r := db.Flows()[0].Report(); r.ESN != s.ESN || r.FirstSeq>>32 != uint64(high) || r.Cipher != s.CipherName() || r.Auth != s.AuthName() {
					t.Errorf("%+v", r)
				}
				if high > 0 {
					continue
				}
				db = NewDB()
				db.AddNegotiated(&Negotiated{SPI: e.spi, Src: testSrc, Dst: testDst, Suite: s, Key: secret.Key, AuthKey: secret.AuthKey})
				only(t, "by a Quick Mode", run(db, packets), Verified)
				for _, auth := range []bool{false, true} {
					if k := secret.Key; auth {
						k = secret.AuthKey
						if k.IsZero() {
							continue
						}
					} else if k.IsZero() {
						continue
					}
					db = newDB([]*Secret{flipped(secret, auth, 3)})
					db.budget.searches = 0
					only(t, "wrong key", run(db, packets), WrongKey)
				}
			}
		})
	}
}

// TestSourceWithoutKey: NULL encryption needs no key, another cipher that a second source names does.
func TestSourceWithoutKey(t *testing.T) {
	e := newSealer(Suite{Cipher: CipherByName("null"), Auth: AuthByName("hmac-sha1-96")})
	packets := []espPacket{e.next(l2tpPacket(50), protoUDP), e.next(l2tpPacket(50), protoUDP)}
	aes := &Negotiated{SPI: e.spi, Suite: Suite{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("hmac-sha1-96")}}
	for want, s := range map[Verdict]*Secret{WrongKey: flipped(e.secret(), true, 3), Verified: e.secret()} {
		db := newDB([]*Secret{s})
		db.AddNegotiated(aes)
		only(t, "NULL beside AES", run(db, packets), want)
	}
	db := NewDB()
	db.AddNegotiated(aes)
	only(t, "no key at all", run(db, packets), NoKey)
}

// TestKeySourceOfOtherTimes: an SA without a key before or after one that has a key.
func TestKeySourceOfOtherTimes(t *testing.T) {
	e := cbcSealer()
	with := e.next(l2tpPacket(50), protoUDP)
	other := cbcSealer()
	other.spi, other.key, other.authKey = 0x12345678, bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 20)
	unknown := func() espPacket { return other.next(l2tpPacket(50), protoUDP) }
	db := newDB([]*Secret{flipped(e.secret(), false, 1)})
	db.AddSecret(e.secret())
	run(db, []espPacket{with, unknown()})
	if r := db.Lookup(0x12345678, testSrc, testDst).Reason(); !strings.Contains(r, "SPI 0xc0ffee01") || !strings.Contains(r, "take the log to its end") {
		t.Error(r)
	}
	db = newDB([]*Secret{e.secret()})
	run(db, []espPacket{unknown(), with, unknown(), unknown()})
	if r := db.Lookup(0x12345678, testSrc, testDst).Reason(); !strings.Contains(r, "SPI 0xc0ffee01 after it") || !strings.Contains(r, "take the log from its beginning") {
		t.Error(r)
	}
	// Not when that SA has gone, and not for other addresses.
	db.Expire(1000e9, 100e9)
	run(db, []espPacket{unknown()})
	if r := db.Lookup(0x12345678, testSrc, testDst).Reason(); strings.Contains(r, "same addresses") {
		t.Error(r)
	}
	if len(db.keyed.newest) != 0 || len(db.keyed.byKey) != 1 {
		t.Errorf("%d and %d flows in the index", len(db.keyed.newest), len(db.keyed.byKey))
	}
}
