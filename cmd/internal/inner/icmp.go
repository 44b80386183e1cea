package inner

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/gopacket/layers"
)

func address4(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b)) }
func address6(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)) }

// Names of ICMP messages and of the codes of those that say that something is unreachable (RFC 792,
// RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1; RFC 4443, RFC 4861, RFC 2710, RFC 3810), as
// tcpdump writes them.
var (
	icmpNames = [256]string{
		0: "echo reply", 3: "unreachable ", 4: "source quench", 5: "redirect", 8: "echo request", 9: "router advertisement",
		10: "router solicitation", 11: "time exceeded in-transit", 12: "parameter problem", 13: "time stamp query",
		14: "time stamp reply", 17: "address mask request", 18: "address mask reply",
	}
	icmpUnreachable = []string{
		"net", "host", "protocol", "port", "need to frag", "source route failed", "net unknown", "host unknown",
		"source host isolated", "net prohibited", "host prohibited", "net for this tos", "host for this tos",
		"administratively prohibited", "host precedence violation", "precedence cutoff",
	}
	icmp6Names = [256]string{
		1: "unreachable ", 2: "packet too big", 3: "time exceeded in-transit", 4: "parameter problem", 128: "echo request",
		129: "echo reply", 130: "multicast listener query", 131: "multicast listener report", 132: "multicast listener done",
		133: "router solicitation", 134: "router advertisement", 135: "neighbor solicitation", 136: "neighbor advertisement",
		137: "redirect", 143: "multicast listener report v2",
	}
	icmp6Unreachable = []string{
		"no route", "administratively prohibited", "beyond scope", "address", "port", "source address failed policy",
		"reject route", "source routing header",
	}
)

const reassemblyTime = "ip reassembly time exceeded" // the code 1 of a time exceeded

// appendICMP describes an ICMP message.
func appendICMP(dst []byte, h *packet) []byte {
	p := h.payload
	dst = append(dst, "ICMP "...)
	if len(p) < 4 {
		return append(dst, short[1:]...)
	}
	kind, code := p[0], p[1]
	dst = appendMessageName(dst, icmpNames[kind], p, 4)
	switch {
	case isEcho(p, 4):
		dst = appendEcho(dst, p)
	case isUnreachable(p, 4):
		dst = appendCode(dst, icmpUnreachable, code)
		if code == layers.ICMPv4CodeFragmentationNeeded && len(p) >= 8 {
			dst = append(appendUint(dst, " (mtu ", mtuOf(p, 4)), ')')
		}
	case kind == layers.ICMPv4TypeRedirect && len(p) >= 8:
		of := [...]string{" to net ", " to host "}[code&1] // RFC 792: 2 and 3 are for a type of service
		dst = address4(p[4:]).AppendTo(append(dst, of...))
	case kind == layers.ICMPv4TypeParameterProblem && len(p) >= 8:
		dst = appendUint(dst, " - octet ", p[4])
	}
	if isError(p, 4) {
		dst = appendAbout(dst, p)
	}
	return appendLength(dst, h.PayloadLen)
}

// messageName is the name of a message of that type, "" if it has none.
func messageName(name string, p []byte, version uint8) string {
	if p[1] == 1 && (version == 4 && p[0] == layers.ICMPv4TypeTimeExceeded ||
		version == 6 && p[0] == layers.ICMPv6TypeTimeExceeded) {
		return reassemblyTime
	}
	return name
}

// appendMessageName appends the name of a message, or type and code.
func appendMessageName(dst []byte, name string, p []byte, version uint8) []byte {
	if name = messageName(name, p, version); name == "" {
		return appendUint(appendUint(dst, "type ", p[0]), " code ", p[1])
	}
	return append(dst, name...)
}

func appendCode(dst []byte, names []string, code uint8) []byte {
	if int(code) < len(names) {
		return append(dst, names[code]...)
	}
	return appendUint(dst, "code ", code)
}

// appendEcho appends identifier and sequence number of an echo message.
func appendEcho(dst, p []byte) []byte {
	id, seq, ok := echoOf(p)
	if !ok {
		return append(dst, short...)
	}
	return appendUint(appendUint(dst, " id ", id), " seq ", seq)
}

