package capture

import "encoding/binary"

// What link returns for the network layer.
const (
	versionNone uint8 = 0    // not IP
	versionAny  uint8 = 0xff // the first four bits say
)

// EtherType values.
const (
	etherIPv4         = 0x0800
	etherIPv6         = 0x86dd
	etherARP          = 0x0806
	etherVLAN         = 0x8100 // 802.1Q
	etherServiceVLAN  = 0x88a8 // 802.1ad
	etherOldVLAN      = 0x9100 // QinQ before 802.1ad
	etherPPPoESession = 0x8864
	etherJumboLLC     = 0x8870 // 802.2 in frames longer than an 802.3 length can say
	etherMaxLength    = 0x05dc // up to here it is an 802.3 length
	sllProtocolLLC    = 0x0004 // Linux: 802.2 frames in cooked captures
	arphrdPPP         = 512    // Linux: the device type of a PPP interface
)

// PPP protocol numbers.
const (
	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
)

const maxVLANTags = 8

// link finds the network layer of a frame that begins at the byte at, sets LinkLen, and cuts end to
// where the link layer says that it ends.
func (f *Frame) link(lt LinkType, data []byte, at int, end *int) (version uint8, err error) {
	switch lt {
	case Ethernet:
		if len(data) < at+14 {
			return f.shortLink()
		}
		f.macBehind = at + 12
		return f.etherType(data, binary.BigEndian.Uint16(data[at+12:]), at+12, at+14, end, false)
	case LinuxSLL:
		if len(data) < at+16 {
			return f.shortLink()
		}
		f.Direction = sllDirection(data[at+1])
		f.PPPInterface = binary.BigEndian.Uint16(data[at+2:]) == arphrdPPP
		return f.etherType(data, binary.BigEndian.Uint16(data[at+14:]), at+14, at+16, end, true)
	case LinuxSLL2:
		if len(data) < at+20 {
			return f.shortLink()
		}
		f.Direction = sllDirection(data[at+10])
		f.PPPInterface = binary.BigEndian.Uint16(data[at+8:]) == arphrdPPP
		return f.etherType(data, binary.BigEndian.Uint16(data[at:]), at, at+20, end, true)
	case Raw, IPv4, IPv6, RawBSD, RawOpenBSD:
		return f.raw(lt, data, at)
	case Null, Loop:
		return f.loopback(data, at, 4)
	case PPP, PPPHDLC, CiscoHDLC, PPPD, PPPWithDir:
		return f.pppLink(lt, data, at)
	case PPPEther:
		return f.pppoe(data, at, end)
	case IEEE80211:
		return f.wifi(data, at, end)
	case Radiotap, Prism, AVS, PPI:
		return f.wifiRadio(lt, data, at, end)
	case NFLOG:
		return f.nflog(data, at)
	case ENC:
		return f.loopback(data, at, 12) // address family, SPI, flags
	case PKTAP:
		return f.pktap(data, at, end)
	}
	return versionNone, nil
}

// raw: there is no link header.
func (f *Frame) raw(lt LinkType, data []byte, at int) (version uint8, err error) {
	f.LinkLen = at
	switch lt {
	case IPv4:
		return 4, nil
	case IPv6:
		return 6, nil
	}
	if lt != Raw && len(data) >= at+4 && data[at] == 0 {
		return f.loopback(data, at, 4) // OpenBSD's DLT_LOOP has the number that DLT_RAW has elsewhere
	}
	return versionAny, nil
}

// pppLink finds the network layer of the kinds of PPP on a line.
func (f *Frame) pppLink(lt LinkType, data []byte, at int) (version uint8, err error) {
	switch lt {
	case PPPHDLC, CiscoHDLC:
		if len(data) >= at+4 && (data[at] == 0x0f || data[at] == 0x8f) {
			f.LinkLen, f.typeEnd = at+4, at+4 // Cisco HDLC: address, control, EtherType
			return etherVersion(binary.BigEndian.Uint16(data[at+2:])), nil
		}
	case PPPWithDir, PPPD:
		if len(data) < at+2 {
			return f.shortLink()
		}
		f.Direction = DirectionIn
		if data[at] != 0 {
			f.Direction = DirectionOut
		}
		at++
		if lt == PPPD && data[at] == 3 { // the control byte
			at++
		}
	}
	return f.ppp(data, at)
}

func (f *Frame) shortLink() (uint8, error) {
	f.Truncated, f.LinkLen = true, 0
	return versionNone, errShortLink
}

func sllDirection(packetType byte) Direction {
	if packetType == 4 {
		return DirectionOut
	}
	return DirectionIn
}

