package keysrc

import (
	"strconv"

	"l2tpdump/esp"
)

// Every source spells algorithms its own way. A name is looked up by its letters and digits in lower case:
// "cbc(aes)", "AES_CBC" and "aes-cbc" are "cbcaes", "aescbc" and "aescbc".

// A cipherSpelling is a row of esp's table and what the name says beside it.
type cipherSpelling struct {
	row    string
	keyLen int // bytes without the salt, 0 not said
	icvLen int // bytes, AEAD only, 0 not said
}

var cipherSpellings = map[string]cipherSpelling{
	"aes":         {row: "aes-cbc"},
	"aescbc":      {row: "aes-cbc"},
	"cbcaes":      {row: "aes-cbc"},
	"espaes":      {row: "aes-cbc"},
	"rijndael":    {row: "aes-cbc"},
	"rijndaelcbc": {row: "aes-cbc"},
	"aes128cbc":   {row: "aes-cbc", keyLen: 16},
	"aes192cbc":   {row: "aes-cbc", keyLen: 24},
	"aes256cbc":   {row: "aes-cbc", keyLen: 32},

	"3des":       {row: "3des-cbc"},
	"3descbc":    {row: "3des-cbc"},
	"esp3des":    {row: "3des-cbc"},
	"cbcdes3ede": {row: "3des-cbc"},
	"des3ede":    {row: "3des-cbc"},
	"tripledes":  {row: "3des-cbc"},

	"des":    {row: "des-cbc"},
	"descbc": {row: "des-cbc"},
	"espdes": {row: "des-cbc"},
	"cbcdes": {row: "des-cbc"},

	"null":          {row: "null"},
	"none":          {row: "null"},
	"espnull":       {row: "null"},
	"ciphernull":    {row: "null"},
	"ecbciphernull": {row: "null"},

	"aesctr":        {row: "aes-ctr"},
	"ctraes":        {row: "aes-ctr"},
	"rfc3686ctraes": {row: "aes-ctr"},

	"aesgcm":        {row: "aes-gcm", icvLen: 16},
	"gcmaes":        {row: "aes-gcm"},
	"rfc4106gcmaes": {row: "aes-gcm"},
	"aesgcm8":       {row: "aes-gcm", icvLen: 8},
	"aesgcm12":      {row: "aes-gcm", icvLen: 12},
	"aesgcm16":      {row: "aes-gcm", icvLen: 16},
	"aesgcma":       {row: "aes-gcm", icvLen: 8},
	"aesgcmb":       {row: "aes-gcm", icvLen: 12},
	"aesgcmc":       {row: "aes-gcm", icvLen: 16},
	"aes128gcm":     {row: "aes-gcm", keyLen: 16, icvLen: 16},
	"aes192gcm":     {row: "aes-gcm", keyLen: 24, icvLen: 16},
	"aes256gcm":     {row: "aes-gcm", keyLen: 32, icvLen: 16},
	"aes128gcm16":   {row: "aes-gcm", keyLen: 16, icvLen: 16},
	"aes256gcm16":   {row: "aes-gcm", keyLen: 32, icvLen: 16},

	"aesccm":        {row: "aes-ccm"},
	"ccmaes":        {row: "aes-ccm"},
	"rfc4309ccmaes": {row: "aes-ccm"},
	"aesccm8":       {row: "aes-ccm", icvLen: 8},
	"aesccm12":      {row: "aes-ccm", icvLen: 12},
	"aesccm16":      {row: "aes-ccm", icvLen: 16},
	"aesccma":       {row: "aes-ccm", icvLen: 8},
	"aesccmb":       {row: "aes-ccm", icvLen: 12},
	"aesccmc":       {row: "aes-ccm", icvLen: 16},

	"aesgmac":         {row: "null-gmac", icvLen: 16},
	"nullaesgmac":     {row: "null-gmac", icvLen: 16},
	"nullauthaesgmac": {row: "null-gmac", icvLen: 16},
	"rfc4543gcmaes":   {row: "null-gmac", icvLen: 16},

	"chacha20poly1305":           {row: "chacha20-poly1305", icvLen: 16},
	"rfc7539espchacha20poly1305": {row: "chacha20-poly1305", icvLen: 16},

	"cast":    {row: "cast5-cbc"},
	"castcbc": {row: "cast5-cbc"},
	"cast5":   {row: "cast5-cbc"},
	"cast128": {row: "cast5-cbc"},

	"cast128cbc": {row: "cast5-cbc"},
	"cbccast5":   {row: "cast5-cbc"},

	"blowfish":    {row: "blowfish-cbc"},
	"blowfishcbc": {row: "blowfish-cbc"},
	"cbcblowfish": {row: "blowfish-cbc"},

	"twofish":    {row: "twofish-cbc"},
	"twofishcbc": {row: "twofish-cbc"},
	"cbctwofish": {row: "twofish-cbc"},

	"camellia":    {row: "camellia-cbc"},
	"camelliacbc": {row: "camellia-cbc"},
	"cbccamellia": {row: "camellia-cbc"},

	"serpent":    {row: "serpent-cbc"},
	"serpentcbc": {row: "serpent-cbc"},
	"cbcserpent": {row: "serpent-cbc"},
}

