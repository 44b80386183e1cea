package inner

import (
	"encoding/binary"
	"strings"

	"github.com/google/gopacket/layers"
)

// Fields is what a packet says, for programs: what [AppendSummary] prints of it, value by value.
// What does not apply is nil or zero, and absent in JSON.
type Fields struct {
	TOS      uint8     `json:"tos"`                  // IPv6: traffic class
	TTL      uint8     `json:"ttl"`                  // IPv6: hop limit
	ID       *uint16   `json:"id,omitempty"`         // IPv4 only
	DF       bool      `json:"df,omitempty"`         // Don't Fragment
	Flow     *uint32   `json:"flow_label,omitempty"` // IPv6 only
	Fragment *Fragment `json:"fragment,omitempty"`
	TCP      *TCP      `json:"tcp,omitempty"`
	UDP      *UDP      `json:"udp,omitempty"`
	ICMP     *ICMP     `json:"icmp,omitempty"`
	DNS      *DNS      `json:"dns,omitempty"`
}

// Fragment is of an IP packet that is one (RFC 791, RFC 8200 section 4.5).
type Fragment struct {
	ID     uint32 `json:"id"`
	Offset int    `json:"offset"` // bytes
	More   bool   `json:"more"`
}

// TCP is a TCP header (RFC 9293).
type TCP struct {
	Flags   string   `json:"flags"` // tcpdump's letters: "S", "S.", "P."
	Seq     uint32   `json:"seq"`
	Ack     uint32   `json:"ack"`
	Window  uint16   `json:"window"` // as it stands there, without its scale
	Urgent  uint16   `json:"urgent,omitempty"`
	Length  int      `json:"length"` // of the data, in bytes
	Options []string `json:"options,omitempty"`
}

// UDP is a UDP header.
type UDP struct {
	Length int `json:"length"` // of the data, in bytes
}

// ICMP is an ICMP or ICMPv6 message. About is whom the packet was for that an error quotes.
type ICMP struct {
	Type   uint8   `json:"type"`
	Code   uint8   `json:"code"`
	Name   string  `json:"name,omitempty"`
	Reason string  `json:"reason,omitempty"` // of unreachable: "port"
	ID     *uint16 `json:"id,omitempty"`
	Seq    *uint16 `json:"seq,omitempty"`
	MTU    uint32  `json:"mtu,omitempty"`
	About  *About  `json:"about,omitempty"`
}

// About is a packet that was not delivered.
type About struct {
	Dst      string  `json:"dst"`
	Protocol string  `json:"protocol"`
	DstPort  *uint16 `json:"dport,omitempty"`
}

// Describe returns what ip says, which begins with an IPv4 or IPv6 header. It is empty for a packet
// that Decode refuses; of a transport header that is cut off or damaged nothing is told.
func Describe(ip []byte) (f Fields) {
	var h packet
	if h.decode(ip) != nil {
		return f
	}
	f.header(&h)
	if h.Fragment {
		f.Fragment = &Fragment{h.FragID, h.FragOffset, h.MoreFragments}
	}
	if h.FragOffset > 0 {
		return f
	}
	w := printers.Get().(*Printer)
	defer printers.Put(w)
	switch layers.IPProtocol(h.Protocol) {
	case layers.IPProtocolTCP:
		f.TCP = w.tcpFields(&h)
	case layers.IPProtocolUDP:
		f.udp(&h)
	case layers.IPProtocolICMPv4:
		f.ICMP = icmpFields(&h, &icmpNames, icmpUnreachable)
	case layers.IPProtocolICMPv6:
		f.ICMP = icmpFields(&h, &icmp6Names, icmp6Unreachable)
	}
	return f
}

// header fills in what the IP header says.
func (f *Fields) header(h *packet) {
	ip := h.header
	if h.IPVersion == 6 {
		class, flow := ip6Class(ip)
		f.TOS, f.TTL, f.Flow = class, ip[7], &flow
		return
	}
	id := binary.BigEndian.Uint16(ip[4:])
	f.TOS, f.TTL, f.ID, f.DF = ip[1], ip[8], &id, ip[6]&0x40 != 0
}

