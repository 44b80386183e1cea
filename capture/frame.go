package capture

import (
	"errors"
	"net/netip"
)

// Direction says which way a packet went past the capturing host, where the link layer tells.
type Direction uint8

// Directions.
const (
	DirectionUnknown Direction = iota
	DirectionIn
	DirectionOut
)

// IP protocol numbers.
const (
	protoHopByHop    = 0
	protoICMP        = 1
	protoIGMP        = 2
	protoTCP         = 6
	protoUDP         = 17
	protoICMPv6      = 58
	protoRouting     = 43
	protoFragment    = 44
	protoAH          = 51
	protoNoNext      = 59
	protoDestination = 60
	protoMobility    = 135
	protoHIP         = 139
	protoShim6       = 140
)

// What Decode reports. The frame itself may be whole for others to read; it is not for this
// package.
var (
	errShortLink    = errors.New("link: frame is shorter than its link header")
	errPPPoEVersion = errors.New("pppoe: version and type are not 1")
	errShortIP      = errors.New("ip: packet is shorter than its header")
	errIPVersion    = errors.New("ip: version does not fit the link layer")
	errIPv4Header   = errors.New("ip: header length is less than 20 bytes")
	errIPv4Length   = errors.New("ip: total length is less than the header length")
	errExtension    = errors.New("ip6: extension header goes past the end of the packet")
	errExtensions   = errors.New("ip6: too many extension headers")
	errAH           = errors.New("ah: header goes past the end of the packet")
	errShortUDP     = errors.New("udp: packet is shorter than its header")
	errUDPLength    = errors.New("udp: length does not fit the packet")
	errShortTCP     = errors.New("tcp: packet is shorter than its header")
	errTCPHeader    = errors.New("tcp: header length does not fit the packet")
)

// Frame is a decoded frame: offsets into its data, which the caller keeps. It may be used again and
// again and allocates nothing.
type Frame struct {
	LinkLen   int    // where the IP header begins: link header, VLAN tags, PPPoE and PPP passed
	IPVersion uint8  // 4 or 6; 0 not IP, and then only what is of the link layer is set
	EtherType uint16 // of Ethernet, cooked and SNAP frames, behind VLAN tags; 0 there is none
	Direction Direction

	Src, Dst netip.Addr
	Protocol uint8 // upper layer protocol, after IPv6 extension headers and AH

	PayloadStart, PayloadEnd int // upper layer payload; the end is cut to what was captured
	PayloadLen               int // its length by the IP header: PayloadEnd-PayloadStart unless Truncated

	// Truncated: the capture holds less than the IP length says. With an error of Decode: what is
	// missing is what was not captured; if it is false then, the packet is malformed.
	Truncated bool

	// Fragment: one of several fragments of a datagram. The payload is that of the fragment; UDP
	// and TCP are set on the first one only, and with a UDPLen that is the whole datagram's.
	Fragment      bool
	MoreFragments bool
	FragOffset    int // bytes
	FragID        uint32

	UDP, TCP         bool
	SrcPort, DstPort uint16
	UDPStart, UDPEnd int  // UDP payload, cut to what was captured and to the UDP length
	UDPLen           int  // UDP payload length according to the UDP header
	UDPTooLong       bool // the UDP header says more than the IP header, which UDPLen is by then
	TCPStart, TCPEnd int  // TCP payload, cut to what was captured

	// PPPInterface: the IP packet passed a PPP interface of Linux, whose PPP header is not captured.
	PPPInterface bool

	// The PPP frame of PPP and PPPoE, address and control bytes included; both 0 there is none.
	PPPStart, PPPEnd int

	linkMarks
	protocolAt     int // the byte that holds Protocol
	fragmentAt     int // the IPv6 fragment header; 0 there is none
	fragmentNextAt int // the byte that says that a fragment header follows
	finalDst       netip.Addr
}

// PPPoE reports whether the link layer has a PPPoE session header.
func (f *Frame) PPPoE() bool { return f.pppoeAt != 0 }

// Ends returns who sent the packet, and to whom. The ports are 0 where it has none.
func (f *Frame) Ends() (src, dst netip.AddrPort) {
	return netip.AddrPortFrom(f.Src, f.SrcPort), netip.AddrPortFrom(f.Dst, f.DstPort)
}

// linkMarks is where the link layer says something, of what is behind it to be mended in a frame
// that is written again. Of what is 0 there is none.
type linkMarks struct {
	macBehind         int // behind the two addresses of an Ethernet header
	tagsAt, tags      int // the first VLAN tag, and how many there are
	pppoeAt, lengthAt int // the PPPoE length and the 802.3 length
	typeEnd           int // behind the EtherType or the PPP protocol of two bytes
	nflogAt           int // the length of NFLOG's payload
	nflogBig          bool
	radioFlagsAt      int  // the byte of radiotap that says that a frame check sequence follows
	subframesAt       int  // of an A-MSDU of 802.11
	sealed            bool // what is behind the header of 802.11 is encrypted
}

// Decode takes a frame apart. What is not IP, or has an unknown link type, is no error: IPVersion
// is 0. An error says what in the frame is malformed; if Truncated is set too, the capture does not
// hold enough of it. The fields up to there are set. Decode keeps no reference to data.
func (f *Frame) Decode(lt LinkType, data []byte) error {
	*f = Frame{}
	end := len(data)
	version, err := f.link(lt, data, 0, &end)
	if err != nil || version == 0 {
		return err
	}
	return f.ip(data[:end], version)
}

// DecodeIP takes a packet apart that begins with its IP header.
func (f *Frame) DecodeIP(data []byte) error {
	*f = Frame{}
	return f.ip(data, versionAny)
}

// ip decodes from LinkLen on; data ends where the link layer says that its payload ends, padding
// included.
func (f *Frame) ip(data []byte, version uint8) error {
	if f.LinkLen >= len(data) {
		f.Truncated = true
		return errShortIP
	}
	switch got := data[f.LinkLen] >> 4; {
	case version != versionAny && got != version:
		return errIPVersion
	case got == 4:
		return f.ipv4(data)
	case got == 6:
		return f.ipv6(data)
	case version == versionAny:
		return nil // raw IP of neither kind
	}
	return errIPVersion
}

// end sets the payload's end: length bytes from start as the header says.
func (f *Frame) end(data []byte, stop int) {
	f.PayloadLen = max(stop-f.PayloadStart, 0)
	f.PayloadEnd = max(min(stop, len(data)), f.PayloadStart)
	f.Truncated = stop > len(data)
}
