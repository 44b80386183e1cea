package ikev1

import (
	"math"
	"strconv"
)

// Attributes of a phase 1 transform (RFC 2409 appendix A).
const (
	phase1Encryption   = 1
	phase1Hash         = 2
	phase1AuthMethod   = 3
	phase1Group        = 4
	phase1LifeType     = 11
	phase1LifeDuration = 12
	phase1PRF          = 13
	phase1KeyLength    = 14
)

// Encryption algorithms of phase 1 (RFC 2409 appendix A, IANA).
const (
	encryptionDES      = 1
	encryptionIDEA     = 2
	encryptionBlowfish = 3
	encryptionRC5      = 4
	encryption3DES     = 5
	encryptionCAST     = 6
	encryptionAES      = 7
	encryptionCamellia = 8
)

// Phase1 is what a transform of a phase 1 SA says (RFC 2409 appendix A).
// A field is 0 where its attribute is absent.
type phase1Terms struct {
	Encryption    uint16 // 1 DES, 3 Blowfish, 5 3DES, 6 CAST, 7 AES, 8 Camellia
	KeyBits       int    // the key length attribute, which ciphers of one key length don't have
	Hash          uint16 // 1 MD5, 2 SHA1, 3 Tiger, 4 SHA2-256, 5 SHA2-384, 6 SHA2-512
	PRF           uint16 // none is assigned: HMAC of the hash is used
	AuthMethod    uint16
	Group         uint16
	LifeSeconds   uint64
	LifeKilobytes uint64
}

// Phase1 reads the attributes of a phase 1 transform. Values that don't fit
// their field become the field's maximum, which names nothing.
func (t *transform) phase1() phase1Terms {
	var p phase1Terms
	var life uint64
	for i := range t.Attributes {
		a := &t.Attributes[i]
		v, ok := a.number()
		if !ok {
			continue
		}
		switch a.Type {
		case phase1Encryption:
			p.Encryption = clamp16(v)
		case phase1Hash:
			p.Hash = clamp16(v)
		case phase1AuthMethod:
			p.AuthMethod = clamp16(v)
		case phase1Group:
			p.Group = clamp16(v)
		case phase1LifeType:
			life = v
		case phase1LifeDuration:
			setLife(life, v, &p.LifeSeconds, &p.LifeKilobytes)
		case phase1PRF:
			p.PRF = clamp16(v)
		case phase1KeyLength:
			p.KeyBits = int(clamp16(v))
		}
	}
	return p
}

// clamp16 keeps a value that is too large from being taken for another one.
func clamp16(v uint64) uint16 { return uint16(min(v, math.MaxUint16)) }

// setLife assigns a life duration to what the life type before it says: both
// lists of attributes number seconds 1 and kilobytes 2.
func setLife(lifeType, v uint64, seconds, kilobytes *uint64) {
	switch lifeType {
	case 1:
		*seconds = v
	case 2:
		*kilobytes = v
	}
}

// phase1Cipher is a row of the table of encryption algorithms of phase 1.
type phase1Cipher struct {
	name     string
	keyBits  int // when the transform has no key length attribute
	fixed    bool
	blockLen int
}

var phase1Ciphers = map[uint16]phase1Cipher{
	encryptionDES:      {"des-cbc", 64, true, 8},
	encryptionIDEA:     {"idea-cbc", 128, true, 8},
	encryptionBlowfish: {"blowfish-cbc", 128, false, 8},
	encryptionRC5:      {"rc5-cbc", 128, false, 8},
	encryption3DES:     {"3des-cbc", 192, true, 8},
	encryptionCAST:     {"cast5-cbc", 128, false, 8},
	encryptionAES:      {"aes-cbc", 128, false, 16},
	encryptionCamellia: {"camellia-cbc", 128, false, 16},
}

// CipherSpec gives the name of the cipher without its key length ("aes-cbc",
// "3des-cbc"), and the sizes of its key and its block in bytes. ok is false for
// a number that is not assigned. A key length that is no whole number of bytes
// is rounded down.
func (p phase1Terms) cipherSpec() (name string, keyLen, blockLen int, ok bool) {
	c, ok := phase1Ciphers[p.Encryption]
	if !ok {
		return "", 0, 0, false
	}
	bits := c.keyBits
	if p.KeyBits != 0 && !c.fixed {
		bits = p.KeyBits
	}
	return c.name, bits / 8, c.blockLen, true
}

// CipherName returns the cipher as it is printed: "aes-cbc-256", "3des-cbc", or
// "cipher 99" for a number that is not assigned.
func (p phase1Terms) cipherName() string {
	c, ok := phase1Ciphers[p.Encryption]
	if !ok {
		return numbered("cipher", p.Encryption)
	}
	if c.fixed {
		return c.name
	}
	_, keyLen, _, _ := p.cipherSpec()
	return c.name + "-" + strconv.Itoa(keyLen*8)
}

// HashName returns "md5", "sha1", "tiger", "sha256", "sha384", "sha512", or
// "hash 99" for a number that is not assigned.
func (p phase1Terms) hashName() string {
	switch p.Hash {
	case 1:
		return "md5"
	case 2:
		return "sha1"
	case 3:
		return "tiger"
	case 4:
		return "sha256"
	case 5:
		return "sha384"
	case 6:
		return "sha512"
	}
	return numbered("hash", p.Hash)
}

// AuthMethodName returns "psk", "rsa-sig", "xauth-psk", or "method 99" for a
// number that is not assigned.
func (p phase1Terms) authMethodName() string { return authMethodName(p.AuthMethod) }

// GroupName returns "modp2048", "ecp384", or "group 99".
func (p phase1Terms) groupName() string { return groupName(p.Group) }
