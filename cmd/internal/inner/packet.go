package inner

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/gopacket/layers"

	"l2tpdump/capture"
)

// ErrShort is what Decode says of a packet that ends inside its IP header.
var ErrShort = errors.New("inner: packet is shorter than its IP header")

// They are static too, so that a damaged packet costs no allocation.
var (
	errVersion = errors.New("inner: neither IPv4 nor IPv6")
	errLength  = errors.New("inner: IP header length is wrong")
)

// Info is what the headers of a packet say.
type Info struct {
	Src, Dst         netip.Addr
	Protocol         string // "icmp", "udp", "tcp", "icmp6", ...; "proto-99" if it has no name
	SrcPort, DstPort uint16 // of UDP, TCP and SCTP; 0 for others and for later fragments
	Length           int    // bytes of the whole packet by its header
}

// Decode reads the headers of ip, which begins with an IPv4 or IPv6 header. The packet may be cut
// off behind its headers. It does not allocate, but for a protocol without a name.
func Decode(ip []byte) (Info, error) {
	var p packet
	if err := p.decode(ip); err != nil {
		return Info{}, err
	}
	info := Info{Src: p.Src, Dst: p.Dst, Protocol: p.protocolName(), Length: p.length()}
	info.SrcPort, info.DstPort, _ = p.portsOf()
	return info, nil
}

// protocolNames are those of IANA's "Assigned Internet Protocol Numbers", as tcpdump writes them.
var protocolNames = [256]string{
	0: "hopopt", 1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 41: "ipv6", 43: "ipv6-route", 44: "ipv6-frag",
	46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6", 59: "none", 60: "ipv6-opts", 88: "eigrp", 89: "ospf",
	103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
}

// packet is an IP packet whose headers have been read.
type packet struct {
	capture.Frame
	header  []byte // from the IP header on
	payload []byte // behind IPv6 extension headers; what there is of it
}

func (p *packet) decode(ip []byte) error {
	err := p.DecodeIP(ip)
	switch {
	case p.PayloadStart > 0: // what is wrong with the transport header is told there
		p.header, p.payload = ip, ip[p.PayloadStart:p.PayloadEnd]
		return nil
	case p.Truncated:
		return ErrShort
	case err == nil || p.IPVersion == 0:
		return errVersion
	}
	return errLength
}

// length is that of the whole packet by its header.
func (p *packet) length() int { return p.PayloadStart + p.PayloadLen }

// portsOf returns the ports of a protocol that has them in front; ok is false where there are none.
func (p *packet) portsOf() (src, dst uint16, ok bool) {
	switch layers.IPProtocol(p.Protocol) {
	case layers.IPProtocolTCP, layers.IPProtocolUDP, layers.IPProtocolSCTP, layers.IPProtocolUDPLite:
		if p.FragOffset == 0 && len(p.payload) >= 4 {
			return binary.BigEndian.Uint16(p.payload), binary.BigEndian.Uint16(p.payload[2:]), true
		}
	}
	return 0, 0, false
}

// protocolName is the name of the protocol in the packet, "proto-99" of one that has none.
func (p *packet) protocolName() string {
	if name := protocolNames[p.Protocol]; name != "" {
		return name
	}
	return "proto-" + strconv.Itoa(int(p.Protocol))
}

// appendHeader appends what tcpdump -v says of the IP header.
func (w *Printer) appendHeader(dst []byte, h *packet) []byte {
	ip := h.header
	if h.IPVersion == 6 {
		dst = append(dst, '(')
		class, flow := ip6Class(ip)
		if class != 0 {
			dst = append(appendHex(dst, "class 0x", class), ", "...)
		}
		if flow != 0 {
			dst = append(appendHex(dst, "flowlabel 0x", flow), ", "...)
		}
		dst = appendUint(dst, "hlim ", ip[7])
		dst = appendNumbered(append(dst, ", next-header "...), ip[6])
		return append(appendLength(dst, h.length()), ") "...)
	}
	dst = appendHex(dst, "(tos 0x", ip[1])
	dst = appendUint(dst, ", ttl ", ip[8])
	dst = appendUint(dst, ", id ", binary.BigEndian.Uint16(ip[4:]))
	dst = appendUint(dst, ", offset ", h.FragOffset)
	flags := [...]string{"none", "+", "DF", "DF+", "reserved ", "reserved +", "reserved DF", "reserved DF+"}
	dst = append(append(append(dst, ", flags ["...), flags[ip[6]>>5]...), ']')
	dst = appendNumbered(append(dst, ", proto "...), ip[9])
	dst = appendLength(dst, h.length())
	if options := ipOptions(h); len(options) > 0 {
		dst = append(append(append(dst, ", options ("...), strings.Join(options, ",")...), ')')
	}
	if is, right := capture.HeaderChecksum(ip[:h.PayloadStart]); w.Checksums && is != right {
		dst = fmt.Appendf(dst, ", bad cksum %x (->%x)!", is, right)
	}
	return append(dst, ") "...)
}

// appendNumbered appends a protocol with its number.
func appendNumbered(dst []byte, p uint8) []byte {
	return append(appendUint(appendProtocol(dst, p), " (", p), ')')
}

// ipOptionNames are those of IANA's "IP Option Numbers", as tcpdump writes them.
var ipOptionNames = map[uint8]string{
	0: "EOL", 1: "NOP", 7: "RR", 68: "timestamp", 82: "traceroute", 130: "security", 131: "LSRR", 137: "SSRR", 148: "RA",
}

// ipOptions names the options of an IPv4 header (RFC 791 section 3.1), nil where there are none.
func ipOptions(h *packet) (names []string) {
	if h.IPVersion != 4 {
		return nil
	}
	for o := h.header[20:h.PayloadStart]; len(o) > 0; {
		names = append(names, cmp.Or(ipOptionNames[o[0]], "opt-"+strconv.Itoa(int(o[0]))))
		size := 1
		if o[0] > 1 && len(o) > 1 {
			size = int(o[1])
		}
		if o[0] == 0 || size < 1 || size > len(o) {
			break
		}
		o = o[size:]
	}
	return names
}
