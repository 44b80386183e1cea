package ikev1

import (
	"encoding/binary"
)

// attribute is a data attribute (RFC 2408 section 3.3) of a transform, of Mode-Config or a notice.
type attribute struct {
	Type  uint16 // without the format bit
	Basic bool   // type/value form: Value is 2 bytes and had no length on the wire
	Value []byte // part of the bytes parsed
}

// Uint returns the value as an unsigned number. Values of any length are taken as long as they fit
// in 64 bits; ok is false where they don't, or where there is no value.
func (a *attribute) number() (v uint64, ok bool) {
	b := a.Value
	for len(b) > 8 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v, true
}

// parseAttributes reads data attributes to the end of data. Their values are parts of data. On an
// error the attributes before the damage are returned with it.
func parseAttributes(data []byte) ([]attribute, error) {
	const usual = 16
	list := make([]attribute, 0, min(len(data)/4, usual))
	for off := 0; off < len(data); {
		rest := data[off:]
		if len(rest) < 4 {
			return list, malformedf("attribute at byte %d has %d bytes", off, len(rest))
		}
		t := binary.BigEndian.Uint16(rest)
		a := attribute{Type: t & 0x7fff, Basic: t&0x8000 != 0}
		n := 4
		if a.Basic {
			a.Value = rest[2:4:4]
		} else {
			n += int(binary.BigEndian.Uint16(rest[2:]))
			if n > len(rest) {
				return list, malformedf("attribute %d at byte %d: length %d, with %d bytes left", a.Type, off, n-4, len(rest)-4)
			}
			a.Value = rest[4:n:n]
		}
		list = append(list, a)
		off += n
	}
	return list, nil
}
