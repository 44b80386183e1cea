package salookup_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/testdata/seal"
)

// again is another SA with the same SPI and algorithms.
func again(n byte, seq uint32) *sealer {
	e := cbcSealer()
	e.key, e.authKey = bytes.Repeat([]byte{n}, 16), bytes.Repeat([]byte{n, 1}, 10)
	e.seq = seq
	return e
}

// from is the secret with another place.
func (e *sealer) from(line int) *esp.Secret {
	s := e.secret()
	s.Origin = origin("table", line)
	return s
}

// several are the next n packets.
func (e *sealer) several(n int) (list []espPacket) {
	for range n {
		list = append(list, e.next(seal.L2TP(50), 17))
	}
	return list
}

// TestSPIInUseAgainAnywhere: after any number of packets the SPI has another key, wherever its
// sequence numbers begin. All packets are decrypted, with and without authentication keys, in
// either order of the keys.
func TestSPIInUseAgainAnywhere(t *testing.T) {
	for _, old := range []int{1, 3, 40, 300} {
		for _, first := range []uint32{0, 1, 2, 39, 40, 41, 99, 299, 300, 301, 500, 70000} {
			for mode := range 4 {
				a, b := again(1, 0), again(2, first)
				secrets := []*esp.Secret{a.from(1), b.from(2)}
				want := why.Verified
				if mode&1 != 0 {
					secrets[0], secrets[1] = secrets[1], secrets[0]
				}
				if mode&2 != 0 {
					want = why.Decrypted
					for _, s := range secrets {
						s.AuthKey = esp.Key{}
					}
				}
				db := newTable(secrets...)
				what := fmt.Sprintf("%d packets, then from %d, mode %d", old, first+1, mode)
				only(t, what, db.run(append(a.several(old), b.several(60)...)), want)
				r := db.reports()[0]
				if r.Verdict != want || r.Missing != 0 || r.Duplicates != 0 || r.Restarts != 1 || r.FirstSeq != 1 || r.LastSeq != max(uint64(old), uint64(first)+60) ||
					r.Conflict != "" || !strings.Contains(r.Reason, "the SPI came into use again with another key") || strings.Contains(r.Reason, "another key is given") {
					t.Fatalf("%s: %+v", what, r)
				}
				for _, u := range db.unused() {
					t.Fatalf("%s: unused: %s: %s", what, u.Secret.Origin, u.Reason)
				}
			}
		}
	}
}

// TestTwoKeysAtOnce: packets of two SAs with one SPI in turn, and an SA that comes back.
func TestTwoKeysAtOnce(t *testing.T) {
	a, b, c := again(1, 0), again(2, 0), again(3, 0)
	var packets []espPacket
	for range 50 {
		packets = append(packets, a.several(1)...)
		packets = append(packets, b.several(2)...)
	}
	packets = append(append(packets, c.several(20)...), a.several(20)...)
	db := newTable(c.from(1), b.from(2), a.from(3))
	only(t, "in turn", db.run(packets), why.Verified)
	if r := db.reports()[0]; r.Duplicates != 0 || r.Missing != 0 || r.Restarts != 2 || r.LastSeq != 100 || r.Conflict != "" {
		t.Errorf("%+v", r)
	}
}

// TestManyUses: more keys for one SPI than are followed at the same time.
func TestManyUses(t *testing.T) {
	const uses = 150
	var secrets []*esp.Secret
	var packets []espPacket
	for i := range uses {
		e := again(byte(i+1), uint32(i*7))
		secrets = append(secrets, e.from(i+1))
		packets = append(packets, e.several(12)...)
	}
	db := newTable(secrets...)
	only(t, "many keys", db.run(packets), why.Verified)
	if r := db.reports()[0]; r.Duplicates != 0 || r.Missing != 0 || r.Restarts != uses-1 || r.FirstSeq != 1 || r.LastSeq != (uses-1)*7+12 {
		t.Errorf("%+v", r)
	}
}

// TestFirstKeyMissing: the key of a later use opens its packets, however many came before it.
func TestFirstKeyMissing(t *testing.T) {
	for _, n := range []int{1, 5, 30, 100, 1000} {
		for _, first := range []uint32{0, 1, uint32(n), 5000} {
			a, b := again(1, 0), again(2, first)
			db := newTable(b.from(1))
			got := db.run(append(a.several(n), b.several(30)...))
			r := db.reports()[0]
			if got[why.WrongKey] != n || got[why.Verified] != 30 || r.FirstSeq != uint64(first)+1 || r.LastSeq != uint64(first)+30 || r.Duplicates+r.Missing != 0 {
				t.Errorf("%d packets of another key, then from %d: %v, %+v", n, first+1, got, r)
			}
			if bad := n >= salookup.ForeignRun; r.Verdict != why.Verified || bad != strings.Contains(r.Reason, "used this SPI earlier") {
				t.Errorf("%d packets of another key: %s: %s", n, r.Verdict, r.Reason)
			}
		}
	}
}

