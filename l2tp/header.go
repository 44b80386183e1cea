package l2tp

import (
	"encoding/binary"
	"errors"
)

// Protocol versions as the version field of the first 16 bits has them.
const (
	versionL2F = 1 // RFC 2341, recognised only
	Version2   = 2 // RFC 2661
	Version3   = 3 // RFC 3931
)

// Bits of the first 16 bits of a header (RFC 2661 section 3.1).
const (
	flagType     = 0x8000
	flagLength   = 0x4000
	flagSequence = 0x0800
	flagOffset   = 0x0200
	maskVersion  = 0x000f
)

// Errors of Header.Decode. They are static, so that a damaged packet costs no allocation.
var (
	// errShort means that the data ends inside the header.
	errShort = errors.New("l2tp: packet is shorter than its header")
	// errLength means that the Length field covers less than the header itself.
	errLength = errors.New("l2tp: length field is smaller than the header")
	// ErrTruncated means that the Length field says more bytes than there are. The
	// header has been decoded and the payload is what there is of it.
	ErrTruncated = errors.New("l2tp: length field is larger than the packet")
	// errOffset means that the offset padding reaches beyond the packet.
	errOffset = errors.New("l2tp: offset field reaches beyond the packet")
	// errVersion means that the version field is neither L2F, L2TPv2 nor L2TPv3.
	errVersion = errors.New("l2tp: unknown version")
)

// MinHeader is the size of the smallest header in bytes.
const MinHeader = 6

// Header is a decoded L2TP header. It holds no pointer: offsets count from the first byte of
// the data that was given to Decode. A Header may be reused for any number of packets.
type Header struct {
	Version     uint8 // versionL2F, Version2 or Version3
	Control     bool  // T bit: a control message
	HasLength   bool  // L bit
	HasSequence bool  // S bit: Ns and Nr are there
	HasOffset   bool  // O bit

	Length uint16 // Length field in bytes, header included; 0 without the L bit
	Ns, Nr uint16 // sequence numbers; 0 without the S bit
	Offset uint16 // Offset Size field: bytes of padding; 0 without the O bit

	// IDs that the receiver assigned, of 16 bits, in L2TPv3 of 32: of a control message of L2TPv3
	// there is the Control Connection ID only, of its data messages the Session ID only. L2F has
	// CLID and MID.
	Tunnel, Session uint32

	// The payload is data[PayloadStart:PayloadEnd]: AVPs of a control message, a PPP frame of
	// a data message. Of an L2TPv3 data message it begins with the cookie, if there is one; of
	// an L2F packet it is empty.
	PayloadStart, PayloadEnd int

	// Cut is for the caller to set after Decode: the capture lacks the end of the message. Its
	// summary then shows what is missing as "[|l2tp]" and as no damage.
	Cut bool
}

// Decode reads the header at the beginning of data, the payload of a UDP packet. It keeps no
// reference to data and does not allocate. After ErrTruncated the header can be used.
func (h *Header) Decode(data []byte) error {
	*h = Header{}
	if len(data) < MinHeader {
		return errShort
	}
	flags := binary.BigEndian.Uint16(data)
	h.Version = uint8(flags & maskVersion)
	switch {
	case h.Version == Version2:
		return h.decode2(flags, data)
	case h.Version == Version3:
		return h.decode3(flags, data)
	case flags&0x0007 == versionL2F && flags&0x0ff0 == 0:
		return h.decodeL2F(data)
	}
	return errVersion
}

func (h *Header) decode2(flags uint16, data []byte) error {
	h.Control = flags&flagType != 0
	h.HasLength = flags&flagLength != 0
	h.HasSequence = flags&flagSequence != 0
	h.HasOffset = flags&flagOffset != 0

	ids := 2
	if h.HasLength {
		ids += 2
	}
	offset := ids + 4
	if h.HasSequence {
		offset += 4
	}
	n := offset
	if h.HasOffset {
		n += 2
	}
	if len(data) < n {
		return errShort
	}
	end := len(data)
	if h.HasLength {
		h.Length = binary.BigEndian.Uint16(data[2:])
		end = int(h.Length)
	}
	h.Tunnel = uint32(binary.BigEndian.Uint16(data[ids:]))
	h.Session = uint32(binary.BigEndian.Uint16(data[ids+2:]))
	if h.HasSequence {
		h.Ns = binary.BigEndian.Uint16(data[ids+4:])
		h.Nr = binary.BigEndian.Uint16(data[ids+6:])
	}
	if h.HasOffset {
		h.Offset = binary.BigEndian.Uint16(data[offset:])
	}
	if end < n {
		return errLength
	}
	n += int(h.Offset)
	if n > end {
		return errOffset
	}
	return h.setPayload(n, end, len(data))
}

// decode3 reads the header of L2TPv3 over UDP (RFC 3931 section 4.1.2).
func (h *Header) decode3(flags uint16, data []byte) error {
	if h.Control = flags&flagType != 0; h.Control {
		return h.decodeControl3(data, 0)
	}
	if len(data) < 8 {
		return errShort
	}
	h.Session = binary.BigEndian.Uint32(data[4:])
	return h.setPayload(8, len(data), len(data))
}

// DecodeIP reads the header of L2TPv3 at the beginning of data, the payload of an IP packet of
// protocol 115 (RFC 3931 section 4.1.1), as Decode does.
func (h *Header) DecodeIP(data []byte) error {
	*h = Header{Version: Version3}
	if len(data) < 4 {
		return errShort
	}
	if h.Session = binary.BigEndian.Uint32(data); h.Session != 0 {
		return h.setPayload(4, len(data), len(data))
	}
	h.Control = true
	if len(data) >= 6 && binary.BigEndian.Uint16(data[4:])&(flagType|maskVersion) != flagType|Version3 {
		return errVersion
	}
	return h.decodeControl3(data, 4)
}

// controlSize3 is the size of the header of a control message of L2TPv3 from its flags on.
const controlSize3 = 12

// decodeControl3 reads the header of a control message of L2TPv3, which begins at an offset (RFC
// 3931 section 3.2.1).
func (h *Header) decodeControl3(data []byte, at int) error {
	const size = controlSize3
	if len(data) < at+size {
		return errShort
	}
	flags := binary.BigEndian.Uint16(data[at:])
	h.HasLength = flags&flagLength != 0
	h.HasSequence = flags&flagSequence != 0
	h.Length = binary.BigEndian.Uint16(data[at+2:])
	h.Tunnel = binary.BigEndian.Uint32(data[at+4:])
	h.Ns = binary.BigEndian.Uint16(data[at+8:])
	h.Nr = binary.BigEndian.Uint16(data[at+10:])
	if h.Length < size {
		return errLength
	}
	return h.setPayload(at+size, at+int(h.Length), len(data))
}

// decodeL2F reads the fixed part of an L2F header (RFC 2341 section 4.2): flags, protocol,
// sequence, MID, CLID and length.
func (h *Header) decodeL2F(data []byte) error {
	h.Version = versionL2F
	if len(data) < 10 {
		return errShort
	}
	h.HasLength = true
	h.Session = uint32(binary.BigEndian.Uint16(data[4:]))
	h.Tunnel = uint32(binary.BigEndian.Uint16(data[6:]))
	h.Length = binary.BigEndian.Uint16(data[8:])
	h.PayloadStart, h.PayloadEnd = len(data), len(data)
	return nil
}

func (h *Header) setPayload(start, end, have int) error {
	if end > have {
		h.PayloadStart, h.PayloadEnd = min(start, have), have
		return ErrTruncated
	}
	h.PayloadStart, h.PayloadEnd = start, end
	return nil
}
