package ikev1

import (
	"strconv"
	"strings"
)

// maxText is how many bytes of a text from the wire are printed.
const maxText = 200

// shown makes a text from the wire fit to be printed within a line: as it is where it consists
// of visible ASCII, else quoted with escapes. A long one is cut.
func shown(b []byte) string {
	cut := len(b) > maxText
	if cut {
		b = b[:maxText]
	}
	s := string(b)
	if len(b) == 0 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == ',' }) {
		s = strconv.QuoteToASCII(s)
	}
	if cut {
		s += "..."
	}
	return s
}

// isText says that b has only visible ASCII and blanks.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}
