package sessions

import (
	"encoding/binary"
	"net/netip"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
)

// Protocols of IP.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoESP    = 50
	protoICMPv6 = 58
)

// other takes a frame that is none of IKE, ESP and L2TP: an ICMP error that quotes one, or a
// fragment of one.
func (g *Gatherer) other(r *pipeline.Record, at place) {
	n := &r.Net
	switch {
	case n.IPVersion == 0, r.Verdict == why.Malformed:
	case r.Reason == pipeline.Keepalive:
		g.bystander(n)
	case n.Fragment:
		g.fragment(r, at)
	case n.Protocol == protoICMP || n.Protocol == protoICMPv6:
		data := r.Data()
		g.icmp(n, data[n.PayloadStart:n.PayloadEnd], at)
	}
}

// bystander finds the session of a frame that tells nothing: a NAT keepalive, or a fragment that
// another frame stands for. A frame without ports is of a session only where there is no other
// between the same ends.
func (g *Gatherer) bystander(n *capture.Frame) {
	src, dst := n.Ends()
	a := g.followed(src, dst, false)
	if list := g.pairs[pairOf(n.Src, n.Dst)]; a == nil && len(list) == 1 && list[0].held() {
		a = list[0]
	}
	if a != nil {
		g.current = a.ofESP()
	}
}

// followed finds an association as find does, whose latest session is followed: the one that keys
// open, if there is one.
func (g *Gatherer) followed(src, dst netip.AddrPort, any bool) *association {
	authentic := func(a *association) bool { return a.held() && a.authentic() }
	if a := g.find(src, dst, any, authentic); a != nil {
		return a
	}
	return g.find(src, dst, any, (*association).held)
}

// fragment takes the first IP fragment of an IKE message that was not put together.
func (g *Gatherer) fragment(r *pipeline.Record, at place) {
	n := &r.Net
	if !ofIKE(n) || n.FragOffset != 0 {
		return
	}
	data := r.Frame()
	data = data[n.UDPStart:min(n.UDPEnd, len(data))]
	if len(data) >= 4 && binary.BigEndian.Uint32(data) == 0 {
		data = data[4:]
	}
	h, err := ikev1.ParseHeader(data)
	if err != nil {
		return
	}
	x := g.exchanges[exchangeKey{h.InitiatorCookie, pairOf(n.Src, n.Dst)}]
	if x == nil {
		return
	}
	side := x.assoc.side(n.Ends())
	x.rarely().parts[side].add(at)
	x.partLength = n.UDPLen
	heard := side
	if x.assoc.authentic() {
		heard = nobody // anybody can have sent it
	}
	g.touch(x.session, at, heard)
	if g.keep(x.session) {
		g.note(x.session, newEvent(at, side, "ike", h.ExchangeName()+" fragment",
			"IP fragment of a message that is not whole"))
	}
}

// icmpKinds are the errors that tell of a session, by type and code (RFC 792, RFC 1812, RFC 4443).
var icmpKinds = map[[3]uint8]string{
	{4, 3, 0}: "network unreachable", {4, 3, 1}: "host unreachable", {4, 3, 2}: "protocol unreachable",
	{4, 3, 3}: "port unreachable", {4, 3, 4}: tooBig, {4, 3, 9}: "network prohibited",
	{4, 3, 10}: "host prohibited", {4, 3, 13}: "administratively prohibited", {4, 11, 1}: reassemblyTime,
	{6, 1, 0}: "no route", {6, 1, 1}: "administratively prohibited", {6, 1, 3}: "address unreachable", {6, 1,
		4}: "port unreachable",
	{6, 2, 0}: tooBig, {6, 3, 1}: reassemblyTime,
}

const (
	tooBig         = "packet too big"
	reassemblyTime = "fragment reassembly time exceeded"
)

// icmp takes an ICMP error that quotes a packet of a session.
func (g *Gatherer) icmp(n *capture.Frame, data []byte, at place) {
	const header = 8
	if len(data) < header {
		return
	}
	kind, ok := icmpKinds[[3]uint8{n.IPVersion, data[0], data[1]}]
	if !ok {
		return
	}
	src, dst, protocol, ok := quoted(data[header:])
	if !ok {
		return
	}
	a := g.followed(src, dst, true)
	if a == nil {
		return
	}
	s := a.session
	note := func(of **refusal) {
		f := made(of)
		f.add(at)
		f.kind, f.by = kind, n.Src
	}
	isIKE := protocol == protoUDP && (dst.Port() == portIKE || src.Port() == portIKE ||
		(dst.Port() == portNATT || src.Port() == portNATT) && s.espPackets() == 0)
	if !isIKE {
		s = a.ofESP()
	}
	switch x := s.exchange(); {
	case x != nil && (kind == reassemblyTime || isIKE && kind != tooBig):
		note(&x.refused)
	case kind == tooBig:
		note(&s.narrow)
	case protocol == protoUDP && (src.Port() == portL2TP || dst.Port() == portL2TP):
		note(&s.unserved)
	case protocol == protoESP, protocol == protoUDP && a.natt:
		note(&s.icmp)
	default:
		return
	}
	s.last, g.current = at, s
	if g.keep(s) && len(s.errors) < maxNotices {
		s.errors = append(s.errors, newEvent(at, nobody, "icmp", kind, "from "+n.Src.String()))
	}
}

// quoted reads the packet that an ICMP error quotes: its addresses, and ports if they are there.
func quoted(data []byte) (src, dst netip.AddrPort, protocol uint8, ok bool) {
	var f capture.Frame
	if err := f.DecodeIP(data); err != nil && f.IPVersion == 0 || f.IPVersion == 0 {
		return src, dst, 0, false
	}
	var sport, dport uint16
	if rest := data[min(f.PayloadStart, len(data)):]; f.Protocol == protoUDP && len(rest) >= 4 && f.FragOffset == 0 {
		sport, dport = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	}
	return netip.AddrPortFrom(f.Src, sport), netip.AddrPortFrom(f.Dst, dport), f.Protocol, true
}
