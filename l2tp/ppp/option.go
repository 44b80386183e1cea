package ppp

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"l2tpdump/l2tp/internal/printable"
)

// option says how one configuration option is named and how its data is written. value says
// false if the data has the wrong length; nil means a flag, which has no data.
type option struct {
	name  string
	value func(data []byte) (string, bool)
}

// table finds the option of a type; a zero option means an unknown type.
type table func(kind uint8) option

// optionTable is the table of a control protocol.
func optionTable(protocol uint16) table {
	switch protocol {
	case protocolLCP:
		return lcpOption
	case protocolIPCP:
		return ipcpOption
	case protocolIPV6CP:
		return ipv6cpOption
	case protocolCCP, protocolLinkCCP:
		return ccpOption
	case protocolECP, protocolLinkECP:
		return ecpOption
	case protocolBACP:
		return bacpOption
	}
	return func(uint8) option { return option{} }
}

// options yields each option of data (RFC 1661 section 6: type, length with these two bytes, data).
// A length of less than 2 or beyond the end is yielded as malformed and ends the walk.
func options(data []byte, find table, yield func(name, value string) bool) {
	for len(data) > 0 {
		kind := data[0]
		o := find(kind)
		name := o.name
		if name == "" {
			name = "option " + decimal(int(kind))
		}
		if len(data) < 2 {
			yield("malformed", name+" without length")
			return
		}
		n := int(data[1])
		if n < 2 {
			yield("malformed", name+" of length "+decimal(n))
			return
		}
		if n > len(data) {
			yield("malformed", name+" of length "+decimal(n)+" in "+countBytes(len(data)))
			return
		}
		value := data[2:n]
		data = data[n:]
		var text string
		ok := true
		switch {
		case o.name == "":
			text = countBytes(len(value))
		case o.value != nil:
			text, ok = o.value(value)
		default:
			ok = len(value) == 0
		}
		if !ok {
			name, text = "malformed", name+" of length "+decimal(n)
		}
		if !yield(name, text) {
			return
		}
	}
}

// The functions that follow write the data of options.

func number8(data []byte) (string, bool) {
	if len(data) != 1 {
		return "", false
	}
	return decimal(int(data[0])), true
}

func number16(data []byte) (string, bool) {
	if len(data) != 2 {
		return "", false
	}
	return decimal(int(binary.BigEndian.Uint16(data))), true
}

func magic(data []byte) (string, bool) {
	if len(data) != 4 {
		return "", false
	}
	return hex32(binary.BigEndian.Uint32(data)), true
}

func address(data []byte) (string, bool) {
	if len(data) != 4 {
		return "", false
	}
	return netip.AddrFrom4([4]byte(data)).String(), true
}

func size(data []byte) (string, bool) { return countBytes(len(data)), true }

func hexBytes(data []byte) string { return "0x" + hex.EncodeToString(data) }

func text(data []byte) string { return string(printable.Append(nil, data)) }

func countBytes(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.Itoa(n) + " bytes"
}

// lengthField yields how many bytes there are, if any.
func lengthField(yield func(name, value string) bool, data []byte) bool {
	return len(data) == 0 || yield("length", decimal(len(data)))
}

// messageField yields a text for people; if it is none, its length.
func messageField(yield func(name, value string) bool, data []byte) bool {
	if len(data) == 0 {
		return true
	}
	if !utf8.Valid(data) || !isText(data) {
		return lengthField(yield, data)
	}
	return yield("message", text(data))
}

// isText says whether data has no control characters but those of layout, and a final zero.
func isText(data []byte) bool {
	for i, b := range data {
		if b < ' ' && b != '\t' && b != '\r' && b != '\n' && !(b == 0 && i == len(data)-1) || b == 0x7f {
			return false
		}
	}
	return true
}
