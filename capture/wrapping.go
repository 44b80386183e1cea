package capture

import (
	"encoding/binary"
	"slices"
)

// What carries frames or packets of another network.
const (
	protoIPv4    = 4
	protoIPv6    = 41
	protoGRE     = 47
	protoEtherIP = 97  // RFC 3378
	protoMPLS    = 137 // RFC 4023

	etherBridged = 0x6558 // an Ethernet frame: NVGRE, Geneve
	etherPPP     = 0x880b
	etherMPLS    = 0x8847
	etherMPLS2   = 0x8848
	etherERSPAN2 = 0x88be // type I and II
	etherERSPAN3 = 0x22eb
	etherPBB     = 0x88e7
	etherNSH     = 0x894f
	etherEoIP    = 0x6400 // MikroTik's
	pppMPLS      = 0x0281 // RFC 3032

	portGTPU       = 2152
	portVXLAN      = 4789
	portVXLANGPE   = 4790
	portVXLANLinux = 8472
	portGUE        = 6080
	portGeneve     = 6081
	portMPLS       = 6635 // RFC 7510
	portHPERM      = 7932 // HP's remote mirroring
	portTZSP       = 37008

	maxMPLSLabels  = 16
	maxGTPUHeaders = 16 // extension headers

	gPDU            = 255 // GTP-U's message with a packet
	tzspForTransmit = 1   // TZSP's types up to here have a frame
)

// Wrapped is a frame that another one carries.
type Wrapped struct {
	Name string // of what carries it: "TZSP", "GRE"
	Link LinkType
	Data []byte   // a copy; of an IP packet with the link header of the frame that carries it, if that can announce it
	More [][]byte // further frames that it carries, of the same kind
}

// inside is where what is wrapped lies in the data.
type inside struct {
	name    string
	link    LinkType // Raw: an IP packet
	at, end int
}

// Unwrap returns the frame that f carries, the decoded frame of data and of the link type lt: one
// in TZSP, VXLAN (RFC 7348), Geneve (RFC 8926), ERSPAN, GRE (RFC 1701, RFC 2784, RFC 2890,
// RFC 7637), EtherIP, MPLS, EoIP, 802.1ah, behind an NSH (RFC 8300), in what HP's switches mirror,
// an A-MSDU of 802.11, or an IP packet in one of these, in IP (RFC 2003, RFC 2473, RFC 4213), in
// GUE or in GTP-U (3GPP TS 29.281). It is for frames that hold nothing else that is looked for: a
// frame of another kind costs a few comparisons.
func (f *Frame) Unwrap(lt LinkType, data []byte) (Wrapped, bool) {
	if f.subframesAt > 0 {
		frames := f.subframes(data)
		if len(frames) == 0 {
			return Wrapped{}, false
		}
		return Wrapped{"A-MSDU", Ethernet, frames[0], frames[1:]}, true
	}
	in := f.inside(data)
	if in.name == "" || in.at >= in.end {
		return Wrapped{}, false
	}
	w := Wrapped{Name: in.name, Link: in.link}
	b := data[in.at:in.end]
	if in.link != Raw {
		w.Data = slices.Clone(b)
		return w, true
	}
	version := b[0] >> 4
	if version != 4 && version != 6 {
		return Wrapped{}, false
	}
	if f.LinkLen == 0 || version != f.IPVersion && f.typeEnd == 0 {
		w.Data = slices.Clone(b) // there is no link header, or none that can tell what follows
		return w, true
	}
	w.Link = lt
	w.Data = append(append(make([]byte, 0, f.LinkLen+len(b)), data[:f.LinkLen]...), b...)
	f.mendLink(w.Data, len(w.Data))
	if version != f.IPVersion {
		f.announce(w.Data, version)
	}
	return w, true
}

