package ikev1

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"
)

// hashAlg is a hash of phase 1 (RFC 2409 appendix A); its HMAC is the prf.
type hashAlg struct {
	name string
	id   uint16 // value of the hash attribute
	size int    // bytes
	new  func() hash.Hash
}

// hashAlgs has one hash for each size, which names it where no SA payload does.
var hashAlgs = []*hashAlg{
	{"sha1", 2, sha1.Size, sha1.New},
	{"sha256", 4, sha256.Size, sha256.New},
	{"md5", 1, md5.Size, md5.New},
	{"sha384", 5, sha512.Size384, sha512.New384},
	{"sha512", 6, sha512.Size, sha512.New},
}

// firstOf returns the first row of a table that fits, or nil.
func firstOf[T any](table []*T, fits func(*T) bool) *T {
	if i := slices.IndexFunc(table, fits); i >= 0 {
		return table[i]
	}
	return nil
}

// hashByID and hashBySize return the row of a hash attribute's value, and of so many bytes.
func hashByID(id uint16) *hashAlg {
	return firstOf(hashAlgs, func(h *hashAlg) bool { return h.id == id })
}
func hashBySize(n int) *hashAlg {
	return firstOf(hashAlgs, func(h *hashAlg) bool { return h.size == n })
}

// NewHash returns what makes a hash of phase 1, by its name as in [Offer]; nil if there is none.
func NewHash(name string) func() hash.Hash {
	if h := firstOf(hashAlgs, func(h *hashAlg) bool { return h.name == name }); h != nil {
		return h.new
	}
	return nil
}

// KnownSKEYID reports whether a hash of phase 1 has n bytes, and with it SKEYIDs.
func KnownSKEYID(n int) bool { return hashBySize(n) != nil }

// head returns the first bytes of the hash of b, of which IVs are made.
func (h *hashAlg) head(b []byte) (head [maxBlockLen]byte) {
	switch h.size {
	case sha1.Size:
		sum := sha1.Sum(b)
		copy(head[:], sum[:])
	case sha256.Size:
		sum := sha256.Sum256(b)
		copy(head[:], sum[:])
	case md5.Size:
		head = md5.Sum(b)
	case sha512.Size384:
		sum := sha512.Sum384(b)
		copy(head[:], sum[:])
	case sha512.Size:
		sum := sha512.Sum512(b)
		copy(head[:], sum[:])
	}
	return head
}

// prf returns prf(key, parts) of RFC 2409 section 4.
func (h *hashAlg) prf(key []byte, parts ...[]byte) []byte {
	f := hmac.New(h.new, key)
	for _, p := range parts {
		f.Write(p)
	}
	return f.Sum(nil)
}

// expand returns n bytes of K1 | K2 | ..., where K1 = prf(key, seed...) and Ki = prf(key, Ki-1 [|
// seed...]), as RFC 2409 has it in appendix B (chainSeed false) and section 5.5 (chainSeed true).
func (h *hashAlg) expand(key []byte, n int, chainSeed bool, seed ...[]byte) []byte {
	k := h.prf(key, seed...)
	out := append(make([]byte, 0, n+h.size), k...)
	for len(out) < n {
		if chainSeed {
			k = h.prf(key, append([][]byte{k}, seed...)...)
		} else {
			k = h.prf(key, k)
		}
		out = append(out, k...)
	}
	return out[:n:n]
}