// ip6Class returns traffic class and flow label of an IPv6 header.
func ip6Class(ip []byte) (class uint8, flow uint32) {
	first := binary.BigEndian.Uint32(ip)
	return uint8(first >> 20), first & 0xfffff
}

func (w *Printer) tcpFields(h *packet) *TCP {
	size, damage, ok := w.readTCP(h)
	if !ok {
		return nil
	}
	t := &w.tcp
	f := &TCP{
		Flags: string(appendTCPFlags(nil, h.payload[13])), Seq: t.Seq, Ack: t.Ack, Window: t.Window, Length: size,
	}
	if t.URG {
		f.Urgent = t.Urgent
	}
	if damage == nil {
		for i := range t.Options {
			f.Options = append(f.Options, string(appendTCPOption(nil, &t.Options[i], 0)))
		}
	}
	return f
}

func (f *Fields) udp(h *packet) {
	u, ok := readUDP(h)
	if !ok || u.badLength {
		return
	}
	f.UDP = &UDP{u.size - 8}
	if name := u.dns(); name != "" {
		if d, ok := readDNS(u.data); ok {
			d.Protocol = strings.ToLower(name)
			f.DNS = &d
		}
	}
}

func icmpFields(h *packet, names *[256]string, unreachable []string) *ICMP {
	p := h.payload
	if len(p) < 4 {
		return nil
	}
	f := &ICMP{Type: p[0], Code: p[1], Name: strings.TrimSpace(messageName(names[p[0]], p, h.IPVersion))}
	if isUnreachable(p, h.IPVersion) {
		f.Reason = string(appendCode(nil, unreachable, f.Code))
	}
	if id, seq, ok := echoOf(p); ok && isEcho(p, h.IPVersion) {
		f.ID, f.Seq = &id, &seq
	}
	f.MTU = mtuOf(p, h.IPVersion)
	if about, ok := aboutOf(p); ok && isError(p, h.IPVersion) {
		f.About = &About{Dst: about.Dst.String(), Protocol: about.protocolName()}
		if _, port, ok := about.portsOf(); ok {
			f.About.DstPort = &port
		}
	}
	return f
}

// echoOf returns identifier and sequence number of an echo message.
func echoOf(p []byte) (id, seq uint16, ok bool) {
	if len(p) < 8 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint16(p[4:]), binary.BigEndian.Uint16(p[6:]), true
}

// mtuOf returns the MTU that an ICMP error names, 0 if it names none.
func mtuOf(p []byte, version uint8) uint32 {
	switch {
	case len(p) < 8:
	case version == 6 && p[0] == layers.ICMPv6TypePacketTooBig:
		return binary.BigEndian.Uint32(p[4:])
	case version == 4 && p[0] == layers.ICMPv4TypeDestinationUnreachable && p[1] == layers.ICMPv4CodeFragmentationNeeded:
		return uint32(binary.BigEndian.Uint16(p[6:]))
	}
	return 0
}

// aboutOf returns the headers of the packet that an ICMP error quotes behind its 8 bytes.
func aboutOf(p []byte) (about packet, ok bool) {
	return about, len(p) >= 8 && about.decode(p[8:]) == nil
}

// isEcho, isUnreachable and isError say what kind of ICMP message p is.
func isEcho(p []byte, version uint8) bool {
	if version == 6 {
		return p[0] == layers.ICMPv6TypeEchoRequest || p[0] == layers.ICMPv6TypeEchoReply
	}
	switch p[0] {
	case layers.ICMPv4TypeEchoReply, layers.ICMPv4TypeEchoRequest,
		layers.ICMPv4TypeTimestampRequest, layers.ICMPv4TypeTimestampReply:
		return true
	}
	return false
}

func isUnreachable(p []byte, version uint8) bool {
	if version == 6 {
		return p[0] == layers.ICMPv6TypeDestinationUnreachable
	}
	return p[0] == layers.ICMPv4TypeDestinationUnreachable
}

func isError(p []byte, version uint8) bool {
	if version == 6 {
		return p[0] >= layers.ICMPv6TypeDestinationUnreachable && p[0] <= layers.ICMPv6TypeParameterProblem
	}
	switch p[0] {
	case layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4TypeRedirect, layers.ICMPv4TypeTimeExceeded,
		layers.ICMPv4TypeParameterProblem:
		return true
	}
	return false
}
