package esp

import (
	"fmt"
	"strings"
)

// findConflict compares what the sources give for a flow's SPI with the keys that open its packets, and says which values are wrong,
// "" if none is. A source that opened another use of the SPI contradicts nothing.
func (f *Flow) findConflict() string {
	if f.sa == nil {
		return ""
	}
	t := &f.db.trial
	t.gather(f)
	opened := &candidate{key: f.key, auth: f.authKey}
	shared := f.db.bySPI[f.spi] != nil && (f.db.bySPI[f.spi] != f || f.next != nil)
	var wrong []string
	derived := t.disproved(opened)
	for i := range t.sources {
		s := &t.sources[i]
		if s.rank > 1 || s.rank == 1 && shared || s.key.IsZero() && s.auth.IsZero() {
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
			wrong = append(wrong, fmt.Sprintf("%s%s is wrong: KEYMAT made with it does not open the packets", what, at(s.neg.Origin)))
			continue
		}
		if s.entry.used {
			continue
		}
		key, auth := agrees(s, opened)
		if !key {
			if o := f.db.keyed.owner(s.key); o != nil {
				wrong = append(wrong, misplaced(f, o, s))
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
		return ""
	}
	return strings.Join(wrong, "; ") + ": what opens them is " + f.State().Origin
}

// misplaced says that a key that a source gives for f is o's.
func misplaced(f, o *Flow, s *source) string {
	if o.src == f.dst && o.dst == f.src {
		return fmt.Sprintf("the key at %s is of the other direction (SPI 0x%08x), the pair is swapped", s.origin(), o.spi)
	}
	return fmt.Sprintf("the key at %s is of SPI 0x%08x", s.origin(), o.spi)
}

// disproved returns a Quick Mode whose KEYMAT is not what opened the packets, nil if there is none, or if that of another Quick
// Mode is: the SPI may have been agreed on more than once, and g(qm)^xy may have been tried out.
func (t *trial) disproved(opened *candidate) *source {
	var first *source
	for i := range t.sources {
		s := &t.sources[i]
		if s.neg == nil || s.key.IsZero() {
			continue
		}
		if key, auth := agrees(s, opened); key && auth {
			return nil
		}
		if first == nil {
			first = s
		}
	}
	return first
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
			if s.entry == nil || s.rank > 1 {
				continue
			}
			if key, auth := agrees(s, &candidate{key: n.key, auth: n.auth}); !key || !auth {
				return fmt.Sprintf("the key at %s is not the one that KEYMAT gives with SKEYID_d%s: one of the two is damaged", s.origin(), at(n.neg.Origin))
			}
		}
	}
	return ""
}
