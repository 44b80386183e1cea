package ppp

import (
	"encoding/binary"
)

// cbcpOption is the table of CBCP's options (Microsoft's Callback Control Protocol).
func cbcpOption(kind uint8) option {
	switch kind {
	case 1:
		return option{"no-callback", octets}
	case 2:
		return option{"user-number", octets}
	case 3:
		return option{"fixed-number", octets}
	case 4:
		return option{"number-list", octets}
	}
	return option{}
}

// bacpOption is the table of BACP's options (RFC 2125 section 4).
func bacpOption(kind uint8) option {
	if kind == 1 {
		return option{"favored-peer", magic}
	}
	return option{}
}

// bapOption is the table of BAP's options (RFC 2125 section 6).
func bapOption(kind uint8) option {
	switch kind {
	case 1:
		return option{"link-type", octets}
	case 2:
		return option{"phone-delta", octets}
	case 3:
		return option{"no-phone-number", nil}
	case 4:
		return option{"reason", func(data []byte) (any, bool) { return text(data), true }}
	case 5:
		return option{"link-discriminator", number16}
	case 6:
		return option{"call-status", octets}
	}
	return option{}
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
		names := [...]string{"ack", "nak", "rej", "full-nak"}
		name := decimal(int(data[0]))
		if int(data[0]) < len(names) {
			name = names[data[0]]
		}
		if !yield("response", name) {
			return
		}
		data = data[1:]
	}
	options(data, bapOption, yield)
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
	if len(payload) < 4 {
		return append(dst, " [malformed: fragment without header]"...)
	}
	if payload[0]&0x80 != 0 {
		dst = append(dst, " begin"...)
	}
	if payload[0]&0x40 != 0 {
		dst = append(dst, " end"...)
	}
	return append(append(dst, ", length "...), decimal(len(payload))...)
}
