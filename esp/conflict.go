package esp

import (
	"fmt"
	"slices"
	"strings"
)

// findConflict compares what the sources give for a flow's SPI with the keys that open its packets, and says which values are wrong,
// "" if none is. A source that opened another use of the SPI contradicts nothing.
func (f *Flow) findConflict() string {
	t := &f.db.trial
	t.gather(f)
	if f.sa == nil {
		if wrong := f.misplacedKey(t); wrong != "" || f.State().Verdict != Incomplete {
			return wrong
		}
		return t.contradiction(&candidate{}, 0)
	}
	opened := &candidate{key: f.key, auth: f.authKey}
	shared := f.db.bySPI[f.spi] != nil && (f.db.bySPI[f.spi] != f || f.next != nil)
	var wrong []string
	right := strings.Split(f.State().Origin, ", ") // of the encryption key, and of the authentication key where it is another
	derived := t.disproved(f)
	// What is given for the SPI with other addresses contradicts nothing where something is given with those of the flow, and right.
	exact := slices.ContainsFunc(t.sources, func(s source) bool {
		if s.entry == nil || s.rank > 0 || s.key.IsZero() || s.entry.Dst == (AddrPattern{}) {
			return false
		}
		key, auth := agrees(&s, opened)
		return key && auth
	})
	for i := range t.sources {
		s := &t.sources[i]
		if s.rank > 1 || s.rank == 1 && (shared || exact) || s.key.IsZero() && s.auth.IsZero() {
			continue
		}
		if s.neg != nil {
			if s != derived {
				continue
			}
			what := "SKEYID_d"
			if s.neg.Group != 0 {
				what = "SKEYID_d or g(qm)^xy"
			}
			wrong = append(wrong, fmt.Sprintf("%s%s is wrong: KEYMAT made with it does not open the packets", what, at(s.neg.Origin.String())))
			continue
		}
		if s.entry.used || s.entry.Uncertain {
			continue
		}
		if len(right) == 2 {
			right = slices.DeleteFunc(right, func(o string) bool { return o == s.origin() })
		}
		key, auth := agrees(s, opened)
		if !key {
			if o := f.db.keyed.owner(s.key); o != nil {
				what := misplaced(f, o, s)
				if o.reverse(f) {
					what += ", the pair is swapped"
				}
				wrong = append(wrong, what)
				continue
			}
		}
		switch {
		case !key && !auth:
			wrong = append(wrong, fmt.Sprintf("both keys%s are wrong", at(s.origin())))
		case !key:
			wrong = append(wrong, fmt.Sprintf("the encryption key%s is wrong", at(s.origin())))
		case !auth:
			wrong = append(wrong, fmt.Sprintf("the authentication key%s is wrong", at(s.origin())))
		}
	}
	if len(wrong) == 0 {
		if !opened.auth.IsZero() {
			return ""
		}
		rank := 1
		if shared || exact {
			rank = 0
		}
		return t.contradiction(opened, rank)
	}
	return strings.Join(wrong, "; ") + "; the packets open with the key at " + strings.Join(right, ", ")
}

// contradiction names two sources whose keys can't both be right, where neither is known well enough to open packets: of a longer key,
// or of an authentication key that is not checked, both have the head only. Those are compared that agree with what opened the packets,
// and whose rank is at most that given. It returns "" if there are none.
func (t *trial) contradiction(opened *candidate, rank int) string {
	negotiated := 0
	for i := range t.sources {
		if t.sources[i].neg != nil {
			negotiated++
		}
	}
	if negotiated > 1 {
		return "" // each may be of one
	}
	compared := func(s *source) bool {
		if s.entry == nil || s.entry.Uncertain || s.rank > rank {
			return false
		}
		key := opened.key.IsZero()
		if !key {
			key, _ = agrees(s, opened)
		}
		return key
	}
	for j := range t.sources {
		b := &t.sources[j]
		if !compared(b) {
			continue
		}
		for i := range j {
			a := &t.sources[i]
			if !compared(a) {
				continue
			}
			key, auth := agrees(b, &candidate{key: a.key, auth: a.auth})
			what := "encryption"
			switch {
			case !key:
			case !auth:
				what = "authentication"
			default:
				continue
			}
			return fmt.Sprintf("the %s keys at %s and at %s contradict each other: one of the two is wrong", what, a.origin(), b.origin())
		}
	}
	return ""
}

// misplacedKey names the first key that a source gives for a flow which nothing opens, and that opens another one; "" if there is none.
func (f *Flow) misplacedKey(t *trial) string {
	for i := range t.sources {
		s := &t.sources[i]
		if s.entry == nil || s.entry.Uncertain || s.rank > 1 || s.key.IsZero() {
			continue
		}
		if o := f.db.keyed.owner(s.key); o != nil {
			return misplaced(f, o, s) + ", which it opens: look for the key of this SPI in the source"
		}
	}
	return ""
}

// misplaced says that a key that a source gives for f is o's.
func misplaced(f, o *Flow, s *source) string {
	if o.reverse(f) {
		return fmt.Sprintf("the key at %s is of the other direction (SPI 0x%08x)", s.origin(), o.spi)
	}
	return fmt.Sprintf("the key at %s is of SPI 0x%08x", s.origin(), o.spi)
}

// reverse reports whether the other flow goes the opposite way.
func (f *Flow) reverse(o *Flow) bool { return o.src == f.dst && o.dst == f.src }

// disproved returns a Quick Mode whose KEYMAT is not what opened the packets, nil if there is none, or if that of another Quick
// Mode is: the SPI may have been agreed on more than once, and g(qm)^xy may have been tried out.
func (t *trial) disproved(f *Flow) *source {
	var first *source
	for i := range t.sources {
		s := &t.sources[i]
		if s.neg == nil || s.key.IsZero() {
			continue
		}
		if f.openedWith(s) {
			return nil
		}
		if first == nil {
			first = s
		}
	}
	return first
}

// openedWith reports whether the keys of a source are those that open the flow's packets, or that opened earlier ones.
func (f *Flow) openedWith(s *source) bool {
	if key, auth := agrees(s, &candidate{key: f.key, auth: f.authKey}); key && auth {
		return true
	}
	for i := range f.earlier {
		e := &f.earlier[i]
		if key, auth := agrees(s, &candidate{key: e.key, auth: e.authKey}); key && auth {
			return true
		}
	}
	return false
}

// at is " at file:line", or nothing where the place is not known.
func at(origin string) string {
	if origin == "" {
		return ""
	}
	return " at " + origin
}

// rivals names the sources of full keys that contradict each other though none of them opens the packets, "" if there are
// none: KEYMAT of a Quick Mode, and keys that a log shows.
func (t *trial) rivals() string {
	for i := range t.sources {
		n := &t.sources[i]
		if n.neg == nil || n.key.IsZero() {
			continue
		}
		for j := range t.sources {
			s := &t.sources[j]
			if s.entry == nil || s.entry.Uncertain || s.rank > 1 {
				continue
			}
			if key, auth := agrees(s, &candidate{key: n.key, auth: n.auth}); !key || !auth {
				return fmt.Sprintf("the key at %s is not the one that KEYMAT gives with SKEYID_d%s: one of the two is damaged", s.origin(), at(n.neg.Origin.String()))
			}
		}
	}
	return ""
}
