package main

import (
	"fmt"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/cmd/internal/wstables"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// ikeTable is the rows of ikev1_decryption_table: the expanded keys of phase 1 that open the
// capture's messages, and those that a source says.
type ikeTable struct {
	k     *keyring
	hints []hintIndex
	remarks
}

// rows returns the rows, and makes the remarks.
func (t *ikeTable) rows() (rows []wstables.IKERow) {
	done := make(map[ikev1.Cookie]bool)
	if p := t.k.p; p != nil {
		for _, sa := range p.IKE().SAs() {
			if ka := sa.Ka(); !ka.IsZero() {
				done[sa.InitiatorCookie] = true
				rows = append(rows, wstables.IKERow{InitiatorCookie: sa.InitiatorCookie, Ka: ka})
			}
		}
	}
	best := t.best()
	for i, source := range t.k.sources {
		for _, s := range source.IKE {
			b, ok := best[s.InitiatorCookie]
			if done[s.InitiatorCookie] || ok && b.secret != s || s.Ka.IsZero() && s.SKEYIDe.IsZero() {
				continue
			}
			if ka := t.withoutCapture(s, &t.hints[i]); !ka.IsZero() {
				rows = append(rows, wstables.IKERow{InitiatorCookie: s.InitiatorCookie, Ka: ka})
			}
		}
	}
	return rows
}

// ikeChoice is the secret that a phase 1 gets its row from, where sources have several.
type ikeChoice struct {
	secret *ikev1.Secret
	worth  int
}

// best returns the secret for each phase 1: the cipher's key itself before SKEYID_e whose cipher a
// source names, this before one that leaves the cipher to a guess, the longer one before the
// shorter, this before one that may be only a part, and of two alike the later one, as Wireshark
// has it.
func (t *ikeTable) best() map[ikev1.Cookie]ikeChoice {
	const named, whole = 1 << 20, 1 << 21 // more than any length
	best := make(map[ikev1.Cookie]ikeChoice)
	for i, source := range t.k.sources {
		for _, s := range source.IKE {
			n := s.Ka.Len()
			if s.InitiatorCookie.IsZero() || n == 0 && s.SKEYIDe.IsZero() {
				continue
			}
			worth := max(n, s.SKEYIDe.Len())
			switch {
			case n == 8 || n == 16 || n == 24 || n == 32:
				worth = whole
			case s.SKEYIDeDoubtful:
				worth = 1
			case t.hints[i].kaLen(s.InitiatorCookie) > 0:
				worth = named
			}
			if worth >= best[s.InitiatorCookie].worth {
				best[s.InitiatorCookie] = ikeChoice{s, worth}
			}
		}
	}
	return best
}

// withoutCapture returns the key of a phase 1 that the capture does not hold, as far as its source
// tells it, else the empty key.
func (t *ikeTable) withoutCapture(s *ikev1.Secret, hints *hintIndex) esp.Key {
	if s.InitiatorCookie.IsZero() {
		t.add(func() string {
			return fmt.Sprintf("left out: %s names no initiator cookie: give the capture with -r, which shows whose "+
				"key it is", s.Origin)
		})
		return esp.Key{}
	}
	about := func() string { return fmt.Sprintf("IKE %s (%s)", s.InitiatorCookie, s.Origin) }
	for _, sa := range t.k.sas(s) {
		if sa.Encrypted > 0 {
			t.add(func() string {
				finding := why.ISAKMP(t.k.p.IKE(), sa)
				return fmt.Sprintf("left out: %s: %s: %s", about(), finding.Verdict, finding.Reason())
			})
			return esp.Key{}
		}
	}
	ka, e := s.Ka, s.SKEYIDe
	switch ka.Len() {
	case 0:
	case 20, 48, 64: // the length of no cipher's key: given in its place
		e = ka
	default:
		return ka
	}
	switch n := hints.kaLen(s.InitiatorCookie); {
	case s.SKEYIDeDoubtful && !hints.confirms(s.InitiatorCookie, e):
		t.add(func() string {
			return fmt.Sprintf("left out: %s: the %d bytes of SKEYID_e may be only a part of it: give the capture with -r, "+
				"which shows it", about(), e.Len())
		})
		return esp.Key{}
	case n > 0 && !(s.SKEYIDeHead && e.Len() < n):
		if ka = ikev1.ExpandKa(e, n); !ka.IsZero() {
			return ka
		}
	case n > 0:
	case e.Len() == 16 && !s.SKEYIDeHead || e.Len() == 32:
		t.add(func() string {
			return fmt.Sprintf("%s: taken for the key of AES-%d: give the capture with -r, which names the cipher, "+
				"to be sure", about(), 8*e.Len())
		})
		return e
	case e.Len() == 48 || e.Len() == 64:
		t.add(func() string {
			return fmt.Sprintf("%s: its head taken for the key of AES-256: give the capture with -r, which names the "+
				"cipher, to be sure", about())
		})
		return e.Head(32)
	}
	t.add(func() string {
		return fmt.Sprintf("left out: %s: from the %d bytes of SKEYID_e the key is made according to the cipher (16 "+
			"bytes for AES-128, 24 for 3DES, "+
			"32 for AES-256), which the capture names: give it with -r", about(), e.Len())
	})
	return esp.Key{}
}
