// Package cells says how much room text takes on a terminal.
package cells

import (
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
	room := columns - Width(more)
	for i, c := range text {
		if room -= Of(c); room < 0 {
			return text[:i] + more
		}
	}
	return text
}
