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
// and of options. It may be called by several goroutines at a time, and does not allocate for TCP, UDP
// and ICMP.
func AppendSummary(dst []byte, ip []byte, verbose int) []byte {
	l := layerPool.Get().(*layer)
	dst = l.appendIP(dst, ip, verbose, 1)
	layerPool.Put(l)
	return dst
}

func (l *layer) appendIP(dst, ip []byte, verbose, depth int) []byte {
	var h header
	if err := h.decode(ip); err != nil {
		return append(append(append(dst, "IP [malformed: "...), err.Error()[len("inner: "):]...), ']')
	}
	if h.version == 6 {
		dst = append(dst, "IP6 "...)
	} else {
		dst = append(dst, "IP "...)
	}
	if verbose > 0 {
		dst = appendDetail(dst, &h)
	}
	ports := h.hasPorts()
	dst = h.src.AppendTo(dst)
	if ports {
		dst = strconv.AppendUint(append(dst, '.'), uint64(binary.BigEndian.Uint16(h.payload)), 10)
	}
	dst = h.dst.AppendTo(append(dst, " > "...))
	if ports {
		dst = strconv.AppendUint(append(dst, '.'), uint64(binary.BigEndian.Uint16(h.payload[2:])), 10)
	}
	dst = append(dst, ": "...)
	if h.offset > 0 {
		dst = appendProtocol(dst, h.protocol)
	} else {
		dst = l.appendTransport(dst, &h, verbose, depth)
	}
	if h.fragment() {
		dst = strconv.AppendUint(append(dst, " [fragment id "...), uint64(h.id), 10)
		dst = strconv.AppendInt(append(dst, " offset "...), int64(h.offset), 10)
		dst = strconv.AppendInt(append(dst, " size "...), int64(h.size), 10)
		if h.more {
			dst = append(dst, '+')
		}
		dst = append(dst, ']')
	}
	if h.truncated > 0 {
		dst = strconv.AppendInt(append(dst, " [truncated: "...), int64(h.truncated), 10)
		dst = append(dst, " bytes missing]"...)
	}
	return dst
}

// appendDetail appends what tcpdump -v says of the header.
func appendDetail(dst []byte, h *header) []byte {
	if h.version == 6 {
		dst = strconv.AppendUint(append(dst, "(class 0x"...), uint64(h.tos), 16)
		dst = strconv.AppendUint(append(dst, ", flowlabel 0x"...), uint64(h.flow), 16)
		dst = strconv.AppendUint(append(dst, ", hlim "...), uint64(h.ttl), 10)
	} else {
		dst = strconv.AppendUint(append(dst, "(tos 0x"...), uint64(h.tos), 16)
		dst = strconv.AppendUint(append(dst, ", ttl "...), uint64(h.ttl), 10)
		dst = strconv.AppendUint(append(dst, ", id "...), uint64(h.id), 10)
		dst = append(dst, ", flags ["...)
		if h.flags&7 == 0 {
			dst = append(dst, "none"...)
		}
		if h.flags&4 != 0 {
			dst = append(dst, "reserved "...)
		}
		if h.flags&2 != 0 {
			dst = append(dst, "DF"...)
		}
		if h.flags&1 != 0 {
			dst = append(dst, '+')
		}
		dst = append(dst, ']')
	}
	dst = strconv.AppendInt(append(dst, ", length "...), int64(h.length), 10)
	return append(dst, ") "...)
}

func appendProtocol(dst []byte, p uint8) []byte {
	if name := protocolName(p); name != "" {
		return append(dst, name...)
	}
	return strconv.AppendUint(append(dst, "ip-proto-"...), uint64(p), 10)
}

func appendLength(dst []byte, n int) []byte {
	return strconv.AppendInt(append(dst, ", length "...), int64(n), 10)
}

// short says that a packet ends inside its header.
const short = " [header cut off]"

