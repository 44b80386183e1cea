package filter

import (
	"net"
	"slices"
	"strings"
)

// protocol makes the condition that a packet is of the protocol with that word.
func (p *parser) protocol(name string) node {
	if etherType, ok := networks[name]; ok {
		return p.link.is(etherType)
	}
	switch number := transports[name]; name {
	case "tcp", "udp", "sctp", "esp", "ah", "pim":
		return or(p.inIP(number), p.inIP6(number))
	case "icmp", "igmp", "igrp", "vrrp", "carp":
		return p.inIP(number)
	case "icmp6":
		return p.inIP6(number)
	}
	return p.fail("not known here")
}

func (p *parser) inIP(number uint32) node {
	return and(p.link.is(etherIP), equal(p.link.network+9, 1, number))
}

// inIP6 looks also behind the header of a fragment.
func (p *parser) inIP6(number uint32) node {
	at := p.link.network
	return and(p.link.is(etherIP6),
		or(equal(at+6, 1, number), and(equal(at+6, 1, 44), equal(at+ip6Header, 1, number))))
}

// ip6Header is the length of an IPv6 header in bytes.
const ip6Header = 40

// noFragment makes the condition that an IPv4 packet is no fragment, or the first.
func (p *parser) noFragment() node { return masked(p.link.network+6, 2, 0x1fff, 0) }

// protocolNumber parses the value of "ip proto 50", "proto \tcp", "ether proto 0x0806".
func (p *parser) protocolNumber(q qualifiers) node {
	t := p.peek()
	number, ok := parseNumber(t.text)
	if t.plain {
		number = transports[t.text]
		if isLink(q.protocol) {
			number = networks[t.text]
		}
		ok = number != 0
	}
	switch {
	case q.direction != "":
		return p.fail("a protocol has no direction")
	case !ok || t.kind != word:
		return p.fail(`not a protocol: that is a number, or a name such as \tcp`)
	case isLink(q.protocol) && number < smallestEtherType:
		return p.fail("not an EtherType; LLC" + notOwn)
	case q.protocol != "" && q.protocol != "ip" && q.protocol != "ip6" && !isLink(q.protocol):
		return p.fail("%s carries no other protocol", q.protocol)
	}
	p.i++
	switch q.protocol {
	case "":
		return or(p.inIP(number), p.inIP6(number))
	case "ip":
		return p.inIP(number)
	case "ip6":
		return p.inIP6(number)
	}
	return p.link.is(number)
}

// ports parses the value of port or portrange.
func (p *parser) ports(q qualifiers) node {
	t := p.peek()
	kinds := []string{"sctp", "tcp", "udp"} // the protocols with ports
	switch q.protocol {
	case "":
	case "sctp", "tcp", "udp":
		kinds = []string{q.protocol}
	default:
		return p.fail("%s has no ports", q.protocol)
	}
	least, most, ok := portRange(t.text, q.what)
	if !ok && q.what == "port" {
		least, kinds, ok = service(t.text, kinds)
		most = least
	}
	if !ok || t.kind != word {
		return p.fail("not a %s", q.what)
	}
	p.i++
	l := &p.link
	at := func(place, behind int) node {
		return q.inDirection(place, place+2, func(at int) node {
			return &within{field{at, 2, behind}, 0xffff, least, most}
		})
	}
	of := func(at int) node {
		n := node(always(false))
		for _, kind := range kinds {
			n = or(n, equal(at, 1, transports[kind]))
		}
		return n
	}
	return or(
		and(l.is(etherIP6), of(l.network+6), at(l.network+ip6Header, 0)),
		and(l.is(etherIP), of(l.network+9), p.noFragment(), at(l.network, l.network+1)))
}

// portRange reads "445", and of a portrange "1024-2047".
func portRange(s, what string) (least, most uint32, ok bool) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange || what != "portrange" {
		from, to = s, s
	}
	least, ok = parseNumber(from)
	most, also := parseNumber(to)
	return min(least, most), max(least, most), ok && also && max(least, most) <= 0xffff
}

// service finds the port of a service, and of which of the protocols it is: of one that TCP and UDP
// have, of all.
func service(name string, kinds []string) (port uint32, of []string, ok bool) {
	tcp, noTCP := net.LookupPort("tcp", name)
	udp, noUDP := net.LookupPort("udp", name)
	switch {
	case noTCP == nil && noUDP == nil:
		return uint32(tcp), kinds, tcp == udp
	case noTCP == nil:
		return uint32(tcp), []string{"tcp"}, slices.Contains(kinds, "tcp")
	}
	return uint32(udp), []string{"udp"}, noUDP == nil && slices.Contains(kinds, "udp")
}
