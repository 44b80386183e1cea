package forge

import (
	"encoding/binary"
	"slices"
)

// L2TP makes L2TP messages in clear between the packet's addresses, with the IDs of a tunnel and a
// session.
func (x *Forger) L2TP(tunnel, session uint16) Packets {
	if x.net.Fragment {
		return nil
	}
	all := Packets{}
	put := func(kind string, message []byte) { all.put(kind, x.carrying(protoUDP, udp(1701, 1701, message))) }
	control := func(kind string, session uint16, message uint16, avps ...[]byte) {
		put(kind, controlMessage(tunnel, session, 0, append([][]byte{avp(0, word(message))}, avps...)...))
	}
	host := avp(7, []byte("forged"))
	request := slices.Concat(avp(2, []byte{1, 0}), avp(3, []byte{0, 0, 0, 3}), host)
	for _, id := range []uint16{tunnel, tunnel + 1} {
		put("SCCRQ", controlMessage(0, 0, 0, avp(0, word(1)), request, avp(9, word(id))))
		control("SCCRP", 0, 2, request, avp(9, word(id)))
	}
	control("SCCCN", 0, 3)
	control("StopCCN", 0, 4, avp(9, word(tunnel)), avp(1, []byte{0, 6}))
	control("HELLO", 0, 6)
	control("ICRQ", 0, 10, avp(14, word(session)), avp(15, []byte{0, 0, 0, 1}))
	control("ICRP", session, 11, avp(14, word(session+1)))
	control("ICCN", session, 12, avp(24, []byte{0, 0, 0, 0}))
	control("CDN", session, 14, avp(14, word(session)), avp(1, []byte{0, 3}))
	frame := func(kind string, protocol uint16, content ...byte) {
		put(kind, dataMessage(tunnel, session, append([]byte{0xff, 3, byte(protocol >> 8), byte(protocol)}, content...)))
	}
	const lcp, ipcp, ccp = 0xc021, 0x8021, 0x80fd
	frame("CCP Conf-Req MPPC", ccp, 1, 9, 0, 10, 18, 6, 1, 0, 0, 0x41)
	frame("CCP Conf-Ack Deflate", ccp, 2, 9, 0, 8, 26, 4, 0x78, 0)
	frame("CCP Conf-Rej", ccp, 4, 9, 0, 8, 26, 4, 0x78, 0)
	frame("CCP Reset-Req", ccp, 14, 9, 0, 4)
	frame("CCP Reset-Ack", ccp, 15, 9, 0, 4)
	frame("CCP Term-Req", ccp, 5, 9, 0, 4)
	frame("LCP Conf-Ack PFC ACFC", lcp, 2, 9, 0, 8, 7, 2, 8, 2)
	frame("LCP Term-Req", lcp, 5, 9, 0, 4)
	frame("IPCP Conf-Ack VJ", ipcp, 2, 9, 0, 10, 2, 6, 0, 0x2d, 15, 1)
	frame("compressed", 0xfd, x.random(60)...)
	frame("VJ", 0x2f, x.random(60)...)
	frame("random", 0x21, x.random(60)...)
	return all
}

func word(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// avp is an attribute-value pair (RFC 2661 section 4.1).
func avp(kind uint16, value []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0x8000|uint16(6+len(value)))
	return append(append(append(b, 0, 0), word(kind)...), value...)
}

// controlMessage is a control message (RFC 2661 section 3.1).
func controlMessage(tunnel, session, ns uint16, avps ...[]byte) []byte {
	body := slices.Concat(avps...)
	b := []byte{0xc8, 2}
	for _, n := range [...]uint16{uint16(12 + len(body)), tunnel, session, ns, 0} {
		b = append(b, word(n)...)
	}
	return append(b, body...)
}

// dataMessage is a data message without optional fields.
func dataMessage(tunnel, session uint16, frame []byte) []byte {
	return slices.Concat([]byte{0, 2}, word(tunnel), word(session), frame)
}

// udp is a UDP datagram without a checksum.
func udp(from, to uint16, payload []byte) []byte {
	return slices.Concat(word(from), word(to), word(uint16(8+len(payload))), []byte{0, 0}, payload)
}
