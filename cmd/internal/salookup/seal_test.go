package salookup_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"math/rand/v2"
	"strings"

	//lint:ignore SA1019 RFC 2451 names it
	"golang.org/x/crypto/blowfish"
	//lint:ignore SA1019 RFC 2451 names it
	"golang.org/x/crypto/cast5"
	"golang.org/x/crypto/chacha20poly1305"
	//lint:ignore SA1019 RFC 2857 names it
	"golang.org/x/crypto/ripemd160"
	//lint:ignore SA1019 deployed ESP uses it
	"golang.org/x/crypto/twofish"

	"l2tpdump/esp"
)

// must returns v of a constructor that can't fail here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sealer makes packets in the plainest way, apart from the code under test.
type sealer struct {
	suite    esp.Suite
	key      []byte
	authKey  []byte
	spi, seq uint32
	seqHigh  uint32
}

// newSealer returns a sealer with keys that depend on the suite only.
func newSealer(s esp.Suite) *sealer {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 200)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	e := &sealer{suite: s, spi: 0xc0ffee01, seq: 7, seqHigh: 0x01020304, key: b[:s.KeyLen+s.Cipher.SaltLen]}
	if s.Auth != nil {
		e.authKey = b[100 : 100+s.Auth.KeyLen]
	}
	return e
}

var testBlocks = map[string]func([]byte) (cipher.Block, error){
	"aes-cbc":      aes.NewCipher,
	"3des-cbc":     des.NewTripleDESCipher,
	"des-cbc":      des.NewCipher,
	"blowfish-cbc": func(k []byte) (cipher.Block, error) { return blowfish.NewCipher(k) },
	"cast5-cbc":    func(k []byte) (cipher.Block, error) { return cast5.NewCipher(k) },
	"twofish-cbc":  func(k []byte) (cipher.Block, error) { return twofish.NewCipher(k) },
}

var testHashes = map[string]func() hash.Hash{
	"hmac-sha1-96": sha1.New, "hmac-md5-96": md5.New, "hmac-sha2-256-128": sha256.New, "hmac-sha2-256-96": sha256.New,
	"hmac-sha2-384-192": sha512.New384, "hmac-sha2-512-256": sha512.New, "hmac-ripemd160-96": ripemd160.New,
	"hmac-sha2-384-96": sha512.New384, "hmac-sha2-512-96": sha512.New,
}

// seal encrypts payload, with the least padding and the padding that pad makes (nil: 1, 2, 3 ...).
func (e *sealer) seal(payload []byte, next uint8, pad func(i int) byte) []byte {
	c := e.suite.Cipher
	if pad == nil {
		pad = func(i int) byte { return byte(i + 1) }
	}
	align := max(4, c.BlockLen)
	n := (2*align - 2 - len(payload)%align) % align
	plain := bytes.Clone(payload)
	for i := range n {
		plain = append(plain, pad(i))
	}
	return e.sealPlain(append(plain, byte(n), next))
}

// sealPlain encrypts payload with its trailer.
func (e *sealer) sealPlain(plain []byte) []byte {
	c := e.suite.Cipher
	be := binary.BigEndian
	p := be.AppendUint32(be.AppendUint32(nil, e.spi), e.seq)
	aad := be.AppendUint32(nil, e.spi)
	if e.suite.ESN {
		aad = be.AppendUint32(aad, e.seqHigh)
	}
	aad = be.AppendUint32(aad, e.seq)
	iv := []byte{9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6}[:c.IVLen]
	p = append(p, iv...)
	if c.ImplicitIV {
		iv = be.AppendUint32(make([]byte, 4), e.seq)
		if e.suite.ESN {
			be.PutUint32(iv, e.seqHigh)
		}
	}
	key, salt := e.key[:e.suite.KeyLen], e.key[e.suite.KeyLen:]
	nonce := append(bytes.Clone(salt), iv...)
	switch name := strings.TrimSuffix(c.Name, "-iiv"); name {
	case "null":
		p = append(p, plain...)
	case "aes-ctr":
		out := bytes.Clone(plain)
		cipher.NewCTR(must(aes.NewCipher(key)), append(nonce, 0, 0, 0, 1)).XORKeyStream(out, plain)
		p = append(p, out...)
	case "aes-gcm":
		out := must(cipher.NewGCM(must(aes.NewCipher(key)))).Seal(nil, nonce, plain, aad)
		return append(p, out[:len(plain)+e.suite.ICVLen]...)
	case "aes-ccm":
		return append(p, sealCCM(must(aes.NewCipher(key)), nonce, plain, aad, e.suite.ICVLen)...)
	case "chacha20-poly1305":
		return must(chacha20poly1305.New(key)).Seal(p, nonce, plain, aad)
	case "null-gmac":
		all := append(append(aad, iv...), plain...)
		return must(cipher.NewGCM(must(aes.NewCipher(key)))).Seal(append(p, plain...), nonce, nil, all)
	default:
		out := bytes.Clone(plain)
		cipher.NewCBCEncrypter(must(testBlocks[name](key)), iv).CryptBlocks(out, plain)
		p = append(p, out...)
	}
	icv := make([]byte, e.suite.Auth.ICVLen)
	covered := bytes.Clone(p)
	if e.suite.ESN {
		covered = be.AppendUint32(covered, e.seqHigh)
	}
	if h := testHashes[e.suite.Auth.Name]; h != nil {
		m := hmac.New(h, e.authKey)
		m.Write(covered)
		copy(icv, m.Sum(nil))
	}
	return append(p, icv...)
}

