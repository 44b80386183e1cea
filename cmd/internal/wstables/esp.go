package wstables

import (
	"cmp"
	"iter"
	"slices"

	"l2tpdump/esp"
)

// WriteESP adds a row for each secret to the esp_sa in dir, which is made if it is not there.
// Wireshark takes the first row that matches, wildcards included: a row goes before the older ones
// with other keys that match the same packets, but not before one whose key begins with its own,
// which is more of the same. Of two secrets for the same packets the later one counts, but for one
// that is for those of the other and more: such as are for several SPIs have to come last, the one
// for most SPIs behind the others.
func WriteESP(dir string, secrets []*esp.Secret) (*Report, error) {
	t, err := openTable(dir, tableESP)
	if err != nil {
		return nil, err
	}
	order := espOrder{bySPI: make(map[uint32]*espEntry)}
	for row := range t.rows() {
		order.addOld(row)
	}
	for _, s := range slices.Backward(secrets) {
		switch err := checkESPRow(s); {
		case err != nil:
			t.Left = append(t.Left, "left out: SPI "+spiText(s)+" ("+s.Origin.String()+"): "+err.Error())
		case order.place(s):
			t.Added++
		default:
			t.Present++
		}
	}
	slices.Reverse(t.Left)
	slices.SortFunc(order.added, func(a, b *espEntry) int { return cmp.Compare(a.rank, b.rank) })
	old := 0 // where the old rows stand
	for old < len(order.added) && order.added[old].rank < 0 {
		old++
	}
	return t.write(espRows(order.added[:old]), espRows(order.added[old:]))
}

// espRows spells the rows of new entries.
func espRows(list []*espEntry) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var row []byte
		for _, e := range list {
			row, _ = appendESPRow(row[:0], e.secret) // checked before
			if !yield(row) {
				return
			}
		}
	}
}
