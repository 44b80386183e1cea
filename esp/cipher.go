package esp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"slices"

	//lint:ignore SA1019 RFC 2451 names it
	"golang.org/x/crypto/blowfish"
	//lint:ignore SA1019 RFC 2451 names it
	"golang.org/x/crypto/cast5"
	"golang.org/x/crypto/chacha20poly1305"
	//lint:ignore SA1019 deployed ESP uses it
	"golang.org/x/crypto/twofish"
)

// Cipher is a row of the table of encryption algorithms.
type Cipher struct {
	Name       string // as in "aes-cbc"
	KeyLens    []int  // lengths of the key in bytes, without the salt; the usual one first
	SaltLen    int    // bytes of salt at the end of the key material (RFC 3686 calls it nonce)
	IVLen      int    // bytes of IV on the wire
	BlockLen   int    // the ciphertext is a multiple of this many bytes
	AEAD       bool   // the ICV comes from the cipher, no Auth is needed
	ICVLens    []int  // of an AEAD cipher: the lengths that its ICV may have in bytes, the usual one first
	ImplicitIV bool   // the IV is the sequence number and not on the wire (RFC 8750)
	Common     bool   // worth trying where no source names the algorithm

	lanes bool // package lanes does it, where it has assembly for AES-CBC; else prepare

	// prepare does the key schedule, which engines share.
	// There are no other users of key and salt than this call, icvLen is of ICVLens.
	prepare func(key, salt []byte, icvLen int) (cipherKey, error)

	names []string // with each of KeyLens
}

// Ciphers is the table of encryption algorithms, the common ones first.
var Ciphers = []*Cipher{
	{Name: "aes-cbc", KeyLens: []int{16, 32, 24}, IVLen: 16, BlockLen: 16, Common: true, lanes: true, prepare: cbc(aes.NewCipher)},
	{Name: "3des-cbc", KeyLens: []int{24}, IVLen: 8, BlockLen: 8, Common: true, prepare: cbc(des.NewTripleDESCipher)},
	{Name: "aes-gcm", KeyLens: []int{16, 32, 24}, SaltLen: 4, IVLen: 8, BlockLen: 1, AEAD: true, ICVLens: []int{16, 12, 8}, Common: true, prepare: gcm},
	{Name: "aes-ctr", KeyLens: []int{16, 32, 24}, SaltLen: 4, IVLen: 8, BlockLen: 1, Common: true, prepare: ctr},
	{Name: "aes-ccm", KeyLens: []int{16, 32, 24}, SaltLen: 3, IVLen: 8, BlockLen: 1, AEAD: true, ICVLens: []int{16, 12, 8}, Common: true, prepare: ccm},
	{Name: "chacha20-poly1305", KeyLens: []int{32}, SaltLen: 4, IVLen: 8, BlockLen: 1, AEAD: true, ICVLens: []int{16}, Common: true, prepare: chacha},
	{Name: "des-cbc", KeyLens: []int{8}, IVLen: 8, BlockLen: 8, Common: true, prepare: cbc(des.NewCipher)},
	{Name: "null", KeyLens: []int{0}, BlockLen: 1, prepare: null},
	{Name: "null-gmac", KeyLens: []int{16, 32, 24}, SaltLen: 4, IVLen: 8, BlockLen: 1, AEAD: true, ICVLens: []int{16}, prepare: gmac},
	{Name: "aes-gcm-iiv", KeyLens: []int{16, 32, 24}, SaltLen: 4, BlockLen: 1, AEAD: true, ICVLens: []int{16}, ImplicitIV: true, prepare: gcm},
	{Name: "aes-ccm-iiv", KeyLens: []int{16, 32, 24}, SaltLen: 3, BlockLen: 1, AEAD: true, ICVLens: []int{8}, ImplicitIV: true, prepare: ccm},
	{Name: "chacha20-poly1305-iiv", KeyLens: []int{32}, SaltLen: 4, BlockLen: 1, AEAD: true, ICVLens: []int{16}, ImplicitIV: true, prepare: chacha},
	{Name: "blowfish-cbc", KeyLens: keyRange(16, 5, 56), IVLen: 8, BlockLen: 8, prepare: cbc(blowfish.NewCipher)},
	{Name: "cast5-cbc", KeyLens: []int{16}, IVLen: 8, BlockLen: 8, prepare: cbc(cast5.NewCipher)},
	{Name: "twofish-cbc", KeyLens: []int{16, 32, 24}, IVLen: 16, BlockLen: 16, prepare: cbc(twofish.NewCipher)},
}

