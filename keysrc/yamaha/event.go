package yamaha

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	rowLen  = 16 // bytes in each row of a value but the last
	maxRows = 64 // rows between two lines of text
)

// rows are the rows of bytes between two lines of text, in the order of the file.
type rows struct {
	line    int     // of the first row
	data    []byte  // the bytes of all rows
	lens    []uint8 // the bytes of each row
	bad     string  // what is wrong with a row, "" nothing
	badLine int     // the first such
	blank   bool    // a line without any text follows: it may have been a row
	repeats []repeat
}

// repeat is "same message repeated N times" between rows.
type repeat struct {
	rows  int // number of rows before it
	line  int
	times int
}

func (g *rows) reset() {
	clear(g.data) // key bytes
	g.data, g.lens, g.repeats = g.data[:0], g.lens[:0], g.repeats[:0]
	g.line, g.bad, g.badLine, g.blank = 0, "", 0, false
}

// sizes returns the bytes of each of several rows, as in "16, 16 and 4 bytes".
func (g *rows) sizes() string {
	last := len(g.lens) - 1
	first := strings.ReplaceAll(strings.Trim(fmt.Sprint(g.lens[:last]), "[]"), " ", ", ")
	return fmt.Sprintf("%s and %d bytes", first, g.lens[last])
}

func (g *rows) empty() bool { return len(g.lens) == 0 && g.bad == "" }

// add takes a row; data is that of g with the row's bytes behind it.
func (g *rows) add(n int, data []byte, kind rowKind) {
	if g.empty() {
		g.line = n
	}
	size := len(data) - len(g.data)
	switch {
	case kind == rowBytes && size <= rowLen && len(g.lens) < maxRows:
		g.data, g.lens = data, append(g.lens, uint8(size))
	case g.bad != "":
	case kind == rowHidden:
		g.bad, g.badLine = "the router shows it as (confidential)", n
	case kind == rowRedacted:
		g.bad, g.badLine = "it was replaced by something else (redacted)", n
	default:
		g.bad, g.badLine = "a row is damaged", n
	}
}

// behind returns the rows with another before them.
func (g *rows) behind(row []byte) *rows {
	all := *g
	all.repeats = slices.Clone(g.repeats)
	all.data = slices.Concat(row, g.data)
	all.lens = slices.Concat([]uint8{uint8(len(row))}, g.lens)
	for i := range all.repeats {
		all.repeats[i].rows++
	}
	return &all
}

// turn makes rows that stand in the order of a reversed log those of a log, and the other way
// round.
func (g *rows) turn() {
	slices.Reverse(g.data)
	slices.Reverse(g.lens)
	at := 0
	for _, n := range g.lens {
		slices.Reverse(g.data[at : at+int(n)])
		at += int(n)
	}
	for i := range g.repeats {
		g.repeats[i].rows = len(g.lens) - g.repeats[i].rows
	}
}

// inOrder reports whether only the last row, in a reversed log the first, is shorter than the
// others.
func (g *rows) inOrder(reversed bool) bool {
	full := g.lens
	switch {
	case len(full) == 0:
	case reversed:
		full = full[1:]
	default:
		full = full[:len(full)-1]
	}
	return !slices.ContainsFunc(full, func(n uint8) bool { return n != rowLen })
}

// fits reports whether the rows can be the value of the label.
func (g *rows) fits(lb *label, reversed bool) bool {
	return len(g.lens) > 0 && g.bad == "" && g.inOrder(reversed) && lb.takes(len(g.data))
}

// hashLens are the bytes of MD5, SHA-1, SHA-256, SHA-384 and SHA-512.
var hashLens = [...]int{16, 20, 32, 48, 64}

// size returns the bytes of the label's value, 0 if it is not known.
func (lb *label) size() int {
	switch lb.kind {
	case cookieI, cookieR:
		return 8
	case spi:
		return 4
	}
	return lb.first
}

// takes reports whether a value of n bytes can be the label's.
func (lb *label) takes(n int) bool {
	key := lb.kind == espKey || lb.kind == authKey
	switch size := lb.size(); {
	case lb.kind == unreadable:
		return false
	case size != 0: // a DES key is shorter than what the caption promises
		return n == size || lb.kind == espKey && n == 8 && size > 8
	}
	return slices.Contains(hashLens[:], n) || key && (n == 8 || n == 24)
}

// fault is what is wrong with a value.
type fault uint8

const (
	whole     fault = iota
	rowless         // no row at all
	misshapen       // rows are missing or are of another value
	spoiled         // it can't be read
)

