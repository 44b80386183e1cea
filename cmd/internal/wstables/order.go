package wstables

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// An espEntry is a row of the table: an old one, or one for a secret.
type espEntry struct {
	line   []byte      // of an old one
	secret *esp.Secret // of a new one
	rank   int64       // the least is the first
	ours   bool        // it is one of those that are to be in the table now
	next   *espEntry   // of the same SPI
}

// An espRow is an entry as far as it matters which one Wireshark takes.
type espRow struct {
	*espEntry
	v6        bool
	src, dst  string // as tableAddrText writes them, or a pattern that is not Wireshark's
	spi, mask uint32
	key       esp.Key
	rest      string // algorithms and keys in one spelling, "" if they are not known: it matches packets all the same
}

// parse reads the row of an entry.
func (e *espEntry) parse() *espRow {
	s, err := e.secret, error(nil)
	if e.line != nil {
		s, _, err = keysrc.ParseESPRow(e.line) // with an error its addresses and its SPI are there
	}
	r := &espRow{espEntry: e, src: tableAddrText(s.Src), dst: tableAddrText(s.Dst), spi: s.SPI, mask: s.SPIMask}
	r.v6 = strings.Contains(r.src+r.dst, ":")
	if e.line != nil {
		r.src, r.dst = s.Src.String(), s.Dst.String()
		r.v6 = bytes.HasPrefix(bytes.ToLower(bytes.TrimLeft(e.line, "\" \t")[:4]), []byte("ipv6"))
	}
	if err == nil {
		r.key = s.Key
		bare := *s
		bare.Src, bare.Dst, bare.SPIMask = esp.AddrPattern{}, esp.AddrPattern{}, 0
		text, _ := appendESPRow(nil, &bare)
		r.rest = string(text)
	}
	return r
}

// meets reports whether there are packets that both rows match.
func (r *espRow) meets(o *espRow) bool {
	return r.v6 == o.v6 && (r.spi^o.spi)&r.mask&o.mask == 0 && addrsMeet(r.src, o.src) && addrsMeet(r.dst, o.dst)
}

// covers reports whether r matches all packets that o matches.
func (r *espRow) covers(o *espRow) bool {
	return r.v6 == o.v6 && r.mask&^o.mask == 0 && (r.spi^o.spi)&r.mask == 0 && addrCovers(r.src, o.src) &&
		addrCovers(r.dst, o.dst)
}

// begins reports whether the keys of r are those of o without their ends.
func (r *espRow) begins(o *espRow) bool {
	if r.mask != math.MaxUint32 || o.mask != math.MaxUint32 {
		return false
	}
	return r.key.Len() < o.key.Len() && !r.key.IsZero() && o.key.HasPrefix(r.key)
}

// addrsMeet reports whether an address fits both patterns; of masks, which Wireshark does not read,
// it says so.
func addrsMeet(a, b string) bool {
	if a == b || a == "*" || b == "*" || strings.Contains(a+b, "/") {
		return true
	}
	all, four := octetsFit(a, b, func(x, y string) bool { return x == y || x == "*" || y == "*" })
	return all || !four && strings.Contains(a+b, "*")
}

// addrCovers reports whether all addresses of b fit a.
func addrCovers(a, b string) bool {
	if a == b || a == "*" {
		return true
	}
	all, _ := octetsFit(a, b, func(x, y string) bool { return x == y || x == "*" })
	return all && !strings.Contains(a+b, "/")
}

// octetsFit reports whether all octets of two patterns fit each other, if both have four.
func octetsFit(a, b string, fit func(x, y string) bool) (all, four bool) {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	if len(x) != 4 || len(y) != 4 {
		return false, false
	}
	for i := range x {
		if !fit(x[i], y[i]) {
			return false, true
		}
	}
	return true, true
}

// espPlace is where a new row goes.
type espPlace uint8

const (
	espPresent espPlace = iota // nowhere: a row that is there does its work
	espFront                   // before all other new rows
	espHead                    // before the old rows
	espTail                    // behind the old rows
	espBehind                  // behind all others
)

