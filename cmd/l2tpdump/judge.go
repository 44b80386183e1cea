package main

import (
	"fmt"
	"strings"
	"sync"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// judge gives verdicts on what a run has seen.
type judge struct {
	p    *pipeline.Pipeline
	keys []*keysrc.Store
	// keyD is the first secret with SKEYID_d, nil if there is none.
	keyD func() *ikev1.Secret
	// overlong is what is to be said of keys that are too long, by their places.
	overlong func() map[string]string
}

func newJudge(p *pipeline.Pipeline, keys []*keysrc.Store) *judge {
	j := &judge{p: p, keys: keys}
	j.overlong = sync.OnceValue(func() map[string]string { return overlong(p, keys) })
	j.keyD = sync.OnceValue(func() *ikev1.Secret {
		for _, k := range keys {
			for s := range k.IKE() {
				if !s.SKEYIDd.IsZero() {
					return s
				}
			}
		}
		return nil
	})
	return j
}

// ike returns the verdict on an SA. A value of any source that is proven wrong makes it a wrong key, whatever opens the messages.
func (j *judge) ike(sa *ikev1.SA) (esp.Verdict, string) {
	verdict, reason := esp.Verdict(sa.Verdict()), sa.Reason()
	conflicts := sa.Conflicts()
	if ka := sa.Ka(); !ka.IsZero() {
		for _, k := range j.keys {
			for _, h := range k.Hints.SAs {
				if h.IKE && h.InitiatorCookie == sa.InitiatorCookie && !h.KeyHead.IsZero() && !ka.HasPrefix(h.KeyHead) {
					conflicts = append(conflicts, "the key at "+h.Origin.String()+" is not the head of Ka, which opens the messages: one of the two listings is of another SA")
				}
			}
		}
	}
	if verdict == pipeline.NoKey {
		reason = joinReasons(reason, leftOut(j.keys))
	}
	if len(conflicts) == 0 {
		return verdict, reason
	}
	return pipeline.WrongKey, joinReasons(strings.Join(conflicts, "; "), reason)
}

// esp does the same for a flow of ESP.
func (j *judge) esp(r *esp.Report) (esp.Verdict, string) {
	if r.Conflict != "" {
		return pipeline.WrongKey, r.Conflict
	}
	reason := r.Reason
	if pipeline.Opened(r.Verdict) {
		reason = joinReasons(j.overlong()[r.Key], reason)
	}
	switch r.Verdict {
	case pipeline.Decrypted, pipeline.NoKey, pipeline.Incomplete:
	default:
		return r.Verdict, reason
	}
	negotiated := j.p.ESP().Negotiated(r.SPI)
	if len(negotiated) == 0 {
		reason = joinReasons(reason, j.withoutQuickMode(r))
	} else if why := negotiated[0].KeyReason; why != "" && r.Verdict == pipeline.Decrypted {
		reason = joinReasons(reason, "the rest can't be computed: "+why)
	}
	if r.Verdict == pipeline.NoKey {
		reason = joinReasons(reason, leftOut(j.keys))
	}
	return r.Verdict, reason
}

// withoutQuickMode says why a SKEYID_d that a source has gives no keys for an SPI that no decrypted Quick Mode names, "" where there
// is none.
func (j *judge) withoutQuickMode(r *esp.Report) string {
	seen := make(map[ikev1.Cookie]*ikev1.SA)
	for _, sa := range j.p.IKE().SAs() {
		seen[sa.InitiatorCookie] = sa
	}
	if r.Verdict == pipeline.NoKey && len(seen) > 0 {
		return "" // the keys are of other connections
	}
	s := j.keyD()
	if s == nil {
		return ""
	}
	why := "the capture lacks the Quick Mode of this SPI: it begins too late, has one direction only, or the packets are cut"
	if sa := seen[s.InitiatorCookie]; sa != nil && sa.Encrypted > 0 && sa.Decrypted == 0 {
		why = "the Quick Mode is not decrypted"
	}
	return "SKEYID_d (" + s.OriginOf("SKEYID_d").String() + ") is of no use: " + why
}

// leftOut tells of values that are damaged: one of them may be the key that is missing.
func leftOut(keys []*keysrc.Store) string {
	n := 0
	var first keysrc.Note
	for _, k := range keys {
		for _, note := range k.Notes {
			if note.Doubt {
				continue
			}
			if n++; n == 1 {
				first = note
			}
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "a value was left out: " + first.String()
	}
	return fmt.Sprintf("%d values were left out, the first: %s", n, first)
}

func joinReasons(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// cookieName is a cookie for people and JSON, "any" where the source names none.
func cookieName(c ikev1.Cookie) string {
	if c.IsZero() {
		return "any"
	}
	return c.String()
}

// spiName is the SPI of a secret, "any", or with "*" for digits that are not known.
func spiName(s *esp.Secret) string {
	if s.SPIMask == 0 {
		return "any"
	}
	name := []byte(fmt.Sprintf("0x%08x", s.SPI))
	for i := range 8 {
		if s.SPIMask>>(28-4*i)&0xf != 0xf {
			name[2+i] = '*'
		}
	}
	return string(name)
}

// keyOf is where the key of an SA stands: that which opens its messages, else that which does not.
func keyOf(sa *ikev1.SA) string {
	if sa.KeyOrigin != "" {
		return sa.KeyOrigin
	}
	return sa.Tried()
}
