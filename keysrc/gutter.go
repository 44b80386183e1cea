package keysrc

import (
	"bytes"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A gutter is what grep -n, grep -H, cat -n, nl, less -N, bat, a page with numbered lines or diff
// puts before each line of a text. It is taken off where more keys are found without it, or fewer
// damaged, and all lines have it: the same file's name, numbers that rise, or the same signs.

// maxGutter bounds the bytes of a file's name in a gutter.
const maxGutter = 256

// withoutGutter gives out the lines of a source without their gutter, each at its place, in the
// ways that this can be done. keys are those found in them with it.
func (t *turner) withoutGutter(keys *Keys) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		lines := t.gutterLines()
		if len(lines) == 0 {
			return
		}
		if cut := gutterOf(lines); cut != nil && !yield(cutEach(lines, cut)) {
			return
		}
		if text := rejoined(lines); text != nil && !yield(text) || len(keys.IKE)+len(keys.ESP) > 0 {
			return
		}
		for cut := range headers(lines, len(keys.Notes) > 0) {
			if !yield(cutEach(lines, cut)) {
				return
			}
		}
	}
}

// gutterOf returns what takes off the gutter that all lines have, nil if there is none.
func gutterOf(lines []*turnedLine) func(text []byte) []byte {
	for _, gutter := range []func([]*turnedLine) func([]byte) []byte{diffGutter, endGutter, textGutter, signGutter} {
		if cut := gutter(lines); cut != nil {
			return cut
		}
	}
	return nil
}

// gutterLines returns the lines that have a gutter if all have; nil if they have none.
func (t *turner) gutterLines() []*turnedLine {
	var lines []*turnedLine
	for i := range t.count {
		l := t.at(i)
		if l.depth > 0 && i > 0 && t.at(i-1).n == l.n { // several messages in one line
			return nil
		}
		text := bytes.TrimSpace(l.text())
		if bytes.IndexByte(text, '\n') >= 0 {
			return nil
		}
		if len(text) > 0 && string(text) != "--" { // of grep, between groups
			lines = append(lines, l)
		}
	}
	return lines
}