// announce writes into a copy of f's link header that a packet of the IP version follows.
func (f *Frame) announce(link []byte, version uint8) {
	ether, ppp := uint16(etherIPv4), uint16(pppIPv4)
	if version == 6 {
		ether, ppp = etherIPv6, pppIPv6
	}
	if f.PPPEnd != 0 {
		ether = ppp
	}
	binary.BigEndian.PutUint16(link[f.typeEnd-2:], ether)
}

// inside finds what f carries; the name is "" if that is nothing.
func (f *Frame) inside(data []byte) inside {
	switch {
	case f.IPVersion == 0:
		if f.LinkLen == 0 {
			return inside{}
		}
		switch f.networkType(data) {
		case etherMPLS, etherMPLS2, pppMPLS:
			return mpls(data, f.LinkLen, len(data))
		case etherPBB:
			return inside{"802.1ah", Ethernet, f.LinkLen + 4, len(data)}
		case etherNSH:
			return nsh(data, f.LinkLen, len(data))
		}
		return inside{}
	case f.Fragment:
		return inside{}
	case f.UDP:
		return f.insideUDP(data)
	}
	switch f.Protocol {
	case protoIPv4, protoIPv6:
		return inside{"IP in IP", Raw, f.PayloadStart, f.PayloadEnd}
	case protoGRE:
		return gre(data, f.PayloadStart, f.PayloadEnd)
	case protoMPLS:
		return mpls(data, f.PayloadStart, f.PayloadEnd)
	case protoEtherIP:
		if f.PayloadEnd-f.PayloadStart > 2 && data[f.PayloadStart]>>4 == 3 {
			return inside{"EtherIP", Ethernet, f.PayloadStart + 2, f.PayloadEnd}
		}
	}
	return inside{}
}

// networkType is the EtherType or the PPP protocol in front of what the link layer carries; 0 there
// is none.
func (f *Frame) networkType(data []byte) uint16 {
	if f.typeEnd == 0 || f.typeEnd > len(data) {
		return 0
	}
	return binary.BigEndian.Uint16(data[f.typeEnd-2:])
}

func (f *Frame) insideUDP(data []byte) inside {
	at, end := f.UDPStart, f.UDPEnd
	switch f.DstPort {
	case portTZSP:
		return tzsp(data, at, end)
	case portVXLAN, portVXLANLinux, portVXLANGPE:
		return vxlan(data, at, end)
	case portGeneve:
		return geneve(data, at, end)
	case portGTPU:
		return gtpu(data, at, end)
	case portGUE:
		return gue(data, at, end)
	case portHPERM:
		const header = 12
		if end-at >= header+14 && carriesKnown(data[at+header:]) {
			return inside{"HP's mirroring", Ethernet, at + header, end}
		}
	case portMPLS:
		return mpls(data, at, end)
	}
	return inside{}
}

// carried is what an EtherType announces at the byte at.
func carried(name string, kind uint16, data []byte, at, end int) inside {
	switch kind {
	case etherIPv4, etherIPv6:
		return inside{name, Raw, at, end}
	case etherBridged:
		return inside{name, Ethernet, at, end}
	case etherPPP:
		return inside{name, PPP, at, end}
	case etherMPLS, etherMPLS2:
		in := mpls(data, at, end)
		if in.name != "" {
			in.name = name + ", " + in.name
		}
		return in
	}
	return inside{}
}

// Flags of GRE (RFC 2784, RFC 2890).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greVersion  = 7
)

// GRE returns the EtherType of what a GRE packet carries, and the length of its header in bytes.
// The type is 0 for a packet of another version. Source routes are passed.
func GRE(data []byte) (kind uint16, size int) {
	if len(data) < 4 {
		return 0, 0
	}
	flags := binary.BigEndian.Uint16(data)
	if flags&greVersion != 0 {
		return 0, 0
	}
	size = 4
	for _, f := range [...]uint16{greChecksum | greRouting, greKey, greSequence} {
		if flags&f != 0 {
			size += 4
		}
	}
	if flags&greRouting != 0 {
		size = behindRoute(data, size, len(data))
	}
	return binary.BigEndian.Uint16(data[2:]), size
}

