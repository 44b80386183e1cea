package esp

import "net/netip"

// Negotiated is one direction of what an IKE Quick Mode agreed on. The packets with this
// SPI go from Src to Dst.
type Negotiated struct {
	SPI, PairSPI uint32 // PairSPI: of the other direction
	Src, Dst     netip.Addr

	Suite    Suite
	Tunnel   bool // tunnel mode, else transport mode
	UDPEncap bool // in UDP (RFC 3948)

	CPI    uint16 // of the IPComp SA agreed on in the same Quick Mode (RFC 3173), else 0
	IPComp uint8  // its transform: 1 OUI, 2 DEFLATE, 3 LZS (RFC 2407, 4.4.5), else 0

	LifeSeconds   uint64 // 0: not agreed on
	LifeKilobytes uint64 // 0: not agreed on
	Group         uint16 // Diffie-Hellman group of perfect forward secrecy, 0 none

	Key, AuthKey Key    // from KEYMAT, where it can be derived (salt at the end of Key)
	KeyReason    string // why Key could not be derived
	Origin       Origin // of SKEYID_d, where Key was derived

	Cookie    [8]byte // initiator cookie of the ISAKMP SA
	MessageID uint32  // of the Quick Mode
}