func (l *layer) appendTransport(dst []byte, h *header, verbose, depth int) []byte {
	switch h.protocol {
	case protoTCP:
		return l.appendTCP(dst, h, verbose)
	case protoUDP:
		return l.appendUDP(dst, h, verbose)
	case protoICMP:
		return appendICMP(dst, h)
	case protoICMP6:
		return appendICMP6(dst, h)
	case protoIGMP:
		return appendIGMP(dst, h)
	case protoIPv4, protoIPv6:
		if depth < maxDepth && len(h.payload) > 0 {
			return l.appendIP(dst, h.payload, verbose, depth+1)
		}
	case protoGRE:
		return l.appendGRE(dst, h, verbose, depth)
	case protoESP:
		if len(h.payload) >= 8 {
			dst = strconv.AppendUint(append(dst, "ESP(spi=0x"...), uint64(binary.BigEndian.Uint32(h.payload)), 16)
			dst = strconv.AppendUint(append(dst, ",seq=0x"...), uint64(binary.BigEndian.Uint32(h.payload[4:])), 16)
			return appendLength(append(dst, ')'), h.size)
		}
	case protoSCTP:
		return appendLength(append(dst, "SCTP"...), h.size)
	case protoOSPF:
		return appendOSPF(dst, h)
	case protoNone:
		return append(dst, "no next header"...)
	}
	return appendLength(appendProtocol(dst, h.protocol), h.size)
}

// tcpFlags are the letters that tcpdump gives the flags, from the lowest bit.
const tcpFlags = "FSRP.UEW"

func (l *layer) appendTCP(dst []byte, h *header, verbose int) []byte {
	if len(h.payload) < 20 {
		return append(append(dst, "TCP"...), short...)
	}
	p := h.payload
	dst = append(dst, "Flags ["...)
	flags := p[13]
	if flags == 0 {
		dst = append(dst, "none"...)
	}
	for i := range len(tcpFlags) {
		if flags&(1<<i) != 0 {
			dst = append(dst, tcpFlags[i])
		}
	}
	dst = append(dst, ']')
	t := &l.tcp
	t.Payload = nil
	err := t.DecodeFromBytes(p, gopacket.NilDecodeFeedback)
	size := h.size - int(t.DataOffset)*4
	if t.DataOffset < 5 || size < 0 {
		return append(dst, " [bad header length]"...)
	}
	if size > 0 || t.SYN || t.FIN || t.RST {
		dst = strconv.AppendUint(append(dst, ", seq "...), uint64(t.Seq), 10)
		if size > 0 {
			dst = strconv.AppendUint(append(dst, ':'), uint64(t.Seq+uint32(size)), 10)
		}
	}
	if t.ACK {
		dst = strconv.AppendUint(append(dst, ", ack "...), uint64(t.Ack), 10)
	}
	dst = strconv.AppendUint(append(dst, ", win "...), uint64(t.Window), 10)
	if t.URG {
		dst = strconv.AppendUint(append(dst, ", urg "...), uint64(t.Urgent), 10)
	}
	if err != nil {
		dst = append(dst, ", options [malformed]"...)
	} else if len(t.Options) > 0 && (verbose > 0 || t.SYN) {
		dst = appendTCPOptions(dst, t.Options)
	}
	return appendLength(dst, size)
}

