package pipeline

import (
	"net/netip"

	"l2tpdump/capture"
)

// insideBytes is what the fragments inside ESP may take that wait for others: those in packets with
// a good ICV, and as much again those in packets whose ICV can't be checked.
const insideBytes = 8 << 20

// insideFragments puts the IP datagrams of tunnels together that came in fragments inside ESP.
// Those of one SA are apart from those of all others.
type insideFragments struct{ verified, unchecked *capture.Reassembler }

// of returns what puts the fragments of r together.
func (x *insideFragments) of(r *Record) *capture.Reassembler {
	which := &x.unchecked
	if r.Plain.Verified {
		which = &x.verified
	}
	if *which == nil {
		*which = capture.NewReassembler(insideBytes, reassemblyTimeout)
	}
	return *which
}

// fragment follows a fragment of an IP packet inside ESP. If it is of a tunnel's, it is no packet
// of the users; with the last one what they carry is followed. Others are the users' own.
func (u *unwrapper) fragment(r *Record, n *capture.Frame, protocol uint8, data []byte, depth int) {
	within := struct {
		to          netip.Addr
		spi, nested uint32
	}{to: r.Net.Dst, spi: r.SPI}
	if k := len(r.Nested); k > 0 {
		within.nested = r.Nested[k-1]
	}
	all := u.fragments.of(r)
	if r.Missing > 0 || !u.ofTunnel(r, n, data) && !all.Knows(within, n, data) {
		return
	}
	r.Payload.Inner = nil
	if r.Twice { // what its receiver drops changes no state
		return
	}
	if d, err := all.Add(within, n, data, r.Packet.Time); err == nil && d != nil && d.Complete {
		u.ip(r, protocol, d.Data, depth+1)
	}
}

// ofTunnel reports whether a fragment shows that it carries L2TP or ESP. Of UDP only the first one
// does; the others have to be between the ends of the packet around them.
func (u *unwrapper) ofTunnel(r *Record, n *capture.Frame, data []byte) bool {
	switch n.Protocol {
	case protoESP, protoL2TP:
		return true
	case protoUDP:
	default:
		return false
	}
	if !n.UDP {
		return n.Src == r.Net.Src && n.Dst == r.Net.Dst
	}
	src, dst := n.Ends()
	return isPort(n, portNATT) ||
		isL2TP(u.realm(r).tunnels, src, dst, data[n.UDPStart:n.UDPEnd], n.UDPLen, n.SrcPort, n.DstPort)
}