// sealCCM is RFC 3610 with a length field of 4 bytes, word for word.
func sealCCM(b cipher.Block, nonce, plain, aad []byte, tagLen int) []byte {
	be := binary.BigEndian
	msg := append([]byte{byte(64 + 8*((tagLen-2)/2) + 3)}, nonce...)
	msg = be.AppendUint32(msg, uint32(len(plain)))
	msg = append(be.AppendUint16(msg, uint16(len(aad))), aad...)
	for len(msg)%16 != 0 {
		msg = append(msg, 0)
	}
	msg = append(msg, plain...)
	for len(msg)%16 != 0 {
		msg = append(msg, 0)
	}
	var x [16]byte
	for i := range msg {
		x[i%16] ^= msg[i]
		if i%16 == 15 {
			b.Encrypt(x[:], x[:])
		}
	}
	stream := func(i int) (s [16]byte) {
		copy(s[:], append([]byte{3}, nonce...))
		be.PutUint32(s[12:], uint32(i))
		b.Encrypt(s[:], s[:])
		return s
	}
	out := bytes.Clone(plain)
	for i := range out {
		s := stream(1 + i/16)
		out[i] ^= s[i%16]
	}
	s := stream(0)
	for i := range tagLen {
		out = append(out, x[i]^s[i])
	}
	return out
}

// allSuites returns each row of the cipher table with each key length and ICV length, and each
// row of the authentication table that is an HMAC with AES-CBC, 3DES-CBC, AES-CTR and NULL.
func allSuites() []esp.Suite {
	var suites []esp.Suite
	sha1 := esp.AuthByName("hmac-sha1-96")
	for _, c := range esp.Ciphers {
		for _, k := range c.KeyLens {
			switch {
			case c.AEAD:
				for _, n := range c.ICVLens {
					suites = append(suites, esp.Suite{Cipher: c, KeyLen: k, ICVLen: n})
				}
			case len(c.KeyLens) > 5 && k%8 != 0:
			default:
				suites = append(suites, esp.Suite{Cipher: c, KeyLen: k, Auth: sha1})
			}
		}
	}
	for _, a := range esp.Auths {
		if testHashes[a.Name] == nil {
			continue
		}
		for _, name := range []string{"aes-cbc", "3des-cbc", "aes-ctr", "null"} {
			c := esp.CipherByName(name)
			suites = append(suites, esp.Suite{Cipher: c, KeyLen: c.KeyLens[0], Auth: a})
		}
	}
	for _, s := range suites {
		s.ESN = true
		suites = append(suites, s)
	}
	return suites
}

// l2tpPacket returns a UDP datagram with an L2TP data message of about n bytes.
func l2tpPacket(n int) []byte {
	p := make([]byte, max(n, 24))
	copy(p, []byte{0x06, 0xa5, 0x06, 0xa5, 0, 0, 0, 0, 0x00, 0x02, 0, 1, 0, 2, 0xff, 0x03, 0, 0x21, 0x45, 0})
	binary.BigEndian.PutUint16(p[4:], uint16(len(p)))
	for i := 20; i < len(p); i++ {
		p[i] = byte(i * 7)
	}
	return p
}
