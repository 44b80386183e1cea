// Package forge makes, for tests, packets that somebody can make who sees the traffic and has no
// key.
package forge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"l2tpdump/capture"
	"l2tpdump/ikev1"
)

// Packets are forged packets by what they are. Those of a list come one behind the other.
type Packets map[string][]capture.Packet

// put adds packets of a kind.
func (p Packets) put(kind string, packets ...capture.Packet) { p[kind] = append(p[kind], packets...) }

// putAll adds those of others, whose kinds have prefix before them.
func (p Packets) putAll(prefix string, others Packets) {
	for kind, list := range others {
		p.put(prefix+kind, list...)
	}
}

// All are the packets in a fixed order.
func (p Packets) All() (list []capture.Packet) {
	for _, kind := range slices.Sorted(maps.Keys(p)) {
		list = append(list, p[kind]...)
	}
	return list
}

// Forger makes packets that look like one that was seen.
type Forger struct {
	link capture.LinkType
	base capture.Packet
	net  capture.Frame
	rand *rand.ChaCha8
}

// New returns a forger of packets like p, nil where that is no IP packet. What is random depends on
// the seed alone.
func New(link capture.LinkType, p *capture.Packet, seed uint64) *Forger {
	key := [32]byte(binary.BigEndian.AppendUint64(make([]byte, 24), seed))
	x := &Forger{link: link, base: *p, rand: rand.NewChaCha8(key)}
	x.base.Options = nil
	if err := x.net.Decode(link, p.Data); err != nil || x.net.IPVersion == 0 || x.net.Truncated {
		return nil
	}
	return x
}

func (x *Forger) random(n int) []byte {
	b := make([]byte, n)
	x.rand.Read(b)
	return b
}

// packet is the packet with another frame.
func (x *Forger) packet(data []byte) capture.Packet {
	p := x.base
	p.Data, p.Length = data, len(data)
	return p
}

// behindLink is the frame with another IP packet, of the other version only on Ethernet.
func (x *Forger) behindLink(ip []byte) capture.Packet {
	data := slices.Concat(x.base.Data[:x.net.LinkLen], ip)
	kinds := map[byte]uint16{4: 0x0800, 6: 0x86dd}
	if x.net.PPPoE() {
		kinds = map[byte]uint16{4: 0x0021, 6: 0x0057}
		binary.BigEndian.PutUint16(data[x.net.LinkLen-4:], uint16(2+len(ip))) // the length, in front of PPP's protocol
	}
	if x.link == capture.Ethernet {
		binary.BigEndian.PutUint16(data[x.net.LinkLen-2:], kinds[ip[0]>>4])
	}
	return x.packet(data)
}

// carrying is the frame of the same addresses that carries another protocol.
func (x *Forger) carrying(protocol uint8, payload []byte) capture.Packet {
	return x.packet(x.net.AppendReplaced(nil, x.base.Data, protocol, payload))
}

// inUDP is the frame of the same addresses and ports with another payload.
func (x *Forger) inUDP(payload []byte) capture.Packet {
	return x.packet(x.net.AppendUDPPayload(nil, x.base.Data, payload))
}

// Replay is the packet itself once more.
func (x *Forger) Replay() capture.Packet { return x.packet(bytes.Clone(x.base.Data)) }

// ESP makes packets of the SPI of an ESP packet. There are none where the packet is none.
// Without icv none has true bytes, which only an ICV tells from a true packet.
func (x *Forger) ESP(icv bool) Packets {
	real := x.seenESP()
	if real == nil {
		return nil
	}
	all := Packets{}
	put := func(kind string, packet []byte) {
		if x.net.UDP {
			all.put(kind, x.inUDP(packet))
		} else {
			all.put(kind, x.carrying(protoESP, packet))
		}
	}
	seq := binary.BigEndian.Uint32(real[4:])
	with := func(seq uint32, rest []byte) []byte {
		return append(binary.BigEndian.AppendUint32(bytes.Clone(real[:4]), seq), rest...)
	}
	for _, step := range [...]uint32{0, 1, 1<<32 - 1, 64, 1000, 1 << 16, 1 << 31, 1<<31 + 1} {
		name := fmt.Sprintf("sequence number %+d", int32(step))
		for i := range uint32(3) {
			put("random bytes, "+name, with(seq+step+i, x.random(len(real)-8)))
			if next := seq + step + i; icv && next != seq {
				put("true bytes, "+name, with(next, real[8:]))
			}
		}
	}
	for _, at := range [...]int{8, len(real) / 2, len(real) - 13, len(real) - 1} {
		forged := bytes.Clone(real)
		forged[at] ^= 0x40
		if icv {
			put("a flipped bit", forged)
		}
	}
	put("short", with(seq, nil))
	put("short", with(seq, x.random(30)))
	put("long", with(seq+1, x.random(len(real)+480)))
	return all
}

