package keysrc

import (
	"bytes"
	"strings"
)

// A gutter is what grep -n, grep -H, cat -n, nl, less -N or diff puts before each line of a text.
// It is taken off where more keys are found without it, or fewer damaged, and all lines have it:
// the same file's name, numbers that rise, or the sign of a diff.

// maxGutter bounds the bytes of a file's name in a gutter.
const maxGutter = 256

// withoutGutter returns the lines of a source without their gutter, each at its place; nil if they
// have none.
func (t *turner) withoutGutter() []byte {
	var lines []*turnedLine
	for i := range t.count {
		l := t.at(i)
		if l.depth > 0 {
			return nil
		}
		if text := bytes.TrimSpace(l.text()); len(text) > 0 && string(text) != "--" { // of grep, between groups
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	cut := diffGutter(lines)
	if cut == nil {
		if cut = textGutter(lines); cut == nil {
			return nil
		}
	}
	var b bytes.Buffer
	for n := 1; len(lines) > 0; n++ {
		for ; len(lines) > 0 && lines[0].n == n; lines = lines[1:] {
			b.Write(cut(lines[0].text()))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// diffGutter is the first column of a diff, of which the lines that are in the new text are taken.
func diffGutter(lines []*turnedLine) func(text []byte) []byte {
	unified, added := false, true
	for _, l := range lines {
		text := l.text()
		unified = unified || bytes.HasPrefix(text, []byte("@@ -"))
		added = added && text[0] == '+'
	}
	if !unified && !added {
		return nil
	}
	return func(text []byte) []byte {
		if text[0] != '+' && text[0] != ' ' || unified && bytes.HasPrefix(text, []byte("+++ ")) {
			return nil
		}
		return text[1:]
	}
}

// textGutter is a file's name, a number, or both, with ":" or "-" behind each; behind a number
// alone may be a blank.
func textGutter(lines []*turnedLine) func(text []byte) []byte {
	name := nameGutter(lines)
	last, rising := int64(-1), true
	for _, l := range lines {
		n, _, ok := numberGutter(l.text()[name:])
		rising = rising && ok && n > last
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

// numberGutter takes a number off a line, with the blanks before it and what separates it from the
// text.
func numberGutter(text []byte) (n int64, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, " ")
	for ; len(text) > 0 && digit(text[0]) && n < 1<<40; text = text[1:] {
		n, ok = 10*n+int64(text[0]-'0'), true
	}
	if !ok || len(text) == 0 || strings.IndexByte(":-\t ", text[0]) < 0 {
		return 0, nil, false
	}
	return n, text[1:], true
}
