package main

import (
	"net/netip"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// hintIndex is what a source says beside keys, as rows of tables need it.
type hintIndex struct {
	local netip.Addr // the router's own address, if there is just one
	sas   map[uint32][]*keysrc.SAHint
	ike   map[ikev1.Cookie]*keysrc.SAHint
}

func (x *hintIndex) init(h *keysrc.Hints) {
	if len(h.Local) == 1 {
		x.local = h.Local[0]
	}
	x.sas, x.ike = make(map[uint32][]*keysrc.SAHint), make(map[ikev1.Cookie]*keysrc.SAHint)
	for i := range h.SAs {
		sa := &h.SAs[i]
		switch {
		case sa.IKE:
			x.ike[sa.InitiatorCookie] = sa
		case sa.DirectionKnown:
			x.sas[sa.SPI] = append(x.sas[sa.SPI], sa)
		}
	}
}

// kaLen returns the length of a phase 1's Ka in bytes, 0 if the source does not say it.
func (x *hintIndex) kaLen(c ikev1.Cookie) int {
	if h := x.ike[c]; h != nil {
		return h.Suite.KeyLen
	}
	return 0
}

// confirms reports whether a listing shows the head of a phase 1's Ka.
func (x *hintIndex) confirms(c ikev1.Cookie, ka esp.Key) bool {
	h := x.ike[c]
	return h != nil && !h.KeyHead.IsZero() && ka.HasPrefix(h.KeyHead)
}

// fillAddresses fills in the router's own address where the source knows just one, and the other
// end where there was just one.
func (x *hintIndex) fillAddresses(s *esp.Secret) {
	for _, h := range x.sas[s.SPI] {
		from, to := h.Remote, h.Local
		if h.Send {
			from, to = to, from
		}
		s.Src, s.Dst = known(s.Src, from), known(s.Dst, to)
	}
	switch {
	case s.Src.IsAny() && !s.Dst.IsAny() && !s.Dst.Match(x.local):
		s.Src = esp.AddrPatternFrom(x.local)
	case s.Dst.IsAny() && !s.Src.IsAny() && !s.Src.Match(x.local):
		s.Dst = esp.AddrPatternFrom(x.local)
	}
}

// known returns the pattern, or the address where it says nothing.
func known(p esp.AddrPattern, a netip.Addr) esp.AddrPattern {
	if p.IsAny() {
		return esp.AddrPatternFrom(a)
	}
	return p
}
