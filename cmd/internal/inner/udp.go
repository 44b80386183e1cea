package inner

import "encoding/binary"

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
	switch service := u.service(); service {
	case "DNS", "mDNS", "LLMNR":
		return appendDNS(append(append(dst, service...), ' '), u.data, w.Verbose)
	case "DHCP":
		if d := w.readDHCP(u.data); d != nil {
			return appendLength(d.append(dst, w.Verbose), u.size-8)
		}
	case "DHCP6":
		return appendLength(readDHCP6(u.data).append(dst), u.size-8)
	case "NTP":
		n := readNTP(u.data)
		return appendLength(append(append(appendUint(dst, "NTPv", n.Version), ", "...), n.Mode...), u.size-8)
	}
	return appendLength(append(dst, "UDP"...), u.size-8)
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
	u = datagram{src: binary.BigEndian.Uint16(p), dst: binary.BigEndian.Uint16(p[2:]),
		size: int(binary.BigEndian.Uint16(p[4:]))}
	if u.size == 0 && h.IPVersion == 6 {
		u.size = h.PayloadLen // RFC 2675 section 4
	}
	if u.badLength = u.size < 8 || u.size > h.PayloadLen && !h.Fragment; !u.badLength {
		u.data = p[8:min(u.size, len(p))]
	}
	return u, true
}

// service is what a datagram holds, by its ports: "DNS", "mDNS", "LLMNR", "DHCP", "DHCP6" or "NTP";
// "" if that is none of these, too short for it, or a message of DNS that is not whole.
func (u *datagram) service() string {
	whole := len(u.data) == u.size-8
	of := func(port uint16) bool { return u.src == port || u.dst == port }
	switch {
	case whole && of(53):
		return "DNS"
	case whole && of(5353):
		return "mDNS"
	case whole && of(5355):
		return "LLMNR"
	case of(67) || of(68):
		return "DHCP"
	case (of(546) || of(547)) && len(u.data) >= 4:
		return "DHCP6"
	case of(123) && len(u.data) >= 48:
		return "NTP"
	}
	return ""
}
