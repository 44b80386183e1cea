package keysrc

import (
	"bytes"
	"slices"
	"strings"

	"l2tpdump/ikev1"
	"l2tpdump/keysrc/redaction"
)

// maxValue is the longest dump in bytes that is of use: the seed of ESP keys, with a Diffie-Hellman
// secret of 8192 bits and two nonces.
const maxValue = 4096

// hexDigits appends the bytes that s spells with two digits each; ok only if s is nothing else.
func hexDigits(dst, s []byte) (_ []byte, ok bool) {
	if len(s) > 2*maxValue || len(s)%2 != 0 {
		return dst, false
	}
	wrong := byte(0)
	for i := 1; i < len(s); i += 2 {
		high, low := unhex(s[i-1]), unhex(s[i])
		dst = append(dst, high<<4|low)
		wrong |= high | low
	}
	return dst, wrong <= 0xf
}

// hex0x is hexDigits for "0x…".
func hex0x(s []byte) (b []byte, ok bool) {
	if !has0x(s) {
		return nil, false
	}
	return hexDigits(nil, s[2:])
}

// dumpRow appends up to limit bytes from a row of a dump: two digits each, with one or two blanks
// between. It stops before a wider gap, where the column of characters begins, and returns what is
// behind the bytes.
func dumpRow(dst, s []byte, limit int) (row, rest []byte) {
	s = blanks.trimLeft(s)
	for n := 0; n < limit; n++ {
		at := 0
		if n > 0 {
			for at < len(s) && s[at] == ' ' {
				at++
			}
			if at < 1 || at > 2 {
				break
			}
		}
		if len(s) < at+2 || len(s) > at+2 && s[at+2] != ' ' && s[at+2] != '\t' && s[at+2] != '\r' {
			break
		}
		h, l := unhex(s[at]), unhex(s[at+1])
		if h|l > 15 {
			break
		}
		dst = append(dst, h<<4|l)
		s = s[at+2:]
	}
	return dst, s
}

// hexWords appends the bytes of a row of words of two or more digits with blanks between; ok only
// if the row is nothing else and not empty.
func hexWords(dst, s []byte) (_ []byte, ok bool) {
	n := len(dst)
	for w, s := word(s); len(w) > 0; w, s = word(s) {
		if dst, ok = hexDigits(dst, w); !ok {
			return dst[:n], false
		}
	}
	return dst, len(dst) > n
}

// hexRows is a value that a log shows in rows of hex below a line that names it. All rows but the
// last are full. How long the value is stands nowhere: that a row is missing, or is another
// value's, shows only where one follows a row that is not full.
type hexRows struct {
	line    int // that names it
	size    int // bytes of a full row
	got     []byte
	last    int // bytes of the last row, size where there is none yet
	damaged bool
}

// rowsBelow begins the value that line n names; room is where its bytes go.
func rowsBelow(n, size int, room []byte) hexRows {
	return hexRows{line: n, size: size, got: room[:0], last: size}
}

// add takes a row. got is what was there, and the bytes of the row behind it.
func (v *hexRows) add(got []byte) {
	if v.last != v.size || len(got) > maxValue {
		v.damaged = true
		return
	}
	v.got, v.last = got, len(got)-len(v.got)
}

// words takes a row of words of hex digits, and reports whether the text is one. Where cut is set
// it may be a part of one.
func (v *hexRows) words(text []byte, cut bool) bool {
	got, ok := hexWords(v.got, text)
	switch {
	case ok && len(got)-len(v.got) <= v.size:
		v.add(got)
	case ok, cut && startsHex(text):
		v.damaged = true
	default:
		return false
	}
	return true
}

// parseCookies reads the cookies of an ISAKMP SA, 16 hex digits each.
func parseCookies(i, r []byte) (initiator, responder ikev1.Cookie, ok bool) {
	if len(i) != 2*len(initiator) || len(r) != 2*len(responder) {
		return initiator, responder, false
	}
	_, ok1 := hexDigits(initiator[:0], i)
	_, ok2 := hexDigits(responder[:0], r)
	return initiator, responder, ok1 && ok2
}

// allZero reports whether b has bytes, and all of them are 0.
func allZero(b []byte) bool { return len(b) > 0 && bytes.Count(b, []byte{0}) == len(b) }

// trimLine cuts blanks and line ends off both ends.
func trimLine(s []byte) []byte { return atEnds.trimRight(atEnds.trimLeft(s)) }

var atEnds = setOf(" \t\r\n\x00")

func blank(c byte) bool { return c == ' ' || c == '\t' }

// word splits the first word off s.
func word(s []byte) (first, rest []byte) {
	for len(s) > 0 && blank(s[0]) {
		s = s[1:]
	}
	for end, c := range s {
		if blank(c) {
			return s[:end], s[end:]
		}
	}
	return s, nil
}

// after returns what follows mark in s; ok only if mark is there.
func after(s []byte, mark string) (rest []byte, ok bool) {
	i := bytes.Index(s, []byte(mark))
	if i < 0 {
		return nil, false
	}
	return s[i+len(mark):], true
}

// notBytes says what is wrong with a key that is no whole number of hex bytes.
func notBytes(keys ...string) string {
	if slices.ContainsFunc(keys, redaction.Value) {
		return "its keys were replaced by something else (redacted)"
	}
	if slices.ContainsFunc(keys, func(s string) bool { return strings.HasPrefix(s, "$") }) {
		return "a key is a variable of the script: its value is needed"
	}
	return "a key is not a whole number of hex bytes"
}
