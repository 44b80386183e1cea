package lanes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// CBC decrypts AES in CBC mode with one key. Any number of goroutines may use it at the same time.
type CBC struct {
	keys  [][aes.BlockSize]byte // for the assembly, one more than there are rounds
	block cipher.Block          // where there is none
}

// NewCBC returns the CBC of a key of 16, 24 or 32 bytes, of which it keeps the round keys only.
func NewCBC(key []byte) (*CBC, error) {
	if n := len(key); best.expand != nil && (n == 16 || n == 24 || n == 32) {
		c := newCBC(n/4 + 7)
		best.expand(c.keys, key)
		return c, nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &CBC{block: block}, nil
}

// newCBC returns a CBC with room for n round keys, in one piece of memory where the key is one of
// the usual.
func newCBC(n int) *CBC {
	switch n {
	case 11:
		m := new(struct {
			CBC
			room [11][aes.BlockSize]byte
		})
		m.keys = m.room[:]
		return &m.CBC
	case 15:
		m := new(struct {
			CBC
			room [15][aes.BlockSize]byte
		})
		m.keys = m.room[:]
		return &m.CBC
	}
	return &CBC{keys: make([][aes.BlockSize]byte, n)}
}

// Decrypt decrypts src, which is whole blocks, to dst, which is as long and is src or does not
// overlap it. iv is 16 bytes.
func (c *CBC) Decrypt(dst, iv, src []byte) {
	if len(src)%aes.BlockSize != 0 || len(dst) < len(src) || len(iv) < aes.BlockSize {
		panic("lanes: not whole blocks, or no room for them")
	}
	if len(src) == 0 {
		return
	}
	if c.block == nil {
		best.cbc(&c.keys[0][0], len(c.keys)-1, &dst[0], &src[0], &iv[0], len(src)/aes.BlockSize)
		return
	}
	// From the end, so that the ciphertext in front is still there if dst is src.
	for i := len(src) - aes.BlockSize; i >= 0; i -= aes.BlockSize {
		previous := iv
		if i > 0 {
			previous = src[i-aes.BlockSize : i]
		}
		block := dst[i : i+aes.BlockSize]
		c.block.Decrypt(block, src[i:i+aes.BlockSize])
		subtle.XORBytes(block, block, previous[:aes.BlockSize])
	}
}
