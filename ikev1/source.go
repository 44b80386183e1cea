package ikev1

import (
	"bytes"
	"cmp"
	"slices"
)

// Source keeps the secrets of a key source that may be large. It does not change, and several goroutines may ask it at a time.
type Source interface {
	// CountIKE returns how many secrets there are.
	CountIKE() int
	// EachIKE calls f with each secret, in order, and with the place by which IKEAt finds it again. The secret is valid until f returns.
	EachIKE(f func(place uint32, s *Secret))
	// IKEAt returns the secret at a place; it is the caller's own.
	IKEAt(place uint32) *Secret
}

// slot is one secret in the order in which they were added.
type slot struct {
	x         *secretState // nil: a Source has it, and no SA has asked for its cookie so far
	initiator Cookie
	place     uint32 // in the Source
}

// span is the slots of a Source: those from first on.
type span struct {
	first int
	src   Source
}

// addSource adds all secrets of a source. Those with an initiator cookie stay where they are until an SA has it: each takes 28 bytes
// of the store.
func (st *secretStore) addSource(src Source) {
	st.version++
	if st.limit > 0 {
		src.EachIKE(func(place uint32, _ *Secret) { st.add(src.IKEAt(place)) })
		return
	}
	st.all = slices.Grow(st.all, src.CountIKE())
	st.sources = append(st.sources, span{len(st.all), src})
	fresh := make([]uint32, 0, src.CountIKE())
	src.EachIKE(func(place uint32, s *Secret) {
		c := s.InitiatorCookie
		if _, loaded := st.byInitiator[c]; loaded || c.IsZero() {
			st.keep(&secretState{Secret: src.IKEAt(place)})
			return
		}
		fresh = append(fresh, uint32(len(st.all)))
		st.all = append(st.all, slot{initiator: c, place: place})
	})
	st.index = append(st.index, fresh...)
	slices.SortFunc(st.index, func(a, b uint32) int {
		return cmp.Or(compareCookies(st.all[a].initiator, st.all[b].initiator), cmp.Compare(a, b))
	})
}

func compareCookies(a, b Cookie) int { return bytes.Compare(a[:], b[:]) }

// named returns the secrets with an initiator cookie.
func (st *secretStore) named(c Cookie) []*secretState {
	list, loaded := st.byInitiator[c]
	if loaded || len(st.index) == 0 {
		return list
	}
	at, _ := slices.BinarySearchFunc(st.index, c, func(i uint32, c Cookie) int { return compareCookies(st.all[i].initiator, c) })
	for ; at < len(st.index) && st.all[st.index[at]].initiator == c; at++ {
		i := st.index[at]
		x := &secretState{Secret: st.secret(i)}
		st.all[i].x = x
		list = append(list, x)
	}
	if list != nil {
		st.setNamed(c, list)
	}
	return list
}

func (st *secretStore) setNamed(c Cookie, list []*secretState) {
	if st.byInitiator == nil {
		st.byInitiator = make(map[Cookie][]*secretState)
	}
	st.byInitiator[c] = list
}

// secret returns what a slot's Source keeps.
func (st *secretStore) secret(i uint32) *Secret {
	n := len(st.sources) - 1
	for st.sources[n].first > int(i) {
		n--
	}
	return st.sources[n].src.IKEAt(st.all[i].place)
}

// setLimit bounds how many secrets are kept.
func (st *secretStore) setLimit(n int) {
	st.limit = n
	for i := range st.all {
		st.named(st.all[i].initiator)
	}
	st.sources, st.index = nil, nil
}
