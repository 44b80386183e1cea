package inner

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"

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
