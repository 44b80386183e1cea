package esp

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
