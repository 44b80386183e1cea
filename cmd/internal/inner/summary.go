package inner

import (
	"encoding/binary"
	"strconv"
	"sync"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// maxDepth is how many IP headers inside each other are described.
const maxDepth = 4

// layer holds gopacket's layers, which are reused from one packet to the next.
type layer struct {
	tcp  layers.TCP
	dhcp layers.DHCPv4
}

var layerPool = sync.Pool{New: func() any { return new(layer) }}

// AppendSummary appends a line about ip, which begins with an IPv4 or IPv6 header, without a line
// end: addresses and ports, and what the transport says. With verbose it says more of the IP header
// and of options. It may be called by several goroutines at a time, and does not allocate for TCP,
// UDP and ICMP.
func AppendSummary(dst []byte, ip []byte, verbose int) []byte {
	l := layerPool.Get().(*layer)
	dst = l.appendIP(dst, ip, verbose, 1)
	layerPool.Put(l)
	return dst
}

func (l *layer) appendIP(dst, ip []byte, verbose, depth int) []byte {
	var h packet
	if err := h.decode(ip); err != nil {
		return append(append(append(dst, "IP [malformed: "...), err.Error()[len("inner: "):]...), ']')
	}
	if h.IPVersion == 6 {
		dst = append(dst, "IP6 "...)
	} else {
		dst = append(dst, "IP "...)
	}
	if verbose > 0 {
		dst = appendDetail(dst, &h)
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
	if h.FragOffset > 0 {
		dst = appendProtocol(dst, h.Protocol)
	} else {
		dst = l.appendTransport(dst, &h, verbose, depth)
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

// appendDetail appends what tcpdump -v says of the header.
func appendDetail(dst []byte, h *packet) []byte {
	ip := h.header
	if h.IPVersion == 6 {
		class, flow := ip6Class(ip)
		dst = appendHex(dst, "(class 0x", class)
		dst = appendHex(dst, ", flowlabel 0x", flow)
		dst = appendUint(dst, ", hlim ", ip[7])
	} else {
		dst = appendHex(dst, "(tos 0x", ip[1])
		dst = appendUint(dst, ", ttl ", ip[8])
		dst = appendUint(dst, ", id ", binary.BigEndian.Uint16(ip[4:]))
		flags := [...]string{"none", "+", "DF", "DF+", "reserved ", "reserved +", "reserved DF", "reserved DF+"}
		dst = append(append(append(dst, ", flags ["...), flags[ip[6]>>5]...), ']')
	}
	return append(appendLength(dst, h.length()), ") "...)
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

func (l *layer) appendTransport(dst []byte, h *packet, verbose, depth int) []byte {
	switch layers.IPProtocol(h.Protocol) {
	case layers.IPProtocolTCP:
		return l.appendTCP(dst, h, verbose)
	case layers.IPProtocolUDP:
		return l.appendUDP(dst, h, verbose)
	case layers.IPProtocolICMPv4:
		return appendICMP(dst, h)
	case layers.IPProtocolICMPv6:
		return appendICMP6(dst, h)
	case layers.IPProtocolIGMP:
		return appendIGMP(dst, h)
	case layers.IPProtocolIPv4, layers.IPProtocolIPv6:
		if depth < maxDepth && len(h.payload) > 0 {
			return l.appendIP(dst, h.payload, verbose, depth+1)
		}
	case layers.IPProtocolGRE:
		return l.appendGRE(dst, h, verbose, depth)
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

// tcpFlags are the letters that tcpdump gives the flags, from the lowest bit.
const tcpFlags = "FSRP.UEW"

func (l *layer) appendTCP(dst []byte, h *packet, verbose int) []byte {
	if len(h.payload) < tcpHeader {
		return append(append(dst, "TCP"...), short...)
	}
	dst = append(appendTCPFlags(append(dst, "Flags ["...), h.payload[13]), ']')
	size, err, ok := l.readTCP(h)
	if !ok {
		return append(dst, " [bad header length]"...)
	}
	t := &l.tcp
	if size > 0 || t.SYN || t.FIN || t.RST {
		dst = appendUint(dst, ", seq ", t.Seq)
		if size > 0 {
			dst = appendUint(dst, ":", t.Seq+uint32(size))
		}
	}
	if t.ACK {
		dst = appendUint(dst, ", ack ", t.Ack)
	}
	dst = appendUint(dst, ", win ", t.Window)
	if t.URG {
		dst = appendUint(dst, ", urg ", t.Urgent)
	}
	if err != nil {
		dst = append(dst, ", options [malformed]"...)
	} else if len(t.Options) > 0 && (verbose > 0 || t.SYN) {
		dst = appendTCPOptions(dst, t.Options)
	}
	return appendLength(dst, size)
}

const tcpHeader = 20 // without options

// readTCP reads a TCP header into l.tcp, and says how much data is behind it, in bytes. damage is
// of the options; ok is false where the header is cut off or its length is wrong.
func (l *layer) readTCP(h *packet) (size int, damage error, ok bool) {
	if len(h.payload) < tcpHeader {
		return 0, nil, false
	}
	t := &l.tcp
	t.Payload = nil
	damage = t.DecodeFromBytes(h.payload, gopacket.NilDecodeFeedback)
	size = h.PayloadLen - int(t.DataOffset)*4
	return size, damage, t.DataOffset >= 5 && size >= 0
}

func appendTCPFlags(dst []byte, flags byte) []byte {
	if flags == 0 {
		return append(dst, "none"...)
	}
	for i := range len(tcpFlags) {
		if flags&(1<<i) != 0 {
			dst = append(dst, tcpFlags[i])
		}
	}
	return dst
}

func appendTCPOptions(dst []byte, options []layers.TCPOption) []byte {
	dst = append(dst, ", options ["...)
	for i := range options {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTCPOption(dst, &options[i])
	}
	return append(dst, ']')
}

func appendTCPOption(dst []byte, o *layers.TCPOption) []byte {
	d := o.OptionData
	switch {
	case o.OptionType == layers.TCPOptionKindEndList:
		dst = append(dst, "eol"...)
	case o.OptionType == layers.TCPOptionKindNop:
		dst = append(dst, "nop"...)
	case o.OptionType == layers.TCPOptionKindMSS && len(d) == 2:
		dst = appendUint(dst, "mss ", binary.BigEndian.Uint16(d))
	case o.OptionType == layers.TCPOptionKindWindowScale && len(d) == 1:
		dst = appendUint(dst, "wscale ", d[0])
	case o.OptionType == layers.TCPOptionKindSACKPermitted && len(d) == 0:
		dst = append(dst, "sackOK"...)
	case o.OptionType == layers.TCPOptionKindSACK && len(d)%8 == 0:
		dst = appendUint(dst, "sack ", len(d)/8)
		for ; len(d) >= 8; d = d[8:] {
			dst = appendUint(dst, " {", binary.BigEndian.Uint32(d))
			dst = appendUint(dst, ":", binary.BigEndian.Uint32(d[4:]))
			dst = append(dst, '}')
		}
	case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8:
		dst = appendUint(dst, "TS val ", binary.BigEndian.Uint32(d))
		dst = appendUint(dst, " ecr ", binary.BigEndian.Uint32(d[4:]))
	default:
		dst = appendUint(dst, "opt-", o.OptionType)
	}
	return dst
}
