package ppp

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"testing"

	"l2tpdump/esp"
)

func secret(text string) *password { return &password{key: esp.NewKey([]byte(text))} }

// TestMSCHAPv2 has the values of RFC 2759 section 9.2, and the keys of RFC 3079 section 3.5.
func TestMSCHAPv2(t *testing.T) {
	challenge := unhex(t, "5b5d7c7d7b3f2f3e3c2c602132262628")
	peer := unhex(t, "21402324255e262a28295f2b3a337c7e")
	response := unhex(t, "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df")
	p := secret("clientPass")
	if got := p.ntHashes(); len(got) != 1 || !bytes.Equal(got[0], unhex(t, "44ebba8d5312b8d611474411f56989ae")) {
		t.Errorf("NtPasswordHash %x", got)
	}
	if got := challengeHash(peer, challenge, "User"); !bytes.Equal(got, unhex(t, "d02e4386bce91226")) {
		t.Errorf("ChallengeHash %x", got)
	}
	value := append(append(append(bytes.Clone(peer), make([]byte, 8)...), response...), 0)
	for _, user := range []string{"User", `DOMAIN\User`} {
		x := exchange{algorithm: msCHAPv2, challenge: challenge, response: value, user: user}
		keys, ok := x.answer(p)
		if !ok {
			t.Fatalf("the response of %s is not found to be right", user)
		}
		start := unhex(t, "8b7cdc149b993a1ba118cb153f56dccb") // what the server sends with
		if !bytes.Equal(keys.long[1], start) || !bytes.Equal(keys.short[1], start[:8]) {
			t.Errorf("SendStartKey %x, %x", keys.long[1], keys.short[1])
		}
		if want := unhex(t, "d5f0e9521e3ea9589645e86051c82226"); !bytes.Equal(keys.long[0], want) {
			t.Errorf("ReceiveStartKey %x", keys.long[0])
		}
		checkSession(t, keys, 1, "405cb2247a7956e6e211007ae27b22d4", "d15c00c49fa62e3e", "d1269ec49fa62e3e")
		m := newMPPECipher(mppe128, keys, 1)
		if got := appendXOR(nil, &m.stream, []byte("test message")); !bytes.Equal(got, unhex(t, "81848317df68846272fb5abe")) {
			t.Errorf("encrypted message %x", got)
		}
	}
	hashed := &password{esp.NewKey(unhex(t, "44ebba8d5312b8d611474411f56989ae")), true}
	x := exchange{algorithm: msCHAPv2, challenge: challenge, response: value, user: "User"}
	if _, ok := x.answer(hashed); !ok {
		t.Error("not with the hash")
	}
	for i := range value[:48] {
		if i >= 16 && i < 24 { // reserved
			continue
		}
		x.response = bytes.Clone(value)
		x.response[i] ^= 1
		if _, ok := x.answer(p); ok {
			t.Errorf("right with byte %d changed", i)
		}
	}
	x.response = value
	if _, ok := x.answer(secret("clientpass")); ok {
		t.Error("right with another password")
	}
}

// TestMSCHAPv1 has the values of RFC 3079 section 2.5.
func TestMSCHAPv1(t *testing.T) {
	challenge := unhex(t, "102db5df085d3041")
	p := secret("clientPass")
	if got := p.lmHash(); !bytes.Equal(got, unhex(t, "76a152936096d7830e23902274 04afd2")) {
		t.Errorf("LmPasswordHash %x", got)
	}
	for _, nt := range []byte{0, 1} {
		value := append(challengeResponse(challenge, p.lmHash()), challengeResponse(challenge, p.ntHashes()[0])...)
		x := exchange{algorithm: msCHAPv1, challenge: challenge, response: append(value, nt)}
		keys, ok := x.answer(p)
		if !ok {
			t.Fatal("the response is not found to be right")
		}
		if want := unhex(t, "a8947850cfc0acc1d1789fb62ddcddb0"); !bytes.Equal(keys.long[0], want) || !bytes.Equal(keys.long[1], want) {
			t.Errorf("start key %x", keys.long)
		}
		checkSession(t, keys, 0, "59d159bc09f76f1da2a86a28ffec0b1e", "d10801538cec4a08", "d1269e538cec4a08")
		if _, ok := x.answer(secret("clientPasS")); ok == (nt == 1) { // the LAN Manager hash is of capitals
			t.Errorf("use NT %d: another password fits: %v", nt, ok)
		}
	}
}

func checkSession(t *testing.T, keys *startKeys, direction int, long, short56, short40 string) {
	t.Helper()
	for options, want := range map[uint32]string{mppe128: long, mppe56: short56, mppe40: short40} {
		m := newMPPECipher(options, keys, direction)
		if got := fmt.Sprintf("%x", m.key[:m.length]); got != want {
			t.Errorf("session key of option %x: %s, want %s", options, got, want)
		}
	}
	if newMPPECipher(mppe40|mppe128, keys, direction) != nil || newMPPECipher(0, keys, direction) != nil {
		t.Error("a cipher of no length")
	}
}

func TestCHAP(t *testing.T) {
	text := []byte("\x07secretCHALLENGE")
	md5Sum, sha1Sum, sha256Sum := md5.Sum(text), sha1.Sum(text), sha256.Sum256(text)
	for algorithm, sum := range map[byte][]byte{chapMD5: md5Sum[:], chapSHA1: sha1Sum[:], chapSHA256: sha256Sum[:]} {
		x := exchange{algorithm: algorithm, id: 7, challenge: []byte("CHALLENGE"), response: sum}
		if _, ok := x.answer(secret("secret")); !ok || !x.known() || guessAlgorithm(&x) != algorithm {
			t.Errorf("algorithm %d: right password", algorithm)
		}
		if _, ok := x.answer(secret("Secret")); ok {
			t.Errorf("algorithm %d: wrong password", algorithm)
		}
	}
	if (&exchange{algorithm: 8}).known() {
		t.Error("an algorithm that is not known")
	}
}

// TestPasswordOfBytes: pppd takes the bytes of a password for characters.
func TestPasswordOfBytes(t *testing.T) {
	if got := secret("pässword").ntHashes(); len(got) != 2 || bytes.Equal(got[0], got[1]) {
		t.Errorf("%d hashes", len(got))
	}
}
