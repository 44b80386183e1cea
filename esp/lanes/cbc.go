package lanes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// CBC decrypts AES in CBC mode with one key. Any number of goroutines may use it at the same time.
type CBC struct {
	rounds int
	keys   [maxRounds + 1][aes.BlockSize]byte // for the assembly, of which rounds+1 are used
	block  cipher.Block                       // where there is none
}

const maxRounds = 14 // of AES-256

// NewCBC returns the CBC of a key of 16, 24 or 32 bytes, of which it keeps the round keys only.
func NewCBC(key []byte) (*CBC, error) {
	if n := len(key); best.expand != nil && (n == 16 || n == 24 || n == 32) {
		c := &CBC{rounds: n/4 + 6}
		best.expand(c.keys[:c.rounds+1], key)
		return c, nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &CBC{block: block}, nil
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
		best.cbc(&c.keys[0][0], c.rounds, &dst[0], &src[0], &iv[0], len(src)/aes.BlockSize)
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
