package ikev1

import (
	"cmp"
	"iter"
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
	phase1KeyLength    = 14
)

// phase1Terms is what a transform of a phase 1 SA says (RFC 2409 appendix A). A field is 0 where
// its attribute is absent.
type phase1Terms struct {
	Encryption    uint16 // 1 DES, 3 Blowfish, 5 3DES, 6 CAST, 7 AES, 8 Camellia
	KeyBits       int    // the key length attribute, which ciphers of one key length don't have
	Hash          uint16 // 1 MD5, 2 SHA1, 3 Tiger, 4 SHA2-256, 5 SHA2-384, 6 SHA2-512
	AuthMethod    uint16
	Group         uint16
	LifeSeconds   uint64
	LifeKilobytes uint64
}

// phase1 reads the attributes of a phase 1 transform. Values that don't fit their field become the
// field's maximum, which names nothing.
func (t *transform) phase1() phase1Terms {
	var p phase1Terms
	var life uint64
	for kind, v := range t.numbers() {
		switch kind {
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
		case phase1KeyLength:
			p.KeyBits = int(clamp16(v))
		}
	}
	return p
}

// numbers yields the types and values of the attributes that are numbers.
func (t *transform) numbers() iter.Seq2[uint16, uint64] {
	return func(yield func(uint16, uint64) bool) {
		for i := range t.Attributes {
			a := &t.Attributes[i]
			if v, ok := a.number(); ok && !yield(a.Type, v) {
				return
			}
		}
	}
}

// clamp16 keeps a value that is too large from being taken for another one.
func clamp16(v uint64) uint16 { return uint16(min(v, math.MaxUint16)) }

// setLife assigns a life duration to what the life type before it says: both lists of attributes
// number seconds 1 and kilobytes 2.
func setLife(lifeType, v uint64, seconds, kilobytes *uint64) {
	switch lifeType {
	case 1:
		*seconds = v
	case 2:
		*kilobytes = v
	}
}

// cipherNames has the encryption algorithms of phase 1 (RFC 2409 appendix A, IANA), and how long
// the key is where no attribute says so; 0: all keys have one length.
var cipherNames = map[uint16]struct {
	name    string
	keyBits int
}{
	1: {"des-cbc", 0}, 2: {"idea-cbc", 0}, 3: {"blowfish-cbc", 128}, 4: {"rc5-cbc", 128}, 5: {"3des-cbc", 0},
	6: {"cast5-cbc", 128}, 7: {"aes-cbc", 128}, 8: {"camellia-cbc", 128}, 65005: {"twofish-cbc", 128},
}

// cipherName returns the cipher as it is printed: "aes-cbc-256", "3des-cbc", or "cipher 99" for a
// number that is not assigned. A key length that is no whole number of bytes is rounded down.
func (p phase1Terms) cipherName() string {
	c, ok := cipherNames[p.Encryption]
	switch {
	case !ok:
		return numbered("cipher", p.Encryption)
	case c.keyBits == 0:
		return c.name
	}
	return c.name + "-" + strconv.Itoa(cmp.Or(p.KeyBits, c.keyBits)/8*8)
}

var hashNames = map[uint16]string{1: "md5", 2: "sha1", 3: "tiger", 4: "sha256", 5: "sha384", 6: "sha512"}

// hashName returns "md5", "sha1", "tiger", "sha256", "sha384", "sha512", or "hash 99" for a number
// that is not assigned.
func (p phase1Terms) hashName() string { return nameOf(hashNames, "hash", p.Hash) }
