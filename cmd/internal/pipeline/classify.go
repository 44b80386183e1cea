package pipeline

import (
	"encoding/binary"

	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/l2tp"
)

// UDP ports, and IP protocol numbers in front of what is encrypted.
const (
	portIKE  = 500
	portNATT = 4500
	portL2TP = 1701

	protoESP = 50
)

// content is what a datagram carries.
type content struct {
	kind   Kind
	data   []byte // of IKE and ESP
	length int    // of data as it was on the wire
	marker bool   // IKE behind a non-ESP marker
	reason string // what is to be known of it, mostly ""
	broken bool   // it is nothing that its port allows
}

func ikeMessages(data []byte, marker bool) content {
	return content{kind: IKE, data: data, length: len(data), marker: marker}
}

func keepalive() content { return content{reason: Keepalive} }

// classify tells IKE, ESP and L2TP apart. known reports whether an SPI has been named.
func classify(n *capture.Frame, data []byte, known func(spi uint32) bool) content {
	switch {
	case n.IPVersion == 0:
	case n.Protocol == protoESP:
		return content{kind: ESP, data: data[n.PayloadStart:n.PayloadEnd], length: n.PayloadLen}
	case n.UDP:
		return classifyUDP(n, data[n.UDPStart:n.UDPEnd], known)
	}
	return content{}
}

// isPort reports whether one of the two ports is this one.
func isPort(n *capture.Frame, port uint16) bool { return n.SrcPort == port || n.DstPort == port }

func classifyUDP(n *capture.Frame, payload []byte, known func(uint32) bool) content {
	word := uint32(0)
	if len(payload) >= 4 {
		word = binary.BigEndian.Uint32(payload)
	}
	switch {
	case isPort(n, portIKE) && isKeepalive(payload):
		return keepalive()
	case isPort(n, portIKE) && len(payload) >= 4 && word == 0 && plausibleIKE(payload[4:]):
		return ikeMessages(payload[4:], true) // the marker, on a translated port
	case isPort(n, portIKE) && len(payload) >= esp.HeaderLen && known(word) && !plausibleIKE(payload):
		return content{kind: ESP, data: payload, length: n.UDPLen} // before RFC 3948 ESP shared the port of IKE
	case isPort(n, portIKE):
		return ikeMessages(payload, false)
	case isPort(n, portNATT):
		return classifyNATT(n, payload)
	case isPort(n, portL2TP) && !validL2TP(payload):
		if isKeepalive(payload) && len(payload) > 0 {
			return keepalive()
		}
		c := classifyContent(n, payload, known)
		if c.kind == Other {
			c.kind = L2TP
		}
		return c
	case isPort(n, portL2TP):
		if plausibleIKE(payload) { // its cookie looks like L2TP's flags
			return ikeMessages(payload, false)
		}
		return content{kind: L2TP}
	}
	return classifyContent(n, payload, known)
}

// isKeepalive reports whether a UDP payload is that of a NAT keepalive (RFC 3948 section 2.3); some
// senders leave it empty.
func isKeepalive(payload []byte) bool {
	return len(payload) == 0 || len(payload) == 1 && payload[0] == 0xff
}

// classifyNATT tells the three users of port 4500 apart (RFC 3948 section 2).
func classifyNATT(n *capture.Frame, payload []byte) content {
	switch {
	case isKeepalive(payload) && !n.Truncated:
		return keepalive()
	case len(payload) < 4:
		return content{broken: true, reason: "too short for ESP, for IKE and for a NAT keepalive"}
	case binary.BigEndian.Uint32(payload) == 0:
		return ikeMessages(payload[4:], true)
	case plausibleIKE(payload):
		return ikeMessages(payload, false) // without the marker that RFC 3947 asks for
	}
	return content{kind: ESP, data: payload, length: n.UDPLen}
}

// classifyContent finds IKE and ESP by content on ports that are not theirs.
func classifyContent(n *capture.Frame, payload []byte, known func(uint32) bool) content {
	if len(payload) < 8 {
		return content{}
	}
	word := binary.BigEndian.Uint32(payload)
	switch {
	case word == 0 && plausibleIKE(payload[4:]):
		return ikeMessages(payload[4:], true)
	case plausibleIKE(payload):
		return ikeMessages(payload, false)
	case word > 255 && known(word):
		return content{kind: ESP, data: payload, length: n.UDPLen}
	case plausibleL2TP(payload):
		return content{kind: L2TP}
	}
	return content{}
}

// plausibleIKE reports whether data begins with an ISAKMP header of version 1 that fits the
// datagram: a test that random data passes once in 2^40.
func plausibleIKE(data []byte) bool {
	if len(data) < ikev1.HeaderLen || data[17] != 0x10 {
		return false
	}
	h, err := ikev1.ParseHeader(data)
	return err == nil && h.MajorVersion == 1 && h.MinorVersion == 0 &&
		h.Length >= ikev1.HeaderLen && uint64(h.Length) == uint64(len(data)) &&
		knownExchange(h.Exchange) && h.Flags&^7 == 0 && h.InitiatorCookie != (ikev1.Cookie{})
}

func knownExchange(e ikev1.ExchangeType) bool {
	switch e {
	case ikev1.ExchangeMain, ikev1.ExchangeAggressive, ikev1.ExchangeInformational, ikev1.ExchangeTransaction,
		ikev1.ExchangeQuick, ikev1.ExchangeNewGroup:
		return true
	}
	return false
}

// validL2TP reports whether a payload on the port of L2TP, which a NAT may have given to another
// protocol, begins with an L2TP header: it decodes, and of version 2 the reserved bits are zero
// (RFC 2661 section 3.1).
func validL2TP(data []byte) bool {
	const reserved = 0x34f0
	var h l2tp.Header
	if err := h.Decode(data); err != nil && err != l2tp.ErrTruncated {
		return false
	}
	return h.Version != l2tp.Version2 || binary.BigEndian.Uint16(data)&reserved == 0
}

// plausibleL2TP accepts L2TP on a port of its own only where the header proves it: a control
// message whose length is the datagram's and whose first AVP is a message type.
func plausibleL2TP(data []byte) bool {
	var h l2tp.Header
	return h.Decode(data) == nil && h.Version == 2 && h.Control && int(h.Length) == len(data) &&
		len(data) >= 20 && data[14] == 0 && data[15] == 0 && data[16] == 0 && data[17] == 0
}
