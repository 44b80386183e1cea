package keysrc

import (
	"bytes"

	"l2tpdump/keysrc/yamaha"
)

// Log servers and journalctl -r show the newest line first. A source that is read to its end is turned
// then, whatever its format; a Yamaha router's log is read in either order as it is.

// maxTurned bounds the bytes of a source that can be turned.
const maxTurned = 16 << 20

// orderMarks are what logs say one after the other, by groups.
var orderMarks = [][][]byte{
	{[]byte("SKEYID_d"), []byte("SKEYID_a"), []byte("SKEYID_e")},
	{[]byte("Skeyid_d"), []byte("Skeyid_a"), []byte("Skeyid_e")},
	{[]byte("initiator SA seed"), []byte("encryption initiator key"), []byte("encryption responder key")},
}

// backward is the score of a source whose newest line comes first: a pair of SKEYIDs has a weight of 2,
// one of the last group, which comes again and again, of 1.
const backward = -2

var weight = [...]int{2, 2, 1}

// A turner keeps the lines of a source, and finds out whether its newest comes first.
type turner struct {
	text  []byte
	ends  []int
	lines []int // their numbers
	last  [3]int
	score int
	rows  bool // rows of dumps stand in the wrong order too: each line is one of its own
	row   int  // offset of the last row
	long  bool
}

// take takes line n.
func (t *turner) take(n int, line []byte) {
	if t.long = t.long || len(t.text)+len(line) > maxTurned || len(t.ends) > maxTurned/16; t.long {
		t.text, t.ends, t.lines = nil, nil, nil
	} else {
		t.text = append(t.text, line...)
		t.ends, t.lines = append(t.ends, len(t.text)), append(t.lines, n)
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

// turned gives the lines out in the other order. Lines that begin with a blank go on from the one
// before: they stay behind it, unless rows of dumps show that every line was turned.
func (t *turner) turned(give func(n int, line []byte)) {
	line := func(i int) []byte {
		if i == 0 {
			return t.text[:t.ends[0]]
		}
		return t.text[t.ends[i-1]:t.ends[i]]
	}
	for end := len(t.ends); end > 0; {
		start := end - 1
		for !t.rows && start > 0 && len(line(start)) > 0 && (line(start)[0] == ' ' || line(start)[0] == '\t') {
			start--
		}
		for i := start; i < end; i++ {
			give(t.lines[i], line(i))
		}
		end = start
	}
}
