package ikev1

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"slices"

	//lint:ignore SA1019 RFC 2409 names it
	"golang.org/x/crypto/blowfish"
	//lint:ignore SA1019 RFC 2409 names it
	"golang.org/x/crypto/cast5"
	//lint:ignore SA1019 deployed peers offer it
	"golang.org/x/crypto/twofish"
)

// cipherAlg is a cipher of phase 1, in CBC mode (RFC 2409 appendix A, IANA).
type cipherAlg struct {
	name     string // without the key's length
	id       uint16 // value of the encryption attribute
	keyLens  []int  // bytes, the default first
	blockLen int    // bytes
	new      func(key []byte) (cipher.Block, error)
}

// cipherAlgs is in the order in which ciphers are tried where no SA payload names one.
var cipherAlgs = []*cipherAlg{
	{"aes-cbc", 7, []int{16, 32, 24}, 16, aes.NewCipher},
	{"3des-cbc", 5, []int{24}, 8, des.NewTripleDESCipher},
	{"des-cbc", 1, []int{8}, 8, des.NewCipher},
	{"cast5-cbc", 6, []int{16}, 8, func(k []byte) (cipher.Block, error) { return cast5.NewCipher(k) }},
	{"blowfish-cbc", 3, []int{16, 24, 32, 56}, 8, func(k []byte) (cipher.Block, error) { return blowfish.NewCipher(k) }},
	{"twofish-cbc", 65005, []int{16, 24, 32}, 16, func(k []byte) (cipher.Block, error) { return twofish.NewCipher(k) }},
}

// cipherByID returns the row of an encryption attribute's value, or nil.
func cipherByID(id uint16) *cipherAlg {
	return firstOf(cipherAlgs, func(c *cipherAlg) bool { return c.id == id })
}

// suite is what phase 1 agreed on, as far as decryption needs it.
type suite struct {
	cipher *cipherAlg
	keyLen int      // bytes
	hash   *hashAlg // nil: not known
}

// suiteOf reads a phase 1 transform. ok is false where it can't be decrypted.
func suiteOf(p terms) (s suite, ok bool) {
	s.cipher, s.hash = cipherByID(p.Cipher), hashByID(p.Hash)
	if s.cipher == nil || s.hash == nil {
		return suite{}, false
	}
	s.keyLen = s.cipher.keyLens[0]
	if p.KeyBits != 0 && len(s.cipher.keyLens) > 1 {
		s.keyLen = p.KeyBits / 8
		if s.cipher.name == "blowfish-cbc" {
			return s, p.KeyBits%8 == 0 && s.keyLen >= 5 && s.keyLen <= 56
		}
	}
	return s, slices.Contains(s.cipher.keyLens, s.keyLen)
}

// cbc is a message's ciphertext, which is decrypted as far as it is looked at.
type cbc struct {
	block cipher.Block
	src   []byte // a multiple of the block size
	room  []byte // for the message in clear, nil until all is decrypted
	head  [maxBlockLen]byte
	ahead [2 * maxBlockLen]byte // room for what continues looks at
}

// with returns the plaintext with an IV, nil for an unknown one. It is valid until the next call.
func (c *cbc) with(iv []byte) []byte {
	c.decryptHead()
	n := c.block.BlockSize()
	if c.room == nil {
		c.room = make([]byte, HeaderLen+len(c.src))
		plain := c.room[HeaderLen:]
		for off := n; off < len(c.src); off += n {
			c.block.Decrypt(plain[off:off+n], c.src[off:off+n])
			subtle.XORBytes(plain[off:off+n], plain[off:off+n], c.src[off-n:off])
		}
	}
	plain := c.room[HeaderLen:]
	copy(plain, c.head[:n])
	subtle.XORBytes(plain, plain[:len(iv)], iv)
	return plain
}

// decryptHead decrypts the first block without the IV.
func (c *cbc) decryptHead() {
	if n := c.block.BlockSize(); c.head == ([maxBlockLen]byte{}) {
		c.block.Decrypt(c.head[:n], c.src[:n])
	}
}

// reserved returns the second byte of the IV with which the first payload's reserved byte is 0.
func (c *cbc) reserved() byte {
	c.decryptHead()
	return c.head[1]
}

// begins reports whether the plaintext with an IV can begin a message with payloads of whole bytes.
func (c *cbc) begins(iv *[maxBlockLen]byte, whole int) bool {
	c.decryptHead()
	var b [payloadHeaderLen]byte
	subtle.XORBytes(b[:], c.head[:payloadHeaderLen], iv[:payloadHeaderLen])
	_, _, ok := payloadHeader(b[:], whole)
	return ok
}

// continues reports whether a payload can begin at off, which is not in the first block, or what is
// behind it is no more than padding mostly is.
func (c *cbc) continues(off, whole int) bool {
	n := c.block.BlockSize()
	if len(c.src)-off <= 2*n {
		return true
	}
	b := &c.ahead
	from := off / n * n
	for at := from; at < off+payloadHeaderLen; at += n {
		c.block.Decrypt(b[at-from:at-from+n], c.src[at:at+n])
		subtle.XORBytes(b[at-from:], b[at-from:at-from+n], c.src[at-n:at])
	}
	_, _, ok := payloadHeader(b[off-from:], whole-off)
	return ok
}
