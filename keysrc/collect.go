package keysrc

import (
	"hash/maphash"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// collector gathers what a stream gives out, each key once: a log that is read from several rotated files, or
// that was copied twice into one, says the same again.
type collector struct {
	keys Keys
	seen map[uint64]struct{}
	seed maphash.Seed
}

func (c *collector) add(k *Keys) {
	for _, s := range k.IKE {
		if c.isNew(ikeIdentity(c.seed, s)) {
			c.keys.IKE = append(c.keys.IKE, s)
		}
	}
	for _, s := range k.ESP {
		if c.isNew(espIdentity(c.seed, s)) {
			c.keys.ESP = append(c.keys.ESP, s)
		}
	}
	c.keys.add(&Keys{Notes: k.Notes, Hints: k.Hints})
}

func (c *collector) isNew(id uint64) bool {
	if _, ok := c.seen[id]; ok {
		return false
	}
	c.seen[id] = struct{}{}
	return true
}

// espIdentity covers all that a secret says but where it was found.
func espIdentity(seed maphash.Seed, s *esp.Secret) uint64 {
	type plain struct {
		spi, mask, high, pair      uint32
		src, dst                   esp.AddrPattern
		suite                      esp.Suite
		keyHead, authHead, esnKnow bool
	}
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, plain{s.SPI, s.SPIMask, s.SeqHigh, s.PairSPI, s.Src, s.Dst, s.Suite, s.KeyHead, s.AuthKeyHead, s.ESNKnown})
	writeKeys(&h, s.Key, s.AuthKey)
	return h.Sum64()
}

func ikeIdentity(seed maphash.Seed, s *ikev1.Secret) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteByte('i')
	h.Write(s.InitiatorCookie[:])
	h.Write(s.ResponderCookie[:])
	maphash.WriteComparable(&h, s.MessageID)
	maphash.WriteComparable(&h, s.SKEYIDeHead)
	maphash.WriteComparable(&h, s.Peer)
	writeKeys(&h, s.SKEYID, s.SKEYIDd, s.SKEYIDa, s.SKEYIDe, s.Ka, s.SharedSecret, s.QuickSecret)
	return h.Sum64()
}

func writeKeys(h *maphash.Hash, keys ...esp.Key) {
	for _, k := range keys {
		maphash.WriteComparable(h, k.Len())
		h.Write(k.Bytes())
	}
}

// complete names the algorithms of keys that stand without them, from a listing of SAs in the same
// source.
func (k *Keys) complete() {
	if len(k.Hints.SAs) == 0 {
		return
	}
	suites := make(map[uint32]*SAHint)
	for i := range k.Hints.SAs {
		if h := &k.Hints.SAs[i]; !h.IKE && h.Protocol == "ESP" {
			suites[h.SPI] = h
		}
	}
	for i, s := range k.ESP {
		h := suites[s.SPI]
		if h == nil || s.Suite.Cipher != nil || s.SPIMask != 0xffffffff {
			continue
		}
		named := *s
		named.Suite = h.Suite
		if n := h.Suite.KeyLen; n != 0 && named.Key.Len() >= n {
			named.KeyHead = false
		}
		k.ESP[i] = &named
	}
}
