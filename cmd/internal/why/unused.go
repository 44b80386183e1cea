package why

import (
	"fmt"
	"iter"
	"slices"

	"l2tpdump/ikev1"
)

// UnusedIKE returns the secrets that fit no SA of the capture, and why.
func UnusedIKE(t *ikev1.Tracker) iter.Seq2[*ikev1.Secret, string] {
	sas := t.SAs()
	first := make(map[ikev1.Cookie]*ikev1.SA)
	responders := make(map[ikev1.Cookie]*ikev1.SA)
	for _, sa := range slices.Backward(sas) {
		first[sa.InitiatorCookie], responders[sa.ResponderCookie] = sa, sa
	}
	reason := func(x *ikev1.Secret, seen bool) string {
		sa := first[x.InitiatorCookie]
		switch {
		case seen && sa != nil && idle(sa, x) != "":
			return idle(sa, x)
		case seen:
			return "it fits no message with this cookie: mistyped, or of another attempt"
		case x.InitiatorCookie.IsZero():
			return "it names no cookie and fits no SA"
		case sa != nil:
			return fmt.Sprintf("the capture has this initiator cookie with responder cookie %s only", sa.ResponderCookie)
		case responders[x.InitiatorCookie] != nil:
			return fmt.Sprintf("the cookie is the responder's of the SA with initiator cookie %s", responders[x.InitiatorCookie].InitiatorCookie)
		}
		return neverSeen(sas, x)
	}
	return func(yield func(*ikev1.Secret, string) bool) {
		for x, seen := range t.Unused() {
			if !yield(x, reason(x, seen)) {
				return
			}
		}
	}
}

// idle says why a secret of an SA opened nothing of it.
func idle(sa *ikev1.SA, x *ikev1.Secret) string {
	opened := len(sa.Openers()) > 0
	switch {
	case sa.Encrypted == 0:
		return "no encrypted message of this SA was captured"
	case opened && x.Ka.IsZero() && x.SKEYIDe.IsZero():
		return "not needed"
	case opened:
		return "another key of the same cookie fits"
	case sa.Truncated > 0:
		return "the messages of this SA were not captured in whole"
	case sa.Short != nil:
		return "incomplete"
	}
	return ""
}

// neverSeen says what there is instead of the SA of a secret.
func neverSeen(sas []*ikev1.SA, x *ikev1.Secret) string {
	var near *ikev1.SA
	distance := 0
	for _, sa := range sas {
		if d := sa.InitiatorCookie.Distance(x.InitiatorCookie); near == nil || d < distance {
			near, distance = sa, d
		}
	}
	switch {
	case near == nil:
		return "cookie never seen: the capture has no IKE, so it begins after the negotiation, or leaves out UDP 500 and 4500"
	case distance <= similarCookie:
		return fmt.Sprintf("cookie never seen; the nearest is %s, which differs in %d bits: mistyped or damaged?", near.InitiatorCookie, distance)
	}
	return fmt.Sprintf("cookie never seen: of another connection (nearest in the capture: %s)", near.InitiatorCookie)
}
