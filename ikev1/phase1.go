package ikev1

// Phase1 is what a transform of a phase 1 SA says (RFC 2409 appendix A).
// A field is 0 where its attribute is absent.
type Phase1 struct {
	Encryption    uint16 // 1 DES, 3 Blowfish, 5 3DES, 6 CAST, 7 AES, 8 Camellia
	KeyBits       int    // the key length attribute
	Hash          uint16 // 1 MD5, 2 SHA1, 3 Tiger, 4 SHA2-256, 5 SHA2-384, 6 SHA2-512
	PRF           uint16
	AuthMethod    uint16
	Group         uint16
	LifeSeconds   uint64
	LifeKilobytes uint64
}

// Phase1 reads the attributes of a phase 1 transform.
func (t *Transform) Phase1() Phase1 {
	var p Phase1
	var life uint64
	for i := range t.Attributes {
		a := &t.Attributes[i]
		v, ok := a.Uint()
		if !ok {
			continue
		}
		switch a.Type {
		case 1:
			p.Encryption = uint16(v)
		case 2:
			p.Hash = uint16(v)
		case 3:
			p.AuthMethod = uint16(v)
		case 4:
			p.Group = uint16(v)
		case 11:
			life = v
		case 12:
			switch life {
			case 1:
				p.LifeSeconds = v
			case 2:
				p.LifeKilobytes = v
			}
		case 13:
			p.PRF = uint16(v)
		case 14:
			p.KeyBits = int(min(v, 0xffff))
		}
	}
	return p
}

// CipherSpec gives the cipher's name ("aes-cbc", "3des-cbc"), the key's size and the
// block's size in bytes; ok is false for an unknown cipher.
func (p Phase1) CipherSpec() (name string, keyLen, blockLen int, ok bool) {
	bits := func(d int) int {
		if p.KeyBits == 0 {
			return d / 8
		}
		return p.KeyBits / 8
	}
	switch p.Encryption {
	case 1:
		return "des-cbc", 8, 8, true
	case 3:
		return "blowfish-cbc", bits(128), 8, true
	case 5:
		return "3des-cbc", 24, 8, true
	case 6:
		return "cast-cbc", bits(128), 8, true
	case 7:
		return "aes-cbc", bits(128), 16, true
	case 8:
		return "camellia-cbc", bits(128), 16, true
	}
	return "", 0, 0, false
}

// HashName returns "md5", "sha1", "tiger", "sha256", "sha384", "sha512", or "".
func (p Phase1) HashName() string {
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
	return ""
}
