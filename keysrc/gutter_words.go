package keysrc

import (
	"bytes"
	"iter"
	"slices"
)

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
