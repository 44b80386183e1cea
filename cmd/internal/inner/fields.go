package inner

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/gopacket/layers"

	"l2tpdump/capture"
)

// Fields is what a packet says, for programs: what [AppendSummary] prints of it, value by value.
// What does not apply is nil or zero, and absent in JSON.
type Fields struct {
	TOS      uint8           `json:"tos"`                  // IPv6: traffic class
	TTL      uint8           `json:"ttl"`                  // IPv6: hop limit
	ID       *uint16         `json:"id,omitempty"`         // IPv4 only
	DF       bool            `json:"df,omitempty"`         // Don't Fragment
	Flow     *uint32         `json:"flow_label,omitempty"` // IPv6 only
	Payload  int             `json:"payload_length"`       // bytes behind the headers of IP
	Options  []string        `json:"options,omitempty"`    // of IPv4: "RA"
	Fragment *fragmentFields `json:"fragment,omitempty"`
	Header   *checksumFields `json:"header_checksum,omitempty"` // of IPv4, where it is not correct
	Checksum *checksumFields `json:"checksum,omitempty"`        // of TCP, UDP, ICMP or IGMP
	TCP      *tcpSegment     `json:"tcp,omitempty"`
	UDP      *udpFields      `json:"udp,omitempty"`
	ICMP     *icmpMessage    `json:"icmp,omitempty"`
	DNS      *dnsMessage     `json:"dns,omitempty"`
	DHCP     *dhcpMessage    `json:"dhcp,omitempty"`
	DHCP6    *dhcp6Message   `json:"dhcp6,omitempty"`
	NTP      *ntpMessage     `json:"ntp,omitempty"`
	IGMP     *igmpMessage    `json:"igmp,omitempty"`
	GRE      *greHeader      `json:"gre,omitempty"`
	ESP      *espHeader      `json:"esp,omitempty"`
	OSPF     *ospfHeader     `json:"ospf,omitempty"`
	Inside   *insidePacket   `json:"inside,omitempty"` // of IP in IP, and of GRE
}

// checksumFields is one of a packet that is whole, in hexadecimal.
type checksumFields struct {
	Value   string `json:"value"`
	Correct bool   `json:"correct"`
	Right   string `json:"right,omitempty"` // where it is not correct
}

// insidePacket is a packet in a packet.
type insidePacket struct {
	Src      string  `json:"src"`
	Dst      string  `json:"dst"`
	Protocol string  `json:"protocol"`
	SrcPort  *uint16 `json:"sport,omitempty"`
	DstPort  *uint16 `json:"dport,omitempty"`
	Length   int     `json:"length"`
	Fields
}

// fragmentFields is of an IP packet that is one (RFC 791, RFC 8200 section 4.5).
type fragmentFields struct {
	ID     uint32 `json:"id"`
	Offset int    `json:"offset"` // bytes
	More   bool   `json:"more"`
}

// tcpSegment is a TCP header (RFC 9293).
type tcpSegment struct {
	Flags   string   `json:"flags"` // tcpdump's letters: "S", "S.", "P."
	Seq     uint32   `json:"seq"`
	Ack     uint32   `json:"ack"`
	Window  uint16   `json:"window"` // as it stands there, without its scale
	Urgent  uint16   `json:"urgent,omitempty"`
	Length  int      `json:"length"` // of the data, in bytes
	Options []string `json:"options,omitempty"`
	Content string   `json:"content,omitempty"` // protocol of the data by its port, and of HTTP the first line
}

// udpFields is a UDP header.
type udpFields struct {
	Length int `json:"length"` // of the data, in bytes
}

// icmpMessage is an ICMP or ICMPv6 message.
type icmpMessage struct {
	Type   uint8         `json:"type"`
	Code   uint8         `json:"code"`
	Name   string        `json:"name,omitempty"`
	Reason string        `json:"reason,omitempty"` // of unreachable: "port"
	ID     *uint16       `json:"id,omitempty"`
	Seq    *uint16       `json:"seq,omitempty"`
	MTU    uint32        `json:"mtu,omitempty"`
	About  *insidePacket `json:"about,omitempty"` // the packet that an error quotes

	Target        netip.Addr     `json:"target,omitzero"`  // of neighbour discovery: who is looked for; of redirect: who is to be reached
	Gateway       netip.Addr     `json:"gateway,omitzero"` // of redirect: by whom
	Group         netip.Addr     `json:"group,omitzero"`   // of multicast listener discovery
	Records       *uint16        `json:"records,omitempty"`
	GroupRecords  []groupRecord  `json:"group_records,omitempty"`
	Prefixes      []netip.Prefix `json:"prefixes,omitempty"`       // of a router advertisement
	Flags         []string       `json:"flags,omitempty"`          // of a neighbour's or a router's advertisement
	LinkAddresses []string       `json:"link_addresses,omitempty"` // of neighbour discovery
	NameServers   []netip.Addr   `json:"name_servers,omitempty"`   // of a router advertisement
	Router        *routerFields  `json:"router,omitempty"`
}

// Describe returns what ip says, which begins with an IPv4 or IPv6 header. It is empty for a packet
// that Decode refuses; of a transport header that is cut off or damaged nothing is told.
func Describe(ip []byte) (f Fields) { return describe(ip, 1) }

