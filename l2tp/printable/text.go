package printable

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a text as it came from the network, without trailing zero bytes. It may hold anything:
// what prints it for people, as fmt does, prints its String.
type Text string

// NewText is the text that consists of these bytes.
func NewText(b []byte) Text { return Text(bytes.TrimRight(b, "\x00")) }

// String is the text fit for a terminal, as [Append] writes it; that of an empty one is empty.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return string(Append(nil, []byte(t)))
}

// Value is the text itself. Each byte that is no UTF-8 is U+FFFD.
func (t Text) Value() string { return string([]rune(t)) }

// Cut is the text, or of a longer one its first n bytes.
func (t Text) Cut(n int) Text {
	if len(t) <= n {
		return t
	}
	for n > 0 && !utf8.RuneStart(t[n]) {
		n--
	}
	return t[:n]
}

// MarshalJSON writes the value. What can't be printed is escaped, since JSON goes to terminals too.
func (t Text) MarshalJSON() ([]byte, error) {
	b := []byte{'"'}
	for _, r := range t.Value() {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case strconv.IsPrint(r):
			b = utf8.AppendRune(b, r)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				b = fmt.Appendf(b, `\u%04x`, unit)
			}
		}
	}
	return append(b, '"'), nil
}
