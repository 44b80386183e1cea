package output

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp/ppp"
)

// plain writes, in place of the clear frame p, one for each packet that PPP had compressed,
// encrypted or split: the same headers, and plain PPP in L2TP. It is false, and nothing is written,
// if there is no such packet, or if the frame's L2TP is inside a further tunnel.
func (c *Clear) plain(r *pipeline.Record, p *capture.Packet) (done bool, err error) {
	packets := r.Payload.Expansion.Packets
	if len(packets) == 0 {
		return false, nil
	}
	var f capture.Frame
	if f.Decode(r.Link, p.Data) != nil || f.Fragment {
		return false, nil
	}
	start, end := f.PayloadStart, f.PayloadEnd
	if f.UDP {
		start, end = f.UDPStart, f.UDPEnd
	}
	if !bytes.Equal(p.Data[start:end], r.Payload.Message) {
		return false, nil
	}
	if len(c.comment) == 0 {
		c.comment = appendExpansion(c.comment, &r.Payload.Expansion)
	}
	clear, interfaceID := p.Data, p.Interface
	if r.Payload.Expansion.State != ppp.Expanded { // the packets are of frames that waited for this one
		if err := c.write(r, p, r.Link); err != nil {
			return true, err
		}
	}
	for _, packet := range packets {
		c.payload = appendPlain(c.payload[:0], &r.Payload, packet)
		if f.UDP {
			c.expanded = f.AppendUDPPayload(c.expanded[:0], clear, c.payload)
		} else {
			c.expanded = f.AppendReplaced(c.expanded[:0], clear, f.Protocol, c.payload)
		}
		p.Data, p.Length, p.Interface = c.expanded, len(c.expanded), interfaceID
		if err := c.write(r, p, r.Link); err != nil {
			return true, err
		}
	}
	return true, nil
}

// appendPlain appends the L2TP message with a plain PPP frame.
func appendPlain(dst []byte, p *pipeline.Payload, packet ppp.Packet) []byte {
	at := len(dst)
	dst = append(dst, p.Message[:p.L2TP.PayloadEnd-len(p.Frame)]...)
	dst = append(dst, 0xff, 0x03)
	dst = append(binary.BigEndian.AppendUint16(dst, packet.Protocol), packet.Data...)
	if p.L2TP.HasLength {
		binary.BigEndian.PutUint16(dst[at+2:], uint16(len(dst)-at))
	}
	return dst
}

// appendExpansion appends what the comment of an expanded packet says: "PPP deflate, expanded".
func appendExpansion(dst []byte, x *ppp.Result) []byte {
	dst = append(dst, "PPP "...)
	if x.Fragment {
		dst = strconv.AppendUint(append(dst, "MP seq "...), uint64(x.Number), 10)
		dst = append(dst, ' ')
	}
	if x.Compression != "" {
		dst = append(append(dst, x.Compression...), ' ')
	}
	return append(dst, x.State.String()...)
}
