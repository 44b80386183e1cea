package inner

import (
	"encoding/binary"
	"strconv"

	"github.com/google/gopacket/layers"
)

// maxDepth is how many IP headers inside each other are described.
const maxDepth = 4

func (w *Printer) appendIP(dst, ip []byte, depth int) []byte {
	var h packet
	if err := h.decode(ip); err != nil {
		return append(append(append(dst, "IP [malformed: "...), err.Error()[len("inner: "):]...), ']')
	}
	if h.IPVersion == 6 {
		dst = append(dst, "IP6 "...)
	} else {
		dst = append(dst, "IP "...)
	}
	if w.Verbose > 0 {
		dst = w.appendHeader(dst, &h)
	}
	src, to, ports := h.portsOf()
	dst = h.Src.AppendTo(dst)
	if ports {
		dst = appendUint(dst, ".", src)
	}
	dst = h.Dst.AppendTo(append(dst, " > "...))
	if ports {
		dst = appendUint(dst, ".", to)
	}
	dst = append(dst, ": "...)
	if h.IPVersion == 6 && layers.IPProtocol(h.header[6]) == layers.IPProtocolIPv6HopByHop && h.Protocol != h.header[6] {
		dst = append(dst, "HBH "...)
	}
	if h.FragOffset > 0 {
		dst = appendProtocol(dst, h.Protocol)
	} else {
		dst = w.appendTransport(dst, &h, depth)
		dst = w.appendChecksum(dst, &h)
	}
	if h.Fragment {
		dst = appendUint(dst, " [fragment id ", h.FragID)
		dst = appendUint(dst, " offset ", h.FragOffset)
		dst = appendUint(dst, " size ", h.PayloadLen)
		if h.MoreFragments {
			dst = append(dst, '+')
		}
		dst = append(dst, ']')
	}
	if missing := h.PayloadLen - len(h.payload); missing > 0 {
		dst = append(appendUint(dst, " [truncated: ", missing), " bytes missing]"...)
	}
	return dst
}

func appendProtocol(dst []byte, p uint8) []byte {
	if name := protocolNames[p]; name != "" {
		return append(dst, name...)
	}
	return appendUint(dst, "ip-proto-", p)
}

func appendLength(dst []byte, n int) []byte { return appendUint(dst, ", length ", n) }

// appendUint appends a number behind what it is.
func appendUint[N ~uint8 | ~uint16 | ~uint32 | ~int](dst []byte, what string, n N) []byte {
	return strconv.AppendUint(append(dst, what...), uint64(n), 10)
}

func appendHex[N ~uint8 | ~uint16 | ~uint32](dst []byte, what string, n N) []byte {
	return strconv.AppendUint(append(dst, what...), uint64(n), 16)
}

// short says that a packet ends inside its header.
const short = " [header cut off]"

func (w *Printer) appendTransport(dst []byte, h *packet, depth int) []byte {
	switch layers.IPProtocol(h.Protocol) {
	case layers.IPProtocolTCP:
		return w.appendTCP(dst, h)
	case layers.IPProtocolUDP:
		return w.appendUDP(dst, h)
	case layers.IPProtocolICMPv4:
		return w.appendICMP(append(dst, "ICMP "...), h, 4, depth)
	case layers.IPProtocolICMPv6:
		return w.appendICMP(append(dst, "ICMP6 "...), h, 6, depth)
	case layers.IPProtocolIGMP:
		return appendIGMP(dst, h, w.Verbose)
	case layers.IPProtocolIPv4, layers.IPProtocolIPv6:
		if depth < maxDepth && len(h.payload) > 0 {
			return w.appendIP(dst, h.payload, depth+1)
		}
	case layers.IPProtocolGRE:
		return w.appendGRE(dst, h, depth)
	case layers.IPProtocolESP:
		if len(h.payload) >= 8 {
			dst = appendHex(dst, "ESP(spi=0x", binary.BigEndian.Uint32(h.payload))
			dst = appendHex(dst, ",seq=0x", binary.BigEndian.Uint32(h.payload[4:]))
			return appendLength(append(dst, ')'), h.PayloadLen)
		}
	case layers.IPProtocolSCTP:
		return appendLength(append(dst, "SCTP"...), h.PayloadLen)
	case layers.IPProtocolOSPF:
		return appendOSPF(dst, h)
	case layers.IPProtocolNoNextHeader:
		return append(dst, "no next header"...)
	}
	return appendLength(appendProtocol(dst, h.Protocol), h.PayloadLen)
}
