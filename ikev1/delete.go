package ikev1

import (
	"encoding/binary"
	"iter"
	"slices"
)

// deletePayload is the body of a Delete payload (RFC 2408 section 3.15).
type deletePayload struct {
	DOI      uint32
	Protocol protocolID
	count    int    // SPIs
	size     int    // of one in bytes: 4 for ESP, 16 (both cookies) for ISAKMP
	list     []byte // of them
}

// spis yields the SPIs in their order.
func (d *deletePayload) spis() iter.Seq[[]byte] { return slices.Chunk(d.list, max(d.size, 1)) }

// parseDelete reads the body of a Delete payload. The SPIs are parts of body and fill it exactly.
func parseDelete(body []byte) (deletePayload, error) {
	if len(body) < 8 {
		return deletePayload{}, malformedf("delete payload of %d bytes", len(body))
	}
	size, count := int(body[5]), int(binary.BigEndian.Uint16(body[6:]))
	d := deletePayload{DOI: binary.BigEndian.Uint32(body), Protocol: protocolID(body[4])}
	if size*count != len(body)-8 || size == 0 && count > 0 {
		return d, malformedf("delete payload: %d SPIs of %d bytes in %d bytes", count, size, len(body)-8)
	}
	d.size, d.count, d.list = size, count, body[8:]
	return d, nil
}

// espSPIs returns the SPIs of the ESP SAs that are deleted, none for another protocol.
func (d *deletePayload) espSPIs() []uint32 {
	if d.Protocol != protocolESP {
		return nil
	}
	var list []uint32
	for spi := range d.spis() {
		if len(spi) == 4 {
			list = append(list, binary.BigEndian.Uint32(spi))
		}
	}
	return list
}
