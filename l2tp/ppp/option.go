package ppp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"l2tpdump/l2tp/internal/fingerprint"
	"l2tpdump/l2tp/printable"
)

// fieldFunc takes a field of a packet, as [Control.Values] yields it, and says whether it wants
// more.
type fieldFunc func(name string, value any) bool

// option says how one configuration option is named and what its data says: a text for people, a
// printable.Text, a uint64 or Octets, true for a flag; nil if the data has the wrong length.
type option struct {
	name  string
	value func(data []byte) any
}

// options are those of a protocol by their type.
type options map[uint8]option

// protocolOptions are those of the control protocols.
var protocolOptions = map[uint16]options{
	protocolLCP: lcpOptions, protocolIPCP: ipcpOptions, protocolIPV6CP: ipv6cpOptions,
	protocolBACP: {1: {"favored-peer", magic}}, // RFC 2125 section 4
	protocolCCP:  ccpOptions, protocolLinkCCP: ccpOptions, protocolECP: ecpOptions, protocolLinkECP: ecpOptions,
}

// fields yields each option of data (RFC 1661 section 6: type, length with these two bytes, data).
// A length of less than 2 or beyond the end is yielded as malformed and ends the walk.
func (all options) fields(data []byte, yield fieldFunc) {
	for len(data) > 0 {
		kind := data[0]
		o, known := all[kind]
		if !known {
			o = option{"option " + strconv.Itoa(int(kind)), octets}
		}
		name := o.name
		if len(data) < 2 {
			yield("malformed", name+" without length")
			return
		}
		n := int(data[1])
		if n < 2 {
			yield("malformed", name+" of length "+strconv.Itoa(n))
			return
		}
		if n > len(data) {
			yield("malformed", name+" of length "+strconv.Itoa(n)+" in "+countBytes(len(data)))
			return
		}
		value := data[2:n]
		data = data[n:]
		says := o.value(value)
		if says == nil {
			text := name + " of length " + strconv.Itoa(n)
			if len(value) > 0 {
				text += " " + hexBytes(value)
			}
			name, says = "malformed", text
		}
		if !yield(name, says) {
			return
		}
	}
}

// The functions that follow read the data of options.

// sized reads data of so many bytes, least to most.
func sized(least, most int, says func(data []byte) any) func(data []byte) any {
	return func(data []byte) any {
		if len(data) < least || len(data) > most {
			return nil
		}
		return says(data)
	}
}

// maxData is how many bytes of data an option may have.
const maxData = 253

var (
	flag     = sized(0, 0, func([]byte) any { return true })
	number8  = sized(1, 1, func(data []byte) any { return uint64(data[0]) })
	number16 = sized(2, 2, func(data []byte) any { return uint64(binary.BigEndian.Uint16(data)) })
	magic    = sized(4, 4, func(data []byte) any { return hex32(binary.BigEndian.Uint32(data)) })
	address  = sized(4, 4, func(data []byte) any { return address4(data) })
)

func address4(data []byte) string { return netip.AddrFrom4([4]byte(data)).String() }

func octets(data []byte) any {
	if len(data) == 0 {
		return true
	}
	return Octets(data)
}

// Octets is a value of which no more is known than its bytes.
type Octets []byte

// Hex is all of it: "0x0102".
func (o Octets) Hex() string { return hexBytes(o) }

// String is what a line shows of it: the first 32 bytes.
func (o Octets) String() string { return string(o.append(nil)) }

func (o Octets) append(dst []byte) []byte {
	const most = 32
	dst = hex.AppendEncode(append(dst, "0x"...), o[:min(len(o), most)])
	if len(o) > most {
		dst = append(dst, "..."...)
	}
	return dst
}

func hexBytes(data []byte) string { return "0x" + hex.EncodeToString(data) }

func text(data []byte) printable.Text { return printable.NewText(data) }

func countBytes(n int) string { return string(fingerprint.AppendSize(nil, n)) }

// dataField yields what there is, if anything.
func dataField(yield fieldFunc, data []byte) {
	if len(data) > 0 {
		yield("data", Octets(data))
	}
}

// hiddenField yields of data that may hold a password how long it is and its fingerprint, if there
// is any.
func hiddenField(yield fieldFunc, data []byte) {
	if len(data) > 0 {
		yield("data", string(fingerprint.AppendPassword(nil, data)))
	}
}

// responseField yields of a challenge or a response how long it is and its fingerprint.
func responseField(yield fieldFunc, value []byte) {
	yield("value", string(fingerprint.Append(nil, value)))
}

// messageField yields a text for people; if it is none, its bytes.
func messageField(yield fieldFunc, data []byte) {
	switch {
	case len(data) == 0:
	case !utf8.Valid(data) || !isText(data):
		dataField(yield, data)
	default:
		yield("message", text(data))
	}
}

// isText says whether data has no control characters but those of layout, and a final zero.
func isText(data []byte) bool {
	return !bytes.ContainsFunc(bytes.TrimSuffix(data, []byte{0}), func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f
	})
}
