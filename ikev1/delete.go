package ikev1

import (
	"encoding/binary"
	"fmt"
)

// Delete is the body of a Delete payload (RFC 2408 section 3.15).
type Delete struct {
	DOI      uint32
	Protocol ProtocolID
	SPIs     [][]byte // as long as the payload says: 4 bytes for ESP, 16 (both cookies) for ISAKMP
}

// ParseDelete reads the body of a Delete payload. The SPIs are parts of body
// and fill it exactly.
func ParseDelete(body []byte) (Delete, error) {
	if len(body) < 8 {
		return Delete{}, fmt.Errorf("ikev1: delete payload of %d bytes: %w", len(body), ErrMalformed)
	}
	d := Delete{DOI: binary.BigEndian.Uint32(body), Protocol: ProtocolID(body[4])}
	size, count := int(body[5]), int(binary.BigEndian.Uint16(body[6:]))
	if size*count != len(body)-8 || size == 0 && count > 0 {
		return d, fmt.Errorf("ikev1: delete payload: %d SPIs of %d bytes in %d bytes: %w", count, size, len(body)-8, ErrMalformed)
	}
	if count > 0 {
		d.SPIs = make([][]byte, count)
	}
	for i := range d.SPIs {
		d.SPIs[i] = body[8+i*size : 8+(i+1)*size : 8+(i+1)*size]
	}
	return d, nil
}

// ESPSPIs returns the SPIs of the ESP SAs that are deleted, none for another
// protocol.
func (d *Delete) ESPSPIs() []uint32 {
	if d.Protocol != ProtocolESP {
		return nil
	}
	var list []uint32
	for _, spi := range d.SPIs {
		if len(spi) == 4 {
			list = append(list, binary.BigEndian.Uint32(spi))
		}
	}
	return list
}

// DeletesISAKMP says that the payload deletes an ISAKMP SA. The cookies are
// zero where the payload doesn't hold both.
func (d *Delete) DeletesISAKMP() (initiator, responder Cookie, ok bool) {
	if d.Protocol != ProtocolISAKMP {
		return
	}
	for _, spi := range d.SPIs {
		if len(spi) == 16 {
			return Cookie(spi[:8]), Cookie(spi[8:]), true
		}
	}
	return Cookie{}, Cookie{}, true
}
