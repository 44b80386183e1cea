package filter

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// hosts parses an address or a network.
func (p *parser) hosts(q qualifiers) node {
	t := p.peek()
	switch {
	case t.kind == mac && isLink(q.protocol) && q.what != "net":
		return p.ofEthernet(q.inDirection(6, 0, func(at int) node { return ethernetAddress(at, t.mac) }))
	case t.kind == mac:
		return p.fail(`an Ethernet address goes with "ether host"`)
	case isLink(q.protocol):
		return p.fail("not an Ethernet address, such as 00:00:5e:00:53:01")
	case transports[q.protocol] != 0:
		return p.fail(`no address goes with %s: say "%[1]s and host"`, q.protocol)
	}
	prefix, ok := p.prefix(q.what == "net")
	if !ok {
		return always(false)
	}
	n := node(always(false))
	for _, kind := range [...]struct {
		protocol  string
		src, dst  int
		addresses int // in bits
	}{{"ip", 12, 16, 32}, {"arp", 14, 24, 32}, {"rarp", 14, 24, 32}, {"ip6", 8, 24, 128}} {
		switch {
		case q.protocol != "" && q.protocol != kind.protocol:
		case prefix.Addr().BitLen() == kind.addresses:
			n = or(n, and(p.link.is(networks[kind.protocol]), q.inDirection(kind.src, kind.dst, func(at int) node {
				return prefixAt(prefix, p.link.network+at)
			})))
		case q.protocol != "":
			p.i--
			return p.fail("%s has no such address", q.protocol)
		}
	}
	return n
}

// prefix takes an address, or a network: "10.0.0.0/8", "10", "10.0.0.0 mask 255.0.0.0".
func (p *parser) prefix(isNet bool) (prefix netip.Prefix, ok bool) {
	start, t := p.i, p.peek()
	addr, size, ok := t.addr, t.addr.BitLen(), t.kind == address
	if t.kind == word {
		addr, size, ok = shortAddress(t.text)
	}
	if !ok {
		p.fail("not an address; names are not looked up")
		return prefix, false
	}
	p.i++
	switch {
	case p.take("/"):
		n, ok := p.number("the length of the network")
		if !ok || n > uint32(addr.BitLen()) {
			p.fail("an address has %d bits", addr.BitLen())
			return prefix, false
		}
		size = int(n)
	case isNet && p.take("mask"):
		mask := p.peek().addr
		ones, bits := net.IPMask(mask.AsSlice()).Size()
		if bits != addr.BitLen() {
			p.fail("not a mask, such as 255.255.0.0")
			return prefix, false
		}
		p.i++
		size = ones
	}
	if prefix = netip.PrefixFrom(addr, size); prefix.Masked() != prefix {
		p.i = start
		p.fail("a network of %d bits has no further ones: write %s", size, prefix.Masked())
		return prefix, false
	}
	return prefix, true
}

// shortAddress reads the first numbers of an IPv4 address: "10", "192.168".
func shortAddress(s string) (a netip.Addr, size int, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return a, 0, false
	}
	var b [4]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return a, 0, false
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b), 8 * len(parts), true
}

// prefixAt makes the condition that the address at a place is in the network.
func prefixAt(network netip.Prefix, at int) node {
	n := node(always(true))
	words := network.Addr().AsSlice()
	for size := network.Bits(); size > 0; size -= 32 {
		n = and(n, masked(at, 4, ^uint32(0)<<max(0, 32-size), binary.BigEndian.Uint32(words)))
		words, at = words[4:], at+4
	}
	return n
}

func ethernetAddress(at int, a net.HardwareAddr) node {
	return and(equal(at+2, 4, binary.BigEndian.Uint32(a[2:])), equal(at, 2, uint32(binary.BigEndian.Uint16(a))))
}
