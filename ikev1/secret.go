package ikev1

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"net/netip"
	"slices"

	"l2tpdump/esp"
)

// Secret is what a key source says about one ISAKMP SA. Keys and cookies may be missing.
type Secret struct {
	InitiatorCookie Cookie
	ResponderCookie Cookie

	SKEYID  esp.Key // RFC 2409 section 5
	SKEYIDd esp.Key // for KEYMAT
	SKEYIDa esp.Key // for the HASH payloads of phase 2
	SKEYIDe esp.Key // Ka is made from it
	Ka      esp.Key // the cipher's key, expanded, as Wireshark's table has it

	SharedSecret esp.Key // g^xy of phase 1
	QuickSecret  esp.Key // g(qm)^xy of a Quick Mode with PFS
	MessageID    uint32  // the Quick Mode of QuickSecret, 0 where the source does not say

	SKEYIDeHead     bool       // SKEYIDe is only the head of the value
	SKEYIDeDoubtful bool       // SKEYIDe may lack rows, or have one twice: only a capture can tell
	Peer            netip.Addr // the other end, where the source names it
	Origin          esp.Origin

	// Origins has the places of values that are not at Origin, by their names in RFC 2409:
	// "SKEYID_d"; may be nil.
	Origins map[string]esp.Origin
}

// OriginOf returns where a value was found, by its name in RFC 2409, or "Ka", "g^xy".
func (s *Secret) OriginOf(value string) esp.Origin {
	if o := s.Origins[value]; !o.IsZero() {
		return o
	}
	return s.Origin
}

// anonymous says that the secret names no cookie: it may be of any SA.
func (s *Secret) anonymous() bool { return s.InitiatorCookie.IsZero() && s.ResponderCookie.IsZero() }

// maxAnonymous bounds how many secrets without a cookie are tried on one SA.
const maxAnonymous = 64

// secretState is a Secret and what became of it.
type secretState struct {
	*Secret
	before  *secretState // the one that was added for the same cookie before
	seen    bool         // an SA with its cookies was observed
	used    bool         // it opened a message, checked a HASH or gave KEYMAT
	opened  bool         // the first of these
	ciphers []*keyedCipher
}

// secretStore finds secrets by cookie.
type secretStore struct {
	all         []*secretState   // the oldest first
	cookies     []Cookie         // of all: the initiator's
	byInitiator map[Cookie]int32 // place of the latest in all
	byResponder map[Cookie]int32 // likewise, of those without an initiator cookie
	anonymous   []*secretState
	version     int // from 1, grows with each secret
	limit       int // secrets to keep, 0: all
}

func newSecretStore() secretStore {
	return secretStore{version: 1, byInitiator: make(map[Cookie]int32), byResponder: make(map[Cookie]int32)}
}

// add takes a secret. Beyond the limit the oldest are forgotten; an SA that uses one keeps it.
func (st *secretStore) add(s *Secret) {
	st.version++
	if st.limit > 0 && len(st.all) >= st.limit+st.limit/4 {
		old, version, limit := st.all[len(st.all)-st.limit:], st.version, st.limit
		*st = newSecretStore()
		st.version, st.limit = version, limit
		for _, x := range old {
			st.keep(x)
		}
	}
	st.keep(&secretState{Secret: s})
}

func (st *secretStore) keep(x *secretState) {
	at := int32(len(st.all))
	st.all, st.cookies = append(st.all, x), append(st.cookies, x.InitiatorCookie)
	switch i, r := x.InitiatorCookie, x.ResponderCookie; {
	case !i.IsZero():
		x.before, st.byInitiator[i] = st.latest(st.byInitiator, i), at
	case !r.IsZero():
		x.before, st.byResponder[r] = st.latest(st.byResponder, r), at
	default:
		st.anonymous = append(st.anonymous, x)
	}
}

// latest returns the latest secret with a cookie, nil if there is none.
func (st *secretStore) latest(places map[Cookie]int32, c Cookie) *secretState {
	if at, ok := places[c]; ok {
		return st.all[at]
	}
	return nil
}

