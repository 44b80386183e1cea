// Package seal makes ESP packets (RFC 4303) in the plainest way, for tests. Nothing of package
// esp has a part in it.
package seal

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
)

// Must returns v of a constructor that can't fail here.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Blocks are the block ciphers of CBC, by the names of package esp.
var Blocks = map[string]func([]byte) (cipher.Block, error){
	"aes-cbc":      aes.NewCipher,
	"3des-cbc":     des.NewTripleDESCipher,
	"des-cbc":      des.NewCipher,
	"blowfish-cbc": func(k []byte) (cipher.Block, error) { return blowfish.NewCipher(k) },
	"cast5-cbc":    func(k []byte) (cipher.Block, error) { return cast5.NewCipher(k) },
	"twofish-cbc":  func(k []byte) (cipher.Block, error) { return twofish.NewCipher(k) },
}

// Hashes are those of the HMACs, by the names of package esp.
var Hashes = map[string]func() hash.Hash{
	"hmac-sha1-96": sha1.New, "hmac-md5-96": md5.New, "hmac-sha2-256-128": sha256.New, "hmac-sha2-256-96": sha256.New,
	"hmac-sha2-384-192": sha512.New384, "hmac-sha2-512-256": sha512.New, "hmac-ripemd160-96": ripemd160.New,
	"hmac-sha2-384-96": sha512.New384, "hmac-sha2-512-96": sha512.New,
}

// Packet says what an ESP packet is made of.
type Packet struct {
	Cipher            string // a name of package esp
	BlockLen, IVLen   int    // of the cipher, in bytes
	ImplicitIV        bool   // RFC 8750
	Key, Salt         []byte
	ICVLen            int                         // in bytes
	MAC               func(covered []byte) []byte // at least ICVLen bytes; nil for a cipher that authenticates
	SPI, Seq, SeqHigh uint32
	ESN               bool
}

// MAC is that of an authentication algorithm; of one that isn't known, zeros.
func MAC(auth string, key []byte) func(covered []byte) []byte {
	return func(covered []byte) []byte {
		switch h := Hashes[auth]; {
		case h != nil:
			m := hmac.New(h, key)
			m.Write(covered)
			return m.Sum(nil)
		case auth == "aes-xcbc-96":
			return xcbc(key, covered)
		case auth == "aes-cmac-96":
			return cmac(key, covered)
		}
		return make([]byte, 64)
	}
}

// Seal encrypts payload, with the least padding and the padding that pad makes (nil: 1, 2, 3 ...).
func (e Packet) Seal(payload []byte, next uint8, pad func(i int) byte) []byte {
	if pad == nil {
		pad = func(i int) byte { return byte(i + 1) }
	}
	align := max(4, e.BlockLen)
	n := (2*align - 2 - len(payload)%align) % align
	plain := bytes.Clone(payload)
	for i := range n {
		plain = append(plain, pad(i))
	}
	return e.SealPlain(append(plain, byte(n), next))
}