// event is what a line of text and its rows mean together.
type event struct {
	label
	data    []byte // the value, if it is whole; valid until the next event
	fault   fault
	why     string // not whole: what is wrong
	whyLine int    // the line that shows it
	doubt   string // whole: what may be wrong nevertheless
	orphan  bool   // rows stand where no value belongs
	last    bool   // whole: the log ends with it, and may lack the rest of it
	unsure  bool   // whole: text stands between the label and the row, which may be of the text
}

// read puts a label and its rows together.
func (ev *event) read(lb *label, g *rows) {
	*ev = event{label: *lb, whyLine: lb.line}
	switch {
	case !lb.kind.isValue():
		ev.orphan, ev.whyLine = !g.empty(), g.line
	case lb.kind == unreadable:
		if !g.empty() { // else there is nothing that it could be the label of
			ev.fail(spoiled, lb.line, "rows of bytes belong to it, and it can't be read")
		}
	case g.bad != "":
		ev.fail(spoiled, g.badLine, g.bad)
	case len(g.lens) == 0:
		ev.fail(rowless, lb.line, "its row of bytes is missing")
	default:
		ev.value(g)
	}
}

func (ev *event) fail(f fault, line int, why string) {
	ev.fault, ev.whyLine, ev.why, ev.data = f, line, why, nil
}

// value takes the rows as the label's value.
func (ev *event) value(g *rows) {
	if !ev.expand(g) {
		return
	}
	switch {
	case !g.inOrder(false):
		ev.fail(misshapen, ev.line, "its rows have "+g.sizes()+": a line between them is missing")
		return
	case !ev.takes(len(g.data)):
		why, wants := "it has "+byteCount(len(g.data)), "the length of a key"
		if ev.size() != 0 {
			wants = strconv.Itoa(ev.size())
		}
		if len(g.lens) > 1 {
			why += " in rows of " + g.sizes()
		}
		ev.fail(misshapen, ev.line, why+", not "+wants+": a line is missing or cut")
		return
	case ev.doubt == "" && equalRows(g.data):
		if len(g.data) > 2*rowLen {
			ev.fail(spoiled, ev.line, "two of its rows are equal: a line may stand twice")
			return
		}
		ev.doubt = "its rows are equal: a line may stand twice"
	}
	ev.data = g.data
}

// behindText takes rows into account that stand behind a line of text.
func (ev *event) behindText(line int, g *rows) {
	switch {
	case ev.fault == rowless && g.fits(&ev.label, false) && (ev.kind != skeyidE || len(g.data) <= maxLogged):
		ev.read(&ev.label, g)
		ev.unsure = ev.fault == whole
		ev.doubt = fmt.Sprintf("line %d stands between it and a row that may be its own", line)
	case ev.fault == whole && ev.kind.isSKEYID() && len(ev.data) == rowLen && len(g.data) <= rowLen:
		ev.doubt = fmt.Sprintf("a row that may be the rest of it stands behind line %d", line)
	}
}

// expand puts in the row that the router collapsed into a message.
func (ev *event) expand(g *rows) bool {
	for _, r := range g.repeats {
		if r.rows < 1 {
			continue // it is about the label
		}
		if r.times != 1 || len(g.repeats) > 1 {
			ev.fail(spoiled, r.line, "rows of it were collapsed into \"same message repeated\", and it can't be told how many")
			return false
		}
		end := 0
		for _, n := range g.lens[:r.rows] {
			end += int(n)
		}
		n := g.lens[r.rows-1]
		g.data = slices.Insert(g.data, end, g.data[end-int(n):end]...)
		g.lens = slices.Insert(g.lens, r.rows, n)
		ev.doubt = "a row of it was collapsed into \"same message repeated\" and is taken twice"
	}
	g.repeats = g.repeats[:0]
	return true
}

// mayLack reports whether a value, behind which the log has no other line, may lack rows: its
// length is that of a hash, which is not known.
func (ev *event) mayLack() bool {
	most := 4 * rowLen
	if ev.kind == skeyidE {
		most = maxLogged
	}
	return ev.fault == whole && ev.kind.isSKEYID() && len(ev.data) < most
}

// equalRows reports whether a row of full length is equal to the next.
func equalRows(data []byte) bool {
	for ; len(data) >= 2*rowLen; data = data[rowLen:] {
		if string(data[:rowLen]) == string(data[rowLen:2*rowLen]) {
			return true
		}
	}
	return false
}

// byteCount returns "1 byte", "16 bytes".
func byteCount(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}