// of returns the secrets that may belong to the SA, those with its cookies first.
func (st *secretStore) of(sa *SA) []*secretState {
	var list []*secretState
	for x := st.latest(st.byResponder, sa.ResponderCookie); x != nil; x = x.before {
		x.seen = true
		list = append(list, x)
	}
	for x := st.latest(st.byInitiator, sa.InitiatorCookie); x != nil; x = x.before {
		if x.ResponderCookie.IsZero() || sa.ResponderCookie.IsZero() || x.ResponderCookie == sa.ResponderCookie {
			x.seen = true
			list = append(list, x)
		}
	}
	slices.Reverse(list)
	n := 0
	for i := len(st.anonymous) - 1; i >= 0 && n < maxAnonymous; i-- { // the newest first
		x := st.anonymous[i]
		if x.Peer.IsValid() && x.Peer != sa.Initiator.Addr().Unmap() && x.Peer != sa.Responder.Addr().Unmap() {
			continue
		}
		n++
		list = append(list, x)
	}
	return list
}

// named reports whether a secret names one of these cookies.
func (st *secretStore) named(initiator, responder Cookie) bool {
	return st.latest(st.byInitiator, initiator) != nil || st.latest(st.byResponder, responder) != nil
}

// maxCompared bounds the secrets, the newest, whose cookies are compared with one that has none.
const maxCompared = 1024

// Absence says what there is instead of a secret for an SA.
type Absence struct {
	Secrets  int     // that are known in all
	Another  *Secret // names the initiator's cookie, with another one of the responder
	Swapped  *Secret // names the responder's cookie as the initiator's
	Nearest  *Secret // its initiator cookie differs in the fewest bits
	Distance int     // in bits: of Nearest
	InUse    *Secret // opens another SA

	version int // of the secrets
	of      saKey
}

// Absence finds out what there is instead of a secret for the SA of a message.
func (t *Tracker) Absence(initiator, responder Cookie) Absence {
	st, a := &t.secrets, &t.absence
	of := saKey{initiator, responder}
	if a.of == of && a.version == st.version {
		return *a
	}
	*a = Absence{Secrets: len(st.all), Distance: 65, version: st.version, of: of}
	for x := st.latest(st.byInitiator, initiator); x != nil; x = x.before {
		a.Another = x.Secret
	}
	for x := st.latest(st.byInitiator, responder); x != nil; x = x.before {
		a.Swapped = x.Secret
	}
	from := max(0, len(st.all)-maxCompared)
	for i, c := range st.cookies[from:] {
		if d := c.Distance(initiator); d < a.Distance && !c.IsZero() {
			a.Nearest, a.Distance = st.all[from+i].Secret, d
		}
	}
	using := func(x *secretState) bool { return x.used && !x.InitiatorCookie.IsZero() }
	if i := slices.IndexFunc(st.all[from:], using); i >= 0 {
		a.InUse = st.all[from+i].Secret
	}
	return *a
}

// Distance returns the number of bits in which the cookies differ.
func (c Cookie) Distance(o Cookie) int {
	return bits.OnesCount64(binary.BigEndian.Uint64(c[:]) ^ binary.BigEndian.Uint64(o[:]))
}

// Unused returns the secrets that neither opened anything nor say what did. seen: their SA was.
func (t *Tracker) Unused() iter.Seq2[*Secret, bool] {
	same := make(map[Cookie][]*SA)
	for _, sa := range t.SAs() {
		same[sa.InitiatorCookie] = append(same[sa.InitiatorCookie], sa)
	}
	return func(yield func(x *Secret, seen bool) bool) {
		for _, x := range t.secrets.all {
			confirmed := func(sa *SA) bool { return slices.Contains(sa.secrets, x) && sa.confirms(x.Secret) }
			if !x.used && !slices.ContainsFunc(same[x.InitiatorCookie], confirmed) && !yield(x.Secret, x.seen) {
				return
			}
		}
	}
}

// confirms says that each value of a secret for the cipher is what opens the SA's messages.
func (sa *SA) confirms(x *Secret) bool {
	values := sa.CipherValues(x)
	for _, v := range values {
		if sa.Opens(v.Key, x.SKEYIDeHead && v.Name == "SKEYID_e") < 0 {
			return false
		}
	}
	return len(values) > 0
}