// An authSpelling is an algorithm without the length of its ICV, and that length where the name says it.
type authSpelling struct {
	family string
	bits   int // 0 not said
}

var authSpellings = map[string]authSpelling{
	"md5":          {family: "hmac-md5"},
	"hmacmd5":      {family: "hmac-md5"},
	"hmacmd596":    {family: "hmac-md5", bits: 96},
	"sha":          {family: "hmac-sha1"},
	"sha1":         {family: "hmac-sha1"},
	"hmacsha":      {family: "hmac-sha1"},
	"hmacsha1":     {family: "hmac-sha1"},
	"hmacsha196":   {family: "hmac-sha1", bits: 96},
	"hmacsha1160":  {family: "hmac-sha1", bits: 160},
	"sha256":       {family: "hmac-sha2-256"},
	"sha2256":      {family: "hmac-sha2-256"},
	"hmacsha256":   {family: "hmac-sha2-256"},
	"hmacsha2256":  {family: "hmac-sha2-256"},
	"sha384":       {family: "hmac-sha2-384"},
	"sha2384":      {family: "hmac-sha2-384"},
	"hmacsha384":   {family: "hmac-sha2-384"},
	"hmacsha2384":  {family: "hmac-sha2-384"},
	"sha512":       {family: "hmac-sha2-512"},
	"sha2512":      {family: "hmac-sha2-512"},
	"hmacsha512":   {family: "hmac-sha2-512"},
	"hmacsha2512":  {family: "hmac-sha2-512"},
	"ripemd160":    {family: "hmac-ripemd160"},
	"rmd160":       {family: "hmac-ripemd160"},
	"hmacrmd160":   {family: "hmac-ripemd160"},
	"hmacripemd":   {family: "hmac-ripemd160"},
	"xcbcaes":      {family: "aes-xcbc"},
	"aesxcbc":      {family: "aes-xcbc"},
	"aesxcbcmac":   {family: "aes-xcbc"},
	"aesxcbc96":    {family: "aes-xcbc", bits: 96},
	"aesxcbcmac96": {family: "aes-xcbc", bits: 96},
	"cmacaes":      {family: "aes-cmac"},
	"aescmac":      {family: "aes-cmac"},
	"aescmac96":    {family: "aes-cmac", bits: 96},

	"hmacsha225696":       {family: "hmac-sha2-256", bits: 96},
	"hmacsha2256truncbug": {family: "hmac-sha2-256", bits: 96},
	"hmacsha2256128":      {family: "hmac-sha2-256", bits: 128},
	"hmacsha2384192":      {family: "hmac-sha2-384", bits: 192},
	"hmacsha2512256":      {family: "hmac-sha2-512", bits: 256},
	"hmacripemd160":       {family: "hmac-ripemd160"},
	"hmacripemd16096":     {family: "hmac-ripemd160", bits: 96},

	"null":       {family: "none"},
	"none":       {family: "none"},
	"digestnull": {family: "none"},
	"noauth":     {family: "none"},
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

// cipherNamed returns the row of esp's table that a source means by name, nil if the name is not known.
// keyLen and icvLen are in bytes, 0 where the name doesn't say.
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

// authNamed returns the row of esp's table that a source means by name with an ICV of bits bits. bits 0 means what the name
// says, and sha256 bits if that is nothing and the algorithm is HMAC-SHA-256, for which there are two
// lengths in use: 96 in old Linux kernels, 128 as in RFC 4868.
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
	sha256   int // what HMAC-SHA-256 without a length means here: 96 or 128
}

