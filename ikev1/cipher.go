package ikev1

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"slices"

	//lint:ignore SA1019 RFC 2409 names it
	"golang.org/x/crypto/blowfish"
	//lint:ignore SA1019 RFC 2409 names it
	"golang.org/x/crypto/cast5"
	//lint:ignore SA1019 deployed peers offer it
	"golang.org/x/crypto/twofish"
)

// cipherAlg is a row of the table of ciphers of phase 1, all of them in CBC mode
// (RFC 2409 appendix A, IANA "IPsec registry: encryption algorithms").
type cipherAlg struct {
	name     string // without the key's length
	id       uint16 // value of the encryption attribute
	keyLens  []int  // bytes, the default first
	blockLen int    // bytes
	new      func(key []byte) (cipher.Block, error)
}

// cipherAlgs is in the order in which ciphers are tried where no SA payload
// names one.
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
	for _, c := range cipherAlgs {
		if c.id == id {
			return c
		}
	}
	return nil
}

// suite is what phase 1 agreed on, as far as decryption needs it.
type suite struct {
	cipher *cipherAlg
	keyLen int      // bytes
	hash   *hashAlg // nil: not known
}

// suiteOf reads a phase 1 transform. ok is false where an algorithm is not in
// the tables or the key length does not go with the cipher.
func suiteOf(p phase1Terms) (s suite, ok bool) {
	s.cipher, s.hash = cipherByID(p.Encryption), hashByID(p.Hash)
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

// decryptTail decrypts all but the first block of CBC ciphertext into dst, and
// the first one without the IV: dst[:blockLen] has yet to be combined with it.
// Both have the same length, a multiple of the block size; they do not overlap.
func decryptTail(b cipher.Block, dst, src []byte) {
	n := b.BlockSize()
	for off := 0; off < len(src); off += n {
		b.Decrypt(dst[off:off+n], src[off:off+n])
		if off > 0 {
			for i := range n {
				dst[off+i] ^= src[off-n+i]
			}
		}
	}
}