// TestLaterKeyMissing: packets of another SA are told from damaged ones, which say nothing against
// the key.
func TestLaterKeyMissing(t *testing.T) {
	damage := func(p espPacket) espPacket {
		p.data[len(p.data)-1] ^= 1
		return p
	}
	for _, c := range []struct {
		what    string
		make    func(a, b *sealer) []espPacket
		verdict why.Verdict
		reason  string
	}{
		{"as many", func(a, b *sealer) []espPacket { return append(a.several(30), b.several(30)...) }, why.Verified, "30 of 60 packets do not fit the key at table:1 that fits the others: another SA used this SPI later"},
		{"few", func(a, b *sealer) []espPacket { return append(a.several(1000), b.several(5)...) }, why.Verified, "5 of 1005 packets"},
		{"in turn", func(a, b *sealer) (list []espPacket) {
			for range 30 {
				list = append(append(list, a.several(2)...), b.several(1)...)
			}
			return list
		}, why.Verified, "30 of 90 packets"},
		{"one damaged", func(a, _ *sealer) []espPacket {
			list := a.several(100)
			damage(list[50])
			return list
		}, why.Verified, "1 of 100 packets is damaged or forged"},
		{"every tenth damaged", func(a, _ *sealer) []espPacket {
			list := a.several(1000)
			for i := 3; i < len(list); i += 10 {
				damage(list[i])
			}
			return list
		}, why.Verified, "100 of 1000 packets are damaged or forged"},
		{"the first ones damaged", func(a, _ *sealer) []espPacket {
			list := a.several(20)
			damage(list[0])
			damage(list[1])
			return list
		}, why.Verified, "2 of 20 packets are damaged or forged"},
		{"forged with numbers of their own", func(a, b *sealer) (list []espPacket) {
			for i := range 20 {
				b.seq = uint32(i*7919) % 1000
				list = append(append(list, a.several(10)...), b.several(1)...)
			}
			return list
		}, why.Verified, "20 of 220 packets are damaged or forged"},
		{"a run at the end", func(a, _ *sealer) []espPacket {
			list := a.several(1000)
			for _, p := range list[600:] {
				damage(p)
			}
			return list
		}, why.Verified, "400 of 1000 packets do not fit"},
	} {
		a := again(1, 0)
		db := newTable(a.from(1))
		db.run(c.make(a, again(2, 0)))
		r := db.reports()[0]
		if r.Verdict != c.verdict || !strings.Contains(r.Reason, c.reason) || r.LastSeq > 1000 {
			t.Errorf("%s: %s: %s", c.what, r.Verdict, r.Reason)
		}
	}
	// An encryption key that fits by chance is damaged.
	a, b := again(1, 0), again(2, 1)
	b.authKey = a.authKey
	db := newTable(a.from(1))
	got := db.run(append(a.several(1), b.several(100)...))
	if r := db.reports()[0]; got[why.Malformed] < 99 || r.Verdict != why.WrongKey || !strings.Contains(r.Reason, "packets do not fit the key at table:1 that fits the others: it is damaged") {
		t.Errorf("%v: %s: %s", got, r.Verdict, r.Reason)
	}
}

// TestDamagedPacketMovesNoWindow: what the ICV does not prove says nothing of the sequence numbers.
func TestDamagedPacketMovesNoWindow(t *testing.T) {
	for at := range 10 {
		for bit := range 32 {
			a := again(1, 0)
			packets := a.several(10)
			packets[at].data[4+bit/8] ^= 0x80 >> (bit % 8)
			db := newTable(a.from(1))
			db.run(packets)
			r := db.reports()[0]
			first, last, missing := uint64(1), uint64(10), uint64(1)
			switch at {
			case 0:
				first, missing = 2, 0
			case 9:
				last, missing = 9, 0
			}
			if r.Verdict != why.Verified || r.FirstSeq != first || r.LastSeq != last || r.Missing != missing || r.Duplicates+r.Reordered+r.Wrapped+r.Restarts != 0 {
				t.Fatalf("packet %d, bit %d: %+v", at, bit, r)
			}
		}
	}
}

