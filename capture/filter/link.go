package filter

// LinkType is a LINKTYPE_ value, as files of captures hold it.
type LinkType uint16

// Raw is IPv4 or IPv6 without a link header.
const Raw LinkType = 101

// EtherTypes, and PPP's numbers of the same.
const (
	etherIP, pppIP             = 0x0800, 0x0021
	etherIP6, pppIP6           = 0x86dd, 0x0057
	etherARP, etherRARP        = 0x0806, 0x8035
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

// is makes the condition that a frame's network layer has that EtherType.
func (l *link) is(etherType uint32) node {
	switch l.numbers {
	case versions:
		switch etherType {
		case etherIP:
			return masked(l.network, 1, 0xf0, 0x40)
		case etherIP6:
			return masked(l.network, 1, 0xf0, 0x60)
		}
		return always(false)
	case onlyIP:
		return always(etherType == etherIP)
	case onlyIP6:
		return always(etherType == etherIP6)
	case families:
		return l.isFamily(etherType)
	case pppProtocols:
		switch etherType {
		case etherIP:
			etherType = pppIP
		case etherIP6:
			etherType = pppIP6
		}
	}
	return equal(l.typeAt, 2, etherType)
}

// isFamily: AF_INET is 2 everywhere, AF_INET6 is what it is; the bytes are in the order of the host
// that captured.
func (l *link) isFamily(etherType uint32) node {
	n := node(always(false))
	var values []uint32
	switch etherType {
	case etherIP:
		values = []uint32{2}
	case etherIP6:
		values = []uint32{10, 23, 24, 28, 30}
	}
	for _, v := range values {
		n = or(n, equal(0, 4, v), equal(0, 4, v<<24))
	}
	return n
}

// equal makes the condition that a field has a value.
func equal(at, size int, value uint32) node { return masked(at, size, 0xffffffff, value) }

func masked(at, size int, mask, value uint32) node {
	return &within{field{at: at, size: size}, mask, value, value}
}
