package follow

import "bytes"

const (
	// redactDigits is the number of hex digits in a row, spaces, colons and commas not counted,
	// that may be a key.
	redactDigits = 16
	// redactPairs is the same for digits that stand in pairs, as in "5a 4b 33 ca".
	redactPairs = 8
)

// redact returns a line for a terminal: control characters and bytes that may be of a key are taken
// out, its length is bounded.
func redact(line []byte) string {
	line = bytes.TrimSpace(line)
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		if n := keyLike(line[i:]); n > 0 {
			out = append(out, "[…]"...)
			i += n
			continue
		}
		// The whole word: no key begins in the middle of one.
		for n := max(1, hexLen(line[i:])); n > 0; n-- {
			c := line[i]
			if c < ' ' || c == 0x7f {
				c = '?'
			}
			out = append(out, c)
			i++
		}
	}
	text := string(bytes.ToValidUTF8(out, []byte("?")))
	if r := []rune(text); len(r) > stderrLine {
		text = string(r[:stderrLine]) + "…"
	}
	return text
}

// keyLike returns the length of what may be bytes of a key at the beginning of text, 0 for none.
// Where spaces are between the bytes that is the whole text: the same bytes may follow as
// characters.
func keyLike(text []byte) int {
	digits, end := 0, 0
	pairs, spaces := true, false
	for i := 0; i < len(text); {
		if n := hexLen(text[i:]); n > 0 {
			if end := i + n; end < len(text) && isLetter(text[end]) && (n != 1 || text[i] != '0' || text[end] != 'x') {
				break // the beginning of a word
			}
			digits += n
			pairs = pairs && n == 2
			spaces = spaces || i > 0 && text[i-1] == ' '
			i += n
			end = i
			continue
		}
		c := text[i]
		if end == 0 || c != ' ' && c != ':' && c != ',' && c != '-' && c != '_' && (c != 'x' || text[i-1] != '0') {
			break
		}
		i++
	}
	switch {
	case digits < redactDigits && (!pairs || digits < redactPairs):
		return 0
	case spaces:
		return len(text)
	}
	return end
}

// hexLen returns the number of hex digits that text begins with.
func hexLen(text []byte) int { return len(text) - len(bytes.TrimLeft(text, "0123456789abcdefABCDEF")) }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
