package forge

import (
	"slices"

	"l2tpdump/capture"
)

// Wrapped has other packets inside packets: of others, and of the packet's own ends.
func (x *Forger) Wrapped(list []capture.Packet) Packets {
	all := Packets{}
	for i, p := range list {
		var n capture.Frame
		if err := n.Decode(x.link, p.Data); err != nil || n.IPVersion == 0 {
			continue
		}
		ip := p.Data[n.LinkLen:]
		next, ether := byte(4), uint16(0x0800)
		if n.IPVersion == 6 {
			next, ether = 41, 0x86dd
		}
		frame := slices.Concat(make([]byte, 12), word(ether), ip)
		payload, protocol := ip, next
		var name string
		switch i % 4 {
		case 0:
			name = "IP in IP"
		case 1:
			name, protocol, payload = "GRE", protoGRE, slices.Concat([]byte{0, 0}, word(ether), ip)
		case 2:
			name, protocol, payload = "VXLAN", protoUDP, udp(4789, 4789, slices.Concat([]byte{8, 0, 0, 0, 0, 0, 7, 0}, frame))
		case 3:
			name, protocol, payload = "TZSP", protoUDP, udp(37008, 37008, slices.Concat([]byte{1, 0, 0, 1, 1}, frame))
		}
		all.put(name, x.betweenEnds(protocol, payload))
		all.putAll(name+", ", x.strangers(protocol, payload))
	}
	return all
}

// betweenEnds is a whole packet between the ends of one, which may be a fragment.
func (x *Forger) betweenEnds(protocol uint8, payload []byte) capture.Packet {
	whole, from, to, length := x.betweenOthers(protocol, payload)
	copy(whole[from:to+length], x.base.Data[x.net.LinkLen+from:])
	return x.behindLink(whole)
}

// OtherVersion has what packets like this one carry in packets of the other version of IP, between
// others.
func (x *Forger) OtherVersion(list []capture.Packet) (all []capture.Packet) {
	if x.net.Fragment || x.link != capture.Ethernet {
		return nil
	}
	for _, p := range list {
		var n capture.Frame
		if err := n.Decode(x.link, p.Data); err != nil || n.IPVersion != x.net.IPVersion {
			continue
		}
		payload := slices.Clone(p.Data[n.PayloadStart:n.PayloadEnd])
		if n.UDP {
			payload[6], payload[7] = 0, 0 // no checksum
		}
		ip := ipv6(n.Protocol, 7, payload)
		if n.IPVersion == 6 {
			ip = ipv4(n.Protocol, there, payload)
		}
		all = append(all, x.behindLink(ip))
	}
	return all
}
