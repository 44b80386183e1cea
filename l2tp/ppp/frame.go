package ppp

import (
	"encoding/binary"
	"errors"
)

// Errors of Frame.Decode and Control.Decode. They are static, so that a damaged packet costs no
// allocation.
var (
	// errShort means that the data ends inside the header.
	errShort = errors.New("ppp: packet is shorter than its header")
	// errProtocol means that the protocol field is none: RFC 1661 section 2 wants its last
	// byte odd and its first byte even.
	errProtocol = errors.New("ppp: invalid protocol field")
	// errLength means that the length field of a control packet covers less than its header.
	errLength = errors.New("ppp: length field is smaller than the header")
	// ErrTruncated means that the length field of a control packet says more bytes than there are.
	// What there is has been decoded.
	ErrTruncated = errors.New("ppp: length field is larger than the packet")
)

// Frame is a decoded PPP frame. It holds no pointer: offsets count from the first byte of the
// data that was given to Decode. A Frame may be reused for any number of frames.
type Frame struct {
	Protocol       uint16
	AddressControl bool // the frame begins with FF 03
	Compressed     bool // the protocol field has one byte (Protocol-Field-Compression)

	// The payload is data[PayloadStart:PayloadEnd]; the end is the end of data, since PPP frames in
	// L2TP have no length and no FCS of their own.
	PayloadStart, PayloadEnd int

	// For the caller to set after Decode, as far as it knows:
	Cut      bool     // the capture lacks the end of the frame
	Position Position // its place among the frames of its sender
	Checksum Checksum // of the packet that carries it
}

// Checksum is what the checksum of a packet says of what it carries.
type Checksum uint8

const (
	ChecksumNone  Checksum = iota // there is none
	ChecksumRight                 // as it ought to be
	ChecksumWrong                 // the packet is damaged, or the checksum is left to the network card
)

// Decode reads address, control and protocol fields (RFC 1661 section 2, RFC 1662 section 3.1). FF
// 03 is always taken as address and control, since protocol FF03 cannot be (RFC 1661 section 6.6).
// It keeps no reference to data and does not allocate.
func (f *Frame) Decode(data []byte) error {
	*f = Frame{}
	n := 0
	if len(data) >= 2 && data[0] == 0xff && data[1] == 0x03 {
		f.AddressControl = true
		n = 2
	}
	if len(data) <= n {
		return errShort
	}
	if data[n]&1 != 0 {
		f.Protocol = uint16(data[n])
		f.Compressed = true
		n++
	} else {
		if len(data) < n+2 {
			return errShort
		}
		f.Protocol = uint16(data[n])<<8 | uint16(data[n+1])
		if f.Protocol&1 == 0 {
			return errProtocol
		}
		n += 2
	}
	f.PayloadStart, f.PayloadEnd = n, len(data)
	return nil
}

// Login reports whether a frame can hold a password or a response: it is of a protocol that carries
// them, or rejects one. data is what f was decoded from.
func (f *Frame) Login(data []byte) bool {
	var c Control
	err := c.Decode(f.Protocol, data[f.PayloadStart:f.PayloadEnd])
	rejects := (err == nil || err == ErrTruncated) && f.Protocol == protocolLCP && c.Code == codeProtocolReject
	if rejects && len(c.Data) > 1 {
		return carriesLogin(binary.BigEndian.Uint16(c.Data))
	}
	return carriesLogin(f.Protocol)
}

// carriesLogin reports whether packets of a protocol hold passwords or responses.
func carriesLogin(protocol uint16) bool {
	switch protocol {
	case protocolPAP, protocolSPAP, protocolVSAP, protocolCHAP, protocolEAP:
		return true
	}
	return false
}
