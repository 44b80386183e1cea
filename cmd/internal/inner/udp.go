package inner

import (
	"encoding/binary"
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// appendUDP describes a UDP packet (RFC 768), and what is in it where the port says so.
func (w *Printer) appendUDP(dst []byte, h *packet) []byte {
	u, ok := readUDP(h)
	switch {
	case !ok:
		return append(append(dst, "UDP"...), short...)
	case u.badLength:
		dst = appendUint(dst, "UDP, bad length ", u.size)
		return appendUint(dst, " in ", h.PayloadLen)
	}
	if name := u.dns(); name != "" {
		return appendDNS(append(append(dst, name...), ' '), u.data, w.Verbose)
	}
	src, to, size, data := u.src, u.dst, u.size, u.data
	switch {
	case port(src, to, 67) || port(src, to, 68):
		if out, ok := w.appendDHCP(dst, data); ok {
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

// datagram is a UDP packet whose header has been read.
type datagram struct {
	src, dst  uint16
	size      int    // with the header, by which it is; in bytes
	badLength bool   // size does not fit the packet, and there is no data
	data      []byte // what there is of it
}

// readUDP reads a UDP header; ok is false where it is cut off.
func readUDP(h *packet) (u datagram, ok bool) {
	p := h.payload
	if len(p) < 8 {
		return u, false
	}
	u = datagram{src: binary.BigEndian.Uint16(p), dst: binary.BigEndian.Uint16(p[2:]), size: int(binary.BigEndian.Uint16(p[4:]))}
	if u.size == 0 && h.IPVersion == 6 {
		u.size = h.PayloadLen // RFC 2675 section 4
	}
	if u.badLength = u.size < 8 || u.size > h.PayloadLen && !h.Fragment; !u.badLength {
		u.data = p[8:min(u.size, len(p))]
	}
	return u, true
}

// dns is the name of the protocol with messages of DNS whose port it has, "" for another, and for a
// message that is not whole.
func (u *datagram) dns() string {
	switch {
	case len(u.data) != u.size-8:
	case port(u.src, u.dst, 53):
		return "DNS"
	case port(u.src, u.dst, 5353):
		return "mDNS"
	case port(u.src, u.dst, 5355):
		return "LLMNR"
	}
	return ""
}

func port(src, dst, p uint16) bool { return src == p || dst == p }

// dhcpNames are those of RFC 2131 section 3.1 and RFC 3203.
var dhcpNames = [...]string{
	1: "DHCP discover", 2: "DHCP offer", 3: "DHCP request", 4: "DHCP decline", 5: "DHCP ack", 6: "DHCP nak",
	7: "DHCP release", 8: "DHCP inform", 9: "DHCP forcerenew",
}

// appendDHCP describes a DHCP message (RFC 2131); false if it is none.
func (w *Printer) appendDHCP(dst, data []byte) ([]byte, bool) {
	// gopacket takes the address length from the packet, without a check. RFC 2131 has 16 bytes for
	// the address.
	if len(data) < 240 || data[2] > 16 {
		return dst, false
	}
	d := &w.dhcp
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
	if w.Verbose > 0 {
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
