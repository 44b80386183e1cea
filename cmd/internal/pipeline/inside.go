package pipeline

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// IP protocol numbers of what ESP can carry.
const (
	protoIPv4  = 4
	protoUDP   = 17
	protoIPv6  = 41
	protoGRE   = 47
	protoNone  = 59
	maxNesting = 4 // ESP in ESP, IP in IP, extension headers
	udpHeader  = 8
)

// IPv6 extension headers that may stand in front of what ESP carries.
const (
	protoHopByHop    = 0
	protoRouting     = 43
	protoDestination = 60
)

// unwrapper follows what a frame carries down to the user's IP packet.
type unwrapper struct {
	clear, inside realm // of frames in clear, and of ESP
	table         *salookup.Table
	opener        esp.Opener
	fragments     insideFragments
	lines         lines
}

// unwrap fills in r.Payload.
func (u *unwrapper) unwrap(r *Record) {
	n := &r.Net
	u.lines.tunnels = u.lines.tunnels || r.Kind != Other
	switch {
	case r.Kind == L2TP:
		data, length := r.Data()[n.PayloadStart:n.PayloadEnd], n.PayloadLen
		if n.UDP {
			data, length = r.Data()[n.UDPStart:n.UDPEnd], n.UDPLen
		}
		if r.Missing = length - len(data); r.Missing > 0 {
			r.Verdict, r.Reason = why.Snapped("packet")
		}
		src, dst := n.Ends()
		u.l2tp(r, src, dst, data, n.Protocol)
	case r.Kind == ESP && (r.Verdict.Opened() || r.Head()):
		r.Plain.NextHeader, r.Plain.Data, _ = u.protocol(r, n, r.Plain.NextHeader, r.Plain.Data, 0)
		if r.Plain.NextHeader == protoNone && r.Reason == "" {
			r.Reason = DummyPacket
		}
	case r.Kind == Other && r.Verdict == why.Clear && (n.PPPEnd > n.PPPStart || n.PPPInterface):
		u.line(r)
	}
}

// protocol follows one IP payload whose addresses are those of n. It returns the same payload with
// what ESP inside of it could be opened in clear; nested tells that this differs.
func (u *unwrapper) protocol(r *Record, n *capture.Frame, protocol uint8, data []byte, depth int) (
	next uint8, clear []byte, nested bool) {
	if depth > maxNesting {
		return protocol, data, false
	}
	switch protocol {
	case protoL2TP:
		src, dst := u.ends(r, n, 0, 0)
		u.l2tp(r, src, dst, data, protoL2TP)
	case protoUDP:
		return u.udp(r, n, data, depth)
	case protoIPv4, protoIPv6:
		return u.ip(r, protocol, data, depth)
	case protoGRE:
		if kind, at := capture.GRE(data); (kind == etherIPv4 || kind == etherIPv6) && at < len(data) {
			_, clear, nested = u.ip(r, protocol, data[at:], depth)
			if nested {
				return protocol, append(slices.Clone(data[:at]), clear...), true
			}
		}
	case protoESP:
		return u.esp(r, n, data, depth)
	case protoHopByHop, protoRouting, protoDestination:
		return u.extension(r, n, protocol, data, depth)
	}
	return protocol, data, false
}

// udp follows a UDP packet: one of L2TP, or ESP in UDP.
func (u *unwrapper) udp(r *Record, n *capture.Frame, data []byte, depth int) (next uint8, clear []byte, nested bool) {
	if len(data) < udpHeader {
		return protoUDP, data, false
	}
	packet := data
	if n := int(binary.BigEndian.Uint16(data[4:])); n > udpHeader && n < len(data) {
		packet = data[:n:n] // what is behind it is padding against traffic analysis (RFC 4303 section 2.7)
	}
	payload := packet[udpHeader:]
	sport, dport := binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
	src, dst := u.ends(r, n, sport, dport)
	if r.Kind == ESP && (sport == portL2TP || dport == portL2TP) {
		sport, dport = portL2TP, portL2TP // one is enough: what else should there be for it
	}
	if isL2TP(u.realm(r).tunnels, src, dst, payload, len(payload)+r.Missing, sport, dport) {
		u.l2tp(r, src, dst, payload, protoUDP)
		return protoUDP, packet, false
	}
	if packet := encapsulated(data); packet != nil {
		if next, clear, nested = u.esp(r, n, packet, depth); nested {
			return next, clear, true
		}
	}
	return protoUDP, data, false
}

