package esp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// cbcMAC chains AES blocks. It keeps the last block back, because XCBC and CMAC treat that
// one in their own way.
type cbcMAC struct {
	mode    cipher.BlockMode
	ivs     ivSetter
	block   cipher.Block
	last    [16]byte // the bytes not chained yet
	n       int      // how many
	scratch [1024]byte
}

// ivSetter is what the CBC modes of crypto/cipher have beside the methods of BlockMode.
type ivSetter interface{ SetIV([]byte) }

var zeroIV [aes.BlockSize]byte

func newCBCMAC(block cipher.Block) *cbcMAC {
	m := &cbcMAC{block: block, mode: cipher.NewCBCEncrypter(block, zeroIV[:])}
	m.ivs, _ = m.mode.(ivSetter)
	return m
}

func (m *cbcMAC) start() {
	m.n = 0
	if m.ivs != nil {
		m.ivs.SetIV(zeroIV[:])
	} else {
		m.mode = cipher.NewCBCEncrypter(m.block, zeroIV[:])
	}
}

func (m *cbcMAC) write(p []byte) {
	if m.n+len(p) <= len(m.last) {
		m.n += copy(m.last[m.n:], p)
		return
	}
	// More than a block: what is here and what fills it up is not the last one.
	k := copy(m.last[m.n:], p)
	p = p[k:]
	m.mode.CryptBlocks(m.scratch[:aes.BlockSize], m.last[:])
	for len(p) > aes.BlockSize {
		k := min(len(m.scratch), (len(p)-1)&^(aes.BlockSize-1))
		m.mode.CryptBlocks(m.scratch[:k], p[:k])
		p = p[k:]
	}
	m.n = copy(m.last[:], p)
}

// zeroPadded ends the message with zeros to a whole block, as CCM does it.
func (m *cbcMAC) zeroPadded(tag *[16]byte) {
	clear(m.last[m.n:])
	m.mode.CryptBlocks(tag[:], m.last[:])
}

// keyedMAC is AES-XCBC-MAC (RFC 3566) and AES-CMAC (RFC 4493): they differ in how the
// three keys come from one.
type keyedMAC struct {
	cbcMAC
	whole, part [16]byte // XORed to a last block that is whole, and to one that had to be padded
	tag         [16]byte
}

func (m *keyedMAC) sum(data, suffix []byte) []byte {
	m.start()
	m.write(data)
	m.write(suffix)
	key := &m.whole
	if m.n < len(m.last) {
		key = &m.part
		m.last[m.n] = 0x80
		clear(m.last[m.n+1:])
	}
	subtle.XORBytes(m.last[:], m.last[:], key[:])
	m.mode.CryptBlocks(m.tag[:], m.last[:])
	return m.tag[:]
}

// xcbc is AES-XCBC-MAC-96 (RFC 3566, 4): K1, K2, K3 are the encryption of constants.
func xcbc(key []byte) (macKey, error) {
	kek, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var k [3][16]byte
	for i := range k {
		for j := range k[i] {
			k[i][j] = byte(i + 1)
		}
		kek.Encrypt(k[i][:], k[i][:])
	}
	block, err := aes.NewCipher(k[0][:])
	if err != nil {
		return nil, err
	}
	return func() mac { return &keyedMAC{cbcMAC: *newCBCMAC(block), whole: k[1], part: k[2]} }, nil
}

// cmac is AES-CMAC-96 (RFC 4493, 2.3): K1, K2 are multiples of the encryption of zero.
func cmac(key []byte) (macKey, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var l [16]byte
	block.Encrypt(l[:], l[:])
	k1 := double(l)
	k2 := double(k1)
	return func() mac { return &keyedMAC{cbcMAC: *newCBCMAC(block), whole: k1, part: k2} }, nil
}

// double multiplies by x in GF(2^128).
func double(in [16]byte) (out [16]byte) {
	var carry byte
	for i := len(in) - 1; i >= 0; i-- {
		out[i] = in[i]<<1 | carry
		carry = in[i] >> 7
	}
	out[15] ^= 0x87 * carry
	return out
}
