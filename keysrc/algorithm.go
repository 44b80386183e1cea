package keysrc

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"l2tpdump/esp"
)

// Every source spells algorithms its own way. A name is looked up by its letters and digits in
// lower case: "cbc(aes)", "AES_CBC" and "aes-cbc" are "cbcaes", "aescbc" and "aescbc".

// A cipherSpelling is a row of esp's table and what the name says beside it.
type cipherSpelling struct {
	row    string
	keyLen int // bytes without the salt, 0 not said
	icvLen int // bytes, AEAD only, 0 not said
}

var cipherSpellings = spellings(map[cipherSpelling]string{
	{"aes-cbc", 0, 0}:            "aes aescbc cbcaes espaes rijndael rijndaelcbc",
	{"aes-cbc", 16, 0}:           "aes128cbc",
	{"aes-cbc", 24, 0}:           "aes192cbc",
	{"aes-cbc", 32, 0}:           "aes256cbc",
	{"3des-cbc", 0, 0}:           "3des 3descbc esp3des cbcdes3ede des3ede tripledes des3 desede3cbc",
	{"des-cbc", 0, 0}:            "des descbc espdes cbcdes",
	{"null", 0, 0}:               "null none espnull ciphernull ecbciphernull",
	{"aes-ctr", 0, 0}:            "aesctr ctraes rfc3686ctraes",
	{"aes-gcm", 0, 16}:           "aesgcm aesgcm16 aesgcmc",
	{"aes-gcm", 0, 0}:            "gcmaes rfc4106gcmaes",
	{"aes-gcm", 0, 8}:            "aesgcm8 aesgcma",
	{"aes-gcm", 0, 12}:           "aesgcm12 aesgcmb",
	{"aes-gcm", 16, 16}:          "aes128gcm aes128gcm16",
	{"aes-gcm", 24, 16}:          "aes192gcm",
	{"aes-gcm", 32, 16}:          "aes256gcm aes256gcm16",
	{"aes-ccm", 0, 0}:            "aesccm ccmaes rfc4309ccmaes",
	{"aes-ccm", 0, 8}:            "aesccm8 aesccma",
	{"aes-ccm", 0, 12}:           "aesccm12 aesccmb",
	{"aes-ccm", 0, 16}:           "aesccm16 aesccmc",
	{"null-gmac", 0, 16}:         "aesgmac nullaesgmac nullauthaesgmac rfc4543gcmaes",
	{"chacha20-poly1305", 0, 16}: "chacha20poly1305 rfc7539espchacha20poly1305",
	{"cast5-cbc", 0, 0}:          "cast castcbc cast5 cast5cbc cast128 cast128cbc cbccast5",
	{"blowfish-cbc", 0, 0}:       "blowfish blowfishcbc bf bfcbc cbcblowfish",
	{"twofish-cbc", 0, 0}:        "twofish twofishcbc cbctwofish",
	{"camellia-cbc", 0, 0}:       "camellia camelliacbc cbccamellia",
	{"serpent-cbc", 0, 0}:        "serpent serpentcbc cbcserpent",
})

// An authSpelling is an algorithm without the length of its ICV, and that length where the name
// says it.
type authSpelling struct {
	family string
	bits   int // 0 not said
}

var authSpellings = spellings(map[authSpelling]string{
	{"hmac-md5", 0}:        "md5 hmacmd5",
	{"hmac-md5", 96}:       "hmacmd596",
	{"hmac-sha1", 0}:       "sha sha1 hmacsha hmacsha1",
	{"hmac-sha1", 96}:      "hmacsha196",
	{"hmac-sha1", 160}:     "hmacsha1160",
	{"hmac-sha2-256", 0}:   "sha256 sha2256 hmacsha256 hmacsha2256",
	{"hmac-sha2-384", 0}:   "sha384 sha2384 hmacsha384 hmacsha2384",
	{"hmac-sha2-512", 0}:   "sha512 sha2512 hmacsha512 hmacsha2512",
	{"hmac-ripemd160", 0}:  "ripemd160 rmd160 hmacrmd160 hmacripemd hmacripemd160",
	{"aes-xcbc", 0}:        "xcbcaes aesxcbc aesxcbcmac",
	{"aes-xcbc", 96}:       "aesxcbc96 aesxcbcmac96",
	{"aes-cmac", 0}:        "cmacaes aescmac",
	{"aes-cmac", 96}:       "aescmac96",
	{"hmac-sha2-256", 96}:  "hmacsha225696 hmacsha2256truncbug",
	{"hmac-sha2-256", 128}: "hmacsha2256128",
	{"hmac-sha2-384", 192}: "hmacsha2384192",
	{"hmac-sha2-512", 256}: "hmacsha2512256",
	{"hmac-ripemd160", 96}: "hmacripemd16096",
	{"none", 0}:            "null none digestnull noauth",
})

