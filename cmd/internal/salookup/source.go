package salookup

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"l2tpdump/esp"
)

// Rank says how surely a source speaks of a flow.
type Rank int

// The ranks, the surest first.
const (
	Exact   Rank = iota // SPI and addresses fit
	SPIOnly             // the SPI fits, the addresses do not
	Pattern             // the addresses fit, the SPI is not fully named
)

// Source is one account of an SA: a secret, or what a Quick Mode agreed on.
type Source struct {
	*esp.Secret                 // of a Quick Mode: the keys that KEYMAT gives, if any
	Quick       *esp.Negotiated // nil: a key source
	Rank        Rank
	Known       *Known // the secret in the table; nil: a Quick Mode
}

// Known is a secret that a table knows.
type Known struct {
	*esp.Secret
	before *Known // the one that names the same SPI
	Index  int32  // in the order in which they were added
	Used   bool   // it opened packets
}

// Place names the source for a person.
func (s *Source) Place() string {
	switch q := s.Quick; {
	case q == nil:
		return s.Origin.String()
	case !q.Origin.IsZero():
		return fmt.Sprintf("%s (KEYMAT of Quick Mode 0x%08x)", q.Origin, q.MessageID)
	default:
		return fmt.Sprintf("KEYMAT of Quick Mode 0x%08x of %x", q.MessageID, q.Cookie)
	}
}

// same reports whether two sources of one time say the same.
func (s Source) same(o Source) bool {
	return s.Quick == o.Quick && s.Known == o.Known && s.Rank == o.Rank
}

// HasKey reports whether the source gives any key.
func (s *Source) HasKey() bool { return !s.Key.IsZero() || !s.AuthKey.IsZero() }

// Agrees compares the source's keys with others. Either may be the head of the other, or encryption
// and authentication key in one piece; what one of the two has not is no difference.
func (s *Source) Agrees(key, auth esp.Key) (sameKey, sameAuth bool) {
	either := func(a, b esp.Key) bool { return a.HasPrefix(b) || b.HasPrefix(a) }
	return s.Key.IsZero() || either(key, s.Key), s.AuthKey.IsZero() || auth.IsZero() || either(auth, s.AuthKey)
}

// Confirm notes which secrets among the sources are the keys of an SA that opened packets, or the
// heads of them. It reports whether no source gives other keys.
func Confirm(sources []Source, sa *SA) (all bool) {
	all = true
	for i := range sources {
		s := &sources[i]
		if !s.HasKey() {
			continue
		}
		key, auth := s.Agrees(sa.Key, sa.AuthKey)
		all = all && key && auth
		if key && auth && s.Known != nil {
			s.Known.Used = true
		}
	}
	return all
}

// complete says how much of the two keys the source claims to have: 3 is all.
func (s *Source) complete() int {
	n := 0
	if !s.KeyHead && !s.Key.IsZero() {
		n += 2
	}
	if !s.AuthKeyHead && !s.AuthKey.IsZero() {
		n++
	}
	return n
}

// ofQuick makes a source of what a Quick Mode agreed on.
func ofQuick(n *esp.Negotiated) Source {
	return Source{Quick: n, Secret: &esp.Secret{
		SPI: n.SPI, SPIMask: wholeSPI, Suite: n.Suite, Key: n.Key, AuthKey: n.AuthKey,
		ESNKnown: true, PairSPI: n.PairSPI, Origin: n.Origin,
	}}
}

// AppendSources appends what is known of an SPI between two addresses, the surest and fullest
// first.
func (t *Table) AppendSources(dst []Source, spi uint32, from, to netip.Addr) []Source {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.appendSources(dst, spi, from, to)
}

func (t *Table) appendSources(list []Source, spi uint32, src, dst netip.Addr) []Source {
	start := len(list)
	for _, n := range slices.Backward(t.quick[spi]) { // the latest first
		s := ofQuick(n)
		if n.Dst.Unmap() != dst {
			s.Rank = SPIOnly
		}
		list = append(list, s)
	}
	named := len(list)
	for e := t.bySPI.get(spi).secrets; e != nil; e = e.before {
		s := Source{Secret: e.Secret, Known: e}
		if !e.Dst.Match(dst) || !e.Src.Match(src) {
			s.Rank = SPIOnly
		}
		list = append(list, s)
	}
	slices.Reverse(list[named:])
	for _, e := range t.patterns {
		if e.MatchesSPI(spi) && e.Dst.Match(dst) && e.Src.Match(src) {
			list = append(list, Source{Secret: e.Secret, Known: e, Rank: Pattern})
		}
	}
	slices.SortStableFunc(list[start:], func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(b.complete(), a.complete()))
	})
	return list[:min(len(list), start+maxSources)]
}
