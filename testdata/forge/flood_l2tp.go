package forge

import (
	"encoding/binary"
	"slices"
)

// l2tpFloods are floods of L2TP and of what is in it.
var l2tpFloods = map[string]func(n uint32) []byte{
	"tunnels":           sccrq,
	"tunnels of others": func(n uint32) []byte { return fromSource(n, request(7)) },
	"sessions":          func(n uint32) []byte { return fromSource(n>>15, call(21, n)) },
	"sessions of many":  func(n uint32) []byte { return fromSource(n%1000, call(21, n/1000)) },
	"sessions of others": func(n uint32) []byte {
		return fromSource(n, call(21, 3))
	},
	"tunnels of data":  func(n uint32) []byte { return fromSource(n>>15, dataMessage(odd(n), 7, userData)) },
	"sessions of data": func(n uint32) []byte { return fromSource(n>>15, dataMessage(21, odd(n), userData)) },
	"sources of data":  func(n uint32) []byte { return fromSource(n, dataMessage(21, 7, userData)) },
	"ports of data": func(n uint32) []byte {
		p := fromSource(n>>16, dataMessage(21, 7, userData))
		binary.BigEndian.PutUint16(p[20:], uint16(n))
		return p
	},
	"answered tunnels": func(n uint32) []byte {
		id := n / 4
		switch n % 4 {
		case 0:
			return sccrq(id)
		case 1:
			return toSource(id>>15, controlMessage(odd(id), 0, 0, message(2), version, host, avp(9, word(odd(id)))))
		case 2:
			return fromSource(id>>15, controlMessage(odd(id), 0, 1, message(3)))
		}
		return fromSource(id>>15, call(odd(id), id))
	},
	"closed tunnels": func(n uint32) []byte {
		id := n / 2
		if n%2 == 0 {
			return sccrq(id)
		}
		return fromSource(id>>15, controlMessage(0, 0, 1, message(4), avp(9, word(odd(id))), avp(1, []byte{0, 6})))
	},
	"SCCRPs":   func(n uint32) []byte { return control(n, 2, version, host, avp(9, word(odd(n)))) },
	"SCCCNs":   func(n uint32) []byte { return control(n, 3) },
	"StopCCNs": func(n uint32) []byte { return control(n, 4, avp(9, word(odd(n))), avp(1, []byte{0, 6})) },
	"HELLOs":   func(n uint32) []byte { return control(n, 6) },
	"ICCNs":    func(n uint32) []byte { return control(n, 12, avp(24, []byte{0, 0, 0, 0})) },
	"CDNs":     func(n uint32) []byte { return control(n, 14, avp(14, word(odd(n))), avp(1, []byte{0, 3})) },
	"ZLBs":     func(n uint32) []byte { return fromSource(n>>15, controlMessage(odd(n), 0, 0)) },
	"hidden":   func(n uint32) []byte { return control(n, 10, avp(36, noise(n, 16)), hidden(14, n)) },
	"digests":  func(n uint32) []byte { return control(n, 3, avp(13, noise(n, 16))) },
	"names": func(n uint32) []byte {
		return fromSource(n>>15, controlMessage(0, 0, 0, message(1), avp(7, noise(n, 100)), avp(9, word(odd(n)))))
	},
	"AVPs":     func(n uint32) []byte { return control(n, 10, slices.Repeat([][]byte{avp(15, noise(n, 4))}, 40)...) },
	"numbered": func(n uint32) []byte { return fromSource(1, numberedMessage(21, 7, uint16(n*7919), userData)) },
	"L2TPv3": func(n uint32) []byte {
		return fromSource(1, slices.Concat([]byte{0, 3, 0, 0}, noise(n, 4), noise(n, 60)))
	},
	"L2TPv3 in IP": func(n uint32) []byte { return ipv4(protoL2TPv3, there, noise(n, 64)) },
	"connections of L2TPv3": func(n uint32) []byte {
		m := controlMessage(0, 0, 0, message(1), host, avp(61, noise(n, 4)))
		m[1] = 3
		return fromSource(n>>15, m)
	},
	"L2F": func(n uint32) []byte {
		return fromSource(n>>15, slices.Concat([]byte{0, 1, 1, 0}, word(odd(n)), word(7), word(uint16(10+60)), noise(n, 60)))
	},
	// In one session, and in ever others.
	"users' ports":     func(n uint32) []byte { return fromSource(1, dataMessage(21, 7, user(17, n, make([]byte, 12)))) },
	"users' hosts":     func(n uint32) []byte { return fromSource(1, dataMessage(21, 7, userHost(n))) },
	"users' TCP":       func(n uint32) []byte { return fromSource(1, dataMessage(21, 7, user(6, n, tcpSyn(n)))) },
	"users' fragments": func(n uint32) []byte { return fromSource(1, dataMessage(21, 7, userFragment(n))) },
	"users' DNS":       func(n uint32) []byte { return fromSource(1, dataMessage(21, 7, userDNS(n))) },
	"LCP": func(n uint32) []byte {
		return frame(n, 0xc021, 1, byte(n), 0, 14, 1, 4, 5, 0xb4, 5, 6, byte(n>>16), byte(n>>8), byte(n), 1)
	},
	"LCP of one": func(n uint32) []byte {
		return frame(1, 0xc021, 1, byte(n), 0, 14, 1, 4, 5, 0xb4, 5, 6, byte(n>>16), byte(n>>8), byte(n), 1)
	},
	"CHAP": func(n uint32) []byte {
		return frame(n, 0xc223, append([]byte{1, byte(n), 0, 26, 16}, noise(n, 21)...)...)
	},
	"PAP of one": func(n uint32) []byte {
		return frame(1, 0xc023, append([]byte{1, byte(n), 0, 22, 8}, append(noise(n, 8), 8, 1, 2, 3, 4, 5, 6, 7, 8)...)...)
	},
	"IPCP of one": func(n uint32) []byte {
		return frame(1, 0x8021, 2, byte(n), 0, 10, 3, 6, 10, byte(n>>16), byte(n>>8), byte(n))
	},
	"CCP of one": func(n uint32) []byte {
		return frame(1, 0x80fd, byte(n%2)+1, byte(n/2), 0, 10, 18, 6, 1, 0, 0, byte(n>>3))
	},
	"Multilink": func(n uint32) []byte {
		return frame(1, 0x3d, append([]byte{0x80, byte(n >> 16), byte(n >> 8), byte(n)}, noise(n, 60)...)...)
	},
	"VJ":         func(n uint32) []byte { return frame(1, 0x2f, userVJ(n)...) },
	"compressed": func(n uint32) []byte { return frame(1, 0xfd, noise(n, 60)...) },
	"compressed of sources": func(n uint32) []byte { // whose number is 0, as of the first packet
		return fromSource(n, dataMessage(21, 7, slices.Concat([]byte{0xff, 3, 0, 0xfd, 0, 0}, noise(n, 60))))
	},
}

