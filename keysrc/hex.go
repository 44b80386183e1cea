package keysrc

import (
	"bytes"
	"errors"
	"fmt"

	"l2tpdump/esp"
)

// maxKeyLen bounds the bytes of one key: the longest is a shared secret of MODP 8192.
const maxKeyLen = 1024

// unhex returns the value of a hex digit, 0xff for any other byte.
func unhex(c byte) byte { return hexValues[c] }

var hexValues = func() (v [256]byte) {
	for c := range v {
		switch c := byte(c); {
		case '0' <= c && c <= '9':
			v[c] = c - '0'
		case 'a' <= c && c <= 'f':
			v[c] = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			v[c] = c - 'A' + 10
		default:
			v[c] = 0xff
		}
	}
	return v
}()

// decodeHex reads hex digits with or without 0x before them, and with spaces, colons, dashes or
// underscores between bytes. Errors hold no digit of it.
func decodeHex(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') {
		text = text[2:]
	}
	var (
		b    = make([]byte, 0, len(text)/2)
		high byte
		half bool
	)
	for i, c := range text {
		v := unhex(c)
		switch {
		case v != 0xff && half:
			b = append(b, high<<4|v)
			half = false
		case v != 0xff:
			high, half = v, true
		case c == ' ' || c == ':' || c == '-' || c == '_' || c == '\t':
			if half {
				return nil, errors.New("a byte of the hex value has one digit only")
			}
		default:
			return nil, fmt.Errorf("character %d of the hex value is no hex digit", i+1)
		}
		if len(b) > maxKeyLen {
			return nil, fmt.Errorf("the hex value is longer than %d bytes", maxKeyLen)
		}
	}
	if half {
		return nil, errors.New("the hex value has an odd number of digits")
	}
	return b, nil
}

// hexKey is decodeHex for a key; an empty text gives the empty key.
func hexKey(text []byte) (esp.Key, error) {
	b, err := decodeHex(text)
	if err != nil {
		return esp.Key{}, err
	}
	k := esp.NewKey(b)
	clear(b)
	return k, nil
}

// rowKind says what a line of a hex dump is.
type rowKind uint8

const (
	rowNone    rowKind = iota // no row
	rowBytes                  // bytes
	rowDamaged                // meant to be bytes, but not all of it is
	rowHidden                 // "(confidential)" in their place
)

// parseRow reads a row of bytes of two hex digits each, with one or more spaces between. Bytes without
// spaces between are taken where the row is indented. The bytes are appended to dst.
func parseRow(dst, text []byte) ([]byte, rowKind) {
	indent := 0
	for indent < len(text) && (text[indent] == ' ' || text[indent] == '\t') {
		indent++
	}
	if indent == len(text) {
		return dst, rowNone
	}
	if b, ok := plainRow(dst, text[indent:]); ok {
		return b, rowBytes
	}
	var (
		start        = len(dst)
		good, others int    // words that are bytes, and that are not
		pairs        = true // all good words are of two digits
		run          int    // length of the word
		clean        = true // the word is hex so far
		high         byte
	)
	for i := indent; ; i++ {
		if i < len(text) && text[i] != ' ' && text[i] != '\t' {
			v := unhex(text[i])
			clean = clean && v != 0xff
			if run++; run%2 == 0 {
				dst = append(dst, high<<4|v&15)
			} else {
				high = v
			}
			continue
		}
		switch {
		case run == 0:
		case clean && run%2 == 0:
			good++
			pairs = pairs && run == 2
		default:
			others++
		}
		run, clean = 0, true
		if i >= len(text) {
			break
		}
		if others > good+2 && text[indent] != '*' {
			return dst[:start], rowNone // a sentence
		}
	}
	last := text[len(text)-1]
	switch {
	case others == 0 && (pairs || indent >= 2):
		return dst, rowBytes
	case bytes.HasPrefix(text[indent:], []byte("** **")) || bytes.Contains(text, []byte("(confidential)")):
		return dst[:start], rowHidden
	case good > 0 && good >= others && pairs && (indent >= 2 || good > 2):
		return dst[:start], rowDamaged
	case good == 0 && others == 1 && indent >= 2 && unhex(last) != 0xff && len(text) == indent+1:
		return dst[:start], rowDamaged // cut after the first digit
	}
	return dst[:start], rowNone
}

// plainRow is parseRow for the usual form: two digits, one blank, two digits, and so on.
func plainRow(dst, text []byte) ([]byte, bool) {
	start := len(dst)
	for {
		if len(text) < 2 {
			return dst[:start], false
		}
		h, l := unhex(text[0]), unhex(text[1])
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
		text = text[3:]
	}
}