// seenESP is the ESP packet that the packet holds, nil where it holds none.
func (x *Forger) seenESP() (packet []byte) {
	switch n := &x.net; {
	case n.Fragment:
	case n.Protocol == protoESP:
		packet = x.base.Data[n.PayloadStart:n.PayloadEnd]
	case n.UDP && (n.SrcPort == 4500 || n.DstPort == 4500):
		packet = x.base.Data[n.UDPStart:n.UDPEnd]
	}
	if len(packet) < 40 || binary.BigEndian.Uint32(packet) == 0 {
		return nil
	}
	return packet
}

// Fragments makes fragments that contradict one of IP. There are none where the packet is none.
func (x *Forger) Fragments() Packets {
	n := &x.net
	if !n.Fragment {
		return nil
	}
	all := Packets{}
	put := func(kind string, offset int, more bool, payload []byte) {
		if offset < 0 || offset+len(payload) > 65535 {
			return
		}
		data := append(bytes.Clone(x.base.Data[:n.PayloadStart]), payload...)
		field := offset / 8
		if n.IPVersion == 4 {
			if more {
				field |= 0x2000
			}
			binary.BigEndian.PutUint16(data[n.LinkLen+6:], uint16(field))
			binary.BigEndian.PutUint16(data[n.LinkLen+2:], uint16(len(data)-n.LinkLen))
		} else {
			field = offset
			if more {
				field |= 1
			}
			binary.BigEndian.PutUint16(data[n.PayloadStart-6:], uint16(field))
			binary.BigEndian.PutUint16(data[n.LinkLen+4:], uint16(len(data)-n.LinkLen-40))
		}
		all.put(kind, x.packet(data))
	}
	at, real := n.FragOffset, x.base.Data[n.PayloadStart:n.PayloadEnd]
	size := len(real) &^ 7
	bytes := func() []byte { return x.random(size) }
	put("the same place", at, n.MoreFragments, x.random(len(real)))
	put("the same place, others follow", at, true, bytes())
	put("the same place, none follows", at, false, bytes())
	if n.MoreFragments {
		put("true bytes, none follows", at, false, real)
	}
	put("8 bytes further", at+8, true, bytes())
	put("8 bytes further, none follows", at+8, false, bytes())
	put("8 bytes before", at-8, true, bytes())
	put("in front", 0, true, bytes())
	put("8 bytes in front", 0, true, x.random(8))
	put("behind", at+size, false, x.random(16))
	put("far behind", 65000, false, x.random(16))
	return all
}

