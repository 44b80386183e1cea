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
	if name := u.dns(); name != "" {
		return appendDNS(append(append(dst, name...), ' '), u.data, w.Verbose)
	}
	switch u.service() {
	case serviceDHCP:
		if d, ok := w.readDHCP(u.data); ok {
			return appendLength(d.append(dst, w.Verbose), u.size-8)
		}
	case serviceDHCP6:
		d := readDHCP6(u.data)
		return appendLength(d.append(dst), u.size-8)
	case serviceNTP:
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

// service is what a datagram holds, by its ports.
type service uint8

const (
	serviceDHCP service = iota + 1
	serviceDHCP6
	serviceNTP
)

// service returns what the datagram holds, 0 if that is none of these or too short for it.
func (u *datagram) service() service {
	switch {
	case port(u.src, u.dst, 67) || port(u.src, u.dst, 68):
		return serviceDHCP
	case (port(u.src, u.dst, 546) || port(u.src, u.dst, 547)) && len(u.data) >= 4:
		return serviceDHCP6
	case port(u.src, u.dst, 123) && len(u.data) >= 48:
		return serviceNTP
	}
	return 0
}
