package main

import (
	"fmt"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// ikeTable is the rows of ikev1_decryption_table: the expanded keys of phase 1 that open the capture's messages, and those that a source
// says.
type ikeTable struct {
	k     *keyring
	hints []hintIndex
	best  map[ikev1.Cookie]ikeChoice
}

func (t *ikeTable) write(dir string) (w writtenTable, err error) {
	left := &w.left
	report, err := keysrc.WriteIKETable(dir, func(yield func(keysrc.IKERow) bool) {
		r := left
		left = nil // the second time the same would be said
		t.rows(r, yield)
	})
	if err != nil {
		return w, err
	}
	w.Path, w.Added, w.Present = report.Path, report.Added, report.Present
	t.unspelt(&w.left, report.Left)
	w.again = func(r *remarks) {
		t.rows(r, func(keysrc.IKERow) bool { return true })
		t.unspelt(r, report.Left)
	}
	return w, nil
}

// unspelt tells of the rows of these numbers why they are not in the table.
func (t *ikeTable) unspelt(r *remarks, left []int) {
	if len(left) == 0 {
		return
	}
	i := 0
	t.rows(nil, func(row keysrc.IKERow) bool {
		if i == left[0] {
			r.add(func() string { return "left out: " + row.Error().Error() })
			left = left[1:]
		}
		i++
		return len(left) > 0
	})
}

// rows calls yield with each row until it returns false, and adds the remarks. They are the same every time.
func (t *ikeTable) rows(r *remarks, yield func(keysrc.IKERow) bool) {
	done := make(map[ikev1.Cookie]bool)
	if p := t.k.p; p != nil {
		for _, sa := range p.IKE().SAs() {
			if ka := sa.Ka(); !ka.IsZero() {
				done[sa.InitiatorCookie] = true
				if !yield(keysrc.IKERow{InitiatorCookie: sa.InitiatorCookie, Ka: ka}) {
					return
				}
			}
		}
	}
	number := uint32(0)
	for i, source := range t.k.sources {
		for s := range source.Lent().IKE() {
			at := number
			number++
			if done[s.InitiatorCookie] || s.Ka.IsZero() && s.SKEYIDe.IsZero() {
				continue
			}
			if best, ok := t.best[s.InitiatorCookie]; ok && best.number != at {
				continue
			}
			ka := t.withoutCapture(r, s, &t.hints[i])
			if ka.IsZero() {
				continue
			}
			if !yield(keysrc.IKERow{InitiatorCookie: s.InitiatorCookie, Ka: ka}) {
				return
			}
		}
	}
}

// ikeChoice is the secret that a phase 1 gets its row from, where sources have several.
type ikeChoice struct {
	number uint32 // of the secret, counted through all sources
	worth  uint8
}

// bestIKE returns the secret for each phase 1: the cipher's key itself before SKEYID_e whose cipher a source names, this before one that
// leaves the cipher to a guess, the longer one before the shorter, and of two alike the later one, as Wireshark has it.
func bestIKE(sources []*keysrc.Store, hints []hintIndex) map[ikev1.Cookie]ikeChoice {
	best := make(map[ikev1.Cookie]ikeChoice)
	number := uint32(0)
	for i, source := range sources {
		source.Blank().EachIKE(func(_ uint32, s *ikev1.Secret) {
			c := ikeChoice{number: number}
			number++
			switch n := s.Ka.Len(); {
			case s.InitiatorCookie.IsZero() || n == 0 && s.SKEYIDe.IsZero():
				return
			case n == 8 || n == 16 || n == 24 || n == 32:
				c.worth = 255
			case hints[i].kaLens[s.InitiatorCookie] > 0:
				c.worth = 254
			default:
				c.worth = uint8(min(max(n, s.SKEYIDe.Len()), 253))
			}
			if c.worth >= best[s.InitiatorCookie].worth {
				best[s.InitiatorCookie] = c
			}
		})
	}
	return best
}

// withoutCapture returns the key of a phase 1 that the capture does not hold, as far as its source tells it, else the empty key.
func (t *ikeTable) withoutCapture(r *remarks, s *ikev1.Secret, hints *hintIndex) esp.Key {
	if s.InitiatorCookie.IsZero() {
		r.add(func() string {
			return fmt.Sprintf("left out: %s names no initiator cookie: give the capture with -r, which shows whose key it is", s.Origin)
		})
		return esp.Key{}
	}
	about := func() string { return fmt.Sprintf("IKE %s (%s)", cookieName(s.InitiatorCookie), s.Origin) }
	for _, sa := range t.k.sas(s) {
		if sa.Encrypted > 0 {
			r.add(func() string {
				finding := why.ISAKMP(t.k.p.IKE(), sa)
				return fmt.Sprintf("left out: %s: %s: %s", about(), finding.Verdict, finding.Reason())
			})
			return esp.Key{}
		}
	}
	ka, e := s.Ka, s.SKEYIDe
	switch ka.Len() {
	case 20, 48, 64: // the length of no cipher's key: given in its place
		ka, e = esp.Key{}, ka
	}
	if ka.IsZero() {
		n := hints.kaLens[s.InitiatorCookie]
		switch {
		case n > 0 && !(s.SKEYIDeHead && e.Len() < n):
			ka, _ = ikev1.ExpandKa("", e, n)
		case n > 0:
		case e.Len() == 16 || e.Len() == 32:
			ka = e
			r.add(func() string {
				return fmt.Sprintf("%s: taken for the key of AES-%d: give the capture with -r, which names the cipher, to be sure", about(), 8*e.Len())
			})
		case e.Len() == 48 || e.Len() == 64:
			ka = e.Head(32)
			r.add(func() string {
				return about() + ": its head taken for the key of AES-256: give the capture with -r, which names the cipher, to be sure"
			})
		}
	}
	if ka.IsZero() {
		r.add(func() string {
			return fmt.Sprintf("left out: %s: from the %d bytes of SKEYID_e the key is made according to the cipher (16 bytes for AES-128, 24 for 3DES, 32 for AES-256), which the capture names: give it with -r",
				about(), e.Len())
		})
	}
	return ka
}