// cutEach returns what cut leaves of lines, each at its place.
func cutEach(lines []*turnedLine, cut func(text []byte) []byte) []byte {
	size := 0
	for _, l := range lines {
		size += len(l.text())
	}
	var b bytes.Buffer
	b.Grow(size + lines[len(lines)-1].n)
	for n := 1; len(lines) > 0; n++ {
		for ; len(lines) > 0 && lines[0].n == n; lines = lines[1:] {
			b.Write(cut(lines[0].text()))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// diffGutter is the first column of a diff, of which the lines that are in the new text are taken,
// or in the old one if there is none.
func diffGutter(lines []*turnedLine) func(text []byte) []byte {
	if !slices.ContainsFunc(lines, func(l *turnedLine) bool { return bytes.HasPrefix(l.text(), []byte("@@ -")) }) {
		return nil
	}
	of := func(text []byte, sign string) bool {
		return text[0] == sign[0] && !bytes.HasPrefix(text, []byte(sign+sign+sign+" "))
	}
	side := "-"
	if slices.ContainsFunc(lines, func(l *turnedLine) bool { return of(l.text(), "+") }) {
		side = "+"
	}
	return func(text []byte) []byte {
		if text[0] != ' ' && !of(text, side) {
			return nil
		}
		return text[1:]
	}
}

// endGutter is what cat -A and cat -e put at the end of a line, and in the place of tabs.
func endGutter(lines []*turnedLine) func(text []byte) []byte {
	if slices.ContainsFunc(lines, func(l *turnedLine) bool { return !bytes.HasSuffix(l.text(), []byte("$")) }) {
		return nil
	}
	shown := strings.NewReplacer("^I", "\t", "M-BM- ", " ", "M-oM-;M-?", "") // no-break spaces, a byte order mark
	return func(text []byte) []byte {
		return []byte(strings.TrimSuffix(shown.Replace(string(text[:len(text)-1])), "^M"))
	}
}

// signGutter is a sign that all lines begin with, and a blank if all have it.
func signGutter(lines []*turnedLine) func(text []byte) []byte {
	const signs = "+-|│<>* \t"
	first, size := utf8.DecodeRune(lines[0].text())
	if !strings.ContainsRune(signs, first) {
		return nil
	}
	sign := lines[0].text()[:size]
	blank := append(bytes.Clone(sign), ' ')
	for _, l := range lines {
		text := l.text()
		if !bytes.HasPrefix(text, sign) {
			return nil
		}
		if len(text) > size && !bytes.HasPrefix(text, blank) {
			blank = sign
		}
	}
	return func(text []byte) []byte { return text[min(len(blank), len(text)):] }
}

// textGutter is a file's name with ":" or "-" behind it, a number, or both.
func textGutter(lines []*turnedLine) func(text []byte) []byte {
	name := nameGutter(lines)
	last, rising := -1, true
	for i := 0; rising && i < len(lines); i++ {
		n, _, ok := numberGutter(lines[i].text()[name:])
		rising = ok && n > last
		last = n
	}
	switch {
	case rising:
		return func(text []byte) []byte {
			_, rest, _ := numberGutter(text[name:])
			return rest
		}
	case name > 0:
		return func(text []byte) []byte { return text[name:] }
	}
	return nil
}

// nameGutter returns the length of the name that all lines begin with and of the ":" or "-" behind
// it, 0 if there is none.
func nameGutter(lines []*turnedLine) int {
	first, _, _ := strings.Cut(string(lines[0].text()[:min(len(lines[0].text()), maxGutter)]), " ")
	for end := len(first) - 1; end > 0; end-- {
		same := strings.ContainsAny(first[:end], "./")
		for i := 0; same && i < len(lines); i++ {
			text := lines[i].text()
			same = len(text) > end && (text[end] == ':' || text[end] == '-') && string(text[:end]) == first[:end]
		}
		if same {
			return end + 1
		}
	}
	return 0
}

// numbered is a number, in brackets or not, and what separates it from the text.
var numbered = regexp.MustCompile(`^[ \[]*(\d{1,9})(?:[-:\t \])>|]|\.[ \t]|\.$)`)

// numberGutter takes a number off a line.
func numberGutter(text []byte) (n int, rest []byte, ok bool) {
	at := numbered.FindSubmatchIndex(text)
	if at == nil {
		return 0, nil, false
	}
	n, _ = strconv.Atoi(string(text[at[2]:at[3]]))
	return n, text[at[1]:], true
}

// A header of any form is what all lines of a text begin with: the same words, but for numbers and
// times. A Yamaha router's lines keep theirs, which tells connections apart.

const (
	minHeaded    = 2  // lines that have it
	maxHeader    = 12 // words
	headerSpares = 2  // words at its end that may be of the text
)

// headers are the ways to take the header off, the longest first. damaged says that values were
// left out with it: else a way has to show lines of a log that are none with it, or dumps of
// charon's without a tag, which are passed over behind a header that is not charon's.
func headers(lines []*turnedLine, damaged bool) iter.Seq[func(text []byte) []byte] {
	return func(yield func(func([]byte) []byte) bool) {
		n := headerWords(lines)
		for words := n; words > max(0, n-1-headerSpares); words-- {
			cut := func(text []byte) []byte { return behindWords(text, words) }
			unknown := slices.ContainsFunc(lines, func(l *turnedLine) bool {
				sender, text := syslogHeader(l.text()) // which formats pass over
				return len(sender) == 0 || len(cut(l.text())) <= len(text)
			})
			says := func(l *turnedLine) bool {
				text := cut(l.text())
				return unknown && isOfLog(text) && (damaged || !isOfLog(l.text()) || matchCharonMessage(text)) ||
					mayBeJSON(text) || unknown && isDLink(text)
			}
			if slices.ContainsFunc(lines, says) && !yield(cut) {
				return
			}
		}
	}
}

// headerWords returns the number of words of the header that all lines have.
func headerWords(lines []*turnedLine) (n int) {
	if len(lines) < minHeaded || slices.ContainsFunc(lines, func(l *turnedLine) bool { return ofYamaha(l.text()) }) {
		return 0
	}
	first := bytes.Fields(lines[0].text()[:min(len(lines[0].text()), lineHead)])
	n = min(len(first), maxHeader)
	named := false
	for _, l := range lines {
		rest := l.text()
		for i := range n {
			var w []byte
			if w, rest = word(rest); !sameInHeader(first[i], w) {
				n = i
				break
			}
		}
	}
	for _, w := range first[:n] {
		named = named || len(bytes.Trim(w, "0123456789 ")) > 0
	}
	if !named { // numbers are those of lines
		return 0
	}
	return n
}

// sameInHeader reports whether two words are the same, or both numbers or times. The numbers of an
// address have to be the same.
func sameInHeader(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return len(a) > 0
	}
	a, b = bytes.TrimLeft(a, "[(<#"), bytes.TrimLeft(b, "[(<#")
	if len(a) == 0 || len(b) == 0 || !digit(a[0]) || !digit(b[0]) || bytes.Count(a, []byte(".")) > 2 {
		return false
	}
	for {
		a, b = decimal.trimLeft(a), decimal.trimLeft(b)
		if len(a) == 0 || len(b) == 0 {
			return len(a) == len(b)
		}
		if a[0] != b[0] || !numberSigns[a[0]] {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

// numberSigns are those in numbers and times, and of brackets around them.
var numberSigns = setOf("-+:.,/]>)TZ")

// behindWords returns what follows so many words and a blank.
func behindWords(text []byte, words int) []byte {
	for range words {
		_, text = word(text)
	}
	if len(text) > 0 {
		text = text[1:]
	}
	return text
}

// A terminal ends lines at its last column, and what was copied from it has them so. The lines of
// charon's dumps can be put together again: their first lines say of how many bytes they are, and
// each row at which of them it begins.

const (
	narrowest = 72 // of a terminal
	widest    = 132
)

// rejoined returns the lines of a source, each at its place, and those that a terminal may have
// broken put together with the next; nil if charon's rows are not broken in it.
func rejoined(lines []*turnedLine) []byte {
	columns := 0
	for _, l := range lines {
		columns = max(columns, len(l.text()))
	}
	if columns < narrowest || columns > widest {
		return nil
	}
	goesOn := func(i int) bool { // in the next line
		if len(lines[i].text()) < columns || i+1 == len(lines) {
			return false
		}
		return !beginsCharon(lines[i+1].text())
	}
	var b bytes.Buffer
	broken := false
	n := 1
	for i, l := range lines {
		if i == 0 || !goesOn(i-1) {
			for ; n < l.n; n++ {
				b.WriteByte('\n')
			}
		}
		b.Write(l.text())
		msg, tagged := charonTag(l.text(), nil)
		if !tagged {
			_, msg.msg = charonMessage(l.text())
		}
		_, _, row := charonRow(msg.msg)
		broken = broken || row && goesOn(i)
	}
	if !broken {
		return nil
	}
	return b.Bytes()
}

// beginsCharon reports whether a line begins as charon writes them, with a tag, or as the journal
// shows them.
func beginsCharon(line []byte) bool {
	if _, ok := charonTag(line, nil); ok {
		return true
	}
	sender, _ := syslogHeader(line)
	_, _, row := charonRow(line)
	return len(sender) > 0 || row
}