// spellings returns what each of the names means that stand behind it.
func spellings[T comparable](names map[T]string) map[string]T {
	m := make(map[string]T)
	for meaning, list := range names {
		for _, name := range strings.Fields(list) {
			m[name] = meaning
		}
	}
	return m
}

// usualICV is the length in bits that RFC 2403, 2404, 2857, 3566, 4494 and 4868 give the ICV.
var usualICV = map[string]int{
	"hmac-md5": 96, "hmac-sha1": 96, "hmac-ripemd160": 96, "aes-xcbc": 96, "aes-cmac": 96,
	"hmac-sha2-256": 128, "hmac-sha2-384": 192, "hmac-sha2-512": 256,
}

// plainName returns the letters and digits of s in lower case.
func plainName(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			b = append(b, c+'a'-'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b = append(b, c)
		}
	}
	return string(b)
}

// cipherNamed returns the row of esp's table that a source means by name, nil if the name is not
// known. keyLen and icvLen are in bytes, 0 where the name doesn't say.
func cipherNamed(name string) (c *esp.Cipher, keyLen, icvLen int) {
	p := plainName(name)
	s, ok := cipherSpellings[p]
	if !ok && len(p) > 3 { // AES_CBC_256, AES_GCM_16_128
		if bits, err := strconv.Atoi(p[len(p)-3:]); err == nil && (bits == 128 || bits == 192 || bits == 256) {
			s, ok = cipherSpellings[p[:len(p)-3]]
			s.keyLen = bits / 8
		}
	}
	if !ok {
		return nil, 0, 0
	}
	return esp.CipherByName(s.row), s.keyLen, s.icvLen
}

// authNamed returns the row of esp's table that a source means by name with an ICV of bits bits.
// bits 0 means what the name says, and sha256 bits if that is nothing and the algorithm is
// HMAC-SHA-256, for which there are two lengths in use: 96 in old Linux kernels, 128 as in RFC
// 4868.
func authNamed(name string, bits, sha256 int) *esp.Auth {
	s, ok := authSpellings[plainName(name)]
	switch {
	case !ok:
		return nil
	case s.family == "none":
		return esp.AuthByName("none")
	case bits != 0:
	case s.bits != 0:
		bits = s.bits
	case s.family == "hmac-sha2-256":
		bits = sha256
	default:
		bits = usualICV[s.family]
	}
	if a := esp.AuthByName(s.family + "-" + strconv.Itoa(bits)); a != nil {
		return a
	}
	return esp.AuthByName("any-" + strconv.Itoa(bits))
}

// espKeys is what a source says about one ESP SA, in its own words.
type espKeys struct {
	cipher  string // name as it stands in the source, "" not named
	key     []byte // with the salt
	keyLen  int    // bytes of the key as the source declares them, salt included or not; 0 not declared
	icvBits int    // of an AEAD cipher, 0 not said

	auth     string
	authKey  []byte
	authBits int // length of the ICV, 0 not said
	sha256   int // what HMAC-SHA-256 without a length means here: 96, else 128

	doubt string // the parser's own, which comes before others
}

// replacedBy reports whether a key of an SA has another one in its place.
func (k *espKeys) replacedBy(now *espKeys) bool {
	return len(k.key) > 0 && !bytes.Equal(k.key, now.key) || len(k.authKey) > 0 && !bytes.Equal(k.authKey, now.authKey)
}

// lacksKey reports whether the encryption key is missing, which only NULL does without.
func (k *espKeys) lacksKey() bool { return len(k.key) == 0 && plainName(k.cipher) != "null" }

// lacksAuth doubts keys of a source that shows an authentication key too where there is one.
func (k *espKeys) lacksAuth() {
	if c, _, _ := cipherNamed(k.cipher); len(k.authKey) == 0 && (c == nil || !c.AEAD) {
		k.doubt = cmp.Or(k.doubt, "its authentication key is missing, or it has none")
	}
}

// secret gives out the keys of an SPI as esp takes them, without their addresses. What makes them
// unusable is a note about the line, which begins with what; then it returns nil. What may be wrong
// with them is a doubt.
func (o *output) secret(line int, what string, spi uint32, k *espKeys) *esp.Secret {
	s := o.anySecret(line, what+spiName(spi), k)
	if s != nil {
		s.SPI, s.SPIMask = spi, 0xffffffff
	}
	return s
}

