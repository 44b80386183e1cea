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
