// Package cells says how much room text takes on a terminal.
package cells

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Width is how many columns a text takes.
func Width(text string) (n int) {
	for _, c := range text {
		n += Of(c)
	}
	return n
}

// Of is how many columns a character takes.
func Of(c rune) int {
	switch k := width.LookupRune(c).Kind(); {
	case unicode.Is(unicode.Mn, c):
		return 0
	case k == width.EastAsianWide || k == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut is a text that takes so many columns at most: one that is too long ends in more.
func Cut(text string, columns int, more string) string {
	if Width(text) <= columns {
		return text
	}
	return text[:fitting(text, columns-Width(more))] + more
}

// Wrap breaks text into lines of so many columns, 0 for any number; indent stands before those that
// go on. Each line has its end.
func Wrap(text string, columns int, indent string) string {
	const least = 8 // columns behind the indent
	if columns <= 0 {
		return text + "\n"
	}
	columns = max(columns, len(indent)+least)
	var b strings.Builder
	for Width(text) > columns {
		end := fitting(text, columns)
		at := end
		if text[end] != ' ' {
			at = strings.LastIndexByte(text[:end], ' ')
		}
		if at <= len(indent) { // a word that is longer than a line
			at = end
		}
		b.WriteString(strings.TrimRight(text[:at], " ") + "\n")
		text = indent + strings.TrimLeft(text[at:], " ")
	}
	b.WriteString(text + "\n")
	return b.String()
}

// fitting is how many bytes of a text have room in so many columns.
func fitting(text string, columns int) int {
	for i, c := range text {
		if columns -= Of(c); columns < 0 {
			return i
		}
	}
	return len(text)
}