// anySecret is secret for keys of any SPI.
func (o *output) anySecret(line int, what string, k *espKeys) *esp.Secret {
	suite, problem, doubt := k.suite()
	what += ": "
	if problem != "" {
		o.note(line, what+problem)
		return nil
	}
	if doubt = cmp.Or(k.doubt, doubt); doubt != "" {
		o.doubt(line, what+doubt)
	}
	s := &esp.Secret{Suite: suite, Key: esp.NewKey(k.key), Origin: o.origin(line)}
	if suite.Auth == nil || suite.Auth.Checked {
		s.AuthKey = esp.NewKey(k.authKey)
	}
	return s
}

// suite returns the algorithms. problem tells what makes the keys unusable, doubt what may be wrong
// with them; "" nothing.
func (k *espKeys) suite() (s esp.Suite, problem, doubt string) {
	if hasDigits(k.cipher) || hasDigits(k.auth) {
		return s, "the name of an algorithm and its key are joined", ""
	}
	var named int
	if k.cipher != "" {
		s.Cipher, named, s.ICVLen = cipherNamed(k.cipher)
		if s.Cipher == nil {
			doubt = "cipher " + quoteName(k.cipher) + " is not known here; the key is tried by its length"
		}
	}
	if problem = k.checkKey(s.Cipher, named); problem != "" {
		return s, problem, ""
	}
	if c := s.Cipher; c != nil {
		s.KeyLen = max(len(k.key)-c.SaltLen, 0)
		if k.icvBits != 0 {
			s.ICVLen = k.icvBits / 8
		}
		if c.AEAD {
			return s, "", doubt
		}
	}
	s.ICVLen = 0
	if k.auth == "" {
		return s, "", doubt
	}
	s.Auth = authNamed(k.auth, k.authBits, cmp.Or(k.sha256, 128))
	switch {
	case s.Auth == nil:
		doubt = "authentication algorithm " + quoteName(k.auth) + " is not known here; the ICV can't be checked"
	case s.Auth.Checked && len(k.authKey) != 0 && s.Auth.KeyLen != 0 && len(k.authKey) != s.Auth.KeyLen:
		problem = s.Auth.Name + " takes no key of " + byteCount(len(k.authKey))
	}
	return s, problem, doubt
}

// checkKey tells what is wrong with the length of the encryption key; c may be nil, and named is
// the length that its name says.
func (k *espKeys) checkKey(c *esp.Cipher, named int) (problem string) {
	n, want := len(k.key), cmp.Or(k.keyLen, named)
	declared := func() string { return "key of " + byteCount(n) + " where " + byteCount(want) + " are declared" }
	switch {
	case c == nil && k.keyLen != 0 && k.keyLen != n:
		return declared()
	case c == nil && !commonKeyLen(n):
		return "key of " + byteCount(n) + ", for a cipher that is not known here"
	case c == nil:
		return ""
	case !c.KeyLenOK(n-c.SaltLen) && !(n == 0 && c.Name == "null"):
		return c.Name + " takes no key of " + byteCount(n)
	case named != 0 && named != n-c.SaltLen, k.keyLen != 0 && k.keyLen != n-c.SaltLen && k.keyLen != n:
		return declared()
	}
	return ""
}

// noCipher is the doubt about a key whose cipher the source does not name.
const noCipher = "no cipher is named; the key is tried by its length"

// commonKeyLen reports whether one of the usual ciphers has keys of n bytes, with its salt.
func commonKeyLen(n int) bool {
	for _, c := range esp.Ciphers {
		if c.Common && c.KeyLenOK(n-c.SaltLen) {
			return true
		}
	}
	return false
}

// quoteName quotes a name out of a source for a note, unless it could be a piece of a key.
func quoteName(s string) string {
	if hasDigits(s) || len(s) > 40 {
		return "named in this line"
	}
	return strconv.Quote(s)
}

// hasDigits reports whether there are as many hex digits in a name as in 4 bytes of a key.
func hasDigits(name string) bool {
	run := 0
	for i := 0; i < len(name) && run < 8; i++ {
		if unhex(name[i]) != 0xff {
			run++
		} else {
			run = 0
		}
	}
	return run >= 8
}

// byteCount returns "1 byte", "16 bytes".
func byteCount(n int) string { return count(n, "byte", "bytes") }

// spiName returns an SPI as in "0x0a1b2c3d".
func spiName(spi uint32) string { return fmt.Sprintf("0x%08x", spi) }