// extension follows what is behind an IPv6 extension header, which stays (RFC 8200 section 4).
func (u *unwrapper) extension(r *Record, n *capture.Frame, protocol uint8, data []byte, depth int) (
	next uint8, clear []byte, nested bool) {
	const unit = 8
	if len(data) < unit {
		return protocol, data, false
	}
	size := unit * (1 + int(data[1]))
	if size > len(data) {
		return protocol, data, false
	}
	next, clear, nested = u.protocol(r, n, data[0], data[size:], depth+1)
	if !nested {
		return protocol, data[:size+len(clear)], false // of which padding may be gone
	}
	clear = append(slices.Clone(data[:size]), clear...)
	clear[0] = next
	return protocol, clear, true
}

// ip follows an IP packet inside another.
func (u *unwrapper) ip(r *Record, protocol uint8, data []byte, depth int) (next uint8, clear []byte, nested bool) {
	r.Payload.Inner = data
	var inner capture.Frame
	if inner.DecodeIP(data) != nil || inner.IPVersion == 0 {
		return protocol, data, false
	}
	if !inner.Truncated { // likewise
		data = data[:inner.PayloadEnd:inner.PayloadEnd]
		r.Payload.Inner = data
	}
	if inner.Fragment {
		u.fragment(r, &inner, protocol, data, depth)
		return protocol, data, false
	}
	payload := data[inner.PayloadStart:inner.PayloadEnd]
	switch {
	case inner.Protocol == protoESP, inner.Protocol == protoL2TP, inner.Protocol == protoUDP:
		next, payload, nested = u.protocol(r, &inner, inner.Protocol, payload, depth+1)
	}
	if !nested {
		return protocol, data, false
	}
	data = inner.AppendReplaced(nil, data, next, payload)
	if inner.UDP { // a NAT may have changed the addresses that the checksum inside covers
		capture.FixTransportChecksum(data)
	}
	if next != protoIPv4 && next != protoIPv6 && !r.Payload.HasL2TP {
		r.Payload.Inner = data // transport mode: the packet is that of the users
	}
	return protocol, data, true
}

// ends are who sends a packet inside ESP to whom, ports being those inside. Clients behind one NAT
// differ in the outer port only. The packets of an SA are of the ends that its first one had:
// nobody can take the place of another's.
func (u *unwrapper) ends(r *Record, n *capture.Frame, sport, dport uint16) (src, dst netip.AddrPort) {
	if n.UDP {
		sport, dport = n.SrcPort, n.DstPort
	}
	src, dst = netip.AddrPortFrom(n.Src, sport), netip.AddrPortFrom(n.Dst, dport)
	if n != &r.Net || r.Kind != ESP || !r.Verdict.Opened() {
		return src, dst
	}
	firstSrc, firstDst := r.flow.Ends(src, dst)
	if n.UDP {
		return firstSrc, firstDst
	}
	return netip.AddrPortFrom(firstSrc.Addr(), sport), dst
}

// encapsulated is the ESP packet in a UDP packet of NAT traversal (RFC 3948 section 2.1), nil if
// there is none.
func encapsulated(udp []byte) []byte {
	if len(udp) < udpHeader+esp.HeaderLen ||
		binary.BigEndian.Uint16(udp) != portNATT && binary.BigEndian.Uint16(udp[2:]) != portNATT {
		return nil
	}
	n := int(binary.BigEndian.Uint16(udp[4:]))
	if n < udpHeader+esp.HeaderLen || n > len(udp) || binary.BigEndian.Uint32(udp[udpHeader:]) == 0 {
		return nil
	}
	return udp[udpHeader:n:n]
}

