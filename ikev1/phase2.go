package ikev1

import (
	"strconv"
	"strings"

	"l2tpdump/esp"
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

// modes has the encapsulation modes of a Quick Mode transform (RFC 2407 section 4.5, RFC 3947
// section 5.1, draft-ietf-ipsec-nat-t-ike).
var modes = map[uint16]string{
	1: "tunnel", 2: "transport", 3: "udp-tunnel", 4: "udp-transport", 61443: "udp-tunnel", 61444: "udp-transport",
}

// phase2Terms is what a transform of a Quick Mode SA says (RFC 2407 section 4.5). A field is 0
// where its attribute is absent.
type phase2Terms struct {
	Protocol      protocolID
	TransformID   uint8  // ESP: the cipher; AH: the algorithm; IPComp: the compression
	Auth          uint16 // authentication algorithm
	KeyBits       int    // the key length attribute, which ciphers of one key length don't have
	Group         uint16 // of perfect forward secrecy
	Mode          uint16 // encapsulation mode
	ESN           bool   // 64-bit sequence numbers
	LifeSeconds   uint64
	LifeKilobytes uint64
}

// phase2 reads the attributes of a Quick Mode transform. Values that don't fit their field become
// the field's maximum, which names nothing.
func (t *transform) phase2() phase2Terms {
	p := phase2Terms{Protocol: t.Protocol, TransformID: t.ID}
	var life uint64
	for kind, v := range t.numbers() {
		switch kind {
		case phase2LifeType:
			life = v
		case phase2LifeDuration:
			setLife(life, v, &p.LifeSeconds, &p.LifeKilobytes)
		case phase2Group:
			p.Group = clamp16(v)
		case phase2Mode:
			p.Mode = clamp16(v)
		case phase2Auth:
			p.Auth = clamp16(v)
		case phase2KeyLength:
			p.KeyBits = int(clamp16(v))
		case phase2ESN:
			p.ESN = v == 1
		}
	}
	return p
}

// udpEncap says that the mode is one of UDP encapsulation, tunnel or transport.
func (p phase2Terms) udpEncap() bool { return strings.HasPrefix(modes[p.Mode], "udp-") }

// espTransform is a row of the table of ESP transforms.
type espTransform struct {
	name    string // as printed, and as package esp names the cipher
	keyBits int    // when there is no key length attribute
	fixed   bool   // the cipher has one key length
	icvLen  int    // bytes, where the cipher authenticates
}

// espTransforms has the ESP transform identifiers (IANA, RFC 2407 section 4.4.4; 252 and 253 are
// the private numbers in use for Serpent and Twofish).
var espTransforms = map[uint8]espTransform{
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

// espAuths has the authentication algorithms of ESP (RFC 2407 section 4.5, RFC 4868, IANA) by the
// names of package esp.
var espAuths = map[uint16]string{
	0: "none", 1: "hmac-md5-96", 2: "hmac-sha1-96", 3: "des-mac", 4: "kpdk", 5: "hmac-sha2-256-128",
	6: "hmac-sha2-384-192", 7: "hmac-sha2-512-256", 8: "hmac-ripemd160-96", 9: "aes-xcbc-96",
}

// suite returns the algorithms that an ESP transform names, as rows of package esp. A part that esp
// has no row for stays nil: the cipher, or the authentication where the cipher doesn't
// authenticate. It is empty for AH and IPComp.
func (p phase2Terms) suite() esp.Suite {
	s := esp.Suite{ESN: p.ESN}
	row, ok := espTransforms[p.TransformID]
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

// algorithmNames returns the algorithms as they are printed, whether or not package esp has them:
// "aes-cbc-256 hmac-sha1-96", "aes-gcm-128-16" (the bytes of the ICV at the end), "deflate".
func (p phase2Terms) algorithmNames() string { return joinWords(p.algorithms()) }

// algorithms returns the names of the algorithms, "" for what the protocol has not.
func (p phase2Terms) algorithms() (cipher, auth, compression string) {
	switch p.Protocol {
	case protocolESP:
	case protocolAH:
		return "", authName(p.Auth), ""
	case protocolIPCOMP:
		return "", "", nameOf(ipcompTransforms, "transform", p.TransformID)
	default:
		return numbered("transform", p.TransformID), "", ""
	}
	row, ok := espTransforms[p.TransformID]
	if !ok {
		return numbered("transform", p.TransformID), authName(p.Auth), ""
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

// modeName returns "tunnel", "transport", "udp-tunnel", "udp-transport", "" when the transform says
// nothing, or "mode 99".
func (p phase2Terms) modeName() string {
	if p.Mode == 0 {
		return ""
	}
	return nameOf(modes, "mode", p.Mode)
}
