package ppp

import "strconv"

// maxShown is how many options a summary shows; a real packet has hardly more than ten.
const maxShown = 32

// cutMark stands where the capture ends before the packet does, as tcpdump has it.
const cutMark = " [|ppp]"

// AppendSummary appends a frame's summary: "LCP Conf-Req id 1: mru 1400, auth mschap-v2" for a
// control protocol, and protocol and length for data: "IP, length 40", "Compressed, length 83"; the
// data itself where the protocol has no name.
// data is what f was decoded from. Where f.Cut says so, what is missing at the end is shown as
// "[|ppp]" and is no damage. For data it does not allocate.
func AppendSummary(dst []byte, f *Frame, data []byte) []byte {
	payload := data[f.PayloadStart:f.PayloadEnd]
	dst = appendProtocol(dst, f.Protocol)
	switch {
	case f.Protocol == ProtocolLQR:
		return appendLQR(dst, payload)
	case f.Protocol == protocolMultilink:
		return appendMultilink(dst, payload)
	case IsControl(f.Protocol):
		return appendControl(dst, f, payload)
	}
	dst = strconv.AppendInt(append(dst, ", length "...), int64(len(payload)), 10)
	if len(payload) > 0 && !Named(f.Protocol) {
		dst = Octets(payload).append(append(dst, ", data "...))
	}
	return dst
}

func appendControl(dst []byte, f *Frame, payload []byte) []byte {
	var c Control
	err := c.Decode(f.Protocol, payload)
	if f.Cut && err == errShort {
		return append(dst, cutMark...)
	}
	if err != nil && err != ErrTruncated {
		return appendDamage(dst, err)
	}
	dst = append(append(dst, ' '), c.CodeName()...)
	dst = strconv.AppendUint(append(dst, " id "...), uint64(c.ID), 10)
	separator := ": "
	shown := 0
	c.Values(func(name string, value any) bool {
		if shown++; shown > maxShown {
			dst = append(dst, ", ..."...)
			return false
		}
		if f.Cut && name == "malformed" {
			return false // it is what the end was cut off of
		}
		dst = append(append(dst, separator...), name...)
		if value != true {
			dst = append(append(dst, ' '), valueText(value)...)
		}
		separator = ", "
		return true
	})
	switch {
	case err == nil:
		return dst
	case f.Cut:
		return append(dst, cutMark...)
	}
	return appendDamage(dst, err)
}

// appendDamage appends an error of this package without the package's name.
func appendDamage(dst []byte, err error) []byte {
	return append(append(append(dst, " [malformed: "...), err.Error()[len("ppp: "):]...), ']')
}