func appendTCPOptions(dst []byte, options []layers.TCPOption) []byte {
	dst = append(dst, ", options ["...)
	for i := range options {
		o := &options[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		d := o.OptionData
		switch {
		case o.OptionType == layers.TCPOptionKindEndList:
			dst = append(dst, "eol"...)
		case o.OptionType == layers.TCPOptionKindNop:
			dst = append(dst, "nop"...)
		case o.OptionType == layers.TCPOptionKindMSS && len(d) == 2:
			dst = strconv.AppendUint(append(dst, "mss "...), uint64(binary.BigEndian.Uint16(d)), 10)
		case o.OptionType == layers.TCPOptionKindWindowScale && len(d) == 1:
			dst = strconv.AppendUint(append(dst, "wscale "...), uint64(d[0]), 10)
		case o.OptionType == layers.TCPOptionKindSACKPermitted && len(d) == 0:
			dst = append(dst, "sackOK"...)
		case o.OptionType == layers.TCPOptionKindSACK && len(d)%8 == 0:
			dst = append(dst, "sack "...)
			dst = strconv.AppendInt(dst, int64(len(d)/8), 10)
			for ; len(d) >= 8; d = d[8:] {
				dst = strconv.AppendUint(append(dst, " {"...), uint64(binary.BigEndian.Uint32(d)), 10)
				dst = strconv.AppendUint(append(dst, ':'), uint64(binary.BigEndian.Uint32(d[4:])), 10)
				dst = append(dst, '}')
			}
		case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8:
			dst = strconv.AppendUint(append(dst, "TS val "...), uint64(binary.BigEndian.Uint32(d)), 10)
			dst = strconv.AppendUint(append(dst, " ecr "...), uint64(binary.BigEndian.Uint32(d[4:])), 10)
		default:
			dst = strconv.AppendUint(append(dst, "opt-"...), uint64(o.OptionType), 10)
		}
	}
	return append(dst, ']')
}

// appendIGMP describes RFC 1112, 2236 and 3376.
func appendIGMP(dst []byte, h *header) []byte {
	p := h.payload
	dst = append(dst, "IGMP "...)
	if len(p) < 8 {
		return append(dst, short[1:]...)
	}
	switch p[0] {
	case 0x11:
		dst = append(dst, "query"...)
		if len(p) >= 12 {
			dst = append(dst, " v3"...)
		} else if p[1] != 0 {
			dst = append(dst, " v2"...)
		} else {
			dst = append(dst, " v1"...)
		}
		if group := address4(p[4:]); !group.IsUnspecified() {
			dst = group.AppendTo(append(dst, " for "...))
		}
	case 0x12:
		dst = address4(p[4:]).AppendTo(append(dst, "v1 report "...))
	case 0x16:
		dst = address4(p[4:]).AppendTo(append(dst, "v2 report "...))
	case 0x17:
		dst = address4(p[4:]).AppendTo(append(dst, "leave "...))
	case 0x22:
		dst = append(dst, "v3 report, "...)
		dst = strconv.AppendUint(dst, uint64(binary.BigEndian.Uint16(p[6:])), 10)
		dst = append(dst, " group records"...)
	default:
		dst = strconv.AppendUint(append(dst, "type 0x"...), uint64(p[0]), 16)
	}
	return appendLength(dst, h.size)
}

// appendGRE describes RFC 2784 with the optional fields of RFC 2890, and version 1 (PPTP, RFC 2637).
func (l *layer) appendGRE(dst []byte, h *header, verbose, depth int) []byte {
	p := h.payload
	if len(p) < 4 {
		return append(append(dst, "GRE"...), short...)
	}
	flags := binary.BigEndian.Uint16(p)
	protocol := binary.BigEndian.Uint16(p[2:])
	version := flags & 7
	dst = strconv.AppendUint(append(dst, "GREv"...), uint64(version), 10)
	n := 4
	if version == 0 {
		if flags&0x8000 != 0 {
			n += 4
		}
		if flags&0x2000 != 0 {
			if len(p) >= n+4 {
				dst = strconv.AppendUint(append(dst, ", key=0x"...), uint64(binary.BigEndian.Uint32(p[n:])), 16)
			}
			n += 4
		}
		if flags&0x1000 != 0 {
			n += 4
		}
		if (protocol == 0x0800 || protocol == 0x86dd) && flags&0x4000 == 0 && len(p) > n && depth < maxDepth {
			return l.appendIP(append(appendLength(dst, h.size), ": "...), p[n:], verbose, depth+1)
		}
	}
	dst = strconv.AppendUint(append(dst, ", proto 0x"...), uint64(protocol), 16)
	return appendLength(dst, h.size)
}

// appendOSPF names the message of RFC 2328 or RFC 5340.
func appendOSPF(dst []byte, h *header) []byte {
	if len(h.payload) < 2 {
		return append(append(dst, "OSPF"...), short...)
	}
	dst = strconv.AppendUint(append(dst, "OSPFv"...), uint64(h.payload[0]), 10)
	names := [...]string{1: ", hello", 2: ", database description", 3: ", ls-request", 4: ", ls-update", 5: ", ls-ack"}
	if t := int(h.payload[1]); t < len(names) {
		dst = append(dst, names[t]...)
	}
	return appendLength(dst, h.size)
}