// IKE makes ISAKMP messages with the cookies of one. There are none where the packet holds none.
func (x *Forger) IKE() Packets {
	data, real := x.seenIKE()
	if data == nil {
		return nil
	}
	const (
		sa, ke, id, hash, nonce, del, fragment = ikev1.PayloadSA, ikev1.PayloadKE, ikev1.PayloadID, ikev1.PayloadHash,
			ikev1.PayloadNonce, ikev1.PayloadDelete, ikev1.PayloadFragment
		encrypted = ikev1.FlagEncryption
	)
	all := Packets{}
	put := func(kind string, first ikev1.PayloadType, body []byte, change func(h *ikev1.Header)) {
		h := real
		h.NextPayload, h.Flags, h.Length = first, 0, uint32(ikev1.HeaderLen+len(body))
		change(&h)
		all.put(kind, x.marked(h.Append(nil), body))
	}
	clear := func(e ikev1.ExchangeType) func(*ikev1.Header) {
		return func(h *ikev1.Header) { h.Exchange, h.MessageID = e, 0 }
	}
	main, aggressive, informational := clear(ikev1.ExchangeMain), clear(ikev1.ExchangeAggressive),
		clear(ikev1.ExchangeInformational)
	name := func() []byte { return append([]byte{1, 0, 0, 0}, x.random(4)...) }
	put("an offer", sa, payload(0, offer(7, 4, 128)), main)
	put("an offer in 3DES and MD5", sa, payload(0, offer(5, 1, 0)), main)
	put("a first message", sa, payload(0, offer(5, 1, 0)),
		func(h *ikev1.Header) { main(h); h.ResponderCookie = ikev1.Cookie{} })
	put("a first message with a new cookie", sa, payload(0, offer(5, 1, 0)), func(h *ikev1.Header) {
		main(h)
		h.InitiatorCookie, h.ResponderCookie = ikev1.Cookie(x.random(8)), ikev1.Cookie{}
	})
	put("an answer of another responder", sa, payload(0, offer(5, 1, 0)),
		func(h *ikev1.Header) { main(h); h.ResponderCookie[7] ^= 1 })
	put("KE and nonce", ke, slices.Concat(payload(nonce, x.random(128)), payload(0, x.random(20))), main)
	put("KE of one byte", ke, slices.Concat(payload(nonce, x.random(1)), payload(0, x.random(20))), main)
	put("aggressive", sa, slices.Concat(payload(ke, offer(5, 1, 0)), payload(nonce, x.random(128)),
		payload(id, x.random(20)),
		payload(hash, name()), payload(0, x.random(20))), aggressive)
	put("aggressive, HASH", hash, payload(0, x.random(20)), aggressive)
	put("main, ID and HASH in clear", id, slices.Concat(payload(hash, name()), payload(0, x.random(20))), main)
	cookies := slices.Concat(real.InitiatorCookie[:], real.ResponderCookie[:])
	put("DELETE of ISAKMP", del, payload(0, slices.Concat([]byte{0, 0, 0, 1, 1, 16, 0, 1}, cookies)), informational)
	for _, e := range [...]func(*ikev1.Header){main, informational} {
		put("vendor IDs", ikev1.PayloadVendorID, slices.Concat(payload(ikev1.PayloadVendorID, x.random(16)), payload(0, []byte{0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45,
			0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95, 0x45, 0x2f})), e)
	}
	put("encrypted main mode", id, x.random(64), func(h *ikev1.Header) { main(h); h.Flags = encrypted })
	put("encrypted main mode of two blocks", id, x.random(32), func(h *ikev1.Header) { main(h); h.Flags = encrypted })
	put("encrypted aggressive", hash, x.random(48), func(h *ikev1.Header) { aggressive(h); h.Flags = encrypted })
	for _, e := range [...]ikev1.ExchangeType{ikev1.ExchangeQuick, ikev1.ExchangeInformational,
		ikev1.ExchangeTransaction} {
		name := e.String()
		put(name+" mode", hash, x.random(160), func(h *ikev1.Header) { h.Exchange, h.Flags = e, encrypted })
		put(name+" mode with another ID", hash, x.random(160), func(h *ikev1.Header) {
			h.Exchange, h.Flags, h.MessageID = e, encrypted, binary.BigEndian.Uint32(x.random(4))
		})
	}
	for _, notice := range [...]uint16{1, 4, 14, 16, 18, 24, 31, 24576, 24578, 36136, 36137} { // RFC 2408 3.14.1, 3706
		data := append([]byte{0, 0, 0, 1, 1, 16}, word(notice)...)
		body := payload(0, slices.Concat(data, cookies, x.random(4)))
		put("notification", ikev1.PayloadNotify, body, informational)
		put("notification before an answer", ikev1.PayloadNotify, body,
			func(h *ikev1.Header) { informational(h); h.ResponderCookie = ikev1.Cookie{} })
		put("notification in main mode", ikev1.PayloadNotify, body, main)
	}
	for n := range byte(3) {
		body := slices.Concat([]byte{0, 1, n + 1, n / 2}, x.random(200))
		put(fmt.Sprintf("fragment %d", n+1), fragment, payload(0, body), main)
	}
	return all
}

// seenIKE is the message of IKEv1 that the packet holds, nil where it holds none.
func (x *Forger) seenIKE() (data []byte, h ikev1.Header) {
	if !x.net.UDP || x.net.Fragment {
		return nil, h
	}
	data = bytes.TrimPrefix(x.base.Data[x.net.UDPStart:x.net.UDPEnd], x.marker())
	h, err := ikev1.ParseHeader(data)
	if err != nil || h.MajorVersion != 1 || h.InitiatorCookie.IsZero() {
		return nil, h
	}
	return data, h
}

// Begins reports whether the packet is one of the first two of ISAKMP, by which others learn its
// cookies.
func (x *Forger) Begins() bool {
	data, h := x.seenIKE()
	return data != nil && h.Phase1() && h.NextPayload == ikev1.PayloadSA
}

// marked is the frame of the same addresses and ports with IKE of these parts.
func (x *Forger) marked(parts ...[]byte) capture.Packet {
	return x.inUDP(slices.Concat(x.marker(), slices.Concat(parts...)))
}

// marker is what stands before IKE on the port of NAT traversal.
func (x *Forger) marker() []byte {
	if x.net.SrcPort == 500 || x.net.DstPort == 500 {
		return nil
	}
	return make([]byte, 4)
}

// payload makes a payload of an ISAKMP chain.
func payload(next ikev1.PayloadType, body []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(next), 0}, uint16(len(body)+4))
	return append(b, body...)
}

// offer is an SA payload's body with one transform of phase 1.
func offer(encryption, hash, bits byte) []byte {
	attributes := []byte{0x80, 1, 0, encryption, 0x80, 2, 0, hash, 0x80, 3, 0, 1, 0x80, 4, 0, 2, 0x80, 14, 0, bits}
	transform := append([]byte{0, 0, 0, byte(8 + len(attributes)), 1, 1, 0, 0}, attributes...)
	proposal := append([]byte{0, 0, 0, byte(8 + len(transform)), 1, 1, 0, 1}, transform...)
	return append([]byte{0, 0, 0, 1, 0, 0, 0, 1}, proposal...)
}
