package pipeline

import (
	"encoding/binary"
	"net/netip"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/recent"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/l2tp"
)

// UDP ports, and IP protocol numbers in front of what is encrypted.
const (
	portIKE  = 500
	portNATT = 4500
	portL2TP = 1701

	protoESP  = 50
	protoL2TP = 115
)

// content is what a datagram carries.
type content struct {
	kind   Kind
	data   []byte // of IKE and ESP
	length int    // of data as it was on the wire
	marker bool   // IKE behind a non-ESP marker
	reason string // what is to be known of it, mostly ""
	sure   bool   // it shows that its ends speak IKE, whatever else is known of them

	doubtful bool     // nothing but the packet and those before it says whether it is ESP:
	evidence evidence // what the packet says
}

func ikeMessages(data []byte, marker, sure bool) content {
	return content{kind: IKE, data: data, length: len(data), marker: marker, sure: sure}
}

// classifier tells IKE, ESP and L2TP from all else. A port proves nothing: other protocols use
// these too, behind a NAT or by chance. A header that is plausible in all its fields does; what is
// doubtful counts if it belongs to an exchange, an SA or a tunnel that is known.
type classifier struct {
	named   func(spi uint32) bool // an SPI that a key or IKE has named
	keyed   func(spi uint32) bool // one that a key may be for
	ike     *ikev1.Tracker
	tunnels seenTunnels                // of what is in clear
	peers   recent.Map[pair, struct{}] // that IKE was seen between

	// Of what may be ESP in UDP.
	flows recent.Map[flowID, flow]
	talks recent.Map[[2]netip.AddrPort, *conversation]
}

// pair is two addresses, the smaller one first.
type pair struct{ a, b netip.Addr }

func pairOf(n *capture.Frame) pair {
	if n.Src.Compare(n.Dst) > 0 {
		return pair{n.Dst, n.Src}
	}
	return pair{n.Src, n.Dst}
}

// classify finds out what a datagram carries. It changes nothing.
func (c *classifier) classify(n *capture.Frame, data []byte) content {
	switch {
	case n.IPVersion == 0:
	case n.Protocol == protoESP:
		return content{kind: ESP, data: data[n.PayloadStart:n.PayloadEnd], length: n.PayloadLen}
	case n.Protocol == protoL2TP:
		return c.l2tpIP(n, data[n.PayloadStart:n.PayloadEnd])
	case n.UDP:
		return c.udp(n, data[n.UDPStart:n.UDPEnd])
	}
	return content{}
}

// learn takes note of what a datagram shows of its ends.
func (c *classifier) learn(n *capture.Frame, x *content) {
	switch {
	case x.kind == IKE && x.sure:
		c.peers.Set(pairOf(n), struct{}{})
		c.conversation(n).ike = true
	case x.kind == L2TP:
		var h l2tp.Header
		decode := h.Decode
		if n.Protocol == protoL2TP {
			decode = h.DecodeIP
		}
		if decode(x.data) == nil {
			src, dst := n.Ends()
			c.tunnels.learn(src, dst, &h, x.data)
		}
	case x.doubtful:
		c.note(n, x)
	}
}

// isPort reports whether one of the two ports is this one.
func isPort(n *capture.Frame, port uint16) bool { return n.SrcPort == port || n.DstPort == port }

func (c *classifier) udp(n *capture.Frame, payload []byte) content {
	word := uint32(0)
	if len(payload) >= markerLen {
		word = binary.BigEndian.Uint32(payload)
	}
	usual := isPort(n, portIKE) || isPort(n, portNATT) || isPort(n, portL2TP)
	src, dst := n.Ends()
	switch {
	case usual && isKeepalive(payload) && !n.Truncated:
		return content{reason: Keepalive}
	case word == 0 && len(payload) >= 4 && c.isIKE(n, payload[4:], true):
		return ikeMessages(payload[4:], true, plausibleIKE(payload[4:], n.UDPLen-4))
	case c.isIKE(n, payload, false):
		return ikeMessages(payload, false, plausibleIKE(payload, n.UDPLen))
	case word > maxReservedSPI && len(payload) >= esp.HeaderLen && c.named(word):
		return content{kind: ESP, data: payload, length: n.UDPLen}
	case isL2TP(&c.tunnels, src, dst, payload, n.UDPLen, n.SrcPort, n.DstPort):
		return content{kind: L2TP, data: payload, length: n.UDPLen}
	case isPort(n, portNATT) && (word != 0 || len(payload) < markerLen):
		return c.doubtful(n, payload)
	}
	return content{}
}

// maxReservedSPI is the highest of the SPIs that no SA has (RFC 4303 section 2.1).
const maxReservedSPI = 255

// isKeepalive reports whether a UDP payload is that of a NAT keepalive (RFC 3948 section 2.3); some
// senders leave it empty.
func isKeepalive(payload []byte) bool {
	return len(payload) == 0 || len(payload) == 1 && payload[0] == 0xff
}

