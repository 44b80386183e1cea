package inner

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

func address4(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b)) }
func address6(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)) }

// appendEcho appends identifier and sequence number of an echo message.
func appendEcho(dst []byte, name string, p []byte) []byte {
	dst = append(dst, name...)
	if len(p) < 8 {
		return append(dst, short...)
	}
	dst = strconv.AppendUint(append(dst, " id "...), uint64(binary.BigEndian.Uint16(p[4:])), 10)
	return strconv.AppendUint(append(dst, " seq "...), uint64(binary.BigEndian.Uint16(p[6:])), 10)
}

// appendICMP describes an ICMP message (RFC 792).
func appendICMP(dst []byte, h *header) []byte {
	p := h.payload
	dst = append(dst, "ICMP "...)
	if len(p) < 4 {
		return append(dst, short[1:]...)
	}
	switch code := p[1]; p[0] {
	case 0:
		dst = appendEcho(dst, "echo reply", p)
	case 8:
		dst = appendEcho(dst, "echo request", p)
	case 3:
		dst = appendUnreachable(dst, code, p)
	case 4:
		dst = append(dst, "source quench"...)
	case 5:
		dst = append(dst, "redirect"...)
		if len(p) >= 8 {
			dst = address4(p[4:]).AppendTo(append(dst, " to "...))
		}
		dst = appendAbout(dst, p)
	case 9:
		dst = append(dst, "router advertisement"...)
	case 10:
		dst = append(dst, "router solicitation"...)
	case 11:
		if code == 1 {
			dst = append(dst, "ip reassembly time exceeded"...)
		} else {
			dst = append(dst, "time exceeded in-transit"...)
		}
		dst = appendAbout(dst, p)
	case 12:
		dst = appendAbout(append(dst, "parameter problem"...), p)
	case 13:
		dst = appendEcho(dst, "time stamp query", p)
	case 14:
		dst = appendEcho(dst, "time stamp reply", p)
	case 17:
		dst = append(dst, "address mask request"...)
	case 18:
		dst = append(dst, "address mask reply"...)
	default:
		dst = strconv.AppendUint(append(dst, "type "...), uint64(p[0]), 10)
		dst = strconv.AppendUint(append(dst, " code "...), uint64(code), 10)
	}
	return appendLength(dst, h.size)
}

// appendUnreachable appends the reason (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1).
func appendUnreachable(dst []byte, code uint8, p []byte) []byte {
	names := [...]string{
		"net", "host", "protocol", "port", "need to frag", "source route failed", "net unknown", "host unknown",
		"source host isolated", "net prohibited", "host prohibited", "net for this tos", "host for this tos",
		"administratively prohibited", "host precedence violation", "precedence cutoff",
	}
	dst = append(dst, "unreachable "...)
	if int(code) < len(names) {
		dst = append(dst, names[code]...)
	} else {
		dst = strconv.AppendUint(append(dst, "code "...), uint64(code), 10)
	}
	if code == 4 && len(p) >= 8 {
		dst = strconv.AppendUint(append(dst, " (mtu "...), uint64(binary.BigEndian.Uint16(p[6:])), 10)
		dst = append(dst, ')')
	}
	return appendAbout(dst, p)
}

// appendAbout appends whom the packet was for that an ICMP error quotes behind its 8 bytes.
func appendAbout(dst, p []byte) []byte {
	if len(p) < 8 {
		return dst
	}
	var h header
	if h.decode(p[8:]) != nil {
		return dst
	}
	dst = appendProtocol(append(dst, ", for "...), h.protocol)
	dst = h.dst.AppendTo(append(dst, ' '))
	if h.hasPorts() {
		dst = strconv.AppendUint(append(dst, '.'), uint64(binary.BigEndian.Uint16(h.payload[2:])), 10)
	}
	return dst
}

