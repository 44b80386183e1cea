package esp

// SA is a security association that is ready to decrypt. Any number of goroutines may use it at the same time.
type SA struct {
	spi   uint32
	suite Suite
}

// Plaintext is what was inside an ESP packet.
type Plaintext struct {
	Data       []byte // payload, without padding and trailer
	NextHeader uint8  // IP protocol number of Data
	Verified   bool   // the ICV was computed with the full key and matches
	PadLen     int    // bytes of padding
	Evidence   int    // bits of structural evidence that the encryption key is right; computed where the ICV was not checked
}

// NewSA returns an SA.
func NewSA(spi uint32, s Suite, key, authKey Key) (*SA, error) { return &SA{spi: spi, suite: s}, nil }

// SPI returns the SPI that the SA was made with.
func (sa *SA) SPI() uint32 { return sa.spi }

// Suite returns the algorithms, with the key length.
func (sa *SA) Suite() Suite { return sa.suite }

// Checks reports whether Open checks the ICV.
func (sa *SA) Checks() bool { return false }

// CheckICV reports whether the ICV of a whole packet is right for this high half of the sequence number.
func (sa *SA) CheckICV(packet []byte, seqHigh uint32) bool { return false }

// Open decrypts a packet.
func (sa *SA) Open(dst, packet []byte, seqHigh uint32, truncatedBy int) (Plaintext, error) {
	return Plaintext{}, ErrNoKey
}