// TestLargeGapOfESN: a number that the ICV proves counts at once, however far ahead it is.
func TestLargeGapOfESN(t *testing.T) {
	e := newSealer(esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha2-256-128"), ESN: true})
	s := e.secret()
	s.ESNKnown = true
	var packets []espPacket
	for _, p := range []uint64{5<<32 + 10, 5<<32 + 3e9, 6<<32 + 2e8, 6<<32 + 29e8, 7<<32 + 5} {
		e.seqHigh, e.seq = uint32(p>>32), uint32(p)-1
		packets = append(packets, e.several(1)...)
	}
	db := newTable(s)
	only(t, "far apart", db.run(packets), why.Verified)
	if r := db.reports()[0]; r.FirstSeq != 5<<32+10 || r.LastSeq != 7<<32+5 || r.Missing != r.LastSeq-r.FirstSeq-4 || r.Wrapped != 2 {
		t.Errorf("%+v", r)
	}
}

// TestGoodICVIsLetThrough: packets that say little about themselves are verified from the first on,
// but not with an encryption key that another packet contradicts.
func TestGoodICVIsLetThrough(t *testing.T) {
	v3 := func(e *sealer) espPacket { // L2TPv3 over IP, without padding
		return e.next(append([]byte{0, 0, 0x30, 0x39}, bytes.Repeat([]byte{0xa5}, 10)...), 115)
	}
	a := again(1, 0)
	db := newTable(a.from(1))
	only(t, "one", db.run([]espPacket{v3(a)}), why.Verified)
	if r := db.reports()[0]; r.Verdict != why.Verified || r.Reason == "" {
		t.Errorf("%+v", r)
	}
	only(t, "more", db.run([]espPacket{v3(a), v3(a), v3(a)}), why.Verified)
	a, b := again(1, 0), again(2, 0)
	b.authKey = a.authKey
	db = newTable(a.from(1))
	only(t, "contradicting", db.run(b.several(1)), why.WrongKey)
	only(t, "contradicted", db.run([]espPacket{v3(a)}), why.NoKey)
}

// TestCutSHA2: each HMAC of the SHA-2 family is found with 96 bits, and the remark is about the row
// that fits.
func TestCutSHA2(t *testing.T) {
	for named, cut := range map[string]string{"hmac-sha2-256-128": "hmac-sha2-256-96", "hmac-sha2-384-192": "hmac-sha2-384-96", "hmac-sha2-512-256": "hmac-sha2-512-96"} {
		e := newSealer(esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName(cut)})
		s := e.secret()
		s.Suite.Auth = esp.AuthByName(named)
		db := newTable(s)
		only(t, named, db.run(e.several(5)), why.Verified)
		if r := db.reports()[0]; r.Auth != cut || !strings.Contains(r.Reason, "the integrity check value has 96 bits, not the") {
			t.Errorf("%s: %s: %s", named, r.Auth, r.Reason)
		}
		// Another row for the SPI that names something else.
		db = newTable(again(1, 0).from(1), s)
		s.Suite.Auth = e.suite.Auth
		only(t, cut, db.run(e.several(5)), why.Verified)
		if r := db.reports()[0]; strings.Contains(r.Reason, "bits") {
			t.Errorf("%s: %s", cut, r.Reason)
		}
	}
}

// TestProbesHaveABudget: packets that no key of an SPI fits cost little more when there are very
// many.
func TestProbesHaveABudget(t *testing.T) {
	db := newTable(again(1, 0).from(1), again(2, 0).from(2))
	db.SetProbes(1000)
	only(t, "neither", db.run(again(3, 0).several(3000)), why.WrongKey)
	f := db.Flows()[0]
	if left, own := db.Probes(f); left < 0 || left >= own || f.Tries() > 30 {
		t.Errorf("%d of %d left, %d attempts", left, own, f.Tries())
	}
}

// TestForgedPacketsChangeNothing: what comes under the SPI of an SA that a key opens, before,
// between and after its packets, changes neither what becomes of these nor the verdict.
func TestForgedPacketsChangeNothing(t *testing.T) {
	forged := func(n int, seq uint32) (list []espPacket) {
		b := again(77, seq)
		b.suite.ESN = false
		return b.several(n)
	}
	for name, suite := range map[string]esp.Suite{
		"CBC":     {Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha1-96")},
		"CBC ESN": {Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha1-96"), ESN: true},
		"GCM ESN": {Cipher: esp.CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 16, ESN: true},
	} {
		for _, n := range []int{8, 200} {
			for _, far := range []uint32{5, 1 << 31, 3 << 30} {
				e := newSealer(suite)
				e.seqHigh = 0
				s := e.secret()
				s.ESNKnown = true
				good := e.several(118)
				packets := slices.Concat(forged(10, 0), good[:50], forged(n, far), good[50:], forged(n, far+1000))
				db := newTable(s, again(5, 0).from(2))
				if got := db.run(packets); got[why.Verified] != len(good) {
					t.Errorf("%s: %d forged ones %d ahead: %v", name, n, far, got)
				}
				r := db.reports()[0]
				if r.Verdict != why.Verified || r.FirstSeq != 8 || r.LastSeq != 125 || r.Missing+r.Duplicates+r.Reordered+r.Restarts != 0 ||
					r.Refused != uint64(len(packets)-len(good)) {
					t.Errorf("%s: %d forged ones %d ahead: %+v", name, n, far, r)
				}
			}
		}
	}
}
