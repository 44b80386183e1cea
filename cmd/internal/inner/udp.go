package inner

import (
	"encoding/binary"
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// appendUDP describes a UDP packet (RFC 768), and what is in it where the port says so.
func (l *layer) appendUDP(dst []byte, h *packet, verbose int) []byte {
	p := h.payload
	if len(p) < 8 {
		return append(append(dst, "UDP"...), short...)
	}
	src, to := binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:])
	size := int(binary.BigEndian.Uint16(p[4:]))
	if size == 0 && h.IPVersion == 6 {
		size = h.PayloadLen // RFC 2675 section 4
	}
	if size < 8 || size > h.PayloadLen && !h.Fragment {
		dst = appendUint(dst, "UDP, bad length ", size)
		return appendUint(dst, " in ", h.PayloadLen)
	}
	data := p[8:min(size, len(p))]
	whole := len(data) == size-8
	switch {
	case whole && port(src, to, 53):
		return appendDNS(dst, "DNS ", data, verbose)
	case whole && port(src, to, 5353):
		return appendDNS(dst, "mDNS ", data, verbose)
	case whole && port(src, to, 5355):
		return appendDNS(dst, "LLMNR ", data, verbose)
	case port(src, to, 67) || port(src, to, 68):
		if out, ok := l.appendDHCP(dst, data, verbose); ok {
			return appendLength(out, size-8)
		}
	case port(src, to, 546) || port(src, to, 547):
		if len(data) >= 4 {
			return appendLength(appendDHCP6(dst, data), size-8)
		}
	case port(src, to, 123) && len(data) >= 48:
		dst = appendUint(dst, "NTPv", data[0]>>3&7)
		names := [...]string{
			"reserved", "symmetric active", "symmetric passive", "client", "server", "broadcast", "control", "private",
		}
		return appendLength(append(append(dst, ", "...), names[data[0]&7]...), size-8)
	}
	return appendLength(append(dst, "UDP"...), size-8)
}

func port(src, dst, p uint16) bool { return src == p || dst == p }

// dhcpNames are those of RFC 2131 section 3.1 and RFC 3203.
var dhcpNames = [...]string{
	1: "DHCP discover", 2: "DHCP offer", 3: "DHCP request", 4: "DHCP decline", 5: "DHCP ack", 6: "DHCP nak",
	7: "DHCP release", 8: "DHCP inform", 9: "DHCP forcerenew",
}

// appendDHCP describes a DHCP message (RFC 2131); false if it is none.
func (l *layer) appendDHCP(dst, data []byte, verbose int) ([]byte, bool) {
	// gopacket takes the address length from the packet, without a check. RFC 2131 has 16 bytes for
	// the address.
	if len(data) < 240 || data[2] > 16 {
		return dst, false
	}
	d := &l.dhcp
	if d.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil && len(d.Options) == 0 {
		return dst, false
	}
	name := "BOOTP request"
	if d.Operation == layers.DHCPOpReply {
		name = "BOOTP reply"
	}
	var requested net.IP
	for _, o := range d.Options {
		switch {
		case o.Type == layers.DHCPOptMessageType && len(o.Data) == 1 && int(o.Data[0]) < len(dhcpNames) && o.Data[0] > 0:
			name = dhcpNames[o.Data[0]]
		case o.Type == layers.DHCPOptRequestIP && len(o.Data) == 4:
			requested = net.IP(o.Data)
		}
	}
	dst = append(dst, name...)
	if len(d.ClientHWAddr) > 0 {
		dst = append(append(dst, " from "...), d.ClientHWAddr.String()...)
	}
	if verbose > 0 {
		dst = appendHex(dst, ", xid 0x", d.Xid)
	}
	for _, a := range []struct {
		name string
		ip   net.IP
	}{{", client ", d.ClientIP}, {", requests ", requested}, {", your ", d.YourClientIP}} {
		if len(a.ip) == 4 && !a.ip.Equal(net.IPv4zero) {
			dst = address4(a.ip).AppendTo(append(dst, a.name...))
		}
	}
	return dst, true
}

// appendDHCP6 names the message of RFC 8415 section 7.3.
func appendDHCP6(dst, data []byte) []byte {
	names := [...]string{1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply",
		8: "release", 9: "decline", 10: "reconfigure", 11: "inf-req", 12: "relay-forw", 13: "relay-repl"}
	dst = append(dst, "DHCP6 "...)
	t := int(data[0])
	if t == 0 || t >= len(names) {
		return appendUint(dst, "message ", t)
	}
	dst = append(dst, names[t]...)
	if t >= 12 {
		return dst
	}
	return appendHex(dst, " xid 0x", binary.BigEndian.Uint32(data)&0xffffff)
}
