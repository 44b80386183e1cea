package ikev1

import (
	"encoding/binary"
)

// deletePayload is the body of a Delete payload (RFC 2408 section 3.15).
type deletePayload struct {
	DOI      uint32
	Protocol protocolID
	SPIs     [][]byte // as long as the payload says: 4 bytes for ESP, 16 (both cookies) for ISAKMP
}

// parseDelete reads the body of a Delete payload. The SPIs are parts of body and fill it exactly.
func parseDelete(body []byte) (deletePayload, error) {
	if len(body) < 8 {
		return deletePayload{}, malformedf("delete payload of %d bytes", len(body))
	}
	d := deletePayload{DOI: binary.BigEndian.Uint32(body), Protocol: protocolID(body[4])}
	size, count := int(body[5]), int(binary.BigEndian.Uint16(body[6:]))
	if size*count != len(body)-8 || size == 0 && count > 0 {
		return d, malformedf("delete payload: %d SPIs of %d bytes in %d bytes", count, size, len(body)-8)
	}
	if count > 0 {
		d.SPIs = make([][]byte, count)
	}
	for i := range d.SPIs {
		d.SPIs[i] = body[8+i*size : 8+(i+1)*size : 8+(i+1)*size]
	}
	return d, nil
}

// espSPIs returns the SPIs of the ESP SAs that are deleted, none for another protocol.
func (d *deletePayload) espSPIs() []uint32 {
	if d.Protocol != protocolESP {
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
