package keysrc

import (
	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// A place is the number of a chunk and where in it a record begins, which is below maxChunk.
const placeBits = 17

// maxChunks is how many chunks a place can tell apart: 4 GB.
const maxChunks = 1 << (32 - placeBits)

// HasPlaces reports whether the Store can be asked for secrets by their place: it is not too large.
func (st *Store) HasPlaces() bool {
	return len(st.ike.chunks) < maxChunks && len(st.esp.chunks) < maxChunks
}

// CountIKE returns how many phase 1 secrets there are.
func (st *Store) CountIKE() int { return st.ike.n }

// CountESP returns how many keys of ESP SAs there are.
func (st *Store) CountESP() int { return st.esp.n }

// EachIKE calls f with each phase 1 secret as IKE does, and with its place. The secret is valid until f returns.
func (st *Store) EachIKE(f func(place uint32, s *ikev1.Secret)) {
	part := st.Lent()
	part.ike.eachPlace(func(place uint32, r *record) { f(place, part.getIKE(r)) })
}

// EachESP calls f with each key of an ESP SA as ESP does, and with its place. The secret is valid until f returns.
func (st *Store) EachESP(f func(place uint32, s *esp.Secret)) {
	part := st.Lent()
	part.esp.eachPlace(func(place uint32, r *record) { f(place, part.getESP(r)) })
}

// IKEAt returns the phase 1 secret at a place; it is the caller's own.
func (st *Store) IKEAt(place uint32) *ikev1.Secret { return st.getIKE(st.ike.at(place)) }

// ESPAt returns the key of an ESP SA at a place; it is the caller's own.
func (st *Store) ESPAt(place uint32) *esp.Secret { return st.getESP(st.esp.at(place)) }

// Lent returns a Store of the same secrets, each of which is valid until the next of its kind is asked for. Nothing may be added to it.
func (st *Store) Lent() *Store {
	l := *st
	l.space = new(secretSpace)
	return &l
}

// eachPlace calls f with each record and its place. f reads the record to its end.
func (p *packed) eachPlace(f func(place uint32, r *record)) {
	for i, c := range p.chunks {
		for r := (record{b: c}); len(r.b) > 0; {
			f(uint32(i)<<placeBits|uint32(len(c)-len(r.b)), &r)
		}
	}
}

// at returns the record at a place.
func (p *packed) at(place uint32) *record {
	return &record{b: p.chunks[place>>placeBits][place&(1<<placeBits-1):]}
}