// appendAbout appends whom the packet was for that an ICMP error quotes behind its 8 bytes.
func appendAbout(dst, p []byte) []byte {
	about, ok := aboutOf(p)
	if !ok {
		return dst
	}
	dst = appendProtocol(append(dst, ", for "...), about.Protocol)
	dst = about.Dst.AppendTo(append(dst, ' '))
	if _, port, ok := about.portsOf(); ok {
		dst = appendUint(dst, ".", port)
	}
	return dst
}

// appendICMP6 describes an ICMPv6 message, neighbour discovery and multicast listener discovery.
func appendICMP6(dst []byte, h *packet) []byte {
	p := h.payload
	dst = append(dst, "ICMP6 "...)
	if len(p) < 4 {
		return append(dst, short[1:]...)
	}
	kind, code := p[0], p[1]
	dst = appendMessageName(dst, icmp6Names[kind], p, 6)
	switch kind {
	case layers.ICMPv6TypeDestinationUnreachable:
		dst = appendAbout(appendCode(dst, icmp6Unreachable, code), p)
	case layers.ICMPv6TypePacketTooBig:
		if len(p) >= 8 {
			dst = appendUint(dst, ", mtu ", mtuOf(p, 6))
		}
		dst = appendAbout(dst, p)
	case layers.ICMPv6TypeTimeExceeded, layers.ICMPv6TypeParameterProblem:
		dst = appendAbout(dst, p)
	case layers.ICMPv6TypeEchoRequest, layers.ICMPv6TypeEchoReply:
		dst = appendEcho(dst, p)
	default:
		dst = appendDiscovery(dst, p)
	}
	return appendLength(dst, h.PayloadLen)
}

// appendDiscovery appends what a message of neighbour or multicast listener discovery is about.
func appendDiscovery(dst, p []byte) []byte {
	switch kind := p[0]; {
	case kind == layers.ICMPv6TypeMLDv1MulticastListenerQueryMessage && len(p) >= 28:
		return appendGroup(append(dst, " v2"...), p)
	case kind >= layers.ICMPv6TypeMLDv1MulticastListenerQueryMessage &&
		kind <= layers.ICMPv6TypeMLDv1MulticastListenerDoneMessage:
		return appendGroup(dst, p)
	case kind == layers.ICMPv6TypeRouterAdvertisement:
		return appendAdvertisement(dst, p)
	case kind == layers.ICMPv6TypeNeighborSolicitation && len(p) >= 24:
		return address6(p[8:]).AppendTo(append(dst, ", who has "...))
	case kind == layers.ICMPv6TypeNeighborAdvertisement && len(p) >= 24:
		return address6(p[8:]).AppendTo(append(dst, ", tgt is "...))
	case kind == layers.ICMPv6TypeRedirect && len(p) >= 40:
		dst = address6(p[24:]).AppendTo(append(dst, ", "...))
		return address6(p[8:]).AppendTo(append(dst, " to "...))
	case kind == layers.ICMPv6TypeMLDv2MulticastListenerReportMessageV2 && len(p) >= 8:
		return append(appendUint(dst, ", ", binary.BigEndian.Uint16(p[6:])), " group records"...)
	}
	return dst
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

// appendAdvertisement appends the prefixes and the MTU of a router advertisement.
func appendAdvertisement(dst, p []byte) []byte {
	if len(p) < 16 {
		return append(dst, short...)
	}
	prefixes, mtu, ok := readAdvertisement(p)
	if mtu != 0 {
		dst = appendUint(dst, ", mtu ", mtu)
	}
	for _, prefix := range prefixes {
		dst = prefix.AppendTo(append(dst, ", prefix "...))
	}
	if !ok {
		return append(dst, " [malformed option]"...)
	}
	return dst
}

// readAdvertisement reads the options of a router advertisement (RFC 4861 sections 4.2 and 4.6); ok
// is false where one is damaged.
func readAdvertisement(p []byte) (prefixes []netip.Prefix, mtu uint32, ok bool) {
	for o := p[min(16, len(p)):]; len(o) >= 8; {
		n := int(o[1]) * 8
		if n == 0 || n > len(o) {
			return prefixes, mtu, false
		}
		switch {
		case layers.ICMPv6Opt(o[0]) == layers.ICMPv6OptPrefixInfo && n == 32:
			prefixes = append(prefixes, netip.PrefixFrom(address6(o[16:]), int(o[2])))
		case layers.ICMPv6Opt(o[0]) == layers.ICMPv6OptMTU && n == 8:
			mtu = binary.BigEndian.Uint32(o[4:])
		}
		o = o[n:]
	}
	return prefixes, mtu, true
}
