package forge

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Errors makes ICMP errors that quote the packet as it is: from its receiver, and from a router on
// the way.
func (x *Forger) Errors() Packets {
	if x.net.Fragment {
		return nil
	}
	all := Packets{}
	ip := x.base.Data[x.net.LinkLen:]
	quoted := ip[:min(len(ip), x.net.PayloadStart-x.net.LinkLen+8)]
	kinds := [][2]byte{{3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4}, {3, 13}, {11, 0}, {11, 1}}
	protocol := byte(protoICMP)
	if x.net.IPVersion == 6 {
		kinds, protocol = [][2]byte{{1, 0}, {1, 1}, {1, 3}, {1, 4}, {2, 0}, {3, 0}, {3, 1}}, protoICMP6
	}
	for _, k := range kinds {
		for i, mtu := range [...]uint16{576, 1400} {
			message := append([]byte{k[0], k[1], 0, 0, 0, 0}, word(mtu)...)
			whole, from, to, n := x.betweenOthers(protocol, append(message, quoted...))
			copy(whole[to:to+n], ip[from:from+n])
			kind := "of a router"
			if i == 0 {
				copy(whole[from:from+n], ip[to:to+n])
				kind = "of the receiver"
			}
			if p, ok := x.Like(whole); ok {
				all.put(kind, p)
			}
		}
	}
	return all
}

// ofIPsec reports whether the packet holds ESP or IKE, and whole.
func (x *Forger) ofIPsec() bool {
	n := &x.net
	is := func(port uint16) bool { return n.SrcPort == port || n.DstPort == port }
	return !n.Fragment && n.PayloadEnd-n.PayloadStart >= 60 &&
		(n.Protocol == protoESP || n.UDP && (is(500) || is(4500)))
}

// Lying makes packets like one of ESP or IKE whose lengths say that more of them was sent than is
// there: with its bytes, its SPI or its cookies, and others' sequence numbers.
func (x *Forger) Lying() Packets {
	if !x.ofIPsec() {
		return nil
	}
	n := &x.net
	all := Packets{}
	at := n.PayloadStart // of ESP
	if n.UDP {
		at = n.UDPStart
	}
	put := func(kind string, ahead uint32, change func(b []byte)) {
		data := bytes.Clone(x.base.Data[:n.PayloadEnd])
		seq := data[at+4:]
		binary.BigEndian.PutUint32(seq, binary.BigEndian.Uint32(seq)+ahead)
		change(data[at+8:])
		length := data[n.LinkLen+2:]
		if n.IPVersion == 6 {
			length = data[n.LinkLen+4:]
		}
		const more = 160
		binary.BigEndian.PutUint16(length, binary.BigEndian.Uint16(length)+more)
		if n.UDP {
			length = data[n.PayloadStart+4:]
			binary.BigEndian.PutUint16(length, binary.BigEndian.Uint16(length)+more)
		}
		all.put(kind, x.packet(data))
	}
	for _, ahead := range [...]uint32{0, 1, 200, 201, 1 << 20, 1<<20 + 1, 1 << 31, 1<<31 + 1} {
		if ahead > 0 || x.IKE() == nil { // else it would be a whole message
			put("true bytes", ahead, func([]byte) {})
		}
		put("random bytes", ahead, func(b []byte) { copy(b, x.random(len(b))) })
	}
	return all
}

// Elsewhere makes packets with the SPI or the cookies of one and an end that is not its: other
// ports, other addresses.
func (x *Forger) Elsewhere() Packets {
	if !x.ofIPsec() {
		return nil
	}
	n := &x.net
	all := Packets{}
	at, ports := n.PayloadStart, [][2]uint16{{0, 0}}
	if n.UDP {
		at, ports = n.UDPStart, [][2]uint16{{n.SrcPort, 4501}, {31337, n.DstPort}, {1, n.DstPort}}
	}
	for _, p := range ports {
		for _, ahead := range [...]uint32{1, 2, 300} {
			payload := slices.Concat(x.base.Data[at:min(at+8, n.PayloadEnd)], x.random(n.PayloadEnd-at-8))
			binary.BigEndian.PutUint32(payload[4:], binary.BigEndian.Uint32(payload[4:])+ahead)
			protocol := n.Protocol
			if n.UDP {
				payload = udp(p[0], p[1], payload)
				all.put("other ports", x.carrying(protocol, payload))
			}
			all.putAll("", x.strangers(protocol, payload))
		}
	}
	return all
}

// Keepalives are those of NAT traversal (RFC 3948 section 4), on the ports of the packet and on
// others, between its ends and from and to others.
func (x *Forger) Keepalives() Packets {
	if x.net.Fragment {
		return nil
	}
	all := Packets{}
	for _, p := range [][2]uint16{{x.net.SrcPort, x.net.DstPort}, {4500, 4500}, {31337, 4500}, {4500, 31337}} {
		message := udp(p[0], p[1], []byte{0xff})
		all.put("of the ends", x.carrying(protoUDP, message))
		all.putAll("", x.strangers(protoUDP, message))
	}
	return all
}
