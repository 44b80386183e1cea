package salookup_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
	"l2tpdump/testdata/seal"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// TestSettleEveryRow: each algorithm with an ICV is settled from its name and its keys, with
// ordinary sequence numbers, with extended ones from the start and in mid-life, where nothing says
// so and where a Quick Mode does; a wrong key never is.
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
					packets = append(packets, e.next(seal.L2TP(40+i), 17))
				}
				secret := e.secret()
				secret.Suite.ESN = false // not known
				db := newTable(secret)
				only(t, "by name", db.run(packets), why.Verified)
				if r := db.reports()[0]; r.ESN() != s.ESN || r.FirstSeq>>32 != uint64(high) || r.Cipher != s.CipherName() || r.Auth != s.AuthName() {
					t.Errorf("%+v", r)
				}
				if high > 0 {
					continue
				}
				db = newTable()
				db.AddNegotiated(&esp.Negotiated{SPI: e.spi, Src: testSrc, Dst: testDst, Suite: s, Key: secret.Key, AuthKey: secret.AuthKey})
				only(t, "by a Quick Mode", db.run(packets), why.Verified)
				for _, auth := range []bool{false, true} {
					if k := secret.Key; auth {
						k = secret.AuthKey
						if k.IsZero() {
							continue
						}
					} else if k.IsZero() {
						continue
					}
					db = newTable(flipped(secret, auth, 3))
					db.NoSearches()
					onlyWrong(t, "wrong key", db.run(packets))
				}
			}
		})
	}
}

// TestSourceWithoutKey: NULL encryption needs no key, another cipher that a second source names
// does.
func TestSourceWithoutKey(t *testing.T) {
	e := newSealer(esp.Suite{Cipher: esp.CipherByName("null"), Auth: esp.AuthByName("hmac-sha1-96")})
	packets := []espPacket{e.next(seal.L2TP(50), 17), e.next(seal.L2TP(50), 17)}
	aes := &esp.Negotiated{SPI: e.spi, Suite: esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha1-96")}}
	for want, s := range map[why.Verdict]*esp.Secret{why.WrongKey: flipped(e.secret(), true, 3), why.Verified: e.secret()} {
		db := newTable(s)
		db.AddNegotiated(aes)
		only(t, "NULL beside AES", db.run(packets), want)
	}
	db := newTable()
	db.AddNegotiated(aes)
	only(t, "no key at all", db.run(packets), why.NoKey)
}

// TestKeySourceOfOtherTimes: an SA without a key before or after one that has a key.
func TestKeySourceOfOtherTimes(t *testing.T) {
	e := cbcSealer()
	with := e.next(seal.L2TP(50), 17)
	other := cbcSealer()
	other.spi, other.key, other.authKey = 0x12345678, bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 20)
	unknown := func() espPacket { return other.next(seal.L2TP(50), 17) }
	reason := func(db *table) string {
		for _, r := range db.reports() {
			if r.SPI == other.spi {
				return r.Reason
			}
		}
		return ""
	}
	db := newTable(flipped(e.secret(), false, 1), e.secret())
	db.run([]espPacket{with, unknown()})
	if r := reason(db); !strings.Contains(r, "SPI 0xc0ffee01") || !strings.Contains(r, "take the log to its end") {
		t.Error(r)
	}
	db = newTable(e.secret())
	db.run([]espPacket{unknown(), with, unknown(), unknown()})
	if r := reason(db); !strings.Contains(r, "SPI 0xc0ffee01 after it") || !strings.Contains(r, "take the log from its beginning") {
		t.Error(r)
	}
	// Not for other addresses.
	db = newTable(e.secret())
	elsewhere := unknown()
	elsewhere.dst = netip.MustParseAddr("203.0.113.77")
	db.run([]espPacket{with, elsewhere, elsewhere})
	if r := reason(db); r == "" || strings.Contains(r, "same addresses") {
		t.Error(r)
	}
}
