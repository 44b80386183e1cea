package forge

import (
	"encoding/binary"
	"slices"

	"l2tpdump/capture"
	"l2tpdump/ikev1"
)

// Floods makes packet n of each flood: an IP packet that differs from all others in what the flood
// is named after.
var Floods = map[string]func(n uint32) []byte{
	"SPIs": func(n uint32) []byte { return ipv4(protoESP, there, espPacket(0x1000+n, 1)) },
	"destinations": func(n uint32) []byte {
		return ipv4(protoESP, [4]byte{10 + byte(n>>24), byte(n >> 16), byte(n >> 8), byte(n)}, espPacket(0x1000, 1))
	},
	"cookies":          firstMessage,
	"answers":          answer,
	"KE values":        keyExchange,
	"encrypted":        func(n uint32) []byte { return encryptedMessage(n, n, ikev1.ExchangeQuick) },
	"Quick Modes":      func(n uint32) []byte { return encryptedMessage(1, n, ikev1.ExchangeQuick) },
	"IKE fragments":    ikeFragment,
	"fragments":        fragment4,
	"IPv6 fragments":   fragment6,
	"IPv6 SPIs":        func(n uint32) []byte { return ipv6(protoESP, 0, espPacket(0x1000+n, 1)) },
	"IPv6 sources":     func(n uint32) []byte { return ipv6(protoESP, n, espPacket(0x1000+n, 1)) },
	"tunnels":          sccrq,
	"sessions":         icrq,
	"tunnels of data":  func(n uint32) []byte { return fromSource(n>>15, dataMessage(odd(n), 7, userData)) },
	"sessions of data": func(n uint32) []byte { return fromSource(n>>15, dataMessage(21, odd(n), userData)) },
	"sources of data":  func(n uint32) []byte { return fromSource(n, dataMessage(21, 7, userData)) },
}

var (
	here     = [4]byte{192, 0, 2, 1}
	there    = [4]byte{198, 51, 100, 2}
	userData = append([]byte{0xff, 3, 0, 0x21, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0,
		2, 0, 20, 0, 0}, make([]byte, 12)...)
)

// Like is the IP packet of a flood in a frame like the forger's; false where that is of the other
// version of IP.
func (x *Forger) Like(ip []byte) (capture.Packet, bool) {
	if x.net.IPVersion != ip[0]>>4 || x.net.LinkLen+40 > len(x.base.Data) {
		return capture.Packet{}, false
	}
	var n capture.Frame
	if err := n.DecodeIP(ip); err != nil {
		panic(err)
	}
	return x.behindLink(ip), true
}

func ipv4(protocol byte, dst [4]byte, payload []byte) []byte {
	h := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0}
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	return slices.Concat(h, here[:], dst[:], payload)
}

// ipv6 is a packet from a source of that number.
func ipv6(protocol byte, source uint32, payload []byte) []byte {
	h := make([]byte, 40, 40+len(payload))
	h[0], h[6], h[7] = 0x60, protocol, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
	h[8], h[9], h[24], h[25] = 0x20, 1, 0x20, 2
	binary.BigEndian.PutUint32(h[20:], source)
	return append(h, payload...)
}

func espPacket(spi, seq uint32) []byte {
	b := make([]byte, 84)
	binary.BigEndian.PutUint32(b, spi)
	binary.BigEndian.PutUint32(b[4:], seq)
	binary.BigEndian.PutUint64(b[8:], uint64(spi)*0x9e3779b97f4a7c15)
	return b
}

func cookie(n uint32) (c ikev1.Cookie) {
	binary.BigEndian.PutUint64(c[:], (uint64(n)+1)*0x9e3779b97f4a7c15)
	return c
}

func isakmp(h ikev1.Header, body []byte) []byte {
	h.MajorVersion, h.Length = 1, uint32(ikev1.HeaderLen+len(body))
	return ipv4(protoUDP, there, udp(500, 500, append(h.Append(nil), body...)))
}

func firstMessage(n uint32) []byte {
	return isakmp(ikev1.Header{InitiatorCookie: cookie(n), NextPayload: ikev1.PayloadSA, Exchange: ikev1.ExchangeMain},
		payload(0, offer(5, 1, 0)))
}

func answer(n uint32) []byte {
	return isakmp(ikev1.Header{InitiatorCookie: cookie(n), ResponderCookie: cookie(n + 1), NextPayload: ikev1.PayloadSA,
		Exchange: ikev1.ExchangeMain}, payload(0, offer(7, 4, 128)))
}

func keyExchange(n uint32) []byte {
	return isakmp(ikev1.Header{InitiatorCookie: cookie(n), ResponderCookie: cookie(n + 1), NextPayload: ikev1.PayloadKE,
		Exchange: ikev1.ExchangeMain},
		append(payload(ikev1.PayloadNonce, make([]byte, 128)), payload(0, make([]byte, 20))...))
}

func encryptedMessage(sa, id uint32, e ikev1.ExchangeType) []byte {
	body := make([]byte, 160)
	binary.BigEndian.PutUint64(body, uint64(id+1)*0x9e3779b97f4a7c15)
	return isakmp(ikev1.Header{InitiatorCookie: cookie(sa), ResponderCookie: cookie(sa + 1),
		NextPayload: ikev1.PayloadHash,
		Exchange:    e, Flags: ikev1.FlagEncryption, MessageID: id + 1}, body)
}

func ikeFragment(n uint32) []byte {
	body := payload(0, append([]byte{0, byte(n), 1, 0}, make([]byte, 200)...))
	return isakmp(ikev1.Header{InitiatorCookie: cookie(n), ResponderCookie: cookie(n + 1),
		NextPayload: ikev1.PayloadFragment, Exchange: ikev1.ExchangeMain}, body)
}

// fragment4 is the first fragment of a datagram; there are 2^16 of each destination.
func fragment4(n uint32) []byte {
	p := ipv4(protoESP, [4]byte{198, 51, byte(n >> 24), byte(n >> 16)}, espPacket(0x1000, 1)[:80])
	binary.BigEndian.PutUint16(p[4:], uint16(n))
	p[6] = 0x20
	return p
}

func fragment6(n uint32) []byte {
	h := []byte{protoESP, 0, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(h[4:], n)
	return ipv6(44, 0, append(h, espPacket(0x1000, 1)[:80]...))
}

// fromSource is a UDP packet of L2TP from a source of that number.
func fromSource(n uint32, message []byte) []byte {
	p := ipv4(protoUDP, there, udp(1701, 1701, message))
	binary.BigEndian.PutUint32(p[12:], 0x0a000000+n)
	return p
}

// odd is an ID of 15 bits of n, never 0.
func odd(n uint32) uint16 { return uint16(n)<<1 | 1 }

func sccrq(n uint32) []byte {
	return fromSource(n>>15, controlMessage(0, 0, 0, avp(0, word(1)), avp(2, []byte{1, 0}), avp(7, []byte("flood")),
		avp(9, word(odd(n)))))
}

func icrq(n uint32) []byte {
	return fromSource(n>>15, controlMessage(21, 0, uint16(n), avp(0, word(10)), avp(14, word(odd(n))),
		avp(15, []byte{0, 0, 0, 1})))
}