// CipherByName returns the row with this name, nil if there is none.
func CipherByName(name string) *Cipher {
	for _, c := range Ciphers {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// KeyLenOK reports whether the cipher takes keys of n bytes (without the salt).
func (c *Cipher) KeyLenOK(n int) bool { return slices.Contains(c.KeyLens, n) }

// keyRange returns the usual length and then all others from low to high.
func keyRange(usual, low, high int) []int {
	lens := []int{usual}
	for n := low; n <= high; n++ {
		if n != usual {
			lens = append(lens, n)
		}
	}
	return lens
}

// aesGCM returns AES, and GCM with it.
func aesGCM(key []byte) (block cipher.Block, aead cipher.AEAD, err error) {
	if block, err = aes.NewCipher(key); err == nil {
		aead, err = cipher.NewGCM(block)
	}
	return block, aead, err
}

// gcm is AES-GCM (RFC 4106). The standard library has no tag of 8 bytes.
func gcm(key, salt []byte, icvLen int) (cipherKey, error) {
	block, full, err := aesGCM(key)
	if err != nil {
		return nil, err
	}
	if icvLen < 12 {
		return engineFunc(func() engine {
			return &shortTagEngine{aeadEngine: aeadEngine{full, nonceOf(salt)}, icvLen: icvLen}
		}), nil
	}
	aead, err := cipher.NewGCMWithTagSize(block, icvLen)
	if err != nil {
		return nil, err
	}
	return aeadEngines(aead, salt), nil
}

// chacha is ChaCha20-Poly1305 (RFC 7634).
func chacha(key, salt []byte, _ int) (cipherKey, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return aeadEngines(aead, salt), nil
}

func aeadEngines(aead cipher.AEAD, salt []byte) cipherKey {
	return engineFunc(func() engine { return &aeadEngine{aead, nonceOf(salt)} })
}

// nonceOf is a nonce that begins so.
func nonceOf(salt []byte) (nonce [12]byte) {
	copy(nonce[:], salt)
	return nonce
}

// gmac is AES-GMAC without encryption (RFC 4543).
func gmac(key, salt []byte, _ int) (cipherKey, error) {
	_, aead, err := aesGCM(key)
	if err != nil {
		return nil, err
	}
	return engineFunc(func() engine { return &gmacEngine{aead: aead, nonce: nonceOf(salt)} }), nil
}

// ctr is AES-CTR (RFC 3686).
func ctr(key, salt []byte, _ int) (cipherKey, error) {
	block, aead, err := aesGCM(key)
	if err != nil {
		return nil, err
	}
	return engineFunc(func() engine { return &counterMode{block: block, gcm: aead, nonce: nonceOf(salt)} }), nil
}

// ccm is AES-CCM (RFC 4309).
func ccm(key, salt []byte, icvLen int) (cipherKey, error) {
	block, aead, err := aesGCM(key)
	if err != nil {
		return nil, err
	}
	return engineFunc(func() engine {
		e := &ccmEngine{counterMode: counterMode{block: block, gcm: aead}, mac: newCBCMAC(block), icvLen: icvLen}
		e.nonce[0] = ccmLengthBytes - 1
		copy(e.nonce[1:], salt)
		return e
	}), nil
}

// null is the NULL cipher (RFC 2410).
func null([]byte, []byte, int) (cipherKey, error) {
	return nullEngine{}, nil
}

// cbc makes a row of a block cipher in CBC mode (RFC 2451).
func cbc[B cipher.Block](newBlock func([]byte) (B, error)) func(key, salt []byte, icvLen int) (cipherKey, error) {
	return func(key, _ []byte, _ int) (cipherKey, error) {
		block, err := newBlock(key)
		if err != nil {
			return nil, err
		}
		return cbcEngine{block}, nil
	}
}