// esp opens ESP that was inside ESP. There is little of it, so it is done here, in order.
func (u *unwrapper) esp(r *Record, n *capture.Frame, packet []byte, depth int) (next uint8, clear []byte, nested bool) {
	if len(packet) < esp.HeaderLen || r.Missing > 0 {
		return protoESP, packet, false
	}
	all := [1]salookup.Arrival{{
		Header: salookup.Header{SPI: binary.BigEndian.Uint32(packet), Inside: r.SPI, Src: n.Src, Dst: n.Dst},
		Packet: salookup.Packet{Data: packet}, Time: r.Packet.Time,
	}}
	u.table.Admit(all[:])
	a := &all[0]
	var plain esp.Plaintext
	var sa *salookup.SA
	var high uint32
	if a.Ring != nil {
		sa, high, a.Err = a.Ring.Open(&u.opener, &plain, nil, a.Packet)
		u.opener.Release()
	}
	a.Flow.Count(&plain, sa, a.Err, binary.BigEndian.Uint32(packet[4:]), high)
	if a.Err != nil {
		return protoESP, packet, false
	}
	r.Nested = append(r.Nested, a.SPI)
	next, clear, _ = u.protocol(r, n, plain.NextHeader, plain.Data, depth+1)
	return next, clear, true
}

// l2tp follows an L2TP message, which is in UDP or directly in IP.
func (u *unwrapper) l2tp(r *Record, src, dst netip.AddrPort, message []byte, protocol uint8) {
	p := &r.Payload
	decode := p.L2TP.Decode
	if protocol == protoL2TP {
		decode = p.L2TP.DecodeIP
	}
	cut := r.Missing > 0
	if err := decode(message); err != nil && !(cut && err == l2tp.ErrTruncated) {
		if r.Kind == L2TP && !cut {
			r.Verdict, r.Reason = why.Undecoded(err, false)
		}
		return
	}
	p.HasL2TP, p.Message = true, message
	p.Inner = nil // a packet around it is that of the tunnel's ends
	p.L2TP.Cut = cut
	realm := u.realm(r)
	if r.Twice { // what its receiver drops changes no state
		p.Tunnel = realm.tunnels.Find(src, dst, &p.L2TP, message)
	} else {
		realm.tunnels.Observe(&p.Tunnel, src, dst, &p.L2TP, message)
	}
	p.ToLNS = p.Tunnel.Sender == 0
	if p.Tunnel.Control == nil && !p.Tunnel.WrongCookie {
		realm.frame(r, cut)
	}
}

// frame follows the frame of a data message.
func (m *realm) frame(r *Record, cut bool) {
	p := &r.Payload
	f := &p.Tunnel.Frame
	var kind uint16
	at := 0
	switch {
	case p.L2TP.Version == l2tp.Version2 || f.Pseudowire == l2tp.PseudowirePPP:
		p.Frame = f.Data
		if p.HasPPP = p.PPP.Decode(p.Frame) == nil; p.HasPPP {
			p.PPP.Cut, p.PPP.Position, p.PPP.Checksum = cut, r.position(), r.checksum()
			var link *ppp.Link
			if !r.Twice {
				link = m.link(p.Tunnel.Session)
			}
			m.expand(p, link, p.Tunnel.Sender)
		}
		return
	case f.Pseudowire == l2tp.PseudowireEthernet || f.Pseudowire == l2tp.PseudowireVLAN:
		p.Ethernet = f.Data
		kind, at = l2tp.EtherType(f.Data)
	case f.Pseudowire == l2tp.PseudowireHDLC:
		kind, at = l2tp.HDLCType(f.Data)
	}
	if kind == etherIPv4 || kind == etherIPv6 {
		p.addInner(unpadded(f.Data[at:]))
	}
}

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
)

// unpadded is an IP packet without the padding of its frame.
func unpadded(ip []byte) []byte {
	var inner capture.Frame
	if inner.DecodeIP(ip) == nil && inner.IPVersion != 0 && !inner.Truncated {
		return ip[:inner.PayloadEnd:inner.PayloadEnd]
	}
	return ip
}