// rankStep is between the ranks of rows of different places.
const rankStep = 1 << 40

// ahead returns the place of a new row that is to stand before r.
func (r *espRow) ahead() espPlace {
	switch {
	case r.rank > 0:
		return espTail
	case r.rank > -2*rankStep:
		return espHead
	}
	return espFront
}

// An espOrder is the rows in their order.
type espOrder struct {
	bySPI map[uint32]*espEntry // those with a whole SPI, the last one first
	wild  []*espRow            // whose SPI is not known, or in part; by their rank
	added []*espEntry
	old   int64
}

// addOld adds a row of the file, in its order. The old rows have ranks up to 0.
func (t *espOrder) addOld(line []byte) {
	s, _, _ := keysrc.ParseESPRow(line)
	if s == nil {
		return
	}
	t.old++
	t.add(s, &espEntry{line: line, rank: t.old - rankStep})
}

func (t *espOrder) add(s *esp.Secret, e *espEntry) {
	if s.SPIMask == math.MaxUint32 {
		e.next = t.bySPI[s.SPI]
		t.bySPI[s.SPI] = e
		return
	}
	r := e.parse()
	at, _ := slices.BinarySearchFunc(t.wild, r, byRank)
	t.wild = slices.Insert(t.wild, at, r)
}

func byRank(a, b *espRow) int { return cmp.Compare(a.rank, b.rank) }

// place finds the place of a new row, and adds it. It reports whether the row is to be written. Of
// the rows of one place those that are placed later stand before the others, but for the last
// place, where they stand behind.
func (t *espOrder) place(s *esp.Secret) bool {
	e := &espEntry{secret: s, ours: true}
	place := espTail
	if s.SPIMask != math.MaxUint32 || t.bySPI[s.SPI] != nil || len(t.wild) > 0 {
		place = t.among(s, e)
	}
	n := int64(len(t.added))
	switch place {
	case espPresent:
		return false
	case espFront:
		e.rank = -3*rankStep - n
	case espHead:
		e.rank = -rankStep - n
	case espTail:
		e.rank = 2*rankStep - n
	case espBehind:
		e.rank = 3*rankStep + n
	}
	t.added = append(t.added, e)
	t.add(s, e)
	return true
}

// among finds the place among the rows that may decide about a new one: of one for several SPIs
// those for several.
func (t *espOrder) among(s *esp.Secret, e *espEntry) espPlace {
	same := t.bySPI[s.SPI]
	if s.SPIMask != math.MaxUint32 {
		same = nil
	}
	if same != nil && same.next == nil && len(t.wild) == 0 && same.line != nil { // as when all is there already
		if text, _ := appendESPRow(nil, s); bytes.Equal(same.line, bytes.TrimSuffix(text, []byte("\n"))) {
			same.ours = true
			return espPresent
		}
	}
	rows := slices.Clone(t.wild)
	for ; same != nil; same = same.next {
		rows = append(rows, same.parse())
	}
	slices.SortFunc(rows, byRank)
	return placeAmong(e.parse(), rows)
}

// placeAmong finds the place of a new row among those that are in their order.
func placeAmong(r *espRow, rows []*espRow) espPlace {
	for i, o := range rows {
		switch {
		case !o.meets(r):
		case o.rest == r.rest && r.rest != "":
			if o.covers(r) {
				o.ours = true
				return espPresent
			}
		case o.mask&^r.mask != 0: // it is for fewer SPIs
		case r.begins(o):
			return espPresent
		case o.ours && o.begins(r):
			return espFront
		case o.ours && o.covers(r) && !r.covers(o): // it would take the packets of r too
			return o.ahead()
		case o.ours:
			for _, o := range rows[i:] {
				if o.rest == r.rest && o.covers(r) {
					return espPresent
				}
			}
			return espBehind
		default:
			return espHead
		}
	}
	return espTail
}
