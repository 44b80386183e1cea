package inner

import (
	"net/netip"
	"slices"

	"github.com/google/gopacket/layers"
)

func address4(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b)) }
func address6(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)) }

// icmpVersion is what messages of ICMP for a version of IP are, as tcpdump writes them.
type icmpVersion struct {
	names       [256]string
	echoes      []uint8  // types with an identifier and a sequence number
	errors      []uint8  // types that quote a packet; the first says that something is unreachable
	unreachable []string // what that is, by the code
}

// icmp is by the version of IP (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1; RFC
// 4443, RFC 4861, RFC 2710, RFC 3810).
var icmp = [...]icmpVersion{
	4: {
		names: [256]string{
			0: "echo reply", 3: "unreachable ", 4: "source quench", 5: "redirect", 8: "echo request", 9: "router advertisement",
			10: "router solicitation", 11: "time exceeded in-transit", 12: "parameter problem", 13: "time stamp query",
			14: "time stamp reply", 17: "address mask request", 18: "address mask reply",
		},
		echoes: []uint8{layers.ICMPv4TypeEchoReply, layers.ICMPv4TypeEchoRequest, layers.ICMPv4TypeTimestampRequest,
			layers.ICMPv4TypeTimestampReply},
		errors: []uint8{layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4TypeRedirect,
			layers.ICMPv4TypeTimeExceeded, layers.ICMPv4TypeParameterProblem},
		unreachable: []string{
			"net", "host", "protocol", "port", "need to frag", "source route failed", "net unknown", "host unknown",
			"source host isolated", "net prohibited", "host prohibited", "net for this tos", "host for this tos",
			"administratively prohibited", "host precedence violation", "precedence cutoff",
		},
	},
	6: {
		names: [256]string{
			1: "unreachable ", 2: "packet too big", 3: "time exceeded in-transit", 4: "parameter problem", 128: "echo request",
			129: "echo reply", 130: "multicast listener query", 131: "multicast listener report", 132: "multicast listener done",
			133: "router solicitation", 134: "router advertisement", 135: "neighbor solicitation", 136: "neighbor advertisement",
			137: "redirect", 143: "multicast listener report v2",
		},
		echoes: []uint8{layers.ICMPv6TypeEchoRequest, layers.ICMPv6TypeEchoReply},
		errors: []uint8{layers.ICMPv6TypeDestinationUnreachable, layers.ICMPv6TypePacketTooBig,
			layers.ICMPv6TypeTimeExceeded, layers.ICMPv6TypeParameterProblem},
		unreachable: []string{
			"no route", "administratively prohibited", "beyond scope", "address", "port", "source address failed policy",
			"reject route", "source routing header",
		},
	},
}

// isEcho, isUnreachable and isError say what kind of message p is.
func isEcho(p []byte, version uint8) bool        { return slices.Contains(icmp[version].echoes, p[0]) }
func isUnreachable(p []byte, version uint8) bool { return p[0] == icmp[version].errors[0] }
func isError(p []byte, version uint8) bool       { return slices.Contains(icmp[version].errors, p[0]) }

// appendICMP describes a message of ICMP for that version of IP.
func (w *Printer) appendICMP(dst []byte, h *packet, version uint8, depth int) []byte {
	p := h.payload
	if len(p) < 4 {
		return append(dst, short[1:]...)
	}
	if name := messageName(p, version); name == "" {
		dst = appendUint(appendUint(dst, "type ", p[0]), " code ", p[1])
	} else {
		dst = append(dst, name...)
	}
	kind, mtu := p[0], mtuOf(p, version)
	switch {
	case isEcho(p, version):
		if id, seq, ok := echoOf(p); ok {
			dst = appendUint(appendUint(dst, " id ", id), " seq ", seq)
		} else {
			dst = append(dst, short...)
		}
	case isUnreachable(p, version):
		dst = appendReason(dst, p, version)
		if version == 4 && p[1] == layers.ICMPv4CodeFragmentationNeeded && len(p) >= 8 {
			dst = append(appendUint(dst, " (mtu ", mtu), ')')
		}
	case version == 6 && kind == layers.ICMPv6TypePacketTooBig && len(p) >= 8:
		dst = appendUint(dst, ", mtu ", mtu)
	case version == 6 && !isError(p, 6):
		dst = appendDiscovery(dst, p, w.Verbose)
	case version == 4 && kind == layers.ICMPv4TypeRedirect && len(p) >= 8:
		of := [...]string{" to net ", " to host "}[p[1]&1] // RFC 792: 2 and 3 are for a type of service
		dst = address4(p[4:]).AppendTo(append(dst, of...))
	case version == 4 && kind == layers.ICMPv4TypeParameterProblem && len(p) >= 8:
		dst = appendUint(dst, " - octet ", p[4])
	}
	if isError(p, version) {
		dst = w.appendAbout(dst, p, depth)
	}
	return appendLength(dst, h.PayloadLen)
}

// messageName is the name of a message, "" if it has none.
func messageName(p []byte, version uint8) string {
	if p[1] == 1 && (version == 4 && p[0] == layers.ICMPv4TypeTimeExceeded ||
		version == 6 && p[0] == layers.ICMPv6TypeTimeExceeded) {
		return "ip reassembly time exceeded"
	}
	return icmp[version].names[p[0]]
}

// appendReason appends why something is unreachable.
func appendReason(dst, p []byte, version uint8) []byte {
	code, names := p[1], icmp[version].unreachable
	if int(code) >= len(names) {
		return appendUint(dst, "code ", code)
	}
	return append(dst, names[code]...)
}

// appendAbout appends whom the packet was for that an ICMP error quotes behind its 8 bytes, or with
// -v the packet.
func (w *Printer) appendAbout(dst, p []byte, depth int) []byte {
	var about packet
	switch {
	case len(p) < 8 || about.decode(p[8:]) != nil:
		return dst
	case w.Verbose > 0 && depth < maxDepth:
		return append(w.appendIP(append(dst, ", for ["...), p[8:], depth+1), ']')
	}
	dst = appendProtocol(append(dst, ", for "...), about.Protocol)
	dst = about.Dst.AppendTo(append(dst, ' '))
	if _, port, ok := about.portsOf(); ok {
		dst = appendUint(dst, ".", port)
	}
	return dst
}
