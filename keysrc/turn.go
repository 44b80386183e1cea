package keysrc

import (
	"bytes"
	"regexp"
	"slices"

	"l2tpdump/keysrc/yamaha"
)

// Log servers and journalctl -r show the newest line first. A source that is read to its end is
// turned then, whatever its format; a Yamaha router's log is read in either order as it is.

// maxTurned bounds the bytes of a source that can be turned.
const maxTurned = 12 << 20

// orderMarks are what logs say one after the other, by groups.
var orderMarks = [][]string{
	{"SKEYID_d", "SKEYID_a", "SKEYID_e"},
	{"Skeyid_d", "Skeyid_a", "Skeyid_e", "enc key:"},
	{"initiator SA seed", "encryption initiator key", "encryption responder key",
		"integrity initiator key", "integrity responder key"},
	{"final encryption key", "IV computed:", "with key:", "payload by IV:"},
	{"ESP enckey:", "ESP authkey:", "add_sa() "},
}

var orderClues = cluesOf(slices.Concat(orderMarks...)...)

// weight is that of a pair of marks: SKEYIDs weigh more than what comes again and again.
var weight = [...]int{2, 2, 1, 1, 1}

const (
	backward = -2 // is the score of a source whose newest line comes first
	forward  = 8  // settles it the other way
)

// A turner keeps the entries of a source, its lines or the messages in them, and finds out whether
// its newest comes first.
type turner struct {
	lines  [][]turnedLine // in pieces of linesPiece
	count  int
	chunk  []byte // where the text of the last lines is
	size   int    // of all text
	last   [len(weight)]int
	score  int
	marked int  // lines that score counts
	over   bool // there is nothing to turn, or it is too long
	times  int  // the order of what was too long, by its times
}

type turnedLine struct {
	n     int
	depth uint8  // as unwrapper.entries has it: a message is not 0
	head  uint8  // bytes of the time of a message, before the text
	all   []byte // both
}

const linesPiece = 1024

func (l *turnedLine) text() []byte { return l.all[l.head:] }

// take takes an entry of line n. marks says that a log is read whose marks count, sound that it is
// of use as it is.
func (t *turner) take(n, depth int, line []byte, time string, marks, sound bool) {
	time = time[:min(len(time), lineHead)]
	if t.over {
		return
	}
	t.size += len(time) + len(line)
	if t.over = t.score >= forward && sound || t.size > maxTurned || t.count > maxTurned/16; t.over {
		if t.times = oldestFirst; t.score < forward {
			t.times = t.byTime()
		}
		t.lines, t.chunk, t.count = nil, nil, 0
		return
	}
	t.keep(n, depth, line, time)
	for ; marks && t.marked < t.count; t.marked++ {
		t.weigh(t.at(t.marked).text())
	}
}

// keep keeps an entry.
func (t *turner) keep(n, depth int, line []byte, time string) {
	if size := len(time) + len(line); cap(t.chunk)-len(t.chunk) < size {
		t.chunk = make([]byte, 0, max(64<<10, size))
	}
	start := len(t.chunk)
	t.chunk = append(append(t.chunk, time...), line...)
	if t.count%linesPiece == 0 {
		t.lines = append(t.lines, make([]turnedLine, 0, linesPiece))
	}
	last := &t.lines[t.count/linesPiece]
	*last = append(*last, turnedLine{n, uint8(depth), uint8(len(time)), t.chunk[start:]})
	t.count++
}

// at returns entry i.
func (t *turner) at(i int) *turnedLine {
	return &t.lines[i/linesPiece][i%linesPiece]
}

// has reports whether an entry is such a one.
func (t *turner) has(such func(text []byte) bool) bool {
	for i := range t.count {
		if such(t.at(i).text()) {
			return true
		}
	}
	return false
}

