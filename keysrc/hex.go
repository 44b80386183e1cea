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
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

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
	noRow      rowKind = iota
	hexRow             // bytes
	damagedRow         // meant to be bytes, but not all of it is
	hiddenRow          // "(confidential)" in their place
)

// parseRow reads a row of hex bytes, two digits each, with one or more spaces between. Bytes without spaces between
// are taken where the row is indented, as a row is. The bytes are appended to dst.
func parseRow(dst, text []byte) ([]byte, rowKind) {
	indent := 0
	for indent < len(text) && (text[indent] == ' ' || text[indent] == '\t') {
		indent++
	}
	if indent == len(text) {
		return dst, noRow
	}
	var (
		start        = len(dst)
		good, others int    // words
		pairs        = true // all words are two digits
		run          int    // length of the word
		clean        = true // all of the word is hex
		high         byte
	)
	for i := indent; ; i++ {
		if i < len(text) && text[i] != ' ' && text[i] != '\t' {
			v := unhex(text[i])
			if v == 0xff {
				clean = false
				if others > 8 && good == 0 {
					return dst[:start], noRow
				}
			}
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
	}
	switch {
	case others == 0 && (pairs || indent >= 2):
		return dst, hexRow
	case others > 0 && bytes.Contains(text, []byte("(confidential)")) || bytes.HasPrefix(text[indent:], []byte("** **")):
		return dst[:start], hiddenRow
	case good > 0 && good >= others && pairs && (indent >= 2 || good > 2):
		return dst[:start], damagedRow
	case others == 1 && good == 0 && indent >= 3 && run == 0 && len(text)-indent <= 2 && unhex(text[indent]) != 0xff:
		return dst[:start], damagedRow // the first digit of a row that was cut
	}
	return dst[:start], noRow
}
