package esp

import "net/netip"

// Negotiated is one direction of what an IKE Quick Mode agreed on. The packets with this
// SPI go from Src to Dst.
type Negotiated struct {
	SPI, PairSPI uint32 // PairSPI: of the other direction
	Src, Dst     netip.Addr

	Suite       Suite
	LifeSeconds uint64 // 0: not agreed on

	Key, AuthKey Key    // from KEYMAT, where it can be derived (salt at the end of Key)
	KeyReason    string // why Key could not be derived
	Origin       Origin // of SKEYID_d, where Key was derived

	Cookie    [8]byte // initiator cookie of the ISAKMP SA
	MessageID uint32  // of the Quick Mode
	Group     uint16  // Diffie-Hellman group of perfect forward secrecy, 0 none
	UDPEncap  bool    // in UDP (RFC 3948)
}
