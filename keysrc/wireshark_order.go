package keysrc

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"l2tpdump/esp"
)

// An espRow is a row of esp_sa as far as it matters which one Wireshark takes.
type espRow struct {
	family    string // "ipv4", "ipv6"
	src, dst  string // as tableAddrText writes them, or a pattern that is not Wireshark's
	spi, mask uint32
	rest      string // algorithms and keys in one spelling
	secret    *esp.Secret
	entry     *espEntry // nil: it is kept
	rank      int64     // the least is the first
	ours      bool      // it is one of those that are to be in the table now
}

// readESPRow reads a row. One whose algorithms or keys are not known matches packets all the same.
func readESPRow(line []byte) (*espRow, bool) {
	line = bytes.TrimSpace(line)
	col, src, dst, spi, mask, ok := espRowColumns(line)
	if !ok {
		return nil, false
	}
	r := &espRow{family: strings.ToLower(string(col[0])), src: src.String(), dst: dst.String(), spi: spi, mask: mask}
	r.rest = string(bytes.Join(col[4:], []byte(",")))
	if s, _, err := parseESPRow(line); err == nil {
		r.secret = s
		bare := *s
		bare.Src, bare.Dst, bare.SPIMask = esp.AddrPattern{}, esp.AddrPattern{}, 0
		if text, err := appendESPRow(nil, &bare, true); err == nil {
			r.rest = string(text)
		}
	}
	return r, true
}

// espRowColumns reads the columns of a row that tell which packets it matches.
func espRowColumns(line []byte) (col [][]byte, src, dst esp.AddrPattern, spi, mask uint32, ok bool) {
	col, err := csvRow(line)
	if err != nil || len(col) < 8 {
		return nil, src, dst, 0, 0, false
	}
	src, err1 := tableAddr(col[1])
	dst, err2 := tableAddr(col[2])
	spi, mask, err3 := tableSPI(col[3])
	return col, src, dst, spi, mask, err1 == nil && err2 == nil && err3 == nil
}

// meets reports whether there are packets that both rows match.
func (r *espRow) meets(o *espRow) bool {
	return r.family == o.family && (r.spi^o.spi)&r.mask&o.mask == 0 && addrsMeet(r.src, o.src) && addrsMeet(r.dst, o.dst)
}

// covers reports whether r matches all packets that o matches.
func (r *espRow) covers(o *espRow) bool {
	return r.family == o.family && r.mask&^o.mask == 0 && (r.spi^o.spi)&r.mask == 0 && addrCovers(r.src, o.src) && addrCovers(r.dst, o.dst)
}

// begins reports whether the keys of r are those of o without their ends.
func (r *espRow) begins(o *espRow) bool {
	if r.secret == nil || o.secret == nil || r.mask != math.MaxUint32 || o.mask != math.MaxUint32 {
		return false
	}
	return r.secret.Key.Len() < o.secret.Key.Len() && !r.secret.Key.IsZero() && o.secret.Key.HasPrefix(r.secret.Key)
}

// addrsMeet reports whether an address fits both patterns; of masks, which Wireshark does not read, it says so.
func addrsMeet(a, b string) bool {
	if a == b || a == "*" || b == "*" || strings.Contains(a+b, "/") {
		return true
	}
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	if len(x) != 4 || len(y) != 4 {
		return strings.Contains(a+b, "*")
	}
	for i := range x {
		if x[i] != y[i] && x[i] != "*" && y[i] != "*" {
			return false
		}
	}
	return true
}

// addrCovers reports whether all addresses of b fit a.
func addrCovers(a, b string) bool {
	if a == b || a == "*" {
		return true
	}
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	if len(x) != 4 || len(y) != 4 || strings.Contains(a+b, "/") {
		return false
	}
	for i := range x {
		if x[i] != y[i] && x[i] != "*" {
			return false
		}
	}
	return true
}

// espPlace is where a new row goes.
type espPlace uint8

const (
	espPresent espPlace = iota // nowhere: a row that is there does its work
	espFront                   // before all other new rows
	espHead                    // before the old rows
	espTail                    // behind the old rows
	espBehind                  // behind all others
	espOld                     // among the old rows: it is one
)

// An espOrder is the rows in their order. A row is found by its SPI, and read again where it is needed: there may be as many as a log has.
type espOrder struct {
	old    *table
	secret func(i int) *esp.Secret // the new ones, of which the last gets its place first
	rows   []espEntry
	slots  []uint32 // the number of the last entry of each SPI, and 1, where the hash of the SPI says; a power of two of them
	seed   maphash.Seed
	wild   []*espRow // whose SPI is not known, or in part; by their rank
	space  []byte
}

// An espEntry is where a row with a whole SPI is.
type espEntry struct {
	spi    uint32
	at     uint32 // an old one: its place in the file; a new one: the number of its secret
	before uint32 // the number of the entry of the same SPI that was added before, and 1; 0: there is none
	place  espPlace
	ours   bool
}

// rankStep is between the ranks of rows of different places. Neither a place in the file nor a number is as large.
const rankStep = 1 << 40

// ahead returns the place of a new row that is to stand before r.
func (r *espRow) ahead() espPlace {
	switch {
	case r.rank >= rankStep:
		return espTail
	case r.rank >= -rankStep:
		return espHead
	}
	return espFront
}