// gre passes a GRE header with its optional fields. Version 1 is that of PPTP, which carries no
// frames, and of EoIP.
func gre(data []byte, at, end int) inside {
	if end-at < 4 {
		return inside{}
	}
	flags, kind := binary.BigEndian.Uint16(data[at:]), binary.BigEndian.Uint16(data[at+2:])
	if flags == greKey|1 && kind == etherEoIP && end-at >= 8 { // length and number of the tunnel
		return inside{"EoIP", Ethernet, at + 8, min(end, at+8+int(binary.BigEndian.Uint16(data[at+4:])))}
	}
	kind, size := GRE(data[at:end])
	at += size
	switch kind {
	case etherERSPAN2:
		if flags&greSequence == 0 {
			return inside{"ERSPAN", Ethernet, at, end} // type I has no header of its own
		}
		return erspan(data, at, end, 1, 8)
	case etherERSPAN3:
		return erspan(data, at, end, 2, 12)
	}
	return carried("GRE", kind, data, at, end)
}

// behindRoute passes the source route entries of a GRE header (RFC 1701), up to the empty one.
func behindRoute(data []byte, at, end int) int {
	for end-at >= 4 {
		family, size := binary.BigEndian.Uint16(data[at:]), int(data[at+3])
		if at += 4 + size; family == 0 && size == 0 {
			return at
		}
	}
	return end
}

// erspan passes the header of ERSPAN type II (version 1) or III (version 2), which may have 8 bytes
// more.
func erspan(data []byte, at, end int, version byte, size int) inside {
	if end-at < size || data[at]>>4 != version {
		return inside{}
	}
	const packet = 2 // type III's frame type: IP without an Ethernet header
	link := Ethernet
	if version == 2 {
		if data[at+10]>>2&0x1f == packet {
			link = Raw
		}
		if data[at+11]&1 != 0 {
			size += 8
		}
	}
	return inside{"ERSPAN", link, at + size, end}
}

// mpls passes the labels (RFC 3032). What follows tells by its first four bits what it is: IP, or 0
// for the control word of a pseudowire (RFC 4385), or else an Ethernet frame. Without a control
// word that may be the beginning of an address, too.
func mpls(data []byte, at, end int) inside {
	for range maxMPLSLabels {
		if end-at < 5 {
			return inside{}
		}
		bottom := data[at+2]&1 != 0
		at += 4
		if !bottom {
			continue
		}
		frame := end-at >= 14 && carriesKnown(data[at:])
		switch version := data[at] >> 4; {
		case (version == 4 || version == 6) && !(frame && impossibleIP(data[at:end])):
			return inside{"MPLS", Raw, at, end}
		case version == 0 && !frame && end-at >= 4+14 && carriesKnown(data[at+4:]):
			at += 4
		}
		return inside{"MPLS", Ethernet, at, end}
	}
	return inside{}
}

// impossibleIP reports whether the header of an IP packet contradicts itself or the bytes that are
// there.
func impossibleIP(b []byte) bool {
	if b[0]>>4 == 6 {
		return len(b) < 40 || 40+int(binary.BigEndian.Uint16(b[4:])) > len(b)
	}
	size := int(b[0]&15) * 4
	return size < 20 || len(b) < size || fold(sum(0, b[:size])) != 0xffff
}

// carriesKnown reports whether an Ethernet frame has one of the more usual types.
func carriesKnown(frame []byte) bool {
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherIPv4, etherIPv6, etherARP, etherVLAN, etherServiceVLAN, etherOldVLAN, etherPPPoESession, etherMPLS,
		etherMPLS2:
		return true
	}
	return false
}

