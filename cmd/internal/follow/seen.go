package follow

import (
	"hash/maphash"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// maxSeen bounds a seen set. When it is full it begins anew, and what comes again is given out
// again.
const maxSeen = 1 << 16

// seen knows what a source has given out: a log that is listed again and again says the same again
// and again.
type seen struct {
	seed maphash.Seed
	ids  map[uint64]struct{}
}

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), ids: make(map[uint64]struct{})}
}

// fresh leaves in k what is new. It reports whether anything is left.
func (s *seen) fresh(k *keysrc.Keys) bool {
	k.IKE = keep(k.IKE, func(x *ikev1.Secret) bool { return s.add(s.ike(x)) })
	k.ESP = keep(k.ESP, func(x *esp.Secret) bool { return s.add(s.esp(x)) })
	k.Notes = keep(k.Notes, func(n keysrc.Note) bool { return s.add(maphash.Comparable(s.seed, n)) })
	h := &k.Hints
	return len(k.IKE)+len(k.ESP)+len(k.Notes)+len(h.Local)+len(h.Peers)+len(h.SAs) > 0
}

func keep[T any](list []T, want func(T) bool) []T {
	kept := list[:0]
	for _, x := range list {
		if want(x) {
			kept = append(kept, x)
		}
	}
	clear(list[len(kept):])
	return kept
}

func (s *seen) add(id uint64) bool {
	if _, ok := s.ids[id]; ok {
		return false
	}
	if len(s.ids) >= maxSeen {
		clear(s.ids)
	}
	s.ids[id] = struct{}{}
	return true
}

// esp covers all that a secret says but where it was found.
func (s *seen) esp(x *esp.Secret) uint64 {
	plain := *x
	plain.Key, plain.AuthKey, plain.Origin = esp.Key{}, esp.Key{}, esp.Origin{}
	var h maphash.Hash
	h.SetSeed(s.seed)
	maphash.WriteComparable(&h, plain)
	return sum(&h, x.Key, x.AuthKey)
}

func (s *seen) ike(x *ikev1.Secret) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	h.Write(x.InitiatorCookie[:])
	h.Write(x.ResponderCookie[:])
	maphash.WriteComparable(&h, x.MessageID)
	maphash.WriteComparable(&h, x.SKEYIDeHead)
	maphash.WriteComparable(&h, x.Peer)
	return sum(&h, x.SKEYID, x.SKEYIDd, x.SKEYIDa, x.SKEYIDe, x.Ka, x.SharedSecret, x.QuickSecret)
}

func sum(h *maphash.Hash, keys ...esp.Key) uint64 {
	for _, k := range keys {
		maphash.WriteComparable(h, k.Len())
		h.Write(k.Bytes())
	}
	return h.Sum64()
}
