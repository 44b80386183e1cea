package capture

import "encoding/binary"

// Link layers that a host puts in front of packets for its own purposes.

const (
	nflogPayload = 9  // NFULA_PAYLOAD
	nflogOutdev  = 5  // NFULA_IFINDEX_OUTDEV
	nflogIndev   = 4  // NFULA_IFINDEX_INDEV
	nflogHeader  = 4  // family, version, resource
	tlvHeader    = 4  // length, type
	pktapMin     = 40 // up to the flags
)

// nflog passes a message of Linux netfilter's log: family, version, resource, then attributes with
// length and type in the capturing host's byte order, which the frame does not tell. The payload is
// one of them.
func (f *Frame) nflog(data []byte, at int) (uint8, error) {
	if len(data) < at+nflogHeader {
		return f.shortLink()
	}
	for _, order := range [...]binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for next := at + nflogHeader; next+tlvHeader <= len(data); {
			size, kind := int(order.Uint16(data[next:])), order.Uint16(data[next+2:])
			if size < tlvHeader {
				break
			}
			switch kind {
			case nflogPayload:
				f.nflogAt, f.nflogBig = next, order == binary.BigEndian
				f.LinkLen = next + tlvHeader
				return versionAny, nil
			case nflogIndev:
				f.Direction = DirectionIn
			case nflogOutdev:
				f.Direction = DirectionOut
			}
			next += pad4(size)
		}
	}
	f.Direction = DirectionUnknown
	return versionNone, nil
}

// pktap passes the header in which macOS tells the process and the interface of a packet, version 1
// or 2. Its numbers are in little endian. The flags are at the same place in both.
func (f *Frame) pktap(data []byte, at int, end *int) (uint8, error) {
	if len(data) < at+pktapMin {
		return f.shortLink()
	}
	const in, out, version2 = 1, 2, 1 << 19
	h := data[at : at+pktapMin]
	flags := binary.LittleEndian.Uint32(h[36:])
	size, inner := binary.LittleEndian.Uint32(h), binary.LittleEndian.Uint32(h[8:])
	if flags&version2 != 0 {
		size, inner = uint32(h[0]), uint32(binary.LittleEndian.Uint16(h[6:]))
	}
	switch {
	case flags&in != 0:
		f.Direction = DirectionIn
	case flags&out != 0:
		f.Direction = DirectionOut
	}
	return f.behind(inner, data, at, uint64(size), pktapMin, end)
}

// behind goes on with the link layer that a header of size bytes names. One that names another such
// header is not followed.
func (f *Frame) behind(inner uint32, data []byte, at int, size, least uint64, end *int) (uint8, error) {
	lt := LinkType(inner)
	if size < least || inner > 0xffff || lt == PKTAP || lt == PPI {
		return versionNone, nil
	}
	if uint64(len(data)-at) < size {
		return f.shortLink()
	}
	return f.link(lt, data, at+int(size), end)
}