// vxlan passes a VXLAN header; that of its Generic Protocol Extension names what follows.
func vxlan(data []byte, at, end int) inside {
	const hasVNI, hasProtocol = 0x08, 0x04
	if end-at < 8 || data[at]&hasVNI == 0 || data[at+7] != 0 {
		return inside{}
	}
	switch protocol := data[at+3]; {
	case data[at]&hasProtocol == 0:
		return inside{"VXLAN", Ethernet, at + 8, end}
	case protocol == 4:
		return nsh(data, at+8, end)
	default:
		return nextProtocol("VXLAN", protocol, at+8, end)
	}
}

// nextProtocol is what a number of VXLAN-GPE or of an NSH announces: IPv4, IPv6 or Ethernet.
func nextProtocol(name string, protocol byte, at, end int) inside {
	switch protocol {
	case 1, 2:
		return inside{name, Raw, at, end}
	case 3:
		return inside{name, Ethernet, at, end}
	}
	return inside{}
}

// nsh passes a Network Service Header (RFC 8300 section 2).
func nsh(data []byte, at, end int) inside {
	const base = 8
	if end-at < base || data[at]>>6 != 0 {
		return inside{}
	}
	size := int(data[at+1]&0x3f) * 4
	if size < base {
		return inside{}
	}
	return nextProtocol("NSH", data[at+3], at+size, end)
}

// gue passes the header of Generic UDP Encapsulation; variant 1 has none.
func gue(data []byte, at, end int) inside {
	const control, length = 0x20, 0x1f
	switch {
	case end-at < 4:
	case data[at]>>6 == 1:
		return inside{"GUE", Raw, at, end}
	case data[at]>>6 == 0 && data[at]&control == 0 && (data[at+1] == protoIPv4 || data[at+1] == protoIPv6):
		return inside{"GUE", Raw, at + 4 + 4*int(data[at]&length), end}
	}
	return inside{}
}

// geneve passes a Geneve header with its options.
func geneve(data []byte, at, end int) inside {
	if end-at < 8 || data[at]>>6 != 0 || data[at+7] != 0 {
		return inside{}
	}
	size := 8 + int(data[at]&0x3f)*4
	return carried("Geneve", binary.BigEndian.Uint16(data[at+2:]), data, at+size, end)
}

// gtpu passes the header of a G-PDU with its extension headers.
func gtpu(data []byte, at, end int) inside {
	const version1, optional, extension = 0x30, 0x07, 0x04
	if end-at < 8 || data[at]&0xf0 != version1 || data[at+1] != gPDU {
		return inside{}
	}
	flags := data[at]
	at += 8
	if flags&optional == 0 {
		return inside{"GTP-U", Raw, at, end}
	}
	at += 4 // sequence number, N-PDU number, type of the extension header
	if end < at {
		return inside{}
	}
	next := data[at-1]
	for range maxGTPUHeaders {
		if flags&extension == 0 || next == 0 {
			return inside{"GTP-U", Raw, at, end}
		}
		if end-at < 4 || data[at] == 0 || end-at < int(data[at])*4 {
			return inside{}
		}
		at += int(data[at]) * 4
		next = data[at-1]
	}
	return inside{}
}

// tzsp passes the header of the TaZmen Sniffer Protocol, as MikroTik's sniffer and wireless ones
// send it: version, type, protocol, then tagged fields up to the one that says it is the last.
func tzsp(data []byte, at, end int) inside {
	const padding, last = 0, 1
	if end-at < 5 || data[at] != 1 || data[at+1] > tzspForTransmit {
		return inside{}
	}
	link, known := map[uint16]LinkType{
		1: Ethernet, 4: PPP, 18: IEEE80211, 119: Prism, 127: AVS,
	}[binary.BigEndian.Uint16(data[at+2:])]
	if !known {
		return inside{}
	}
	for at += 4; at < end; {
		switch data[at] {
		case last:
			return inside{"TZSP", link, at + 1, end}
		case padding:
			at++
		default:
			if end-at < 2 {
				return inside{}
			}
			at += 2 + int(data[at+1])
		}
	}
	return inside{}
}
