package ikev1

import (
	"strings"
	"testing"
)

// Behind phase 1 a right HASH proves a message whose payloads are broken: it is read up to there.
func TestBrokenPayloads(t *testing.T) {
	const id = 0x33333333
	sound := "0a000030 00000001 00000001 00000024 01030401 11223344 00000018 010c0000 80010001 80020e10 80040002 80050002"
	for _, c := range []struct {
		name, rest   string
		shown, wrong string
	}{
		{"too long", "0a002328" + strings.Repeat("78", 60), "HASH, SA [malformed]", "SA payload at byte 24: length 9000, with 64 bytes left"},
		{"too short", "0a000003" + strings.Repeat("78", 21), "HASH, SA [malformed]", "SA payload at byte 24: length 3, with 25 bytes left"},
		{"no room for a header", sound + "0a", "HASH, SA esp 0x11223344 aes-cbc-128 hmac-sha1-96 transport 3600s, NONCE [malformed]", "NONCE payload at byte 72"},
		{"bytes behind", strings.Replace(sound, "0a", "00", 1) + strings.Repeat("78", 40),
			"HASH, SA esp 0x11223344 aes-cbc-128 hmac-sha1-96 transport 3600s", "40 bytes behind the last payload"},
		{"nonce too short", sound + "00000006 0102", "HASH, SA esp 0x11223344 aes-cbc-128 hmac-sha1-96 transport 3600s, NONCE", ""},
	} {
		for _, forged := range []bool{false, true} {
			m := behindHash(t, id, PayloadSA, unhex(c.rest), forged, true)
			if forged {
				if m.Verified || m.Decrypted || m.Err == nil || m.Broken != nil || len(m.Payloads) > 0 {
					t.Errorf("%s, forged: verified %v, %v", c.name, m.Verified, m.PayloadNames())
				}
				continue
			}
			wrong := ""
			if m.Broken != nil {
				wrong = m.Broken.Error()
			}
			if !m.Verified || m.Err != nil || m.Describe() != c.shown || !strings.Contains(wrong, c.wrong) || (c.wrong == "") != (wrong == "") {
				t.Errorf("%s: verified %v, %v: %s: %s", c.name, m.Verified, m.Err, m.Describe(), wrong)
			}
			if m.Negotiated != nil {
				t.Errorf("%s: negotiated", c.name)
			}
			for _, line := range m.Details() {
				if line == "" {
					t.Errorf("%s: no detail", c.name)
				}
			}
			m.Fields()
		}
	}
}

// Where SKEYID_a is not known such a message is no less refused, but shown up to the broken place.
func TestBrokenUnproven(t *testing.T) {
	for _, c := range []struct {
		name, rest    string
		shown, broken string
	}{
		{"too long", "0a002328" + strings.Repeat("78", 60), "HASH, SA [malformed]", "SA payload at byte 24: length 9000"},
		{"random", strings.Repeat("9c3b57d1", 20), "HASH, SA [malformed]", "SA payload at byte 24"},
	} {
		for _, forged := range []bool{false, true} {
			m := behindHash(t, 7, PayloadSA, unhex(c.rest), forged, false)
			if m.Err != ErrAltered || m.Decrypted || m.Payloads != nil || m.Plain != nil || m.Negotiated != nil ||
				m.Describe() != c.shown || m.Broken == nil || !strings.Contains(m.Broken.Error(), c.broken) {
				t.Errorf("%s: %v, %v: %s: %v", c.name, m.Err, m.Payloads, m.Describe(), m.Broken)
			}
		}
	}
}

// behindHash is the Quick Mode message that begins with a HASH, of what is behind it or forged,
// read with SKEYID_a or without.
func behindHash(t testing.TB, id uint32, next PayloadType, rest []byte, forged, withA bool) *Message {
	l := newLab(t, 9, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	hash := l.suite.hash.prf(l.a, mid(id), rest)
	if forged {
		hash[0] ^= 1
	}
	l.sealedBytes(true, ExchangeQuick, id, PayloadHash, join([]byte{byte(next), 0, 0, byte(4 + len(hash))}, hash, rest))
	if !withA {
		l.secret = &Secret{InitiatorCookie: l.i, SKEYIDe: l.secret.SKEYIDe}
	}
	_, messages := follow([]*Secret{l.secret}, l.list)
	return messages[len(messages)-1]
}

// FuzzBehindHash: whatever the holder of the key sends, it is read without harm.
func FuzzBehindHash(f *testing.F) {
	f.Add(byte(PayloadSA), unhex("0a002328"+strings.Repeat("78", 60)))
	f.Add(byte(PayloadNonce), unhex("00000008 01020304"))
	f.Add(byte(PayloadDelete), unhex("00000010 00000001 03040001 11223344"))
	f.Fuzz(func(t *testing.T, next byte, rest []byte) {
		m := behindHash(t, 7, PayloadType(next), rest[:min(len(rest), 2000)], false, len(rest)%2 == 0)
		m.Describe()
		m.Details()
		m.Fields()
		m.Offers()
		if m.Broken != nil && (!m.Verified && !m.Decrypted && m.Err != ErrAltered || m.Negotiated != nil) {
			t.Errorf("verified %v, negotiated %v: %v", m.Verified, m.Negotiated, m.Broken)
		}
	})
}
