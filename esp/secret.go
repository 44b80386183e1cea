package esp

import (
	"net/netip"
	"strconv"
	"unique"
)

// Secret is what a key source says about one SA. Parts that the source does not name are
// zero.
type Secret struct {
	SPI     uint32
	SPIMask uint32 // bits of SPI that are known: 0xffffffff all of them, 0 any SPI

	Src, Dst AddrPattern // outer addresses; the zero value fits any

	Suite Suite // zero parts: not named by the source

	// Key is the encryption key; for AES-CTR, GCM, CCM, GMAC and ChaCha20 the salt is its
	// end (4 bytes, 3 for CCM), as KEYMAT has it.
	Key Key
	// AuthKey is the authentication key; empty: the ICV can't be checked.
	AuthKey Key

	KeyHead     bool // Key may be only the first bytes of the key
	AuthKeyHead bool // AuthKey may be only the first bytes of the key

	// Uncertain: the keys are some of several that may be this SPI's, the source does not say
	// which. Where they open nothing, they are no wrong keys.
	Uncertain bool

	ESNKnown bool   // the source says whether sequence numbers are 64 bits long: Suite.ESN
	SeqHigh  uint32 // high half of the sequence number, where the source has it

	PairSPI uint32 // SPI of the other direction where the source ties the two, else 0

	Origin Origin // where it was found
}

// MatchesSPI reports whether the secret is for this SPI, as far as the source names it.
func (s *Secret) MatchesSPI(spi uint32) bool { return (spi^s.SPI)&s.SPIMask == 0 }

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

// Origin is the place in a key source where a value was found. The zero value is no place.
type Origin struct {
	file unique.Handle[string] // there are as many origins as keys, and few files
	Line int                   // from 1; 0: the source has no lines
}

// OriginAt is a line of a file, or of "xfrm" and the like; a line of 0 is that of a source without
// lines.
func OriginAt(file string, line int) Origin {
	if file == "" {
		return Origin{Line: line}
	}
	return Origin{unique.Make(file), line}
}

// File returns the name of the file.
func (o Origin) File() string {
	if o.file == (unique.Handle[string]{}) {
		return ""
	}
	return o.file.Value()
}

// String returns the place as in "router.log:17", "" for the zero value.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File()
	}
	return o.File() + ":" + strconv.Itoa(o.Line)
}

// IsZero reports whether no place is known.
func (o Origin) IsZero() bool { return o == Origin{} }