// classifyNATT tells the three users of port 4500 apart (RFC 3948 section 2), where nothing else
// can be there.
func classifyNATT(n *capture.Frame, payload []byte) content {
	switch {
	case isKeepalive(payload) && !n.Truncated:
		return content{reason: Keepalive}
	case len(payload) < 4:
		return content{}
	case binary.BigEndian.Uint32(payload) == 0:
		return ikeMessages(payload[4:], true, false)
	}
	return content{kind: ESP, data: payload, length: n.UDPLen}
}

// isIKE reports whether data is an ISAKMP message: by its header, on the ports of IKE also by a
// cookie that is known, or because the capture has no more of it.
func (c *classifier) isIKE(n *capture.Frame, data []byte, marker bool) bool {
	length := n.UDPLen
	if marker {
		length -= 4
	}
	port := isPort(n, portIKE) || marker && isPort(n, portNATT)
	switch {
	case plausibleIKE(data, length):
		return port || exactIKE(data, length)
	case !port:
		return false
	case len(data) < ikev1.HeaderLen && length > len(data), firstIKE(data):
		return true
	}
	return len(data) >= len(ikev1.Cookie{}) && c.ike.Knows(ikev1.Cookie(data[:8]))
}

// plausibleIKE reports whether data begins with the header of ISAKMP or of IKEv2, and a message of
// that length is in the length bytes that were on the wire: a test that random data passes once in
// 2^40.
func plausibleIKE(data []byte, length int) bool {
	const version1, version2 = 0x10, 0x20
	if len(data) < ikev1.HeaderLen || data[17] != version1 && data[17] != version2 {
		return false
	}
	h, err := ikev1.ParseHeader(data)
	if err != nil || h.Length < ikev1.HeaderLen || uint64(h.Length) > uint64(length) {
		return false
	}
	if h.MajorVersion == 2 {
		return h.Exchange >= 34 && h.Exchange <= 44 && h.Flags&^0x38 == 0
	}
	return (h.Exchange >= 1 && h.Exchange <= 6 || h.Exchange >= 32 && h.Exchange <= 34) && h.Flags&^7 == 0
}

// firstIKE reports whether data begins with the first message of an exchange, whatever its length
// field says: the header, and an SA payload of IPsec's DOI behind it (RFC 2408 sections 3.1, 3.4).
func firstIKE(data []byte) bool {
	const doi = 1
	if len(data) < ikev1.HeaderLen+8 {
		return false
	}
	h, _ := ikev1.ParseHeader(data)
	sa := data[ikev1.HeaderLen:]
	return !h.InitiatorCookie.IsZero() && h.ResponderCookie.IsZero() && h.MajorVersion == 1 && data[16] == 1 &&
		(h.Exchange == 2 || h.Exchange == 4) && h.Flags == 0 && h.MessageID == 0 &&
		sa[1] == 0 && binary.BigEndian.Uint32(sa[4:]) == doi
}

// exactIKE reports whether a plausible message is one of IKEv1 that fits the datagram.
func exactIKE(data []byte, length int) bool {
	h, err := ikev1.ParseHeader(data)
	return err == nil && h.MajorVersion == 1 && !h.InitiatorCookie.IsZero() && uint64(h.Length) == uint64(length) &&
		length == len(data)
}

// isL2TP reports whether a UDP payload, of length bytes on the wire, is an L2TP message: by all of
// its header, or by a possible header, a version that is damaged included, and a tunnel that is
// known. Of a message that the capture cut in the header, the port has to do.
func isL2TP(tunnels tunnels, src, dst netip.AddrPort, data []byte, length int, sport, dport uint16) bool {
	var h l2tp.Header
	err := h.Decode(data)
	port := sport == portL2TP || dport == portL2TP
	switch {
	case len(data) < l2tp.MinHeader:
		return port && length > len(data)
	case err != nil && port && tunnels.Damaged(src, dst, data):
		return true
	case !l2tp.Possible(&h, data):
		return false
	case tunnels.Knows(src, dst, h):
		return true
	case err != nil && err != l2tp.ErrTruncated:
		return port && length > len(data)
	}
	return (err == nil || length > len(data)) && l2tp.Plausible(&h, data, length) ||
		sport == portL2TP && dport == portL2TP && l2tp.Possibly(&h, data, length)
}

// l2tpIP takes what is behind IP protocol 115, which is L2TPv3 (RFC 3931 section 4.1.1).
func (c *classifier) l2tpIP(n *capture.Frame, data []byte) content {
	var h l2tp.Header
	if err := h.DecodeIP(data); err != nil && err != l2tp.ErrTruncated && n.PayloadLen == len(data) {
		return content{}
	}
	return content{kind: L2TP, data: data, length: n.PayloadLen}
}
