package ppp

import (
	"bytes"
	"crypto/des"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 RFC 2433 and RFC 2759 name it
	"golang.org/x/crypto/md4"
)

// Algorithms of CHAP (RFC 1994, 2433, 2759; IANA's PPP Authentication Algorithms), by their number
// in an Authentication-Protocol option.
const (
	chapMD5    = 5
	chapSHA1   = 6
	chapSHA256 = 7
	msCHAPv1   = 0x80
	msCHAPv2   = 0x81
)

// chapHashes are those of CHAP: a response is the hash of ID, secret and challenge (RFC 1994
// section 4.1).
var chapHashes = map[byte]func() hash.Hash{chapMD5: md5.New, chapSHA1: sha1.New, chapSHA256: sha256.New}

// known says that a password can be compared with the response.
func (x *exchange) known() bool {
	return chapHashes[x.algorithm] != nil || x.algorithm == msCHAPv1 || x.algorithm == msCHAPv2
}

// msResponse is the length of a response of MS-CHAP, of either version.
const msResponse = 49

// exchange is a challenge of CHAP or EAP and the response to it.
type exchange struct {
	algorithm byte
	id        byte
	challenge []byte
	response  []byte
	user      string // as the response names it
}

// startKeys are the keys that MPPE begins with (RFC 3079): those of 128 bits, and those of 40 and
// 56 bits. The first is of what the client sends, the one who was challenged.
type startKeys struct {
	long, short [2][]byte // nil: cannot be known
}

// answer reports whether a password made the response, and returns the keys for MPPE if the
// algorithm yields any.
func (x *exchange) answer(password *password) (keys *startKeys, ok bool) {
	switch {
	case chapHashes[x.algorithm] != nil:
		h := chapHashes[x.algorithm]()
		h.Write([]byte{x.id})
		h.Write(password.text())
		h.Write(x.challenge)
		return nil, !password.hashed && bytes.Equal(h.Sum(nil), x.response)
	case len(x.response) != msResponse:
		return nil, false
	}
	for _, hash := range password.ntHashes() {
		switch {
		case x.algorithm == msCHAPv2 && len(x.challenge) == 16:
			peer, response := x.response[:16], x.response[24:48]
			if bytes.Equal(challengeResponse(challengeHash(peer, x.challenge, x.user), hash), response) {
				return keysV2(hash, response), true
			}
		case x.algorithm == msCHAPv1 && len(x.challenge) == 8:
			lm := password.lmHash()
			fits := bytes.Equal(challengeResponse(x.challenge, hash), x.response[24:48])
			if x.response[48] == 0 { // the NT response is not used (RFC 2433 section 6)
				fits = lm != nil && bytes.Equal(challengeResponse(x.challenge, lm), x.response[:24])
			}
			if fits {
				return keysV1(hash, lm, x.challenge), true
			}
		}
	}
	return nil, false
}

// ntHash is NtPasswordHash (RFC 2759 section 8.3).
func ntHash(units []uint16) []byte {
	h := md4.New()
	for _, u := range units {
		h.Write([]byte{byte(u), byte(u >> 8)})
	}
	return h.Sum(nil)
}

// ntHashes are the hashes of a password: of its characters, and, as pppd has it, of its bytes.
func (p *password) ntHashes() [][]byte {
	if p.hashed {
		return [][]byte{p.text()}
	}
	var single []uint16
	for _, b := range p.text() {
		single = append(single, uint16(b))
	}
	hashes := [][]byte{ntHash(utf16.Encode([]rune(string(p.text()))))}
	if !bytes.Equal(hashes[0], ntHash(single)) {
		hashes = append(hashes, ntHash(single))
	}
	return hashes
}

// lmHash is LmPasswordHash (RFC 2433 section A.1), nil where only the other hash is known.
func (p *password) lmHash() []byte {
	if p.hashed {
		return nil
	}
	key := make([]byte, 14)
	copy(key, strings.ToUpper(string(p.text())))
	return append(desBlock(key[:7], []byte("KGS!@#$%")), desBlock(key[7:], []byte("KGS!@#$%"))...)
}

// desBlock encrypts a block with a key of 7 bytes (RFC 2433 section A.2).
func desBlock(key, block []byte) []byte {
	var acc uint64
	for _, b := range key {
		acc = acc<<8 | uint64(b)
	}
	var spread [8]byte // 7 bits in each byte, before the parity bit
	for i := range spread {
		spread[i] = byte(acc>>(49-7*i)) << 1
	}
	c, err := des.NewCipher(spread[:])
	if err != nil {
		panic(err) // the length is right
	}
	out := make([]byte, 8)
	c.Encrypt(out, block)
	return out
}

// challengeResponse encrypts a challenge of 8 bytes with the three parts of a hash (RFC 2759
// section 8.5).
func challengeResponse(challenge, hash []byte) []byte {
	key := make([]byte, 21)
	copy(key, hash)
	out := desBlock(key[:7], challenge)
	out = append(out, desBlock(key[7:14], challenge)...)
	return append(out, desBlock(key[14:], challenge)...)
}

// challengeHash is the challenge that the response of MS-CHAPv2 is made of (RFC 2759 section 8.2).
// The user's name counts without the domain.
func challengeHash(peer, authenticator []byte, user string) []byte {
	return sha1Key(8, peer, authenticator, []byte(user[strings.LastIndexByte(user, '\\')+1:]))
}

// sha1Key is the beginning of a SHA-1 of parts.
func sha1Key(length int, parts ...[]byte) []byte {
	h := sha1.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)[:length]
}

// Padding of the key derivations (RFC 3079 section 3.4).
var (
	shaPad1 = make([]byte, 40)
	shaPad2 = bytes.Repeat([]byte{0xf2}, 40)
)

// keysV2 derives the keys from MS-CHAPv2 (RFC 3079 section 3).
func keysV2(hash, response []byte) *startKeys {
	const (
		master   = "This is the MPPE Master Key"
		toServer = "On the client side, this is the send key; on the server side, it is the receive key."
		toClient = "On the client side, this is the receive key; on the server side, it is the send key."
	)
	hashHash := md4.New()
	hashHash.Write(hash)
	key := sha1Key(16, hashHash.Sum(nil), response, []byte(master))
	var k startKeys
	for i, magic := range [...]string{toServer, toClient} {
		k.long[i] = sha1Key(16, key, shaPad1, []byte(magic), shaPad2)
		k.short[i] = k.long[i][:8]
	}
	return &k
}

// keysV1 derives the keys from MS-CHAPv1 (RFC 3079 section 2): one for both directions.
func keysV1(hash, lm, challenge []byte) *startKeys {
	hashHash := md4.New()
	hashHash.Write(hash)
	sum := hashHash.Sum(nil)
	long := sha1Key(16, sum, sum, challenge)
	k := &startKeys{long: [2][]byte{long, long}}
	if lm != nil {
		k.short = [2][]byte{lm[:8], lm[:8]}
	}
	return k
}