func etherVersion(kind uint16) uint8 {
	switch kind {
	case etherIPv4:
		return 4
	case etherIPv6:
		return 6
	}
	return versionNone
}

// etherType goes on from the EtherType kind, found at position at; what it announces begins at
// next. In cooked captures small values are Linux's own protocol numbers and no lengths.
func (f *Frame) etherType(data []byte, kind uint16, at, next int, end *int, cooked bool) (uint8, error) {
	for tags := 0; kind == etherVLAN || kind == etherServiceVLAN || kind == etherOldVLAN; tags++ {
		if tags == maxVLANTags {
			return versionNone, nil
		}
		if len(data) < next+4 {
			return f.shortLink()
		}
		if f.tags++; tags == 0 {
			f.tagsAt = next
		}
		at = next + 2
		kind = binary.BigEndian.Uint16(data[at:])
		next += 4
		cooked = false
	}
	switch {
	case kind == etherPPPoESession:
		f.EtherType = kind
		return f.pppoe(data, next, end)
	case cooked && kind == sllProtocolLLC:
		return f.snap(data, next, 0, end)
	case !cooked && kind <= etherMaxLength:
		if *end > next+int(kind) {
			*end = next + int(kind)
		}
		return f.snap(data, next, at, end)
	}
	if kind == etherJumboLLC {
		return f.snap(data, next, at, end)
	}
	f.EtherType, f.LinkLen, f.typeEnd = kind, next, at+2
	return etherVersion(kind), nil
}

// snap passes 802.2 LLC and SNAP (RFC 1042); lengthAt is where the 802.3 length is, 0 if there is
// none.
func (f *Frame) snap(data []byte, at, lengthAt int, end *int) (uint8, error) {
	if *end < at+8 {
		return versionNone, nil // other LLC protocols
	}
	b := data[at : at+8]
	if b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 || b[3] != 0 || b[4] != 0 || b[5] != 0 && b[5] != 0xf8 {
		return versionNone, nil
	}
	f.lengthAt = lengthAt
	f.EtherType, f.LinkLen, f.typeEnd = binary.BigEndian.Uint16(b[6:]), at+8, at+8
	return etherVersion(f.EtherType), nil
}

// pppoe passes a PPPoE session header (RFC 2516) at position at.
func (f *Frame) pppoe(data []byte, at int, end *int) (uint8, error) {
	if len(data) < at+6 {
		return f.shortLink()
	}
	if data[at] != 0x11 {
		return versionNone, errPPPoEVersion
	}
	if data[at+1] != 0 {
		return versionNone, nil // discovery
	}
	f.pppoeAt = at + 4
	stop := at + 6 + int(binary.BigEndian.Uint16(data[at+4:]))
	if stop < *end {
		*end = stop
	}
	return f.ppp(data[:*end], at+6)
}

// ppp passes a PPP header (RFC 1661, RFC 1662): the address and control bytes if they are there,
// then a protocol field of one or two bytes.
func (f *Frame) ppp(data []byte, at int) (uint8, error) {
	f.PPPStart, f.PPPEnd = min(at, len(data)), len(data)
	if len(data) >= at+2 && data[at] == 0xff && data[at+1] == 3 {
		at += 2
	}
	if len(data) < at+1 {
		return f.shortLink()
	}
	protocol := uint16(data[at])
	at++
	if protocol&1 == 0 {
		if len(data) < at+1 {
			return f.shortLink()
		}
		protocol = protocol<<8 | uint16(data[at])
		at++
		f.typeEnd = at
	}
	f.LinkLen = at
	switch protocol {
	case pppIPv4:
		return 4, nil
	case pppIPv6:
		return 6, nil
	}
	return versionNone, nil
}

// loopback passes a header of size bytes that begins with an address family, in either byte order,
// as null, loopback and ENC captures have it. AF_INET is 2 everywhere, AF_INET6 is 24 (NetBSD,
// OpenBSD), 28 (FreeBSD), 30 (macOS), 10 (Linux) or 23 (Windows).
func (f *Frame) loopback(data []byte, at, size int) (uint8, error) {
	if len(data) < at+size {
		return f.shortLink()
	}
	family := binary.LittleEndian.Uint32(data[at:])
	if family > 0xffff {
		family = binary.BigEndian.Uint32(data[at:])
	}
	f.LinkLen = at + size
	switch family {
	case 2:
		return 4, nil
	case 10, 23, 24, 28, 30:
		return 6, nil
	}
	return versionNone, nil
}
