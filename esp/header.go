package esp

import (
	"encoding/binary"
	"fmt"
)

// HeaderLen is the length of what is in front of the IV: SPI and sequence number, 4 bytes each (RFC
// 4303, 2).
const HeaderLen = 8

// Header is the part of an ESP packet that is never encrypted.
type Header struct {
	SPI uint32 // 1 to 255 are reserved, 0 is never on the wire
	Seq uint32 // low 32 bits of the sequence number
}

// Decode reads the header of a packet that begins with its SPI. The error wraps ErrMalformed.
func (h *Header) Decode(packet []byte) error {
	if len(packet) < HeaderLen {
		return fmt.Errorf("%w: %d bytes are shorter than the header", ErrMalformed, len(packet))
	}
	h.SPI = binary.BigEndian.Uint32(packet)
	h.Seq = binary.BigEndian.Uint32(packet[4:])
	return nil
}