// rankOf returns the rank of a row: a row that is placed later stands before those at the front, at the head and at the tail, but behind
// those that are behind all others.
func rankOf(place espPlace, at uint32) int64 {
	switch place {
	case espFront:
		return int64(at) - 2*rankStep
	case espHead:
		return int64(at) - rankStep
	case espTail:
		return int64(at) + rankStep
	case espBehind:
		return 3*rankStep - int64(at)
	}
	return int64(at)
}

// addOld adds a row of the file, in its order.
func (t *espOrder) addOld(at int64, line []byte) {
	_, _, _, spi, mask, ok := espRowColumns(line)
	if !ok {
		return
	}
	if mask == math.MaxUint32 {
		t.add(espEntry{spi: spi, at: uint32(at), place: espOld})
	} else if r, ok := readESPRow(line); ok {
		r.rank = rankOf(espOld, uint32(at))
		t.wild = append(t.wild, r)
	}
}

func (t *espOrder) add(e espEntry) {
	if len(t.rows) >= len(t.slots)/4*3 {
		t.slots = make([]uint32, max(64, 2*len(t.slots)))
		if t.seed == (maphash.Seed{}) {
			t.seed = maphash.MakeSeed()
		}
		for i := range t.rows {
			*t.slot(t.rows[i].spi) = uint32(i) + 1
		}
	}
	slot := t.slot(e.spi)
	e.before = *slot
	t.rows = append(t.rows, e)
	*slot = uint32(len(t.rows))
}

// slot returns the slot of an SPI, or the free one where it belongs.
func (t *espOrder) slot(spi uint32) *uint32 {
	mask := len(t.slots) - 1
	for i := int(maphash.Comparable(t.seed, spi)); ; i++ {
		if slot := &t.slots[i&mask]; *slot == 0 || t.rows[*slot-1].spi == spi {
			return slot
		}
	}
}

// last returns the entry of an SPI that was added last, nil if there is none.
func (t *espOrder) last(spi uint32) *espEntry {
	if len(t.rows) == 0 {
		return nil
	}
	return t.entry(*t.slot(spi))
}

// entry returns an entry by its number and 1.
func (t *espOrder) entry(number uint32) *espEntry {
	if number == 0 {
		return nil
	}
	return &t.rows[number-1]
}

// place finds the place of a new row, and adds it. i is the number of its secret.
func (t *espOrder) place(i uint32, s *esp.Secret) (espPlace, error) {
	spi, whole := s.SPI, s.SPIMask == math.MaxUint32
	var met *espEntry
	if whole {
		met = t.last(spi)
	}
	if whole && met == nil && len(t.wild) == 0 {
		t.add(espEntry{spi: spi, at: i, place: espTail, ours: true})
		return espTail, nil
	}
	text, err := AppendESPRow(t.space[:0], s)
	if err != nil {
		return 0, err
	}
	t.space = text
	if met != nil && met.before == 0 && met.place == espOld && len(t.wild) == 0 {
		line, err := t.old.row(int64(met.at))
		if err != nil {
			return 0, err
		}
		if bytes.Equal(line, text[:len(text)-1]) {
			met.ours = true
			return espPresent, nil
		}
	}
	r, ok := readESPRow(text)
	if !ok {
		return 0, fmt.Errorf("SPI %s: the row can't be read back", tableSPIText(s))
	}
	rows, err := t.meeting(r)
	if err != nil {
		return 0, err
	}
	place := among(r, rows)
	for _, o := range rows {
		if o.entry != nil {
			o.entry.ours = o.ours
		}
	}
	switch {
	case place == espPresent:
	case whole:
		t.add(espEntry{spi: spi, at: i, place: place, ours: true})
	default:
		r.ours, r.rank = true, rankOf(place, i)
		at, _ := slices.BinarySearchFunc(t.wild, r, func(a, b *espRow) int { return cmp.Compare(a.rank, b.rank) })
		t.wild = slices.Insert(t.wild, at, r)
	}
	return place, nil
}

// meeting returns the rows in their order that may decide about a new one: of one for several SPIs those for several.
func (t *espOrder) meeting(r *espRow) ([]*espRow, error) {
	if r.mask != math.MaxUint32 || t.last(r.spi) == nil {
		return t.wild, nil
	}
	var rows []*espRow
	for e := t.last(r.spi); e != nil; e = t.entry(e.before) {
		o, err := t.read(e)
		if err != nil {
			return nil, err
		}
		rows = append(rows, o)
	}
	rows = append(rows, t.wild...)
	slices.SortFunc(rows, func(a, b *espRow) int { return cmp.Compare(a.rank, b.rank) })
	return rows, nil
}

// read reads the row of an entry.
func (t *espOrder) read(e *espEntry) (*espRow, error) {
	var line []byte
	var err error
	if e.place == espOld {
		line, err = t.old.row(int64(e.at))
	} else if t.space, err = AppendESPRow(t.space[:0], t.secret(int(e.at))); err == nil {
		line = t.space
	}
	if err != nil {
		return nil, err
	}
	r, ok := readESPRow(line)
	if !ok {
		return nil, t.old.changed()
	}
	r.entry, r.rank, r.ours = e, rankOf(e.place, e.at), e.ours
	return r, nil
}

// among finds the place of a new row among those that are in their order.
func among(r *espRow, rows []*espRow) espPlace {
	for i, o := range rows {
		switch {
		case !o.meets(r):
		case o.rest == r.rest:
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
