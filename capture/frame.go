package capture

import "net/netip"

// Direction says which way a packet went past the capturing host, where the link layer tells.
type Direction uint8

const (
	DirectionUnknown Direction = iota
	DirectionIn
	DirectionOut
)

// Frame is a decoded frame: offsets into its data, which the caller keeps. It may be used again and again and
// allocates nothing.
type Frame struct {
	LinkLen   int   // where the IP header begins: link header, VLAN tags, PPPoE and PPP passed
	IPVersion uint8 // 4 or 6; 0 not IP, and then nothing but Direction is set
	Direction Direction

	Src, Dst netip.Addr
	Protocol uint8 // upper layer protocol, after extension headers and AH

	PayloadStart, PayloadEnd int // upper layer payload; the end is cut to what was captured
	PayloadLen               int // its length according to the IP header; PayloadEnd-PayloadStart unless Truncated

	Truncated     bool // the capture holds less than the lengths in the headers say
	Fragment      bool // one of several fragments; the first one has ports too, all others no UDP and TCP
	MoreFragments bool
	FragOffset    int // bytes
	FragID        uint32

	UDP              bool
	TCP              bool
	SrcPort, DstPort uint16
	UDPStart, UDPEnd int // UDP payload, cut to what was captured and to the UDP length
	UDPLen           int // UDP payload length according to the UDP header

	ipEnd int
}

// Decode takes a frame apart. What is not IP is no error: IPVersion is 0.
func (f *Frame) Decode(lt LinkType, data []byte) error { *f = Frame{}; return nil }

// DecodeIP takes a packet apart that begins with its IP header.
func (f *Frame) DecodeIP(data []byte) error { *f = Frame{}; return nil }
