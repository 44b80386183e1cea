package output

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/google/gopacket/layers"
)

// etherTypeName names what a frame has in place of IP.
func etherTypeName(kind uint16) string {
	switch name := layers.EthernetType(kind).String(); {
	case kind == 0:
		return "not IP"
	case strings.HasPrefix(name, "Unknown"):
		return fmt.Sprintf("ethertype 0x%04x", kind)
	default:
		return name
	}
}

// appendEtherType appends what a frame has in place of IP, and of ARP what it says.
func appendEtherType(b []byte, kind uint16, data []byte) []byte {
	switch layers.EthernetType(kind) {
	case layers.EthernetTypeARP:
		return appendARP(append(b, etherTypeName(kind)...), data)
	case layers.EthernetTypePPPoEDiscovery:
		return appendDiscovery(append(b, "PPPoE"...), data)
	}
	return append(b, etherTypeName(kind)...)
}

// What a packet of PPPoE discovery is by its code, and its tags that tell with whom (RFC 2516
// section 5, appendix A), as tcpdump writes them.
var (
	pppoeCodes = map[byte]string{0x09: "PADI", 0x07: "PADO", 0x19: "PADR", 0x65: "PADS", 0xa7: "PADT"}
	pppoeTags  = map[uint16]string{
		0x0101: "Service-Name", 0x0102: "AC-Name", 0x0103: "Host-Uniq", 0x0104: "AC-Cookie", 0x0110: "Relay-Session-ID",
		0x0120: "PPP-Max-Payload", 0x0201: "Service-Name-Error", 0x0202: "AC-System-Error", 0x0203: "Generic-Error",
	}
)

// appendDiscovery appends what a packet of PPPoE discovery says: ` PADS [ses 0x1] [Service-Name
// "internet"]`, or nothing.
func appendDiscovery(b, p []byte) []byte {
	const header = 6
	if len(p) < header || pppoeCodes[p[1]] == "" {
		return b
	}
	b = append(append(b, ' '), pppoeCodes[p[1]]...)
	if id := binary.BigEndian.Uint16(p[2:]); id != 0 {
		b = fmt.Appendf(b, " [ses 0x%x]", id)
	}
	tags := p[header:min(len(p), header+int(binary.BigEndian.Uint16(p[4:])))]
	for len(tags) >= 4 {
		name, size := pppoeTags[binary.BigEndian.Uint16(tags)], 4+int(binary.BigEndian.Uint16(tags[2:]))
		if size > len(tags) {
			break
		}
		value := tags[4:size]
		switch tags = tags[size:]; {
		case name == "": // the end, or another's
		case len(value) == 0:
			b = fmt.Appendf(b, " [%s]", name)
		case bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
			b = fmt.Appendf(b, " [%s 0x%X]", name, value)
		default:
			b = fmt.Appendf(b, " [%s %q]", name, value)
		}
	}
	return b
}

// appendARP appends what a packet of ARP says (RFC 826) of IPv4 addresses: ", Request who-has
// 192.0.2.1 tell 192.0.2.2", or nothing.
func appendARP(b, arp []byte) []byte {
	const size, ethernet, ip = 28, 1<<16 | 0x0800, 6<<8 | 4
	if len(arp) < size || binary.BigEndian.Uint32(arp) != ethernet || binary.BigEndian.Uint16(arp[4:]) != ip {
		return b
	}
	sender, target := netip.AddrFrom4([4]byte(arp[14:])), netip.AddrFrom4([4]byte(arp[24:]))
	switch binary.BigEndian.Uint16(arp[6:]) {
	case 1:
		b = target.AppendTo(append(b, ", Request who-has "...))
		return sender.AppendTo(append(b, " tell "...))
	case 2:
		b = sender.AppendTo(append(b, ", Reply "...))
		return append(append(b, " is-at "...), net.HardwareAddr(arp[8:14]).String()...)
	}
	return b
}
