package capture

import "encoding/binary"

const (
	udpHeaderLen = 8
	tcpHeaderLen = 20
)

// transport reads the ports of UDP (RFC 768) and TCP (RFC 9293), and where their payload is.
func (f *Frame) transport(data []byte) error {
	b := data[f.PayloadStart:f.PayloadEnd]
	switch f.Protocol {
	case protoUDP:
		if len(b) < udpHeaderLen {
			return f.cut(udpHeaderLen, errShortUDP)
		}
		length := int(binary.BigEndian.Uint16(b[4:]))
		if length == 0 {
			length = f.PayloadLen // a jumbogram (RFC 2675) or segmentation offload
		}
		f.UDP = true
		f.ports(b)
		f.UDPStart = f.PayloadStart + udpHeaderLen
		f.UDPLen = max(length-udpHeaderLen, 0)
		f.UDPEnd = min(f.UDPStart+f.UDPLen, f.PayloadEnd)
		if length < udpHeaderLen {
			return f.malformed(errUDPLength)
		}
		if length > f.PayloadLen && !f.Fragment {
			f.UDPTooLong, f.UDPLen = true, f.PayloadLen-udpHeaderLen
		}
	case protoTCP:
		if len(b) < tcpHeaderLen {
			return f.cut(tcpHeaderLen, errShortTCP)
		}
		f.TCP = true
		f.ports(b)
		size := int(b[12]>>4) * 4
		if size < tcpHeaderLen || size > f.PayloadLen && !f.Fragment {
			f.TCPStart, f.TCPEnd = f.PayloadEnd, f.PayloadEnd
			return f.malformed(errTCPHeader)
		}
		f.TCPStart = min(f.PayloadStart+size, f.PayloadEnd)
		f.TCPEnd = f.PayloadEnd
	}
	return nil
}

func (f *Frame) ports(b []byte) {
	f.SrcPort = binary.BigEndian.Uint16(b[0:])
	f.DstPort = binary.BigEndian.Uint16(b[2:])
}
