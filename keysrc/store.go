package keysrc

import (
	"hash/maphash"
	"iter"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// A Store holds what a key source of any size says, each key once: a log that is read from several rotated files, or that was copied
// twice into one, says the same again. A key takes a fifth of the memory that it takes in Keys: about 60 bytes and the
// 9 by which it is known again. The zero value is an empty Store. It is not safe for concurrent use.
type Store struct {
	Notes []Note
	Hints Hints

	ike, esp packed
	names    interned[string]          // of sources, and places that are not "name:line"
	suites   interned[esp.Suite]       // that sources name
	patterns interned[esp.AddrPattern] // that are no whole address
	seen     hashSet                   // hashes of what was added
	seed     maphash.Seed
	lastAddr packedAddr // that was packed
	blank    bool
	space    *secretSpace       // for the secrets that are read; nil: each has its own
	named    map[uint32]*SAHint // what a listing in the source says of SPIs, once it was read to its end
}

// secretSpace is memory that secrets are read into.
type secretSpace struct {
	ike  ikev1.Secret
	esp  esp.Secret
	addr packedAddr // that was read last; without the kind
}

func (sp *secretSpace) newIKE() *ikev1.Secret {
	if sp != nil {
		return &sp.ike
	}
	return new(ikev1.Secret)
}

func (sp *secretSpace) newESP() *esp.Secret {
	if sp != nil {
		return &sp.esp
	}
	return new(esp.Secret)
}

// Add adds what a stream gives out.
func (st *Store) Add(k *Keys) {
	for _, s := range k.IKE {
		st.addIKE(s)
	}
	for _, s := range k.ESP {
		st.addESP(s)
	}
	st.Notes = append(st.Notes, k.Notes...)
	st.Hints.add(&k.Hints)
}

func (st *Store) addIKE(s *ikev1.Secret) {
	r := st.ike.begin()
	if st.putIKE(r, s); st.isNew('i', r) {
		st.putIKEOrigins(r, s)
		st.ike.end()
	}
}

func (st *Store) addESP(s *esp.Secret) {
	r := st.esp.begin()
	if st.putESP(r, s); st.isNew('e', r) {
		st.putOrigin(r, s.Origin)
		st.esp.end()
	}
}

// isNew reports whether a record, all but where it was found, was not added before.
func (st *Store) isNew(kind uint64, r *record) bool {
	if st.seen.slots == nil {
		st.seed = maphash.MakeSeed()
	}
	return st.seen.add(maphash.Bytes(st.seed, r.b) ^ kind)
}

// IKE returns the phase 1 secrets in the order in which they were added. Each of them is the receiver's own.
func (st *Store) IKE() iter.Seq[*ikev1.Secret] {
	return func(yield func(*ikev1.Secret) bool) {
		st.ike.each(func(r *record) bool { return yield(st.getIKE(r)) })
	}
}

// ESP returns the keys of ESP SAs in the order in which they were added. Each of them is the receiver's own.
func (st *Store) ESP() iter.Seq[*esp.Secret] {
	return func(yield func(*esp.Secret) bool) {
		st.esp.each(func(r *record) bool { return yield(st.getESP(r)) })
	}
}

// Split returns stores that hold the same secrets in the same order, IKE before ESP, each a part of them. Several goroutines may
// read them at a time, one each, as long as nothing is added to any. A secret of theirs is valid until the next.
func (st *Store) Split() []*Store {
	var list []*Store
	for _, c := range st.ike.chunks {
		part := *st
		part.ike, part.esp = packed{chunks: [][]byte{c}}, packed{}
		part.space = new(secretSpace)
		list = append(list, &part)
	}
	for _, c := range st.esp.chunks {
		part := *st
		part.ike, part.esp = packed{}, packed{chunks: [][]byte{c}}
		part.space = new(secretSpace)
		list = append(list, &part)
	}
	return list
}

// Blank returns a Store with zeros in place of the bytes of the keys, for those who need their lengths only: it takes less time to
// read. Nothing may be added to it.
func (st *Store) Blank() *Store {
	b := *st
	b.blank = true
	return &b
}

// Keys returns all as Parse does.
func (st *Store) Keys() *Keys {
	k := &Keys{Notes: st.Notes, Hints: st.Hints}
	for s := range st.IKE() {
		k.IKE = append(k.IKE, s)
	}
	for s := range st.ESP() {
		k.ESP = append(k.ESP, s)
	}
	return k
}

// complete has the algorithms of keys that stand without them named by a listing of SAs in the same source.
func (st *Store) complete() {
	for i := range st.Hints.SAs {
		if h := &st.Hints.SAs[i]; !h.IKE && h.Protocol == "ESP" {
			if st.named == nil {
				st.named = make(map[uint32]*SAHint)
			}
			st.named[h.SPI] = h
		}
	}
}

// Marks of a record: which of the values that are mostly missing it has.
const (
	hasKeyHead = 1 << iota
	hasAuthHead
	hasESNKnown
	hasMask
	hasSeqHigh
	hasPair
	hasSuite
	isUncertain
)

// putESP writes all that a secret says but where it was found.
func (st *Store) putESP(r *record, s *esp.Secret) {
	marks := mark(s.KeyHead, hasKeyHead) | mark(s.AuthKeyHead, hasAuthHead) | mark(s.ESNKnown, hasESNKnown) |
		mark(s.SPIMask != ^uint32(0), hasMask) | mark(s.SeqHigh != 0, hasSeqHigh) | mark(s.PairSPI != 0, hasPair) |
		mark(s.Suite != esp.Suite{}, hasSuite) | mark(s.Uncertain, isUncertain)
	r.byte(marks)
	r.uint32(s.SPI)
	if marks&hasMask != 0 {
		r.uint32(s.SPIMask)
	}
	if marks&hasSeqHigh != 0 {
		r.uint32(s.SeqHigh)
	}
	if marks&hasPair != 0 {
		r.uint32(s.PairSPI)
	}
	if marks&hasSuite != 0 {
		r.number(st.suites.number(s.Suite))
	}
	st.putPattern(r, s.Src)
	st.putPattern(r, s.Dst)
	r.key(s.Key)
	r.key(s.AuthKey)
}

func (st *Store) getESP(r *record) *esp.Secret {
	marks := r.takeByte()
	s := st.space.newESP()
	*s = esp.Secret{
		KeyHead: marks&hasKeyHead != 0, AuthKeyHead: marks&hasAuthHead != 0, ESNKnown: marks&hasESNKnown != 0, Uncertain: marks&isUncertain != 0,
		SPI: r.takeUint32(), SPIMask: ^uint32(0),
	}
	if marks&hasMask != 0 {
		s.SPIMask = r.takeUint32()
	}
	if marks&hasSeqHigh != 0 {
		s.SeqHigh = r.takeUint32()
	}
	if marks&hasPair != 0 {
		s.PairSPI = r.takeUint32()
	}
	if marks&hasSuite != 0 {
		s.Suite = st.suites.list[r.takeNumber()]
	}
	s.Src, s.Dst = st.getPattern(r), st.getPattern(r)
	s.Key, s.AuthKey = r.takeKey(st.blank), r.takeKey(st.blank)
	s.Origin = st.getOrigin(r)
	if h := st.named[s.SPI]; h != nil && s.Suite.Cipher == nil && s.SPIMask == ^uint32(0) {
		s.Suite = h.Suite
		if n := h.Suite.KeyLen; n != 0 && s.Key.Len() >= n {
			s.KeyHead = false
		}
	}
	return s
}

// originNames are the values whose places are kept apart.
var originNames = [...]string{"SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "Ka", "g^xy", "g(qm)^xy"}

// ikeKeys returns where the values of originNames are.
func ikeKeys(s *ikev1.Secret) [len(originNames)]*esp.Key {
	return [...]*esp.Key{&s.SKEYID, &s.SKEYIDd, &s.SKEYIDa, &s.SKEYIDe, &s.Ka, &s.SharedSecret, &s.QuickSecret}
}

// putIKE writes all that a secret says but where it was found.
func (st *Store) putIKE(r *record, s *ikev1.Secret) {
	r.bytes(s.InitiatorCookie[:])
	r.bytes(s.ResponderCookie[:])
	r.number(int(s.MessageID))
	st.putPattern(r, esp.AddrPatternFrom(s.Peer))
	keys := mark(s.SKEYIDeHead, 1<<7)
	for i, k := range ikeKeys(s) {
		keys |= mark(!k.IsZero(), 1<<i)
	}
	r.byte(keys)
	for _, k := range ikeKeys(s) {
		if !k.IsZero() {
			r.key(*k)
		}
	}
}

func (st *Store) putIKEOrigins(r *record, s *ikev1.Secret) {
	st.putOrigin(r, s.Origin)
	places := byte(0)
	for i, name := range originNames {
		places |= mark(!s.Origins[name].IsZero(), 1<<i)
	}
	r.byte(places)
	for i, name := range originNames {
		if places&(1<<i) != 0 {
			st.putOrigin(r, s.Origins[name])
		}
	}
}

func (st *Store) getIKE(r *record) *ikev1.Secret {
	s := st.space.newIKE()
	origins := s.Origins // those of the secret before, if it was lent
	*s = ikev1.Secret{}
	copy(s.InitiatorCookie[:], r.take(len(s.InitiatorCookie)))
	copy(s.ResponderCookie[:], r.take(len(s.ResponderCookie)))
	s.MessageID = uint32(r.takeNumber())
	s.Peer, _ = st.getPattern(r).Addr()
	keys := r.takeByte()
	s.SKEYIDeHead = keys&(1<<7) != 0
	for i, k := range ikeKeys(s) {
		if keys&(1<<i) != 0 {
			*k = r.takeKey(st.blank)
		}
	}
	s.Origin = st.getOrigin(r)
	places := r.takeByte()
	for i, name := range originNames {
		if places&(1<<i) != 0 {
			if s.Origins == nil {
				if s.Origins = origins; origins == nil {
					s.Origins = make(map[string]esp.Origin, len(originNames))
				}
				clear(s.Origins)
			}
			s.Origins[name] = st.getOrigin(r)
		}
	}
	return s
}

func mark(is bool, bit byte) byte {
	if is {
		return bit
	}
	return 0
}
