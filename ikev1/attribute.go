package ikev1

import (
	"encoding/binary"
	"iter"
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

// attributes is data attributes as they came: parseAttributes has checked their lengths.
type attributes []byte

// parseAttributes takes data attributes to the end of data. On an error those before the damage are
// returned with it.
func parseAttributes(data []byte) (attributes, error) {
	for off := 0; off < len(data); {
		rest := data[off:]
		if len(rest) < 4 {
			return data[:off], malformedf("attribute at byte %d has %d bytes", off, len(rest))
		}
		t, n := binary.BigEndian.Uint16(rest), attributeLen(rest)
		if n > len(rest) {
			return data[:off], malformedf("attribute %d at byte %d: length %d, with %d bytes left", t, off, n-4, len(rest)-4)
		}
		off += n
	}
	return data, nil
}

// attributeLen is the length of the attribute that begins with these 4 bytes.
func attributeLen(b []byte) int {
	if b[0]&0x80 != 0 { // the type/value form
		return 4
	}
	return 4 + int(binary.BigEndian.Uint16(b[2:]))
}

// all yields the attributes in their order.
func (list attributes) all() iter.Seq[attribute] {
	return func(yield func(attribute) bool) {
		for rest := list; len(rest) > 0; {
			n, t := attributeLen(rest), binary.BigEndian.Uint16(rest)
			a := attribute{Type: t & 0x7fff, Basic: t&0x8000 != 0, Value: rest[4:n:n]}
			if a.Basic {
				a.Value = rest[2:4:4]
			}
			if !yield(a) {
				return
			}
			rest = rest[n:]
		}
	}
}
