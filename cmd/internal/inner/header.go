package inner

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
)

// Errors of Decode. They are static, so that a damaged packet costs no allocation.
var (
	ErrShort   = errors.New("inner: packet is shorter than its IP header")
	ErrVersion = errors.New("inner: neither IPv4 nor IPv6")
	ErrLength  = errors.New("inner: IP header length is wrong")
)

// Info is what the headers of a packet say.
type Info struct {
	Src, Dst         netip.Addr
	Protocol         string // "icmp", "udp", "tcp", "icmp6", ...; "proto-99" if it has no name
	SrcPort, DstPort uint16 // of UDP, TCP and SCTP; 0 for others and for later fragments
	Length           int    // bytes of the whole packet by its header
}

// Decode reads the headers of ip, which begins with an IPv4 or IPv6 header. The packet may be cut off
// behind its headers. It does not allocate, but for a protocol without a name.
func Decode(ip []byte) (Info, error) {
	var h header
	if err := h.decode(ip); err != nil {
		return Info{}, err
	}
	info := Info{Src: h.src, Dst: h.dst, Protocol: protocolName(h.protocol), Length: h.length}
	if info.Protocol == "" {
		info.Protocol = "proto-" + strconv.Itoa(int(h.protocol))
	}
	if h.hasPorts() {
		info.SrcPort = binary.BigEndian.Uint16(h.payload)
		info.DstPort = binary.BigEndian.Uint16(h.payload[2:])
	}
	return info, nil
}

// Protocol numbers (IANA's "Assigned Internet Protocol Numbers").
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIGMP     = 2
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoICMP6    = 58
	protoNone     = 59
	protoDestOpts = 60
	protoOSPF     = 89
	protoSCTP     = 132
	protoMobility = 135
	protoHIP      = 139
	protoShim6    = 140
)

func protocolName(p uint8) string {
	switch p {
	case protoHopByHop:
		return "hopopt"
	case protoICMP:
		return "icmp"
	case protoIGMP:
		return "igmp"
	case protoIPv4:
		return "ipip"
	case protoTCP:
		return "tcp"
	case protoUDP:
		return "udp"
	case protoIPv6:
		return "ipv6"
	case protoRouting:
		return "ipv6-route"
	case protoFragment:
		return "ipv6-frag"
	case 46:
		return "rsvp"
	case protoGRE:
		return "gre"
	case protoESP:
		return "esp"
	case protoAH:
		return "ah"
	case protoICMP6:
		return "icmp6"
	case protoNone:
		return "none"
	case protoDestOpts:
		return "ipv6-opts"
	case 88:
		return "eigrp"
	case protoOSPF:
		return "ospf"
	case 103:
		return "pim"
	case 108:
		return "ipcomp"
	case 112:
		return "vrrp"
	case 115:
		return "l2tp"
	case protoSCTP:
		return "sctp"
	case 136:
		return "udplite"
	}
	return ""
}

// header is a decoded IP header.
type header struct {
	version   uint8
	src, dst  netip.Addr
	protocol  uint8  // of the payload, behind IPv6 extension headers
	payload   []byte // what there is of it
	size      int    // bytes of the payload by the header
	length    int    // bytes of the whole packet by the header
	tos, ttl  uint8  // IPv6: traffic class, hop limit
	flow      uint32 // IPv6 flow label
	id        uint32 // IPv4 identification; IPv6: of the fragment header
	flags     uint8  // IPv4: the three bits
	offset    int    // of a fragment, in bytes
	more      bool   // more fragments follow
	truncated int    // bytes of the packet that are missing
}

// fragment says whether the packet is a part of a datagram.
func (h *header) fragment() bool { return h.more || h.offset > 0 }

func (h *header) hasPorts() bool {
	switch h.protocol {
	case protoTCP, protoUDP, protoSCTP, 136:
		return h.offset == 0 && len(h.payload) >= 4
	}
	return false
}

func (h *header) decode(ip []byte) error {
	*h = header{}
	if len(ip) == 0 {
		return ErrShort
	}
	switch h.version = ip[0] >> 4; h.version {
	case 4:
		return h.decode4(ip)
	case 6:
		return h.decode6(ip)
	}
	return ErrVersion
}

// decode4 reads an IPv4 header (RFC 791 section 3.1).
func (h *header) decode4(ip []byte) error {
	if len(ip) < 20 {
		return ErrShort
	}
	start := int(ip[0]&15) * 4
	h.tos, h.ttl, h.protocol = ip[1], ip[8], ip[9]
	h.length = int(binary.BigEndian.Uint16(ip[2:]))
	h.id = uint32(binary.BigEndian.Uint16(ip[4:]))
	fragment := binary.BigEndian.Uint16(ip[6:])
	h.flags = uint8(fragment >> 13)
	h.more = fragment&0x2000 != 0
	h.offset = int(fragment&0x1fff) * 8
	h.src = netip.AddrFrom4([4]byte(ip[12:]))
	h.dst = netip.AddrFrom4([4]byte(ip[16:]))
	if h.length == 0 {
		h.length = len(ip) // segmentation offload
	}
	if start < 20 || h.length < start {
		return ErrLength
	}
	if len(ip) < start {
		return ErrShort
	}
	h.size = h.length - start
	h.setPayload(ip[start:])
	return nil
}

// decode6 reads an IPv6 header and its extension headers (RFC 8200 sections 3 and 4).
func (h *header) decode6(ip []byte) error {
	if len(ip) < 40 {
		return ErrShort
	}
	first := binary.BigEndian.Uint32(ip)
	h.tos = uint8(first >> 20)
	h.flow = first & 0xfffff
	h.size = int(binary.BigEndian.Uint16(ip[4:]))
	h.protocol, h.ttl = ip[6], ip[7]
	h.src = netip.AddrFrom16([16]byte(ip[8:]))
	h.dst = netip.AddrFrom16([16]byte(ip[24:]))
	if h.size == 0 && h.protocol != protoNone {
		h.size = len(ip) - 40 // a jumbogram, or segmentation offload
	}
	h.length = 40 + h.size
	h.setPayload(ip[40:])
	// Each turn takes at least 8 bytes off the payload. What is cut off inside an extension header
	// is left as that protocol.
	for h.offset == 0 {
		n := 0
		switch h.protocol {
		case protoHopByHop, protoRouting, protoDestOpts, protoMobility, protoHIP, protoShim6:
			if len(h.payload) >= 2 {
				n = (int(h.payload[1]) + 1) * 8
			}
		case protoFragment:
			n = 8
		case protoAH:
			if len(h.payload) >= 2 {
				n = (int(h.payload[1]) + 2) * 4
			}
		}
		if n < 8 || len(h.payload) < n || h.size < n {
			return nil
		}
		if h.protocol == protoFragment {
			fragment := binary.BigEndian.Uint16(h.payload[2:])
			h.offset = int(fragment &^ 7)
			h.more = fragment&1 != 0
			h.id = binary.BigEndian.Uint32(h.payload[4:])
		}
		h.protocol = h.payload[0]
		h.payload = h.payload[n:]
		h.size -= n
	}
	return nil
}

// setPayload takes the payload from what follows the header.
func (h *header) setPayload(rest []byte) {
	h.truncated = max(0, h.size-len(rest))
	h.payload = rest[:min(h.size, len(rest))]
}
