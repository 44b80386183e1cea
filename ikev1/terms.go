package ikev1

import (
	"cmp"
	"iter"
	"math"
	"strconv"
	"strings"

	"l2tpdump/esp"
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

// Attributes of a Quick Mode transform (RFC 2407 section 4.5, IANA).
const (
	phase2LifeType     = 1
	phase2LifeDuration = 2
	phase2Group        = 3
	phase2Mode         = 4
	phase2Auth         = 5
	phase2KeyLength    = 6
	phase2ESN          = 11 // RFC 4304
)

// terms is what a transform says (RFC 2409 appendix A, RFC 2407 section 4.5), 0 where it is silent.
type terms struct {
	Protocol      protocolID
	Cipher        uint16 // of phase 1; of Quick Mode the transform ID: the algorithm of AH, the compression of IPComp
	KeyBits       int    // the key length attribute, which ciphers of one key length don't have
	Hash          uint16 // of phase 1
	Auth          uint16 // phase 1: authentication method; Quick Mode: algorithm
	Group         uint16 // in Quick Mode of perfect forward secrecy
	Mode          uint16 // Quick Mode: encapsulation mode
	ESN           bool   // Quick Mode: 64-bit sequence numbers
	LifeSeconds   uint64
	LifeKilobytes uint64

	lifeType uint16 // of the durations that follow
}

// terms reads the attributes of a transform.
func (t transform) terms() terms {
	p := terms{Protocol: t.Protocol}
	if t.Protocol != protocolISAKMP {
		p.Cipher = uint16(t.ID)
	}
	for kind, v := range t.numbers() {
		p.set(kind, v)
	}
	return p
}

// set takes the value of an attribute, and reports whether there is a field for it. What does not
// fit the field becomes the field's maximum, which names nothing.
func (p *terms) set(kind uint16, v uint64) bool {
	n := uint16(min(v, math.MaxUint16))
	if p.Protocol == protocolISAKMP {
		switch kind {
		case phase1Encryption:
			p.Cipher = n
		case phase1Hash:
			p.Hash = n
		case phase1AuthMethod:
			p.Auth = n
		case phase1Group:
			p.Group = n
		case phase1LifeType:
			p.lifeType = n
		case phase1LifeDuration:
			p.setLife(v)
		case phase1KeyLength:
			p.KeyBits = int(n)
		default:
			return false
		}
		return true
	}
	switch kind {
	case phase2LifeType:
		p.lifeType = n
	case phase2LifeDuration:
		p.setLife(v)
	case phase2Group:
		p.Group = n
	case phase2Mode:
		p.Mode = n
	case phase2Auth:
		p.Auth = n
	case phase2KeyLength:
		p.KeyBits = int(n)
	case phase2ESN:
		p.ESN = v == 1
	default:
		return false
	}
	return true
}

// setLife takes a life duration: both lists of attributes number seconds 1 and kilobytes 2.
func (p *terms) setLife(v uint64) {
	switch p.lifeType {
	case 1:
		p.LifeSeconds = v
	case 2:
		p.LifeKilobytes = v
	}
}

// numbers yields the types and values of the attributes that are numbers.
func (t transform) numbers() iter.Seq2[uint16, uint64] {
	return func(yield func(uint16, uint64) bool) {
		for a := range t.Attributes.all() {
			if v, ok := a.number(); ok && !yield(a.Type, v) {
				return
			}
		}
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

// cipherName returns the cipher of phase 1: "aes-cbc-256", "3des-cbc", or "cipher 99" for a number
// that is not assigned. A key length that is no whole number of bytes is rounded down.
func (p terms) cipherName() string {
	c, ok := cipherNames[p.Cipher]
	switch {
	case !ok:
		return numbered("cipher", p.Cipher)
	case c.keyBits == 0:
		return c.name
	}
	return c.name + "-" + strconv.Itoa(cmp.Or(p.KeyBits, c.keyBits)/8*8)
}

var hashNames = map[uint16]string{1: "md5", 2: "sha1", 3: "tiger", 4: "sha256", 5: "sha384", 6: "sha512"}

func (p terms) hashName() string { return nameOf(hashNames, "hash", p.Hash) }

// modes has the encapsulation modes (RFC 2407 section 4.5, RFC 3947 section 5.1, the NAT-T drafts).
var modes = map[uint16]string{
	1: "tunnel", 2: "transport", 3: "udp-tunnel", 4: "udp-transport", 61443: "udp-tunnel", 61444: "udp-transport",
}

// udpEncap says that the mode is one of UDP encapsulation, tunnel or transport.
func (p terms) udpEncap() bool { return strings.HasPrefix(modes[p.Mode], "udp-") }

// espTransform is a row of the table of ESP transforms.
type espTransform struct {
	name    string // as printed, and as package esp names the cipher
	keyBits int    // when there is no key length attribute
	fixed   bool   // the cipher has one key length
	icvLen  int    // bytes, where the cipher authenticates
}

// espTransforms has the ESP transform identifiers (IANA, RFC 2407 section 4.4.4; 252 and 253 are
// the private numbers in use for Serpent and Twofish).
var espTransforms = map[uint16]espTransform{
	2: {"des-cbc", 64, true, 0}, 3: {"3des-cbc", 192, true, 0}, 4: {"rc5-cbc", 128, false, 0},
	5: {"idea-cbc", 128, true, 0}, 6: {"cast5-cbc", 128, false, 0},
	7: {"blowfish-cbc", 128, false, 0}, 11: {"null", 0, true, 0}, 12: {"aes-cbc", 128, false, 0},
	13: {"aes-ctr", 128, false, 0}, 14: {"aes-ccm", 128, false, 8}, 15: {"aes-ccm", 128, false, 12},
	16: {"aes-ccm", 128, false, 16}, 18: {"aes-gcm", 128, false, 8},
	19: {"aes-gcm", 128, false, 12}, 20: {"aes-gcm", 128, false, 16},
	21: {"seed-cbc", 128, true, 0}, 22: {"camellia-cbc", 128, false, 0},
	23: {"null-gmac", 128, false, 16}, 252: {"serpent-cbc", 128, false, 0},
	253: {"twofish-cbc", 128, false, 0},
}

// espAuths has the authentication algorithms of ESP (IANA) by the names of package esp.
var espAuths = map[uint16]string{
	0: "none", 1: "hmac-md5-96", 2: "hmac-sha1-96", 3: "des-mac", 4: "kpdk", 5: "hmac-sha2-256-128",
	6: "hmac-sha2-384-192", 7: "hmac-sha2-512-256", 8: "hmac-ripemd160-96", 9: "aes-xcbc-96",
}

// suite returns the algorithms that an ESP transform names, as rows of package esp. A part that esp
// has no row for stays nil: the cipher, or the authentication where the cipher doesn't
// authenticate. It is empty for AH and IPComp.
func (p terms) suite() esp.Suite {
	s := esp.Suite{ESN: p.ESN}
	row, ok := espTransforms[p.Cipher]
	if p.Protocol != protocolESP {
		return s
	}
	if ok {
		s.Cipher = esp.CipherByName(row.name)
		s.KeyLen = row.keyLen(p.KeyBits)
		s.ICVLen = row.icvLen
	}
	if row.icvLen == 0 {
		s.Auth = esp.AuthByName(espAuths[p.Auth])
	}
	return s
}

func (r espTransform) keyLen(keyBits int) int {
	if keyBits == 0 || r.fixed {
		keyBits = r.keyBits
	}
	return keyBits / 8
}

// algorithms returns names as they are printed, whether or not package esp has them: "aes-cbc-256"
// and "hmac-sha1-96", "aes-gcm-128-16" (with the bytes of the ICV), "deflate".
func (p terms) algorithms() (cipher, auth, compression string) {
	switch p.Protocol {
	case protocolISAKMP:
		return p.cipherName(), authMethodName(p.Auth), ""
	case protocolESP:
	case protocolAH:
		return "", authName(p.Auth), ""
	case protocolIPCOMP:
		return "", "", nameOf(ipcompTransforms, "transform", p.Cipher)
	default:
		return numbered("transform", p.Cipher), "", ""
	}
	row, ok := espTransforms[p.Cipher]
	if !ok {
		return numbered("transform", p.Cipher), authName(p.Auth), ""
	}
	cipher = row.name
	if !row.fixed {
		cipher += "-" + strconv.Itoa(row.keyLen(p.KeyBits)*8)
	}
	if row.icvLen > 0 {
		return cipher + "-" + strconv.Itoa(row.icvLen), "", ""
	}
	return cipher, authName(p.Auth), ""
}

func authName(auth uint16) string { return nameOf(espAuths, "auth", auth) }
