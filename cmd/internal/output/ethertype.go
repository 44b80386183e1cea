package output

import (
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
	b = append(b, etherTypeName(kind)...)
	if layers.EthernetType(kind) == layers.EthernetTypeARP {
		b = appendARP(b, data)
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
