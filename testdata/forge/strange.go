package forge

import (
	"bytes"
	"encoding/binary"
	"slices"

	"l2tpdump/ikev1"
)

const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoGRE    = 47
	protoESP    = 50
	protoAH     = 51
	protoICMP6  = 58
	protoL2TPv3 = 115
)

// Strange makes packets that are neither ESP nor IKE between the packet's ends, and name or carry
// what looks like these: from others, in tunnels, in TCP, in errors.
func (x *Forger) Strange() Packets {
	if x.net.Fragment {
		return nil
	}
	all := Packets{}
	put := func(kind string, protocol uint8, payload []byte) { all.put(kind, x.carrying(protocol, payload)) }
	// What one who sees the packet can make of it.
	ip := bytes.Clone(x.base.Data[x.net.LinkLen:])
	quoted := ip[:min(len(ip), x.net.PayloadStart-x.net.LinkLen+8)]
	icmp, kind, code := uint8(protoICMP), byte(3), byte(4)
	if x.net.IPVersion == 6 {
		icmp, kind, code = protoICMP6, 1, 4
	}
	put("ICMP, unreachable", icmp, append([]byte{kind, code, 0, 0, 0, 0, 5, 0}, quoted...))
	put("ICMP, echo", icmp, append([]byte{8, 0, 0, 0, 0, 1, 0, 1}, x.random(32)...))
	put("AH", protoAH, append([]byte{protoESP, 4, 0, 0}, x.random(40)...))
	put("L2TPv3 in IP", protoL2TPv3, x.random(60))
	put("PPTP's GRE", protoGRE,
		append([]byte{0x30, 0x81, 0x88, 0x0b, 0, 20, 0, 7, 0, 0, 0, 1, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 8}, x.random(4)...))
	for i, payload := range [][]byte{{0xff}, nil, {0, 0, 0, 0}, x.random(3), x.random(40)} {
		for _, ports := range [][2]uint16{{4500, 4500}, {500, 500}, {1701, 1701}, {4500, 1024}, {53, 4500}} {
			if i < 4 || ports[0] == 53 {
				put("UDP, next to nothing", protoUDP, udp(ports[0], ports[1], payload))
			}
		}
	}
	put("IKEv2", protoUDP, udp(500, 500, x.version2()))
	x.strangeESP(all)
	x.strangeIKE(all)
	return all
}

// version2 is an IKEv2 message with the cookies of the packet's IKE message, if it holds one.
func (x *Forger) version2() []byte {
	h := x.random(ikev1.HeaderLen + 60)
	if x.net.UDP && x.net.UDPEnd-x.net.UDPStart >= 20 {
		copy(h, x.base.Data[x.net.UDPStart+len(x.marker()):][:16])
	}
	copy(h[16:], []byte{46, 0x20, 35, 8, 0, 0, 0, 1, 0, 0, 0, byte(len(h))})
	return h
}

// strangeESP has the SPI of an ESP packet in others' packets, in TCP and in tunnels.
func (x *Forger) strangeESP(all Packets) {
	real := x.seenESP()
	if real == nil {
		return
	}
	spi, seq := binary.BigEndian.Uint32(real), binary.BigEndian.Uint32(real[4:])
	esp := func(ahead uint32) []byte {
		return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, spi), seq+ahead),
			x.random(len(real)-8)...)
	}
	put := func(kind string, protocol uint8, payload []byte) { all.put(kind, x.carrying(protocol, payload)) }
	for _, ahead := range []uint32{0, 1, 100, 1 << 31} {
		put("ESP without UDP", protoESP, esp(ahead))
		put("ESP in UDP", protoUDP, udp(4500, 4500, esp(ahead)))
		put("ESP in UDP of other ports", protoUDP, udp(4500, 31337, esp(ahead)))
		put("ESP in TCP", protoTCP, segment(ahead, slices.Concat([]byte("IKETCP"), word(uint16(len(real)+2)), esp(ahead))))
		all.putAll("ESP, ", x.strangers(protoESP, esp(ahead)))
		inner := ipv4(protoESP, there, esp(ahead))
		if n := &x.net; n.IPVersion == 4 { // between the same addresses
			copy(inner[12:20], x.base.Data[n.LinkLen+12:])
		}
		put("ESP in IP in IP", 4, inner)
		put("ESP in GRE", protoGRE, append([]byte{0, 0, 8, 0}, inner...))
		put("ESP in VXLAN", protoUDP,
			udp(4789, 4789, slices.Concat([]byte{8, 0, 0, 0, 0, 0, 7, 0}, make([]byte, 12), []byte{8, 0}, inner)))
	}
}