var (
	userData = user(protoUDP, 1, make([]byte, 12))
	version  = avp(2, []byte{1, 0})
	host     = avp(7, []byte("flood"))
)

func message(kind uint16) []byte { return avp(0, word(kind)) }

// fromSource is a UDP packet of L2TP from a source of that number, toSource one to it.
func fromSource(n uint32, message []byte) []byte {
	return sourced(n, ipv4(protoUDP, there, udp(1701, 1701, message)))
}

func toSource(n uint32, message []byte) []byte {
	p := ipv4(protoUDP, [4]byte{}, udp(1701, 1701, message))
	copy(p[12:], there[:])
	binary.BigEndian.PutUint32(p[16:], 0x0a000000+n)
	return summed(p)
}

// odd is an ID of 15 bits of n, never 0.
func odd(n uint32) uint16 { return uint16(n)<<1 | 1 }

func sccrq(n uint32) []byte { return fromSource(n>>15, request(odd(n))) }

func request(tunnel uint16) []byte {
	return controlMessage(0, 0, 0, message(1), version, host, avp(9, word(tunnel)))
}

func call(tunnel uint16, n uint32) []byte {
	return controlMessage(tunnel, 0, uint16(n), message(10), avp(14, word(odd(n))), avp(15, []byte{0, 0, 0, 1}))
}

// control is a message of a tunnel of that number.
func control(n uint32, kind uint16, avps ...[]byte) []byte {
	return fromSource(n>>15, controlMessage(odd(n), 0, uint16(n>>15), slices.Concat([][]byte{message(kind)}, avps)...))
}

// hidden is a hidden AVP.
func hidden(kind uint16, n uint32) []byte {
	a := avp(kind, noise(n, 8))
	a[0] |= 0x40
	return a
}

// numberedMessage is a data message with a number.
func numberedMessage(tunnel, session, ns uint16, frame []byte) []byte {
	return slices.Concat([]byte{8, 2}, word(tunnel), word(session), word(ns), word(0), frame)
}

// frame is a PPP frame in a session of that number.
func frame(n uint32, protocol uint16, content ...byte) []byte {
	return fromSource(n>>15, dataMessage(21, odd(n), slices.Concat([]byte{0xff, 3}, word(protocol), content)))
}

// user is a PPP frame with an IP packet whose ports are made from n.
func user(protocol byte, n uint32, content []byte) []byte {
	p := ipv4(protocol, [4]byte{10, 0, byte(n >> 28), 2}, udp(uint16(n), uint16(n>>16)|1, content))
	return append([]byte{0xff, 3, 0, 0x21}, p...)
}

func userHost(n uint32) []byte {
	host := [4]byte{10 + byte(n>>24), byte(n >> 16), byte(n >> 8), byte(n)}
	return append([]byte{0xff, 3, 0, 0x21}, ipv4(protoUDP, host, udp(1, 2, make([]byte, 12)))...)
}

// tcpSyn is what is behind the ports and 4 bytes of a SYN.
func tcpSyn(n uint32) []byte { return append(noise(n, 4), 0x50, 2, 1, 0, 0, 0, 0, 0) }

func userFragment(n uint32) []byte {
	p := ipv4(protoUDP, [4]byte{10, 0, byte(n >> 24), byte(n >> 16)}, noise(n, 80))
	binary.BigEndian.PutUint16(p[4:], uint16(n))
	p[6] = 0x20
	return append([]byte{0xff, 3, 0, 0x21}, summed(p)...)
}

func userDNS(n uint32) []byte {
	query := slices.Concat(word(uint16(n)), []byte{1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8}, []byte("abcdefgh"), []byte{2, 'i', 'o', 0, 0, 1, 0, 1})
	for i := range 8 {
		query[13+i] = 'a' + byte(n>>(4*i)&15)
	}
	return append([]byte{0xff, 3, 0, 0x21}, ipv4(protoUDP, [4]byte{10, 0, 0, 53}, udp(1024+uint16(n>>16), 53, query))...)
}

// userVJ is an uncompressed packet of VJ in a slot.
func userVJ(n uint32) []byte {
	segment := slices.Concat(word(uint16(n)), word(80), noise(n, 8), []byte{0x50, 0x10, 1, 0, 0, 0, 0, 0})
	return ipv4(byte(n%16), [4]byte{10, 0, 0, 2}, segment)
}
