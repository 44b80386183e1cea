package keysrc

import (
	"strings"

	"l2tpdump/esp"
)

// wiresharkCipherRow is one of the values that Wireshark's esp_sa table has for the encryption
// algorithm.
type wiresharkCipherRow struct {
	name   string // exactly as Wireshark spells it
	row    string // of esp's table
	icvLen int    // AEAD: bytes, 0 not said
}

// wiresharkCiphers is in the order of Wireshark's list.
var wiresharkCiphers = []wiresharkCipherRow{
	{"NULL", "null", 0},
	{"TripleDES-CBC [RFC2451]", "3des-cbc", 0},
	{"AES-CBC [RFC3602]", "aes-cbc", 0},
	{"AES-CTR [RFC3686]", "aes-ctr", 0},
	{"DES-CBC [RFC2405]", "des-cbc", 0},
	{"CAST5-CBC [RFC2144]", "cast5-cbc", 0},
	{"BLOWFISH-CBC [RFC2451]", "blowfish-cbc", 0},
	{"TWOFISH-CBC", "twofish-cbc", 0},
	{"AES-GCM [RFC4106]", "aes-gcm", 0},
	{"AES-GCM with 8 octet ICV [RFC4106]", "aes-gcm", 8},
	{"AES-GCM with 12 octet ICV [RFC4106]", "aes-gcm", 12},
	{"AES-GCM with 16 octet ICV [RFC4106]", "aes-gcm", 16},
	{"AES-GCM with IIV and 16 octet ICV [RFC4106 & RFC8750]", "aes-gcm-iiv", 16},
	{"ChaCha20 with Poly1305 [RFC7634]", "chacha20-poly1305", 16},
	{"ChaCha20 with Poly1305 and IIV [RFC7634 & RFC8750]", "chacha20-poly1305-iiv", 16},
}

// wiresharkAuths are the values for the authentication algorithm, and their rows of esp's table.
var wiresharkAuths = [][2]string{
	{"NULL", "none"},
	{"HMAC-SHA-1-96 [RFC2404]", "hmac-sha1-96"},
	{"HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]", "hmac-sha2-256-96"},
	{"HMAC-SHA-256-128 [RFC4868]", "hmac-sha2-256-128"},
	{"HMAC-SHA-384-192 [RFC4868]", "hmac-sha2-384-192"},
	{"HMAC-SHA-512-256 [RFC4868]", "hmac-sha2-512-256"},
	{"HMAC-MD5-96 [RFC2403]", "hmac-md5-96"},
	{"MAC-RIPEMD-160-96 [RFC2857]", "hmac-ripemd160-96"},
	{"ANY 64 bit authentication [no checking]", "any-64"},
	{"ANY 96 bit authentication [no checking]", "any-96"},
	{"ANY 128 bit authentication [no checking]", "any-128"},
	{"ANY 192 bit authentication [no checking]", "any-192"},
	{"ANY 256 bit authentication [no checking]", "any-256"},
}

// bareName returns a name without its RFC, in lower case: "TripleDes-CBC [RFC2451]" is
// "tripledes-cbc".
func bareName(name string) string { return strings.ToLower(withoutRFC(name)) }

func withoutRFC(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return strings.TrimSpace(name)
}

// cipherFromWireshark reads the name of an encryption algorithm, in Wireshark's spelling or nearly
// so, or in that of another source.
func cipherFromWireshark(name []byte) (c *esp.Cipher, keyLen, icvLen int) {
	for i := range wiresharkCiphers { // mostly one of these, and a table may be long
		if w := &wiresharkCiphers[i]; w.name == string(name) {
			return esp.CipherByName(w.row), 0, w.icvLen
		}
	}
	bare := bareName(string(name))
	for _, w := range wiresharkCiphers {
		if strings.EqualFold(withoutRFC(w.name), bare) {
			return esp.CipherByName(w.row), 0, w.icvLen
		}
	}
	return cipherNamed(bare)
}

// authFromWireshark reads the name of an authentication algorithm.
func authFromWireshark(name []byte) *esp.Auth {
	for _, w := range wiresharkAuths {
		if w[0] == string(name) {
			return esp.AuthByName(w[1])
		}
	}
	bare := bareName(string(name))
	for _, w := range wiresharkAuths {
		if strings.EqualFold(withoutRFC(w[0]), bare) {
			return esp.AuthByName(w[1])
		}
	}
	return authNamed(bare, 0, 128)
}

// WiresharkCipher returns Wireshark's name for the cipher, "" if it has none.
func WiresharkCipher(s esp.Suite) string {
	if s.Cipher == nil {
		return ""
	}
	icvLen := s.ICVLen
	if icvLen == 0 && len(s.Cipher.ICVLens) == 1 {
		icvLen = s.Cipher.ICVLens[0]
	}
	for _, w := range wiresharkCiphers {
		if w.row == s.Cipher.Name && (!s.Cipher.AEAD || w.icvLen != 0 && w.icvLen == icvLen) {
			return w.name
		}
	}
	return ""
}

// WiresharkAuth returns Wireshark's name for the algorithm, "" if it has none.
func WiresharkAuth(a *esp.Auth) string {
	for _, w := range wiresharkAuths {
		if w[1] == a.Name {
			return w[0]
		}
	}
	return ""
}
