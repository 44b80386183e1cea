package filter

import "cmp"

// LinkType is a LINKTYPE_ value, as files of captures hold it.
type LinkType uint16

// Raw is IPv4 or IPv6 without a link header.
const Raw LinkType = 101

// EtherTypes.
const (
	etherIP                    = 0x0800
	etherIP6                   = 0x86dd
	etherARP                   = 0x0806
	etherRARP                  = 0x8035
	etherVLAN                  = 0x8100
	etherService               = 0x88a8
	etherOldVLAN               = 0x9100
	etherPPPoEDiscovery        = 0x8863
	etherPPPoESession          = 0x8864
	smallestEtherType          = 0x0600
	linuxOutgoing       uint32 = 4 // packet type of Linux's cooked captures
)

// link is where in a frame the network layer begins, and where it is said which that is.
type link struct {
	numbers   numbers
	typeAt    int
	network   int
	ethernet  bool  // the frame begins with Ethernet addresses
	direction field // packet type of Linux, of size 0 where there is none
	index     field // of the interface, likewise
}

// numbers is how the network layer is named.
type numbers uint8

const (
	etherTypes   numbers = iota
	pppProtocols         // of two bytes
	families             // of addresses, in four bytes
	versions             // there is no name: the first four bits of the packet say it
	onlyIP
	onlyIP6
)

// links are the link types that are known.
var links = map[LinkType]link{
	0:   {numbers: families, network: 4},                                           // NULL
	1:   {numbers: etherTypes, typeAt: 12, network: 14, ethernet: true},            // ETHERNET
	9:   {numbers: pppProtocols, typeAt: 2, network: 4},                            // PPP
	12:  {numbers: versions},                                                       // RAW
	14:  {numbers: versions},                                                       // RAW of OpenBSD
	50:  {numbers: pppProtocols, typeAt: 2, network: 4},                            // PPP_HDLC
	51:  {numbers: pppProtocols, typeAt: 6, network: 8},                            // PPP_ETHER
	Raw: {numbers: versions},                                                       // RAW
	104: {numbers: etherTypes, typeAt: 2, network: 4},                              // C_HDLC
	108: {numbers: families, network: 4},                                           // LOOP
	109: {numbers: families, network: 12},                                          // ENC
	113: {numbers: etherTypes, typeAt: 14, network: 16, direction: field{size: 2}}, // LINUX_SLL
	228: {numbers: onlyIP},                                                         // IPV4
	229: {numbers: onlyIP6},                                                        // IPV6
	276: {numbers: etherTypes, typeAt: 0, network: 20,
		direction: field{at: 10, size: 1}, index: field{at: 4, size: 4}}, // LINUX_SLL2
}

// byEtherType is how else IPv4 and IPv6 are named. AF_INET is 2 everywhere, AF_INET6 is what it is.
var byEtherType = map[uint32]struct {
	ppp, version uint32
	families     []uint32
}{
	etherIP:  {0x0021, 4, []uint32{2}},
	etherIP6: {0x0057, 6, []uint32{10, 23, 24, 28, 30}},
}

// is makes the condition that a frame's network layer has that EtherType.
func (l *link) is(etherType uint32) node {
	others, ok := byEtherType[etherType]
	switch l.numbers {
	case versions:
		if !ok {
			return always(false)
		}
		return masked(l.network, 1, 0xf0, others.version<<4)
	case onlyIP:
		return always(etherType == etherIP)
	case onlyIP6:
		return always(etherType == etherIP6)
	case families: // in the order of the host that captured
		n := node(always(false))
		for _, v := range others.families {
			n = or(n, equal(0, 4, v), equal(0, 4, v<<24))
		}
		return n
	case pppProtocols:
		etherType = cmp.Or(others.ppp, etherType)
	}
	return equal(l.typeAt, 2, etherType)
}

// equal makes the condition that a field has a value.
func equal(at, size int, value uint32) node { return masked(at, size, 0xffffffff, value) }

func masked(at, size int, mask, value uint32) node {
	return &within{field{at: at, size: size}, mask, value, value}
}