// segment is a TCP segment between ports of NAT traversal.
func segment(seq uint32, payload []byte) []byte {
	b := append(word(4500), word(40000)...)
	b = binary.BigEndian.AppendUint32(b, seq)
	return append(append(b, 0, 0, 0, 0, 0x50, 0x18, 1, 0, 0, 0, 0, 0), payload...)
}

// strangeIKE has the cookies of an IKE message in others' packets, and in tunnels, and contradicts
// its fragments.
func (x *Forger) strangeIKE(all Packets) {
	data, real := x.seenIKE()
	if data == nil {
		return
	}
	message := func(h ikev1.Header, first ikev1.PayloadType, body []byte) []byte {
		h.NextPayload, h.Length = first, uint32(ikev1.HeaderLen+len(body))
		return append(h.Append(nil), body...)
	}
	first := ikev1.Header{InitiatorCookie: real.InitiatorCookie, MajorVersion: 1, Exchange: ikev1.ExchangeMain}
	both := first
	both.ResponderCookie = real.ResponderCookie
	encrypted := both
	encrypted.Exchange, encrypted.Flags, encrypted.MessageID = ikev1.ExchangeQuick, ikev1.FlagEncryption,
		binary.BigEndian.Uint32(x.random(4))
	keyExchange := func(more ...byte) []byte {
		return slices.Concat(payload(ikev1.PayloadNonce, x.random(128)), payload(ikev1.PayloadNATD, x.random(20)),
			payload(ikev1.PayloadNATD, x.random(20)),
			payload(0, x.random(20)), more)
	}
	for name, m := range map[string][]byte{
		"a first message": message(first, ikev1.PayloadSA, payload(0, offer(5, 1, 0))),
		"an answer":       message(both, ikev1.PayloadSA, payload(0, offer(7, 4, 128))),
		"KE and NAT-D":    message(both, ikev1.PayloadKE, keyExchange()),
		"Quick Mode":      message(encrypted, ikev1.PayloadHash, x.random(160)),
	} {
		all.putAll(name+", ", x.strangers(protoUDP, udp(500, 500, m)))
		all.put(name+", and another", x.marked(m, m))
		all.put(name+", without its end", x.marked(m[:len(m)-9]))
		all.put(name+", in TCP",
			x.carrying(protoTCP, segment(1, slices.Concat([]byte("IKETCP"), word(uint16(len(m)+6)), make([]byte, 4), m))))
	}
	all.put("false NAT-D", x.marked(message(both, ikev1.PayloadKE, keyExchange())))
	if real.NextPayload != ikev1.PayloadFragment || len(data) < ikev1.HeaderLen+20 {
		return
	}
	for _, change := range []func(b []byte){
		func(b []byte) { copy(b[8:], x.random(len(b)-8)) },  // another content
		func(b []byte) { b[7] ^= 1 },                        // the last, or not
		func(b []byte) { b[6]++ },                           // the next number
		func(b []byte) { b[5]++; copy(b[8:], x.random(8)) }, // of another message
	} {
		forged := bytes.Clone(data)
		change(forged[ikev1.HeaderLen:])
		all.put("a fragment like it", x.marked(forged))
	}
}

// strangers are packets that carry a payload between others than the packet's ends: between two of
// them, from one to the packet's receiver, from its sender to one.
func (x *Forger) strangers(protocol uint8, payload []byte) Packets {
	all := Packets{}
	whole, from, to, length := x.betweenOthers(protocol, payload)
	put := func(kind string, ip []byte) {
		if p, ok := x.Like(ip); ok {
			all.put(kind, p)
		}
	}
	put("between others", whole)
	for kind, at := range map[string]int{"of another sender": to, "to another receiver": from} {
		one := bytes.Clone(whole)
		copy(one[at:at+length], x.base.Data[x.net.LinkLen+at:])
		put(kind, one)
	}
	return all
}

// betweenOthers is an IP packet of the packet's version, and where its addresses are: that of its
// sender, that of its receiver, and how long each is.
func (x *Forger) betweenOthers(protocol uint8, payload []byte) (ip []byte, from, to, length int) {
	if x.net.IPVersion == 6 {
		return ipv6(protocol, 7, payload), 8, 24, 16
	}
	return ipv4(protocol, there, payload), 12, 16, 4
}
