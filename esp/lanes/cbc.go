package lanes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// CBC decrypts AES in CBC mode with one key, which SetKey gives it.
type CBC struct {
	keys   [15][aes.BlockSize]byte // for the assembly
	rounds int                     // one less than there are keys
	block  cipher.Block            // where there is no assembly
}

// HasCBC reports whether there is assembly, for which SetKey is cheap and allocates nothing.
func HasCBC() bool { return best.expand != nil }

// SetKey takes a key of 16, 24 or 32 bytes, of which it keeps the round keys only.
func (c *CBC) SetKey(key []byte) (err error) {
	c.block = nil
	if n := len(key); HasCBC() && (n == 16 || n == 24 || n == 32) {
		c.rounds = n/4 + 6
		best.expand(&c.keys, key)
		return nil
	}
	c.block, err = aes.NewCipher(key)
	return err
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
