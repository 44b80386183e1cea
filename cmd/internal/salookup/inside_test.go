package salookup_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// insideSuites are a cipher of each kind: what its ICV proves of the encryption key differs.
var insideSuites = []esp.Suite{
	{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha1-96")},
	{Cipher: esp.CipherByName("3des-cbc"), KeyLen: 24, Auth: esp.AuthByName("hmac-md5-96")},
	{Cipher: esp.CipherByName("aes-ctr"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha2-256-128"), ESN: true},
	{Cipher: esp.CipherByName("null"), Auth: esp.AuthByName("hmac-sha1-96")},
	{Cipher: esp.CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 16},
	{Cipher: esp.CipherByName("chacha20-poly1305"), KeyLen: 32, ICVLen: 16},
	{Cipher: esp.CipherByName("aes-ccm"), KeyLen: 16, ICVLen: 12},
}

// TestAllInsidesUnfamiliar: right ICVs and right padding prove both keys, though no payload is what
// its next header says, or that is of no protocol, and there is hardly any padding.
func TestAllInsidesUnfamiliar(t *testing.T) {
	for _, suite := range insideSuites {
		for _, next := range []byte{17, 4, 200} {
			e := newSealer(suite)
			e.seqHigh = 0
			db := newTable(e.secret())
			first := db.open(e.next(bytes.Repeat([]byte{0x55}, 14), next)) // no padding
			for range 4 {
				if x := db.open(e.next(bytes.Repeat([]byte{0x55}, 30), next)); x.Verdict == why.WrongKey {
					t.Errorf("%s, next header %d: %v", suite, next, x.err)
				}
			}
			for _, n := range []int{13, 14, 29} {
				if x := db.open(e.next(bytes.Repeat([]byte{0x55}, n), next)); x.Verdict != why.Verified || len(x.plain.Data) != n {
					t.Errorf("%s, next header %d, %d bytes after the proof: %v", suite, next, n, x.err)
				}
			}
			if first.Verdict == why.WrongKey {
				t.Errorf("%s, next header %d: the first packet: %v", suite, next, first.err)
			}
			if r := db.reports()[0]; r.Verdict != why.Verified || r.Malformed != 0 || r.Refused != r.Undecided || r.Undecided > 2 {
				t.Errorf("%s, next header %d: %+v", suite, next, r)
			}
		}
	}
}

// TestTwoUnfamiliarInsides: of too few packets nothing is said but that.
func TestTwoUnfamiliarInsides(t *testing.T) {
	e := cbcSealer()
	db := newTable(e.secret())
	only(t, "two packets", db.run([]espPacket{e.next(make([]byte, 14), 17), e.next(make([]byte, 30), 17)}), why.NoKey)
	if r := db.reports()[0]; r.Verdict != why.NoKey || !strings.Contains(r.Reason, "may fit") {
		t.Errorf("%+v", r)
	}
}

// TestImpossiblePadLengthUnderAEAD: the tag proves the key and the bytes; it is the sender that is
// broken.
func TestImpossiblePadLengthUnderAEAD(t *testing.T) {
	for _, suite := range insideSuites {
		if !suite.Cipher.AEAD {
			continue
		}
		e := newSealer(suite)
		db := newTable(e.secret())
		for range 6 {
			e.seq++
			packet := e.packet().SealPlain(bytes.Repeat([]byte{0xee}, 16))
			if x := db.open(espPacket{e.spi, testSrc, testDst, packet, 0, 0}); x.Verdict != why.Malformed {
				t.Errorf("%s: %v", suite, x.err)
			}
		}
		r := db.reports()[0]
		if r.Verdict != why.Verified || r.Malformed != 6 || r.Missing != 0 || r.Before || r.After || !strings.Contains(r.Remark, "6 of 6 packets") {
			t.Errorf("%s: %+v", suite, r)
		}
	}
}

// TestWrongEncryptionKeyStaysWrong: beside a right authentication key, whatever is inside, and
// whatever chance makes of it; as does the wrong name of an algorithm that encrypts nothing.
func TestWrongEncryptionKeyStaysWrong(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 8))
	rounds, through := 0, 0
	for _, suite := range insideSuites[:3] {
		for round := range 700 {
			e := newSealer(suite)
			e.seqHigh = 0
			s := e.secret()
			s.Key = randomKey(rng, s.Key.Len())
			if round%4 == 0 {
				s.Suite.Cipher, s.Suite.KeyLen, s.Key = esp.CipherByName("null"), 0, esp.Key{}
			}
			e.seq = rng.Uint32() >> 1
			db := newTable(s)
			var list []espPacket
			for i := range 12 {
				payload := make([]byte, 14+16*(i%3))
				for j := range payload {
					payload[j] = byte(rng.Uint32())
				}
				list = append(list, e.next(payload, []byte{17, 200, 4}[round%3]))
				list = append(list, list[rng.IntN(len(list))], list[rng.IntN(len(list))]) // copies prove nothing
			}
			rounds++
			if got := db.run(list); got[why.Verified] > 0 { // a first packet with its copies
				through++
			}
			if r := db.reports()[0]; r.Verdict != why.WrongKey || !strings.Contains(r.Reason, "encryption key does not") {
				t.Errorf("%s, round %d: %s: %s", suite, round, r.Verdict, r.Reason)
			}
		}
	}
	if through > rounds>>10 { // likelyBits are 12
		t.Errorf("packets were let through in %d of %d rounds", through, rounds)
	}
}

// TestCopiesProveNothing: one packet that fits a wrong key by chance is no more for its copies.
func TestCopiesProveNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 12))
	for _, checked := range []bool{true, false} {
		for round := range 2000 {
			e := cbcSealer()
			s := e.secret()
			s.Key = randomKey(rng, 16)
			if !checked {
				s.AuthKey = esp.Key{}
			}
			p := e.next(tcpSegment(10), 6)
			db := newTable(s)
			db.run([]espPacket{p, p, p, p, p, p})
			if r := db.reports()[0]; r.SA != nil && r.SA.Packets > 1 {
				t.Errorf("checked %v, round %d: proved by %d packets", checked, round, r.SA.Packets)
			}
		}
	}
}

func randomKey(rng *rand.Rand, n int) esp.Key {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return esp.NewKey(b)
}
