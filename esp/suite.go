package esp

import (
	"slices"
	"strconv"
)

// Suite is the algorithms of one SA. Parts that are not known are zero.
type Suite struct {
	ESN    bool // extended (64 bit) sequence numbers
	Cipher *Cipher
	KeyLen int // bytes of the encryption key without the salt, 0 unknown
	Auth   *Auth
	ICVLen int // bytes of the ICV of an AEAD cipher: 8, 12 or 16; 0 for others and unknown
}

// CipherName returns the cipher with its key length in bits where the cipher leaves a choice, as in
// "aes-cbc-128" and "3des-cbc"; "" if the cipher is not known.
func (s Suite) CipherName() string {
	if s.Cipher == nil {
		return ""
	}
	if s.KeyLen == 0 || len(s.Cipher.KeyLens) < 2 {
		return s.Cipher.Name
	}
	if i := slices.Index(s.Cipher.KeyLens, s.KeyLen); i >= 0 {
		return s.Cipher.names[i]
	}
	return s.Cipher.Name + "-" + strconv.Itoa(8*s.KeyLen)
}

// aeadNames are the names of the ICVs that an AEAD cipher may have, by their lengths in bytes.
var aeadNames = map[int]string{8: "aead-64", 12: "aead-96", 16: "aead-128"}

// The names are made once, so that to print them costs nothing per packet.
func init() {
	for _, c := range Ciphers {
		for _, n := range c.KeyLens {
			c.names = append(c.names, c.Name+"-"+strconv.Itoa(8*n))
		}
	}
}

// AuthName returns the authentication algorithm, as in "hmac-sha1-96"; for an AEAD cipher
// "aead-" and the bits of its ICV; "" if it is not known.
func (s Suite) AuthName() string {
	switch {
	case s.Cipher != nil && s.Cipher.AEAD:
		return aeadNames[s.ICVLen]
	case s.Auth != nil:
		return s.Auth.Name
	}
	return ""
}

// String returns both names, as in "aes-cbc-128/hmac-sha1-96", with "/esn" for extended sequence
// numbers; "?" stands for what is not known.
func (s Suite) String() string {
	c, a := s.CipherName(), s.AuthName()
	if c == "" {
		c = "?"
	}
	if a == "" {
		a = "?"
	}
	if s.ESN {
		a += "/esn"
	}
	return c + "/" + a
}

// ICVSize returns the number of bytes of the ICV, -1 if it is not known.
func (s Suite) ICVSize() int {
	switch {
	case s.Cipher != nil && s.Cipher.AEAD:
		if s.ICVLen > 0 {
			return s.ICVLen
		}
	case s.Auth != nil:
		return s.Auth.ICVLen
	}
	return -1
}
