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
	if isEchoReply(&f, data) && s.alone[side].lasted() > slowestEcho {
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
		t.segment(side, &f, data, at)
	}
}

// slowestEcho is longer than an echo reply takes to come back, in nanoseconds.
const slowestEcho = int64(3e9)

// isEchoReply says that an IP packet answers an ICMP echo request.
func isEchoReply(f *capture.Frame, data []byte) bool {
	const icmp, icmp6, reply, reply6 = 1, 58, 0, 129
	if f.PayloadStart >= len(data) {
		return false
	}
	kind := data[f.PayloadStart]
	return f.Protocol == icmp && kind == reply || f.Protocol == icmp6 && kind == reply6
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
func (t *traffic) segment(side int, f *capture.Frame, data []byte, at place) {
	const fixed = 20
	if f.PayloadEnd-f.PayloadStart < fixed {
		return
	}
	tcp := data[f.PayloadStart:]
	seq, ack := binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:])
	src, dst := netip.AddrPortFrom(f.Src, f.SrcPort), netip.AddrPortFrom(f.Dst, f.DstPort)
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
			x.sent(seq, len(data), at)
			return
		}
	}
	if f.TCPEnd-f.TCPStart < largeTCP {
		return
	}
	x := stream{src: src, dst: dst, sender: side}
	x.sent(seq, len(data), at)
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
func (x *stream) sent(seq uint32, size int, at place) {
	switch {
	case !x.copies.seen() || int32(seq-x.seq) < 0:
		x.seq, x.size, x.copies = seq, size, span{}
		x.copies.add(at)
	case seq == x.seq:
		x.copies.add(at)
	}
}
