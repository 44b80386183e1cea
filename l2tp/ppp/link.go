package ppp

import (
	"cmp"
	"encoding/binary"
	"strconv"
)

// cbcpOptions are CBCP's options (Microsoft's Callback Control Protocol).
var cbcpOptions = options{
	1: {"no-callback", octets},
	2: {"user-number", octets},
	3: {"fixed-number", octets},
	4: {"number-list", octets},
}

// bapOptions are BAP's options (RFC 2125 section 6).
var bapOptions = options{
	1: {"link-type", octets},
	2: {"phone-delta", octets},
	3: {"no-phone-number", flag},
	4: {"reason", func(data []byte) any { return text(data) }},
	5: {"link-discriminator", number16},
	6: {"call-status", octets},
}

// bapFields are the contents of a BAP packet (RFC 2125 section 5): replies begin with a response
// code.
func (c *Control) bapFields(yield fieldFunc) {
	data := c.Data
	if c.Code%2 == 0 {
		if len(data) < 1 {
			yield("malformed", "no response code")
			return
		}
		names := map[byte]string{0: "ack", 1: "nak", 2: "rej", 3: "full-nak"}
		if !yield("response", cmp.Or(names[data[0]], strconv.Itoa(int(data[0])))) {
			return
		}
		data = data[1:]
	}
	bapOptions.fields(data, yield)
}

// lqrNames are the counters of a Link-Quality-Report behind the magic number (RFC 1989 section
// 2.6).
var lqrNames = [...]string{
	"last-out-lqrs", "last-out-packets", "last-out-octets",
	"peer-in-lqrs", "peer-in-packets", "peer-in-discards", "peer-in-errors", "peer-in-octets",
	"peer-out-lqrs", "peer-out-packets", "peer-out-octets",
}

// LQRValues yields the contents of a Link-Quality-Report, which is no packet of a control protocol,
// as [Control.Values] does.
func LQRValues(payload []byte) func(yield func(name string, value any) bool) {
	return func(yield func(name string, value any) bool) {
		const length = 4 * (1 + len(lqrNames))
		if len(payload) < length {
			yield("malformed", countBytes(len(payload))+" of 48")
			return
		}
		if !yield("magic", hex32(binary.BigEndian.Uint32(payload))) {
			return
		}
		for i, name := range lqrNames {
			if !yield(name, uint64(binary.BigEndian.Uint32(payload[4+4*i:]))) {
				return
			}
		}
	}
}

// appendLQR appends the contents of a Link-Quality-Report.
func appendLQR(dst, payload []byte) []byte {
	separator := " "
	for name, value := range LQRValues(payload) {
		if name == "malformed" {
			return append(append(append(dst, " [malformed: "...), valueText(value)...), ']')
		}
		dst = append(append(append(dst, separator...), name...), ' ')
		dst, separator = append(dst, valueText(value)...), ", "
	}
	return dst
}

// appendMultilink appends the header of a multilink fragment with a long sequence number (RFC 1990
// section 3); whether short ones were negotiated is not known here.
func appendMultilink(dst, payload []byte) []byte {
	f, ok := readFragment(payload, longMask)
	if !ok {
		return append(dst, " [malformed: fragment without header]"...)
	}
	if f.begin {
		dst = append(dst, " begin"...)
	}
	if f.end {
		dst = append(dst, " end"...)
	}
	return append(append(dst, ", length "...), strconv.Itoa(len(payload))...)
}
