package esp

// Cipher is a row of the table of encryption algorithms.
type Cipher struct {
	Name       string // as in "aes-cbc"
	KeyLens    []int  // lengths of the key in bytes, without the salt; the usual one first
	SaltLen    int    // bytes of salt at the end of the key material (RFC 3686: nonce)
	IVLen      int    // bytes of IV on the wire
	BlockLen   int    // ciphertext is a multiple of this many bytes
	AEAD       bool   // the ICV comes from the cipher
	ICVLens    []int  // of an AEAD cipher: lengths of its ICV in bytes
	ImplicitIV bool   // the IV is the sequence number (RFC 8750)
	Common     bool   // worth trying where no source names the algorithm
}

// Ciphers is the table of encryption algorithms, the common ones first.
var Ciphers = []*Cipher{
	{Name: "aes-cbc", KeyLens: []int{16, 24, 32}, IVLen: 16, BlockLen: 16, Common: true},
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
func (c *Cipher) KeyLenOK(n int) bool {
	for _, l := range c.KeyLens {
		if l == n {
			return true
		}
	}
	return false
}
