package keysrc

import (
	"errors"
	"fmt"

	"l2tpdump/esp"
	"l2tpdump/keysrc/redaction"
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

var errRedacted = errors.New("it was replaced by something else (redacted)")

// appendHex appends hex digits as bytes, with or without 0x before them, and with spaces, colons,
// dashes or underscores between bytes. Errors hold no digit of it.
func appendHex(b, text []byte) ([]byte, error) {
	if has0x(text) {
		text = text[2:]
	}
	if all, ok := hexDigits(b, text); ok && len(all) <= maxKeyLen {
		return all, nil
	}
	var (
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
		case redaction.Value(string(text)):
			return nil, errRedacted
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

func has0x(s []byte) bool { return len(s) >= 2 && s[0] == '0' && s[1]|0x20 == 'x' }

// hexKey reads a key; an empty text gives the empty key.
func hexKey(room *esp.KeyRoom, text []byte) (esp.Key, error) {
	var space [64]byte
	b, err := appendHex(space[:0], text)
	if err != nil {
		return esp.Key{}, err
	}
	k := room.NewKey(b)
	clear(b)
	return k, nil
}
