package esp

import (
	"encoding/binary"
	"errors"
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

// What can be wrong with a packet or a key. SA.Open returns these values themselves, so
// that a damaged or foreign packet costs no allocation; constructors wrap them with the
// figures that a person needs.
var (
	// ErrICV: the integrity check value does not match: another key, or a damaged packet.
	ErrICV = errors.New("esp: integrity check value does not match")
	// ErrStructure: there is no authentication key, and what decryption gives is not the
	// inside of an ESP packet.
	ErrStructure = errors.New("esp: decrypted bytes have not the structure of a packet")
	// ErrWeak: the padding is right, but what else there is proves nothing by itself: enough only
	// under a key that other packets have proved. It wraps ErrStructure.
	ErrWeak = fmt.Errorf("%w that proves a key", ErrStructure)
	// ErrIncomplete: a key is known, but not all of its bytes.
	ErrIncomplete = errors.New("esp: key is incomplete")
	// ErrTruncated: the capture holds only part of the packet.
	ErrTruncated = errors.New("esp: packet is truncated")
	// ErrMalformed: the packet itself is broken.
	ErrMalformed = errors.New("esp: malformed packet")
	// ErrPlaintext: the integrity check value is right, and what decryption gives can't be the
	// inside of a packet, as behind a wrong encryption key. It wraps ErrMalformed.
	ErrPlaintext = fmt.Errorf("%w: impossible plaintext behind a right integrity check value", ErrMalformed)
)
