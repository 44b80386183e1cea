package yamaha

import (
	"bytes"
	"encoding/hex"

	"l2tpdump/keysrc/redaction"
)

// rowKind says what a line of a hex dump is.
type rowKind uint8

const (
	noRow       rowKind = iota
	rowBytes            // bytes
	rowDamaged          // meant to be bytes, but not all of it is
	rowHidden           // "(confidential)" in their place
	rowRedacted         // something in their place that a person put there
)

// hiddenMark stands where a router shows no key.
var hiddenMark = []byte("(confidential)")

// parseRow reads a row of bytes of two hex digits each, with one or more spaces between. Bytes
// without spaces between are taken where the row is indented. The bytes are appended to dst.
func parseRow(dst, text []byte) ([]byte, rowKind) {
	t := text
	for len(t) > 0 && (t[0] == ' ' || t[0] == '\t') {
		t = t[1:]
	}
	indented := len(text)-len(t) >= 2
	if len(t) == 0 {
		return dst, noRow
	}
	if b, ok := plainRow(dst, bytes.TrimRight(t, " ")); ok {
		return b, rowBytes
	}
	switch {
	case !redacted(t):
		return looseRow(dst, t, indented)
	case bytes.Contains(t, hiddenMark):
		return dst, rowHidden
	}
	return dst, rowRedacted
}

// looseRow is parseRow for a row that is not as the router writes it.
func looseRow(dst, t []byte, indented bool) ([]byte, rowKind) {
	start, good, others, pairs := len(dst), 0, 0, true
	for word := range bytes.FieldsSeq(t) {
		b, err := dst, error(hex.ErrLength)
		if isHex(word[0]) {
			b, err = hex.AppendDecode(dst, word)
		}
		if err == nil {
			dst = b
			good++
			pairs = pairs && len(word) == 2
		} else if others++; others > good+2 {
			return dst[:start], noRow // a sentence
		}
	}
	cutDigit := good == 0 && len(t) == 1 && isHex(t[0])
	switch {
	case others == 0 && (pairs || indented):
		return dst, rowBytes
	case bytes.Contains(t, hiddenMark):
		return dst[:start], rowHidden
	case good > 0 && good >= others && pairs && (indented || good > 2), cutDigit && indented:
		return dst[:start], rowDamaged
	}
	return dst[:start], noRow
}

// redacted reports whether text has something in the place of bytes: "xx xx", "<redacted>",
// "[removed]".
func redacted(text []byte) bool {
	return bytes.IndexByte([]byte("xX<[({*#_0\xe2"), text[0]) >= 0 && redaction.Value(string(text))
}

// plainRow is parseRow for the usual form: two digits, one blank, two digits, and so on.
func plainRow(dst, text []byte) ([]byte, bool) {
	start := len(dst)
	for ; ; text = text[3:] {
		if len(text) < 2 {
			return dst[:start], false
		}
		h, l := hexValues[text[0]], hexValues[text[1]]
		if h|l > 15 {
			return dst[:start], false
		}
		dst = append(dst, h<<4|l)
		if len(text) == 2 {
			return dst, true
		}
		if text[2] != ' ' {
			return dst[:start], false
		}
	}
}

// hexValues has the value of each hex digit, 0xff for any other byte.
var hexValues = func() (v [256]byte) {
	for i := range v {
		v[i] = 0xff
	}
	for i := range 16 {
		const digits, upper = "0123456789abcdef", "0123456789ABCDEF"
		v[digits[i]], v[upper[i]] = byte(i), byte(i)
	}
	return v
}()

func isHex(c byte) bool { return hexValues[c] != 0xff }

// onlyHex reports whether text is hex digits and spaces.
func onlyHex(text []byte) bool {
	for _, c := range text {
		if !isHex(c) && c != ' ' && c != '\t' {
			return false
		}
	}
	return len(text) > 0
}