// SealPlain encrypts payload with its trailer.
func (e Packet) SealPlain(plain []byte) []byte {
	be := binary.BigEndian
	p := be.AppendUint32(be.AppendUint32(nil, e.SPI), e.Seq)
	aad := be.AppendUint32(nil, e.SPI)
	if e.ESN {
		aad = be.AppendUint32(aad, e.SeqHigh)
	}
	aad = be.AppendUint32(aad, e.Seq)
	iv := []byte{9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6}[:e.IVLen]
	p = append(p, iv...)
	if e.ImplicitIV {
		iv = be.AppendUint32(make([]byte, 4), e.Seq)
		if e.ESN {
			be.PutUint32(iv, e.SeqHigh)
		}
	}
	nonce := append(bytes.Clone(e.Salt), iv...)
	switch name := strings.TrimSuffix(e.Cipher, "-iiv"); name {
	case "null":
		p = append(p, plain...)
	case "aes-ctr":
		out := bytes.Clone(plain)
		cipher.NewCTR(Must(aes.NewCipher(e.Key)), append(nonce, 0, 0, 0, 1)).XORKeyStream(out, plain)
		p = append(p, out...)
	case "aes-gcm":
		out := Must(cipher.NewGCM(Must(aes.NewCipher(e.Key)))).Seal(nil, nonce, plain, aad)
		return append(p, out[:len(plain)+e.ICVLen]...)
	case "aes-ccm":
		return append(p, sealCCM(Must(aes.NewCipher(e.Key)), nonce, plain, aad, e.ICVLen)...)
	case "chacha20-poly1305":
		return Must(chacha20poly1305.New(e.Key)).Seal(p, nonce, plain, aad)
	case "null-gmac":
		all := append(append(aad, iv...), plain...)
		return Must(cipher.NewGCM(Must(aes.NewCipher(e.Key)))).Seal(append(p, plain...), nonce, nil, all)
	default:
		out := bytes.Clone(plain)
		cipher.NewCBCEncrypter(Must(Blocks[name](e.Key)), iv).CryptBlocks(out, plain)
		p = append(p, out...)
	}
	covered := bytes.Clone(p)
	if e.ESN {
		covered = be.AppendUint32(covered, e.SeqHigh)
	}
	return append(p, e.MAC(covered)[:e.ICVLen]...)
}

func zeroPad(b []byte) []byte {
	for len(b)%16 != 0 {
		b = append(b, 0)
	}
	return b
}

// cbcMAC is the last block of CBC, before which the last one of data is combined with a key: with
// whole, or with padded where it had to be padded.
func cbcMAC(b cipher.Block, data, whole, padded []byte) []byte {
	k := whole
	if len(data) == 0 || len(data)%16 != 0 {
		data, k = zeroPad(append(bytes.Clone(data), 0x80)), padded
	}
	var x [16]byte
	for ; len(data) > 0; data = data[16:] {
		for i := range x {
			x[i] ^= data[i]
			if len(data) == 16 {
				x[i] ^= k[i]
			}
		}
		b.Encrypt(x[:], x[:])
	}
	return x[:12]
}

// xcbc is RFC 3566.
func xcbc(key, data []byte) []byte {
	derive := func(c byte) []byte {
		k := bytes.Repeat([]byte{c}, 16)
		Must(aes.NewCipher(key)).Encrypt(k, k)
		return k
	}
	return cbcMAC(Must(aes.NewCipher(derive(1))), data, derive(2), derive(3))
}

// cmac is RFC 4493.
func cmac(key, data []byte) []byte {
	b := Must(aes.NewCipher(key))
	double := func(in []byte) []byte {
		out := make([]byte, 16)
		for i := range out {
			out[i] = in[i] << 1
			if i < 15 {
				out[i] |= in[i+1] >> 7
			}
		}
		if in[0]&0x80 != 0 {
			out[15] ^= 0x87
		}
		return out
	}
	l := make([]byte, 16)
	b.Encrypt(l, l)
	k1 := double(l)
	return cbcMAC(b, data, k1, double(k1))
}

// sealCCM is RFC 3610 with a length field of 4 bytes, word for word.
func sealCCM(b cipher.Block, nonce, plain, aad []byte, tagLen int) []byte {
	be := binary.BigEndian
	msg := append([]byte{byte(64 + 8*((tagLen-2)/2) + 3)}, nonce...)
	msg = be.AppendUint32(msg, uint32(len(plain)))
	msg = zeroPad(append(be.AppendUint16(msg, uint16(len(aad))), aad...))
	msg = zeroPad(append(msg, plain...))
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

// L2TP returns a UDP datagram with an L2TP data message of about n bytes.
func L2TP(n int) []byte {
	p := make([]byte, max(n, 24))
	copy(p, []byte{0x06, 0xa5, 0x06, 0xa5, 0, 0, 0, 0, 0x00, 0x02, 0, 1, 0, 2, 0xff, 0x03, 0, 0x21, 0x45, 0})
	binary.BigEndian.PutUint16(p[4:], uint16(len(p)))
	for i := 20; i < len(p); i++ {
		p[i] = byte(i * 7)
	}
	return p
}
