package keysrc

import (
	"bytes"

	"l2tpdump/keysrc/yamaha"
)

// Log servers and journalctl -r show the newest line first. A source that is read to its end is
// turned then, whatever its format; a Yamaha router's log is read in either order as it is.

// maxTurned bounds the bytes of a source that can be turned.
const maxTurned = 12 << 20

// orderMarks are what logs say one after the other, by groups.
var orderMarks = [][][]byte{
	{[]byte("SKEYID_d"), []byte("SKEYID_a"), []byte("SKEYID_e")},
	{[]byte("Skeyid_d"), []byte("Skeyid_a"), []byte("Skeyid_e")},
	{[]byte("initiator SA seed"), []byte("encryption initiator key"), []byte("encryption responder key")},
	{[]byte("IV computed:"), []byte("with key:"), []byte("payload by IV:")},
}

// backward is the score of a source whose newest line comes first: a pair of SKEYIDs has a weight
// of 2, one of the others, which come again and again, of 1.
const backward = -2

var weight = [...]int{2, 2, 1, 1}

// forward is a score that settles it the other way.
const forward = 8

// A turner keeps the entries of a source, its lines or the messages in them, and finds out whether
// its newest comes first.
type turner struct {
	lines []turnedLine
	chunk []byte // where the text of the last lines is
	size  int    // of all text
	last  [4]int
	score int
	rows  bool // rows of dumps stand in the wrong order too: each line is one of its own
	row   int  // offset of the last row
	over  bool // there is nothing to turn, or it is too long
}

type turnedLine struct {
	n, depth int // as unwrapper.entries has it: a message is not 0
	text     []byte
}

// take takes an entry of line n.
func (t *turner) take(n, depth int, line []byte) {
	if t.over {
		return
	}
	t.size += len(line)
	if t.over = t.score >= forward || t.size > maxTurned || len(t.lines) > maxTurned/16; t.over {
		t.lines, t.chunk = nil, nil
		return
	}
	if cap(t.chunk)-len(t.chunk) < len(line) {
		t.chunk = make([]byte, 0, max(64<<10, len(line)))
	}
	start := len(t.chunk)
	t.chunk = append(t.chunk, line...)
	t.lines = append(t.lines, turnedLine{n, depth, t.chunk[start:]})
	if bytes.IndexByte(line, ' ') < 0 && bytes.IndexByte(line, '_') < 0 || matchESPRow(line) {
		return // a row of a table
	}
	off, _, ok := charonRow(line)
	if t.rows = t.rows || ok && off+16 == t.row; !ok {
		off = 0
	}
	t.row = off
	for group, marks := range orderMarks {
		for i, mark := range marks {
			if bytes.Contains(line, mark) && !yamaha.Match(line) {
				if was := t.last[group]; was == i || was == i+2 { // counted from 1
					t.score += (i + 1 - was) * weight[group]
				}
				t.last[group] = i + 1
			}
		}
	}
}

// goesOn reports whether a line seems to go on from the one before.
func (l *turnedLine) goesOn() bool {
	return l.depth == 0 && len(l.text) > 0 && (l.text[0] == ' ' || l.text[0] == '\t')
}

// turned gives the lines out in the other order. Lines that begin with a blank go on from the one
// before: they stay behind it, unless rows of dumps show that every line was turned.
func (t *turner) turned(give func(n, depth int, text []byte)) {
	for end := len(t.lines); end > 0; {
		start := end - 1
		for !t.rows && start > 0 && t.lines[start].goesOn() {
			start--
		}
		for _, l := range t.lines[start:end] {
			give(l.n, l.depth, l.text)
		}
		end = start
	}
}
