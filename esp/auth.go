package esp

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha512"
	"hash"

	"l2tpdump/esp/lanes"

	//lint:ignore SA1019 RFC 2857 names it
	"golang.org/x/crypto/ripemd160"
)

// Auth is a row of the table of authentication algorithms.
type Auth struct {
	Name    string // as in "hmac-sha1-96"
	KeyLen  int    // bytes of the key, 0 where no key is used
	ICVLen  int    // bytes of the ICV on the wire
	Checked bool   // the ICV can be computed; false for "none" and "any-N"

	lanes   *lanes.Algorithm // of many packets at once; nil: prepare
	prepare func(key []byte) (macKey, error)
}

// Auths is the table of authentication algorithms, the common ones first.
var Auths = []*Auth{
	{Name: "hmac-sha1-96", KeyLen: 20, ICVLen: 12, Checked: true, lanes: lanes.SHA1},
	{Name: "hmac-sha2-256-128", KeyLen: 32, ICVLen: 16, Checked: true, lanes: lanes.SHA256},
	{Name: "hmac-md5-96", KeyLen: 16, ICVLen: 12, Checked: true, prepare: hmacOf(md5.New)},
	{Name: "hmac-sha2-384-192", KeyLen: 48, ICVLen: 24, Checked: true, prepare: hmacOf(sha512.New384)},
	{Name: "hmac-sha2-512-256", KeyLen: 64, ICVLen: 32, Checked: true, prepare: hmacOf(sha512.New)},
	// The truncation of draft-ietf-ipsec-ciph-sha-256-00, still made by old stacks.
	{Name: "hmac-sha2-256-96", KeyLen: 32, ICVLen: 12, Checked: true, lanes: lanes.SHA256},
	// Not standards: 96 bits, as of the older algorithms, from stacks that never took the length of
	// RFC 4868.
	{Name: "hmac-sha2-384-96", KeyLen: 48, ICVLen: 12, Checked: true, prepare: hmacOf(sha512.New384)},
	{Name: "hmac-sha2-512-96", KeyLen: 64, ICVLen: 12, Checked: true, prepare: hmacOf(sha512.New)},
	{Name: "aes-xcbc-96", KeyLen: 16, ICVLen: 12, Checked: true, prepare: xcbc},
	{Name: "aes-cmac-96", KeyLen: 16, ICVLen: 12, Checked: true, prepare: cmac},
	{Name: "hmac-ripemd160-96", KeyLen: 20, ICVLen: 12, Checked: true, prepare: hmacOf(ripemd160.New)},
	{Name: "none"},
	// The length of the ICV is known and nothing else.
	{Name: "any-96", ICVLen: 12},
	{Name: "any-128", ICVLen: 16},
	{Name: "any-64", ICVLen: 8},
	{Name: "any-192", ICVLen: 24},
	{Name: "any-256", ICVLen: 32},
}

// AuthByName returns the row with this name, nil if there is none.
func AuthByName(name string) *Auth {
	for _, a := range Auths {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// A macKey makes macs with one key.
type macKey func() mac

// A mac serves one call at a time.
type mac interface {
	// sum is the MAC of data with suffix behind it, valid until the next call.
	sum(data, suffix []byte) []byte
}

// loneMAC computes such an HMAC of one packet.
type loneMAC struct {
	hasher   lanes.Hasher
	messages [1]lanes.Message
}

func (m *loneMAC) sum(data, suffix []byte) []byte {
	one := &m.messages[0]
	one.Data, one.Suffix = data, suffix
	m.hasher.Sums(m.messages[:])
	one.Data, one.Suffix = nil, nil // they are the caller's
	return one.Sum[:]
}

// hashMAC is any HMAC (RFC 2104) of the standard library.
type hashMAC struct {
	hash.Hash
	buf [sha512.Size]byte
}

func (m *hashMAC) sum(data, suffix []byte) []byte {
	m.Reset()
	m.Write(data)
	m.Write(suffix)
	return m.Sum(m.buf[:0])
}

// hmacOf makes a row of an HMAC.
func hmacOf(newHash func() hash.Hash) func(key []byte) (macKey, error) {
	return func(key []byte) (macKey, error) {
		first := hmac.New(newHash, key)
		// The first Reset keeps the state behind the padded key, for later ones to go back to.
		first.Reset()
		if c, ok := first.(hash.Cloner); ok {
			if _, err := c.Clone(); err == nil {
				return func() mac {
					h, _ := c.Clone()
					return &hashMAC{Hash: h}
				}, nil
			}
		}
		// A hash that can't be copied needs the key again for each goroutine.
		k := NewKey(key)
		return func() mac { return &hashMAC{Hash: hmac.New(newHash, k.Bytes())} }, nil
	}
}
