package keysrc

import (
	"bufio"
	"path/filepath"
	"slices"

	"l2tpdump/esp"
)

// WriteESPTable adds a row for each of n secrets to the esp_sa in dir, which is made if it is not there. secret returns the one of a number
// from 0; it is called several times for each, and what it returns is used up to the next call. Wireshark takes the first row that
// matches, wildcards included: a row goes before the older ones with other keys that match the same packets, but not before one whose key
// begins with its own, which is more of the same. Of two secrets for the same packets the later one counts, but for
// one that is for those of the other and more: such as are for several SPIs have to come last, the one for most SPIs behind the others.
func WriteESPTable(dir string, n int, secret func(i int) *esp.Secret) (*TableReport, error) {
	t, err := openTable(filepath.Join(dir, TableESP))
	if err != nil {
		return nil, err
	}
	defer t.close()
	order := espOrder{old: t, secret: secret, rows: make([]espEntry, 0, t.likely)}
	if err := t.each(order.addOld); err != nil {
		return nil, err
	}
	order.rows = slices.Grow(order.rows, max(0, n-len(order.rows)))
	var places [espBehind + 1][]uint32 // numbers of the secrets that have rows there, the first of them placed first
	var space []byte
	for i := n - 1; i >= 0; i-- {
		s := secret(i)
		if checkESPRow(s) != nil {
			t.report.Left = append(t.report.Left, i)
			continue
		}
		place, err := order.place(uint32(i), s)
		if err != nil {
			return nil, err
		}
		if place == espPresent {
			t.report.Present++
			continue
		}
		places[place] = append(places[place], uint32(i))
		t.report.Added++
	}
	order = espOrder{} // it is not needed any more
	slices.Reverse(t.report.Left)
	slices.Reverse(places[espFront]) // the last one found is to be the first
	slices.Reverse(places[espHead])
	slices.Reverse(places[espTail])
	write := func(list ...[]uint32) func(w *bufio.Writer) error {
		return func(w *bufio.Writer) error {
			for _, numbers := range list {
				for _, i := range numbers {
					var err error
					if space, err = AppendESPRow(space[:0], secret(int(i))); err != nil {
						return err
					}
					if _, err := w.Write(space); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	return t.write(write(places[espFront], places[espHead]), write(places[espTail], places[espBehind]))
}
