package sessions

import (
	"encoding/binary"
	"net/netip"

	"l2tpdump/capture"
)

// Bounds of what is kept of the users' traffic.
const (
	maxStreams = 16
	maxAsked   = 32
	largeTCP   = 600 // bytes of a segment that a small path might not let pass
)

// traffic is what the users' packets show of how the session does.
type traffic struct {
	last    place
	streams []stream
	asked   []destination
	passed  [2]int // bytes of the largest packet of a side whose segment was acknowledged
	looped  span   // packets of the tunnel itself, sent into it
	dns     names
	said    [2][4]said
}

// said is what a side said last of a conversation: to what it asks, or what it has heard.
type said struct {
	of     uint32 // ports of TCP, or the identifier of echo requests
	number uint32 // acknowledgement of TCP, or the number of the request
	time   int64
}

// names are the questions to servers of DNS.
type names struct {
	asked    span
	server   netip.Addr // that was asked last
	answered bool
}

// stream is a large TCP segment that waits for its acknowledgement.
type stream struct {
	src, dst netip.AddrPort
	sender   int
	seq      uint32
	size     int // of the IP packet
	copies   span
	heard    int // copies between which the other side was heard
}

// destination is a host that the client sent requests to.
type destination struct {
	addr     netip.Addr
	requests span
	answered bool
}

// packet takes a user's packet.
func (t *traffic) packet(side int, data []byte, at place, s *Session) {
	t.last = at
	var f capture.Frame
	if f.DecodeIP(data) != nil || f.IPVersion == 0 || f.Fragment {
		return
	}
	if t.answers(side, &f, data, at, s) && s.alone[side].lasted() > slowestEcho {
		s.unasked[side]++
	}
	switch {
	case side == client:
		t.request(&f, at, s)
	default:
		t.answer(f.Src)
		t.dns.answered = t.dns.answered || f.UDP && f.SrcPort == portDNS
	}
	if f.TCP {
		t.segment(side, &f, data, at, s)
	}
}

// slowestEcho is longer than what was captured takes to be answered, in nanoseconds.
const slowestEcho = int64(3e9)

// answers says that a packet shows that its sender heard what was not captured: it answers another
// echo request than the last ones, or acknowledges more of TCP than what the sender said before
// since the other side was heard.
func (t *traffic) answers(side int, f *capture.Frame, data []byte, at place, s *Session) bool {
	const icmp, icmp6, header = 1, 58, 8
	p := data[min(f.PayloadStart, len(data)):]
	switch {
	case f.TCP && len(p) >= 2*header:
		x := said{uint32(f.SrcPort)<<16 | uint32(f.DstPort), binary.BigEndian.Uint32(p[8:]), at.time}
		before, ok := t.note(side, x)
		return ok && before.time >= s.alone[side].first.time && s.alone[side].seen() && int32(x.number-before.number) > 0
	case (f.Protocol == icmp || f.Protocol == icmp6) && len(p) >= header:
		x := said{uint32(binary.BigEndian.Uint16(p[4:])), uint32(binary.BigEndian.Uint16(p[6:])), at.time}
		switch kind := p[0]; {
		case f.Protocol == icmp && kind == 8, f.Protocol == icmp6 && kind == 128:
			t.note(side, x)
		case f.Protocol == icmp && kind == 0, f.Protocol == icmp6 && kind == 129:
			asked := t.find(1-side, x.of)
			return asked == nil || int16(uint16(x.number)-uint16(asked.number)) > 0
		}
	}
	return false
}

// find finds what a side said last of a conversation, nil if that is not known.
func (t *traffic) find(side int, of uint32) *said {
	for i := range t.said[side] {
		if x := &t.said[side][i]; x.of == of && x.time != 0 {
			return x
		}
	}
	return nil
}

// note takes note of what a side says, in the place of what it said of the same conversation, or of
// the one that is quiet for longest. It returns what was there; ok: of the same.
func (t *traffic) note(side int, x said) (before said, ok bool) {
	at := t.find(side, x.of)
	if ok = at != nil; !ok {
		at = &t.said[side][0]
		for i := range t.said[side] {
			if o := &t.said[side][i]; o.time < at.time {
				at = o
			}
		}
	}
	before, *at = *at, x
	return before, ok
}

// request takes a packet that the client sends to somebody.
func (t *traffic) request(f *capture.Frame, at place, s *Session) {
	if f.Dst == s.assoc.ends[server] && f.UDP && (f.DstPort == portIKE || f.DstPort == portNATT ||
		f.DstPort == portL2TP) {
		t.looped.add(at)
		return
	}
	if f.Dst.IsMulticast() || f.Dst.IsLinkLocalUnicast() || f.Dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return
	}
	if s.heard[server] == 0 {
		return // its answers are not captured either
	}
	if f.UDP && f.DstPort == portDNS {
		t.dns.asked.add(at)
		t.dns.server = f.Dst
	}
	for i := range t.asked {
		if t.asked[i].addr == f.Dst {
			t.asked[i].requests.add(at)
			return
		}
	}
	if len(t.asked) < maxAsked {
		d := destination{addr: f.Dst}
		d.requests.add(at)
		t.asked = append(t.asked, d)
	}
}

// answer takes note that somebody answers the client, or sends it something.
func (t *traffic) answer(from netip.Addr) {
	for i := range t.asked {
		if t.asked[i].addr == from {
			t.asked[i].answered = true
			return
		}
	}
}

// segment takes a TCP segment.
func (t *traffic) segment(side int, f *capture.Frame, data []byte, at place, s *Session) {
	const fixed = 20
	if f.PayloadEnd-f.PayloadStart < fixed {
		return
	}
	tcp := data[f.PayloadStart:]
	seq, ack := binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:])
	src, dst := f.Ends()
	for i := range t.streams {
		x := &t.streams[i]
		switch {
		case x.sender != side && x.src == dst && x.dst == src: // it comes from who waits for it
			if int32(ack-x.seq) > 0 {
				if x.copies.seen() {
					t.passed[x.sender] = max(t.passed[x.sender], x.size)
				}
				x.copies = span{}
			}
		case x.sender == side && x.src == src && x.dst == dst && f.TCPEnd-f.TCPStart >= largeTCP:
			x.sent(seq, len(data), at, s)
			return
		}
	}
	if f.TCPEnd-f.TCPStart < largeTCP {
		return
	}
	x := stream{src: src, dst: dst, sender: side}
	x.sent(seq, len(data), at, s)
	if len(t.streams) < maxStreams {
		t.streams = append(t.streams, x)
		return
	}
	for i := range t.streams {
		if !t.streams[i].copies.seen() {
			t.streams[i] = x
			return
		}
	}
}

// sent takes a large segment: the oldest one that is not acknowledged counts.
func (x *stream) sent(seq uint32, size int, at place, s *Session) {
	switch {
	case !x.copies.seen() || int32(seq-x.seq) < 0:
		x.seq, x.size, x.copies, x.heard = seq, size, span{}, 0
		x.copies.add(at)
	case seq == x.seq:
		if s.protected[1-x.sender].last.time > x.copies.last.time {
			x.heard++
		}
		x.copies.add(at)
	}
}