func describe(ip []byte, depth int) (f Fields) {
	var h packet
	if h.decode(ip) != nil {
		return f
	}
	f.header(&h)
	f.Payload = h.PayloadLen
	if h.Fragment {
		f.Fragment = &fragmentFields{h.FragID, h.FragOffset, h.MoreFragments}
	}
	if h.FragOffset > 0 {
		return f
	}
	if is, right, ok := h.TransportChecksum(h.header); ok {
		f.Checksum = newChecksum(is, right)
	}
	w := printers.Get().(*Printer)
	defer printers.Put(w)
	switch layers.IPProtocol(h.Protocol) {
	case layers.IPProtocolTCP:
		f.TCP = w.tcpFields(&h)
	case layers.IPProtocolUDP:
		f.udp(w, &h)
	case layers.IPProtocolICMPv4:
		f.ICMP = icmpFields(&h, 4, depth)
	case layers.IPProtocolICMPv6:
		f.ICMP = icmpFields(&h, 6, depth)
	case layers.IPProtocolIGMP:
		f.IGMP = readIGMP(h.payload)
	case layers.IPProtocolIPv4, layers.IPProtocolIPv6:
		f.Inside = insideOf(h.payload, depth)
	case layers.IPProtocolGRE:
		if g, data, ok := readGRE(h.payload); ok {
			f.GRE = &g
			f.Inside = insideOf(data, depth)
		}
	case layers.IPProtocolESP:
		if len(h.payload) >= 8 {
			f.ESP = &espHeader{fmt.Sprintf("0x%08x", binary.BigEndian.Uint32(h.payload)), binary.BigEndian.Uint32(h.payload[4:])}
		}
	case layers.IPProtocolOSPF:
		f.OSPF = readOSPF(h.payload)
	}
	return f
}

func newChecksum(is, right uint16) *checksumFields {
	c := &checksumFields{Value: fmt.Sprintf("0x%04x", is), Correct: is == right}
	if !c.Correct {
		c.Right = fmt.Sprintf("0x%04x", right)
	}
	return c
}

// insideOf describes a packet in a packet, nil if it is none.
func insideOf(ip []byte, depth int) *insidePacket {
	i, err := Decode(ip)
	if err != nil || depth >= maxDepth {
		return nil
	}
	o := &insidePacket{Src: i.Src.String(), Dst: i.Dst.String(), Protocol: i.Protocol, Length: i.Length,
		Fields: describe(ip, depth+1)}
	if i.SrcPort != 0 || i.DstPort != 0 {
		o.SrcPort, o.DstPort = &i.SrcPort, &i.DstPort
	}
	return o
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
	f.TOS, f.TTL, f.ID, f.DF, f.Options = ip[1], ip[8], &id, ip[6]&0x40 != 0, ipOptions(h)
	if is, right := capture.HeaderChecksum(ip[:h.PayloadStart]); is != right {
		f.Header = newChecksum(is, right)
	}
}

// ip6Class returns traffic class and flow label of an IPv6 header.
func ip6Class(ip []byte) (class uint8, flow uint32) {
	first := binary.BigEndian.Uint32(ip)
	return uint8(first >> 20), first & 0xfffff
}

func (w *Printer) tcpFields(h *packet) *tcpSegment {
	size, damage, ok := w.readTCP(h)
	if !ok {
		return nil
	}
	t := &w.tcp
	f := &tcpSegment{
		Flags: string(appendTCPFlags(nil, h.payload[13])), Seq: t.Seq, Ack: t.Ack, Window: t.Window, Length: size,
	}
	if t.URG {
		f.Urgent = t.Urgent
	}
	f.Content = strings.TrimPrefix(string(appendContent(nil, t)), ": ")
	if damage == nil {
		for i := range t.Options {
			f.Options = append(f.Options, string(appendTCPOption(nil, &t.Options[i], 0)))
		}
	}
	return f
}

func (f *Fields) udp(w *Printer, h *packet) {
	u, ok := readUDP(h)
	if !ok || u.badLength {
		return
	}
	f.UDP = &udpFields{u.size - 8}
	switch service := u.service(); service {
	case "DNS", "mDNS", "LLMNR":
		if f.DNS = readDNS(u.data); f.DNS != nil {
			f.DNS.Protocol = strings.ToLower(service)
		}
	case "DHCP":
		f.DHCP = w.readDHCP(u.data)
	case "DHCP6":
		f.DHCP6 = readDHCP6(u.data)
	case "NTP":
		f.NTP = readNTP(u.data)
	}
}

// icmpFields describes a message of ICMP for that version of IP.
func icmpFields(h *packet, version uint8, depth int) *icmpMessage {
	p := h.payload
	if len(p) < 4 {
		return nil
	}
	f := &icmpMessage{Type: p[0], Code: p[1], Name: strings.TrimSpace(messageName(p, version))}
	if isUnreachable(p, version) {
		f.Reason = string(appendReason(nil, p, version))
	}
	if id, seq, ok := echoOf(p); ok && isEcho(p, version) {
		f.ID, f.Seq = &id, &seq
	}
	f.MTU = mtuOf(p, version)
	if isError(p, version) && len(p) >= 8 {
		f.About = insideOf(p[8:], depth)
	}
	if version == 6 {
		f.discovery(p)
	} else if p[0] == layers.ICMPv4TypeRedirect && len(p) >= 8 {
		f.Gateway = address4(p[4:])
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
