package keysrc

import (
	"hash/maphash"
	"net/netip"
	"slices"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// Seen knows what a source has said: a log that is read from several rotated files, or that is
// listed again and again, says the same again and again. It keeps a hash of each, of 64 bits.
type Seen struct {
	limit   int // 0: none
	seed    maphash.Seed
	ids     map[uint64]struct{}
	plain   esp.Secret // the last one but for its SPI and keys, which differ most
	plainID uint64     // its hash
}

// maxSeen bounds what is kept of a source without an end.
const maxSeen = 1 << 16

// NewSeen returns a set of at most 65536 values. When it is full it begins anew, and what comes
// again counts as new.
func NewSeen() *Seen { return newSeen(maxSeen) }

func newSeen(limit int) *Seen {
	return &Seen{limit: limit, seed: maphash.MakeSeed(), ids: make(map[uint64]struct{})}
}

// Fresh leaves in k what is new, wherever it was found, and all hints. It reports whether anything
// is left.
func (s *Seen) Fresh(k *Keys) bool {
	k.IKE = slices.DeleteFunc(k.IKE, func(x *ikev1.Secret) bool { return !s.add(s.ike(x)) })
	k.ESP = slices.DeleteFunc(k.ESP, func(x *esp.Secret) bool { return !s.add(s.esp(x)) })
	k.Notes = slices.DeleteFunc(k.Notes, func(n Note) bool { return !s.add(maphash.Comparable(s.seed, n)) })
	h := &k.Hints
	return len(k.IKE)+len(k.ESP)+len(k.Notes)+len(h.Local)+len(h.Peers)+len(h.SAs) > 0 || !h.From.IsZero()
}

// add takes a hash, and reports whether it is new.
func (s *Seen) add(id uint64) bool {
	if _, known := s.ids[id]; known {
		return false
	}
	if len(s.ids) == s.limit && s.limit > 0 {
		clear(s.ids)
	}
	s.ids[id] = struct{}{}
	return true
}

// esp covers all that a secret says but where it was found.
func (s *Seen) esp(x *esp.Secret) uint64 {
	plain := *x
	plain.SPI, plain.Key, plain.AuthKey, plain.Origin = 0, esp.Key{}, esp.Key{}, esp.Origin{}
	if s.plainID == 0 || plain != s.plain {
		s.plain, s.plainID = plain, maphash.Comparable(s.seed, plain)
	}
	return s.hash(31*s.plainID+uint64(x.SPI), x.Key, x.AuthKey)
}

func (s *Seen) ike(x *ikev1.Secret) uint64 {
	plain := maphash.Comparable(s.seed, struct {
		initiator, responder ikev1.Cookie
		mid                  uint32
		head                 bool
		peer                 netip.Addr
	}{x.InitiatorCookie, x.ResponderCookie, x.MessageID, x.SKEYIDeHead, x.Peer})
	return s.hash(plain, x.SKEYID, x.SKEYIDd, x.SKEYIDa, x.SKEYIDe, x.Ka, x.SharedSecret, x.QuickSecret)
}

// hash adds keys to the hash of the other values.
func (s *Seen) hash(id uint64, keys ...esp.Key) uint64 {
	for _, k := range keys {
		id = 31*id + maphash.Bytes(s.seed, k.Bytes())
	}
	return id
}