// weigh takes what a line says of the order.
func (t *turner) weigh(line []byte) {
	if !orderClues.allow(lettersIn(line)) {
		return
	}
	if bytes.IndexByte(line, ' ') < 0 && bytes.IndexByte(line, '_') < 0 || matchESPRow(line) {
		return // a row of a table
	}
	if yamaha.Owns(line) {
		return
	}
	for group, marks := range orderMarks {
		for i, mark := range marks {
			if !bytes.Contains(line, []byte(mark)) {
				continue
			}
			if was := t.last[group]; was != 0 && (was == i || was == i+2) { // counted from 1
				t.score += (i + 1 - was) * weight[group]
			}
			t.last[group] = i + 1
		}
	}
}

// byTime tells the order of the entries by their times.
func (t *turner) byTime() int {
	const (
		ends   = 64   // entries of which one has a time, if any has
		enough = 4096 // of which the times are compared
	)
	first, last := "", ""
	for i := 0; i < min(t.count, ends) && first == ""; i++ {
		first = t.at(i).stamp()
	}
	for i := t.count - 1; i >= max(0, t.count-ends) && last == ""; i-- {
		last = t.at(i).stamp()
	}
	switch {
	case len(first) != len(last) || last == first:
		return unknownOrder
	case last > first:
		return oldestFirst
	}
	steps, was := 0, first
	for i := 0; i < t.count; i += max(1, t.count/enough) {
		s := t.at(i).stamp()
		if len(s) != len(was) {
			continue
		}
		switch {
		case s > was:
			steps++
		case s < was:
			steps--
		}
		was = s
	}
	if steps < 0 {
		return newestFirst
	}
	return oldestFirst
}

// A clockForm is what logs have that name no date: "07:15:18.619" and isakmpd's "071518.619884".
var clockForm = regexp.MustCompile(`^\W{0,4}(\d\d):?(\d\d):?(\d\d(?:[.,]\d+)?) `)

// fraction is that of a second.
var fraction = regexp.MustCompile(`^[.,]\d+`)

// Behind a word stands a time of something else: "created: Nov 23 07:15:18 2026".
var wordBefore = regexp.MustCompile(`[a-z:] *$`)
var dayBefore = regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? *$`)

// stamp returns the time of an entry as digits, of which those of the same length can be compared.
func (l *turnedLine) stamp() string {
	text := l.text()
	if l.head > 0 {
		text = l.all[:l.head]
	}
	head := text[:min(len(text), lineHead)]
	if t, at, ok := dateIn(text); ok {
		if before := text[:at[0]]; wordBefore.Match(before) && !dayBefore.Match(before) {
			return ""
		}
		return t.Format("20060102150405") + string(fraction.Find(text[at[1]:]))
	}
	if m := clockForm.FindSubmatch(head); m != nil {
		return string(bytes.Join(m[1:], nil))
	}
	if l.head > 0 && numberChars.all(text) {
		return string(text)
	}
	return ""
}

var numberChars = setOf("0123456789.")

// goesOn reports whether a line seems to go on from the one before.
func (l *turnedLine) goesOn() bool {
	return l.depth == 0 && bytes.IndexAny(l.text(), " \t") == 0
}

// rows reports whether rows of dumps stand in the wrong order too: each line is one of its own.
func (t *turner) rows() bool {
	if t.count > 0 && bytes.IndexAny(t.at(0).text(), " \t") == 0 {
		return true
	}
	row, head := 0, false // offset of the last row; the last line begins a dump
	for i := range t.count {
		l := t.at(i)
		off, _, ok := charonRow(l.text())
		if ok && (off+16 == row || off == 0 && l.goesOn() && !head) {
			return true
		}
		row, head = off, bytes.Contains(l.text(), []byte(" bytes @ "))
	}
	return false
}

// turned gives the lines out in the other order. Lines that begin with a blank go on from the one
// before: they stay behind it, unless rows says that every line was turned.
func (t *turner) turned(rows bool, give func(l *turnedLine)) {
	for end := t.count; end > 0; {
		start := end - 1
		for !rows && start > 0 && t.at(start).goesOn() {
			start--
		}
		for i := start; i < end; i++ {
			give(t.at(i))
		}
		end = start
	}
}