// suite returns the algorithms. problem tells what makes the keys unusable, doubt what may be wrong
// with them; "" nothing.
func (k *espKeys) suite() (s esp.Suite, problem, doubt string) {
	var named, icv int
	if k.cipher != "" {
		s.Cipher, named, icv = cipherNamed(k.cipher)
		if s.Cipher == nil {
			doubt = "cipher " + quoteName(k.cipher) + " is not known here; the key is tried by its length"
		}
	}
	if k.icvBits != 0 {
		icv = k.icvBits / 8
	}
	if c := s.Cipher; c != nil {
		n := len(k.key) - c.SaltLen
		if !c.KeyLenOK(n) && !(len(k.key) == 0 && c.Name == "null") {
			return s, c.Name + " takes no key of " + byteCount(len(k.key)), ""
		}
		if named != 0 && named != n || k.keyLen != 0 && k.keyLen != n && k.keyLen != len(k.key) {
			want := k.keyLen
			if want == 0 {
				want = named
			}
			return s, "key of " + byteCount(len(k.key)) + " where " + byteCount(want) + " are declared", ""
		}
		s.KeyLen = max(n, 0)
		if c.AEAD {
			s.ICVLen = icv
			return s, "", doubt
		}
	} else if k.keyLen != 0 && k.keyLen != len(k.key) {
		return s, "key of " + byteCount(len(k.key)) + " where " + byteCount(k.keyLen) + " are declared", ""
	} else if !commonKeyLen(len(k.key)) {
		return s, "key of " + byteCount(len(k.key)) + ", for a cipher that is not known here", ""
	}
	sha256 := k.sha256
	if sha256 == 0 {
		sha256 = 128
	}
	if k.auth != "" {
		s.Auth = authNamed(k.auth, k.authBits, sha256)
		switch {
		case s.Auth == nil:
			doubt = "authentication algorithm " + quoteName(k.auth) + " is not known here; the ICV can't be checked"
		case s.Auth.Checked && len(k.authKey) != 0 && s.Auth.KeyLen != 0 && len(k.authKey) != s.Auth.KeyLen:
			return s, s.Auth.Name + " takes no key of " + byteCount(len(k.authKey)), ""
		}
	}
	return s, "", doubt
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

// secret returns the keys as esp takes them; problem and doubt are suite's.
func (k *espKeys) secret() (s *esp.Secret, problem, doubt string) {
	suite, problem, doubt := k.suite()
	if problem != "" {
		return nil, problem, doubt
	}
	s = &esp.Secret{Suite: suite, Key: esp.NewKey(k.key)}
	if suite.Auth == nil || suite.Auth.Checked {
		s.AuthKey = esp.NewKey(k.authKey)
	}
	return s, "", doubt
}

// quoteName quotes a name out of a source for a note, unless it could be a piece of a key.
func quoteName(s string) string {
	run := 0
	for i := 0; i < len(s) && run < 8; i++ {
		if unhex(s[i]) != 0xff {
			run++
		} else {
			run = 0
		}
	}
	if run >= 8 || len(s) > 40 {
		return "named in this line"
	}
	return strconv.Quote(s)
}

// byteCount returns "1 byte", "16 bytes".
func byteCount(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.Itoa(n) + " bytes"
}

// spiName returns an SPI as in "0x0a1b2c3d".
func spiName(spi uint32) string {
	const digits = "0123456789abcdef"
	b := []byte("0x00000000")
	for i := 9; i > 1; i-- {
		b[i] = digits[spi&15]
		spi >>= 4
	}
	return string(b)
}
