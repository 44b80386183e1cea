package capture

import (
	"encoding/binary"
	"math"
)

// AppendReplaced appends to dst the frame of data with another protocol and payload behind its IP
// header: link header, IP header with its extension headers and AH, payload. The protocol number
// (in the last extension header, if there are any), the IP length, the IPv4 header checksum and the
// lengths of PPPoE and 802.3 are mended. What followed the IP packet (padding, a frame check
// sequence) is left out. f must be the decoded frame of data, without error and with IPVersion 4 or
// 6. No checksum in payload is touched. payload must not overlap the free room behind dst.
func (f *Frame) AppendReplaced(dst, data []byte, protocol uint8, payload []byte) []byte {
	return f.AppendReplacedLen(dst, data, protocol, payload, len(payload))
}

// AppendReplacedLen is AppendReplaced for a payload of which only the head is known: the lengths in
// the headers count length bytes, of which the first len(payload) follow. The packet's own Length
// must then exceed its data.
func (f *Frame) AppendReplacedLen(dst, data []byte, protocol uint8, payload []byte, length int) []byte {
	base := len(dst)
	dst = append(dst, data[:f.PayloadStart]...)
	out := dst[base:]
	out[f.protocolAt] = protocol
	f.mendLengths(out, f.PayloadStart+length)
	return append(dst, payload...)
}

// AppendUDPPayload appends to dst the frame of data with another UDP payload: like AppendReplaced,
// but the UDP header stays, with its length and its checksum mended. A checksum of 0 (none) stays 0
// over IPv4. f.UDP must be set and f.Fragment not.
func (f *Frame) AppendUDPPayload(dst, data []byte, payload []byte) []byte {
	base := len(dst)
	dst = append(dst, data[:f.UDPStart]...)
	dst = append(dst, payload...)
	out := dst[base:]
	f.mendLengths(out, len(out))
	binary.BigEndian.PutUint16(out[f.PayloadStart+4:], length16(len(out)-f.PayloadStart))
	g := *f
	g.UDPEnd, g.PayloadEnd = len(out), len(out)
	g.Truncated, g.UDPTooLong = false, false
	g.fixTransport(out)
	return dst
}

// AppendAsUDP appends to dst the frame of data with its ports and payload in a UDP packet: as a
// message that came in a TCP stream would look on its own. f must have ports.
func (f *Frame) AppendAsUDP(dst, data, payload []byte) []byte {
	base := len(dst)
	header := [udpHeaderLen]byte{}
	binary.BigEndian.PutUint16(header[0:], f.SrcPort)
	binary.BigEndian.PutUint16(header[2:], f.DstPort)
	binary.BigEndian.PutUint16(header[4:], length16(udpHeaderLen+len(payload)))
	dst = f.AppendReplacedLen(dst, data, protoUDP, header[:], udpHeaderLen+len(payload))
	dst = append(dst, payload...)
	if f.IPVersion == 6 { // where a checksum has to be
		FixTransportChecksum(dst[base+f.LinkLen:])
	}
	return dst
}

// mendLengths writes the lengths of a frame that ends at end into its headers.
func (f *Frame) mendLengths(out []byte, end int) {
	if f.IPVersion == 4 {
		binary.BigEndian.PutUint16(out[f.LinkLen+2:], length16(end-f.LinkLen))
		size := int(out[f.LinkLen]&15) * 4
		ipv4Checksum(out[f.LinkLen : f.LinkLen+size])
	} else {
		binary.BigEndian.PutUint16(out[f.LinkLen+4:], length16(end-f.LinkLen-ipv6HeaderLen))
	}
	f.mendLink(out, end)
}

// mendLink writes the lengths of a frame that ends at end into its link header.
func (f *Frame) mendLink(out []byte, end int) {
	if f.pppoeAt != 0 {
		binary.BigEndian.PutUint16(out[f.pppoeAt:], length16(end-f.pppoeAt-2))
	}
	if f.lengthAt != 0 {
		n := end - f.lengthAt - 2
		if n > etherMaxLength {
			n = etherJumboLLC
		}
		binary.BigEndian.PutUint16(out[f.lengthAt:], uint16(n))
	}
	if f.nflogAt != 0 {
		order := binary.ByteOrder(binary.LittleEndian)
		if f.nflogBig {
			order = binary.BigEndian
		}
		order.PutUint16(out[f.nflogAt:], length16(end-f.nflogAt))
	}
	if f.radioFlagsAt != 0 {
		out[f.radioFlagsAt] &^= radioFCS // it is left out with what followed the packet
	}
}

// length16 is 0 for what 16 bits can't say, as segmentation offload writes it.
func length16(n int) uint16 {
	if n < 0 || n > math.MaxUint16 {
		return 0
	}
	return uint16(n)
}

// DecodeReassembled decodes a reassembled datagram (Datagram.Data) as a frame with the link header
// of last, which is the decoded frame of data: normally the fragment that completed the datagram.
// The frame is appended to dst: in
//
//	out, err := f.DecodeReassembled(buf, &last, data, d.Data)
//
// it is out[len(buf):], and f holds offsets into that, so that f.AppendReplaced(dst,
// out[len(buf):], ...) and f.AppendUDPPayload work. f and last may be the same.
func (f *Frame) DecodeReassembled(dst []byte, last *Frame, data, datagram []byte) (out []byte, err error) {
	g := Frame{
		LinkLen: last.LinkLen, EtherType: last.EtherType, Direction: last.Direction,
		PPPInterface: last.PPPInterface, PPPStart: last.PPPStart, linkMarks: last.linkMarks,
	}
	base := len(dst)
	dst = append(dst, data[:g.LinkLen]...)
	dst = append(dst, datagram...)
	frame := dst[base:]
	if last.PPPEnd != 0 {
		g.PPPEnd = len(frame)
	}
	err = g.ip(frame, versionAny)
	if err == nil && g.IPVersion != 0 {
		g.mendLengths(frame, len(frame))
	}
	*f = g
	return dst, err
}
