package keysrc

import "bytes"

// A wiresharkTable reads a table that Wireshark keeps, or that others write for it.
type wiresharkTable struct {
	out  *output
	name string
	isA  func(row []byte) bool
	take func(n int, row []byte) (doubt string, err error) // gives out what is in a row
	rows int
}

func (w *wiresharkTable) line(n int, text []byte) bool {
	row := bytes.TrimSpace(text)
	if len(row) == 0 || row[0] == '#' || !w.isA(row) {
		return false
	}
	w.rows++
	switch doubt, err := w.take(n, row); {
	case err != nil:
		w.out.note(n, w.name+": "+err.Error())
	case doubt != "":
		w.out.doubt(n, w.name+": "+doubt)
	}
	return true
}

func (w *wiresharkTable) close() {}

func (w *wiresharkTable) near() string {
	if w.rows == 0 {
		return ""
	}
	return "it is Wireshark's " + w.name + " table, but none of its rows can be used"
}