// appendICMP6 describes an ICMPv6 message (RFC 4443), neighbour discovery (RFC 4861) and multicast
// listener discovery (RFC 2710, RFC 3810).
func appendICMP6(dst []byte, h *header) []byte {
	p := h.payload
	dst = append(dst, "ICMP6 "...)
	if len(p) < 4 {
		return append(dst, short[1:]...)
	}
	switch code := p[1]; p[0] {
	case 1:
		names := [...]string{"no route", "administratively prohibited", "beyond scope", "address", "port",
			"source address failed policy", "reject route", "source routing header"}
		dst = append(dst, "unreachable "...)
		if int(code) < len(names) {
			dst = append(dst, names[code]...)
		} else {
			dst = strconv.AppendUint(append(dst, "code "...), uint64(code), 10)
		}
		dst = appendAbout(dst, p)
	case 2:
		dst = append(dst, "packet too big"...)
		if len(p) >= 8 {
			dst = strconv.AppendUint(append(dst, ", mtu "...), uint64(binary.BigEndian.Uint32(p[4:])), 10)
		}
		dst = appendAbout(dst, p)
	case 3:
		if code == 1 {
			dst = append(dst, "ip reassembly time exceeded"...)
		} else {
			dst = append(dst, "time exceeded in-transit"...)
		}
		dst = appendAbout(dst, p)
	case 4:
		dst = appendAbout(append(dst, "parameter problem"...), p)
	case 128:
		dst = appendEcho(dst, "echo request", p)
	case 129:
		dst = appendEcho(dst, "echo reply", p)
	case 130:
		dst = append(dst, "multicast listener query"...)
		if len(p) >= 28 {
			dst = append(dst, " v2"...)
		}
		dst = appendGroup(dst, p)
	case 131:
		dst = appendGroup(append(dst, "multicast listener report"...), p)
	case 132:
		dst = appendGroup(append(dst, "multicast listener done"...), p)
	case 133:
		dst = append(dst, "router solicitation"...)
	case 134:
		dst = appendAdvertisement(append(dst, "router advertisement"...), p)
	case 135:
		dst = append(dst, "neighbor solicitation"...)
		if len(p) >= 24 {
			dst = address6(p[8:]).AppendTo(append(dst, ", who has "...))
		}
	case 136:
		dst = append(dst, "neighbor advertisement"...)
		if len(p) >= 24 {
			dst = address6(p[8:]).AppendTo(append(dst, ", tgt is "...))
		}
	case 137:
		dst = append(dst, "redirect"...)
		if len(p) >= 40 {
			dst = address6(p[24:]).AppendTo(append(dst, ", "...))
			dst = address6(p[8:]).AppendTo(append(dst, " to "...))
		}
	case 143:
		dst = append(dst, "multicast listener report v2"...)
		if len(p) >= 8 {
			dst = strconv.AppendUint(append(dst, ", "...), uint64(binary.BigEndian.Uint16(p[6:])), 10)
			dst = append(dst, " group records"...)
		}
	default:
		dst = strconv.AppendUint(append(dst, "type "...), uint64(p[0]), 10)
		dst = strconv.AppendUint(append(dst, " code "...), uint64(code), 10)
	}
	return appendLength(dst, h.size)
}

// appendGroup appends the group of a multicast listener message, unless it is the general query's.
func appendGroup(dst, p []byte) []byte {
	if len(p) < 24 {
		return append(dst, short...)
	}
	if group := address6(p[8:]); !group.IsUnspecified() {
		dst = group.AppendTo(append(dst, ' '))
	}
	return dst
}

// appendAdvertisement appends the prefixes and the MTU of a router advertisement (RFC 4861 sections 4.2 and
// 4.6).
func appendAdvertisement(dst, p []byte) []byte {
	if len(p) < 16 {
		return append(dst, short...)
	}
	for o := p[16:]; len(o) >= 8; {
		n := int(o[1]) * 8
		if n == 0 || n > len(o) {
			return append(dst, " [malformed option]"...)
		}
		switch {
		case o[0] == 3 && n == 32:
			dst = address6(o[16:]).AppendTo(append(dst, ", prefix "...))
			dst = strconv.AppendUint(append(dst, '/'), uint64(o[2]), 10)
		case o[0] == 5 && n == 8:
			dst = strconv.AppendUint(append(dst, ", mtu "...), uint64(binary.BigEndian.Uint32(o[4:])), 10)
		}
		o = o[n:]
	}
	return dst
}
