// Package printable makes text that came from the network fit for a terminal and a log line.
package printable

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText is how many bytes of a text are shown; the wire allows a thousand and more.
const maxText = 128

// Append appends text as it is if it consists of printable characters without spaces, and quoted
// with escapes otherwise, so that no control character reaches the output. Trailing zero bytes
// are dropped. Of a longer text the first 128 bytes are shown, then "...".
func Append(dst, text []byte) []byte {
	text = bytes.TrimRight(text, "\x00")
	cut := len(text) > maxText
	if cut {
		text = text[:maxText]
		for len(text) > maxText-utf8.UTFMax && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		if !utf8.RuneStart(text[len(text)-1]) || text[len(text)-1] >= utf8.RuneSelf {
			text = text[:len(text)-1]
		}
	}
	if plain(text) {
		dst = append(dst, text...)
	} else {
		dst = strconv.AppendQuote(dst, string(text))
	}
	if cut {
		dst = append(dst, "..."...)
	}
	return dst
}

// plain says whether text needs no quotes: printable, not empty, without spaces, quotes and the
// punctuation that separates fields in a summary.
func plain(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 || !strconv.IsPrint(r) || strings.ContainsRune(` "\,;`, r) {
			return false
		}
		i += n
	}
	return true
}
