package pipeline

import (
	"bytes"
	"encoding/binary"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// IKE and ESP in TCP (RFC 9329): each message has its length in front, and IKE the non-ESP marker.
// A message that is whole is made the payload of a UDP packet, and goes the way of all others.

// tcpPrefix begins the stream of the one who made the connection, to whatever port (RFC 9329
// section 4).
var tcpPrefix = []byte("IKETCP")

const (
	tcpLengthLen = 2 // the length counts itself
	markerLen    = 4
)

// tcp looks for messages in a TCP segment.
func (f *framer) tcp(r *Record) {
	n, data := &r.Net, r.Data()
	key, back := streamKey{n.Src, n.Dst, n.SrcPort, n.DstPort}, streamKey{n.Dst, n.Src, n.DstPort, n.SrcPort}
	segment := data[n.TCPStart:n.TCPEnd]
	natt := n.SrcPort == portNATT || n.DstPort == portNATT
	s := f.streams.of(key, natt || bytes.HasPrefix(segment, tcpPrefix) || f.streams.known[back] != nil)
	if s == nil {
		return
	}
	const syn = 0x02
	seq := binary.BigEndian.Uint32(data[n.PayloadStart+4:])
	if data[n.PayloadStart+13]&syn != 0 {
		s.restart(seq + 1)
	}
	if bytes.HasPrefix(segment, tcpPrefix) {
		f.streams.of(back, true).answers = binary.BigEndian.Uint32(data[n.PayloadStart+8:])
	}
	if len(segment) == 0 || n.Truncated {
		return
	}
	messages := s.add(seq, segment, f.beginsMessage)
	f.streams.settle(s)
	if s.begun {
		r.Reason = inTCP
	}
	frames := make([][]byte, 0, len(messages))
	for _, m := range messages {
		frames = append(frames, n.AppendAsUDP(nil, data, m))
	}
	if len(frames) > 0 {
		for _, frame := range frames[1:] {
			f.more = append(f.more, further{r.Link, frame, f.message})
		}
		f.message(r, frames[0])
	}
}

// message makes r the record of a message in a TCP stream.
func (f *framer) message(r *Record, frame []byte) {
	if g := r.complete; g != nil {
		f.settle(g, r.Number)
	}
	r.wrap("TCP")
	r.Unwrapped, r.Whole, r.complete, r.inTCP, r.Reason = frame, nil, nil, true, ""
	if err := r.Net.Decode(r.Link, frame); err != nil {
		r.Verdict, r.Reason = why.Undecoded(err, false)
		return
	}
	f.carried(r)
}

// further is one of several frames that one has carried.
type further struct {
	link capture.LinkType
	data []byte
	take func(r *Record, frame []byte)
}

// further makes r the record of the next of several frames that the record before has carried.
func (f *framer) further(r *Record) {
	next := f.more[0]
	f.more = f.more[1:]
	r.Further, r.Link = true, next.link
	next.take(r, next.data)
	f.opened(r)
}

// certainty is how sure it is that a segment begins with a message.
type certainty uint8

const (
	none certainty = iota
	perhaps
	surely
)

// beginsMessage tells whether a segment begins with a message: one of IKE, or of ESP of a known SPI
// or that fills the segment, perhaps with others behind it.
func (f *framer) beginsMessage(b []byte) certainty {
	first, ok := firstMessage(b)
	if !ok {
		return none
	}
	content := b[tcpLengthLen:min(first, len(b))]
	switch {
	case isMarked(content):
		return surely
	case len(content) < markerLen || binary.BigEndian.Uint32(content) <= 255:
		return none
	case f.classifier.named(binary.BigEndian.Uint32(content)):
		return surely
	case wholeMessages(b):
		return perhaps
	}
	return none
}

// wholeMessages reports whether b is nothing but messages that are whole.
func wholeMessages(b []byte) bool {
	for len(b) > 0 {
		length, ok := firstMessage(b)
		if !ok || length > len(b) {
			return false
		}
		b = b[length:]
	}
	return true
}

// firstMessage returns the length of the first message in b, which may go on behind b; ok is false
// if it can be none.
func firstMessage(b []byte) (length int, ok bool) {
	if len(b) < tcpLengthLen {
		return 0, false
	}
	length = int(binary.BigEndian.Uint16(b))
	content := b[tcpLengthLen:]
	switch {
	case length == tcpLengthLen+1: // a NAT keepalive, which has no place here
		return length, len(content) == 0 || content[0] == 0xff
	case length < tcpLengthLen+esp.HeaderLen:
		return 0, false
	}
	if len(content) >= markerLen+ikev1.HeaderLen && isMarked(content) {
		h, err := ikev1.ParseHeader(content[markerLen:])
		return length, err == nil && int(h.Length) == length-tcpLengthLen-markerLen
	}
	return length, true
}

// isMarked reports whether a message is one of IKE.
func isMarked(content []byte) bool {
	return len(content) >= markerLen && binary.BigEndian.Uint32(content) == 0
}

// wrap notes what carries the frame that r is now about.
func (r *Record) wrap(name string) {
	if r.Wrapping != "" {
		r.Wrapping += ", "
	}
	r.Wrapping += name
}
