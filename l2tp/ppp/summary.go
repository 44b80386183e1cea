package ppp

import "strconv"

// maxShown is how many options a summary shows; a real packet has hardly more than ten.
const maxShown = 32

// AppendSummary appends a frame's summary: "LCP Conf-Req id 1: mru 1400, auth mschap-v2" for a control
// protocol, and protocol and length for data: "IP, length 40", "Compressed, length 83". data is what f
// was decoded from. For data it does not allocate.
func AppendSummary(dst []byte, f *Frame, data []byte) []byte {
	payload := data[f.PayloadStart:f.PayloadEnd]
	dst = appendProtocol(dst, f.Protocol)
	switch {
	case f.Protocol == ProtocolLQR:
		return appendLQR(dst, payload)
	case f.Protocol == ProtocolMultilink:
		return appendMultilink(dst, payload)
	case IsControl(f.Protocol):
		return appendControl(dst, f.Protocol, payload)
	}
	return strconv.AppendInt(append(dst, ", length "...), int64(len(payload)), 10)
}

func appendControl(dst []byte, protocol uint16, payload []byte) []byte {
	var c Control
	err := c.Decode(protocol, payload)
	if err != nil && err != ErrTruncated {
		return appendDamage(dst, err)
	}
	dst = append(append(dst, ' '), c.CodeName()...)
	dst = strconv.AppendUint(append(dst, " id "...), uint64(c.ID), 10)
	separator := ": "
	shown := 0
	c.fields(func(name, value string) bool {
		if shown++; shown > maxShown {
			dst = append(dst, ", ..."...)
			return false
		}
		dst = append(append(dst, separator...), name...)
		if value != "" {
			dst = append(append(dst, ' '), value...)
		}
		separator = ", "
		return true
	})
	if err != nil {
		dst = appendDamage(dst, err)
	}
	return dst
}

// appendDamage appends an error of this package without the package's name.
func appendDamage(dst []byte, err error) []byte {
	return append(append(append(dst, " [malformed: "...), err.Error()[len("ppp: "):]...), ']')
}
