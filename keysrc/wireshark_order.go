package keysrc

import (
	"bytes"
	"cmp"
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
	rank      int  // the least is the first
	ours      bool // it is one of those that are to be in the table now
}

// readESPRow reads a row. One whose algorithms or keys are not known matches packets all the same.
func readESPRow(line []byte) (*espRow, bool) {
	line = bytes.TrimSpace(line)
	col, err := csvRow(line)
	if err != nil || len(col) < 8 {
		return nil, false
	}
	src, err1 := tableAddr(col[1])
	dst, err2 := tableAddr(col[2])
	spi, mask, err3 := tableSPI(col[3])
	if err1 != nil || err2 != nil || err3 != nil {
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
)

// An espOrder is the rows in their order, found by their SPI.
type espOrder struct {
	bySPI map[uint32][]*espRow
	wild  []*espRow // whose SPI is not known, or in part
	all   []*espRow
	count int // rows given a place
}

func (t *espOrder) add(r *espRow) {
	t.all = append(t.all, r)
	if r.mask != math.MaxUint32 {
		t.wild = append(t.wild, r)
		return
	}
	if t.bySPI == nil {
		t.bySPI = make(map[uint32][]*espRow)
	}
	t.bySPI[r.spi] = append(t.bySPI[r.spi], r)
}

// place finds the place of a new row, and adds it.
func (t *espOrder) place(r *espRow) espPlace {
	var rows []*espRow
	if r.mask == math.MaxUint32 {
		rows = slices.Concat(t.bySPI[r.spi], t.wild)
	} else {
		rows = slices.Clone(t.all)
	}
	slices.SortStableFunc(rows, func(a, b *espRow) int { return cmp.Compare(a.rank, b.rank) })
	place := t.among(r, rows)
	if place == espPresent {
		return place
	}
	t.count++
	r.rank = map[espPlace]int{espFront: math.MinInt32 - t.count, espHead: -t.count, espTail: math.MaxInt32 - t.count, espBehind: math.MaxInt32 + t.count}[place]
	t.add(r)
	return place
}

func (t *espOrder) among(r *espRow, rows []*espRow) espPlace {
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
