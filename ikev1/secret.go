package ikev1

import (
	"fmt"
	"math/bits"
	"net/netip"

	"l2tpdump/esp"
)

// Secret is what a key source says about one ISAKMP SA. Any of the keys may be
// missing; a zero cookie is one that the source does not name.
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

	SKEYIDeHead bool       // SKEYIDe is only the head of the value
	Peer        netip.Addr // the other end, where the source names it
	Origin      esp.Origin

	// Origins has the places of values that are not at Origin, by their names in RFC 2409: "SKEYID_d"; may be nil.
	Origins map[string]esp.Origin
}

// OriginOf returns where a value was found: "SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "Ka", "g^xy".
func (s *Secret) OriginOf(value string) esp.Origin {
	if o := s.Origins[value]; !o.IsZero() {
		return o
	}
	return s.Origin
}

// Unused is a secret that fits no SA of the capture, and why.
type Unused struct {
	Secret *Secret
	Reason string
}

// maxAnonymous bounds how many secrets without a cookie are tried on one SA.
const maxAnonymous = 64

// secretState is a Secret and what became of it.
type secretState struct {
	*Secret
	seen bool // an SA with its cookies was observed
	used bool // it opened a message, checked a HASH or gave KEYMAT
}

// secretStore finds secrets by cookie.
type secretStore struct {
	all         []slot
	byInitiator map[Cookie][]*secretState
	byResponder map[Cookie][]*secretState // those without an initiator cookie
	anonymous   []*secretState
	version     int // grows with each secret
	limit       int // secrets to keep, 0: all
	sources     []span
	index       []uint32 // numbers of the slots that only a source has, sorted by their initiator cookie
}

// trim forgets the oldest secrets beyond the limit. An SA that uses one keeps it.
func (st *secretStore) trim() {
	keep := st.all[len(st.all)-st.limit:]
	st.all, st.anonymous = make([]slot, 0, st.limit+st.limit/4), nil
	clear(st.byInitiator)
	clear(st.byResponder)
	for _, s := range keep {
		st.keep(s.x)
	}
}

func (st *secretStore) add(s *Secret) {
	if st.limit > 0 && len(st.all) >= st.limit+st.limit/4 {
		st.trim()
	}
	st.version++
	st.keep(&secretState{Secret: s})
}

func (st *secretStore) keep(x *secretState) {
	s := x.Secret
	list := st.named(s.InitiatorCookie)
	st.all = append(st.all, slot{x: x, initiator: s.InitiatorCookie})
	switch {
	case !s.InitiatorCookie.IsZero():
		st.setNamed(s.InitiatorCookie, append(list, x))
	case !s.ResponderCookie.IsZero():
		if st.byResponder == nil {
			st.byResponder = make(map[Cookie][]*secretState)
		}
		st.byResponder[s.ResponderCookie] = append(st.byResponder[s.ResponderCookie], x)
	default:
		st.anonymous = append(st.anonymous, x)
	}
}

// of returns the secrets that may belong to the SA, those with its cookies
// first.
func (st *secretStore) of(sa *SA) []*secretState {
	var list []*secretState
	for _, x := range st.named(sa.InitiatorCookie) {
		if x.ResponderCookie.IsZero() || sa.ResponderCookie.IsZero() || x.ResponderCookie == sa.ResponderCookie {
			x.seen = true
			list = append(list, x)
		}
	}
	for _, x := range st.byResponder[sa.ResponderCookie] {
		x.seen = true
		list = append(list, x)
	}
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

// nearest returns the secret whose initiator cookie differs from c in the
// fewest bits, and in how many. It is nil when there is none.
func (st *secretStore) nearest(c Cookie) (x *secretState, distance int) {
	at := -1
	distance = 65
	for i := range st.all {
		o := st.all[i].initiator
		if o.IsZero() {
			continue
		}
		if d := cookieDistance(o, c); d < distance {
			at, distance = i, d
		}
	}
	if at < 0 {
		return nil, distance
	}
	if st.all[at].x == nil {
		st.named(st.all[at].initiator)
	}
	return st.all[at].x, distance
}

// cookieDistance returns the number of bits in which the cookies differ.
func cookieDistance(a, b Cookie) int {
	n := 0
	for i := range a {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n
}

// similarCookie is the distance up to which one cookie can be a damaged copy of
// another: random ones differ in 32 bits, and in 16 or less about once in 30000.
const similarCookie = 8

// noKeyReason says why there is no secret for the SA.
func (st *secretStore) noKeyReason(sa *SA) string {
	if len(st.all) == 0 {
		return "no IKE key was given: take the log while the connection is being set up"
	}
	for _, x := range st.named(sa.InitiatorCookie) {
		return fmt.Sprintf("the key for initiator cookie %s (%s) names responder cookie %s, not %s: it is of another attempt",
			sa.InitiatorCookie, x.Origin, x.ResponderCookie, sa.ResponderCookie)
	}
	for _, x := range st.named(sa.ResponderCookie) {
		return fmt.Sprintf("the key at %s names the responder cookie as the initiator's", x.Origin)
	}
	if x, d := st.nearest(sa.InitiatorCookie); x != nil {
		if d <= similarCookie {
			return fmt.Sprintf("no key for initiator cookie %s: the nearest is %s (%s), which differs in %d bits: mistyped or damaged?",
				sa.InitiatorCookie, x.InitiatorCookie, x.Origin, d)
		}
		for _, o := range st.all {
			if o.x != nil && o.x.used && !o.initiator.IsZero() {
				return fmt.Sprintf("no key for initiator cookie %s, though there is one for %s (%s) in this capture: it is another connection, or the next "+
					"negotiation of the same one, and the key source ends before it: take the log to its end", sa.InitiatorCookie, o.initiator, o.x.Origin)
			}
		}
		return fmt.Sprintf("no key for initiator cookie %s: the keys are of other connections, as %s (%s)",
			sa.InitiatorCookie, x.InitiatorCookie, x.Origin)
	}
	return fmt.Sprintf("no key for initiator cookie %s", sa.InitiatorCookie)
}
