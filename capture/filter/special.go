package filter

// ofEthernet makes a condition, for the keyword that is next, of frames with Ethernet addresses.
func (p *parser) ofEthernet(n node) node {
	if !p.link.ethernet {
		return p.fail("these frames have no Ethernet header")
	}
	p.i++
	return n
}

// ifindex parses "ifindex 2".
func (p *parser) ifindex() node {
	f := p.link.index
	if f.size == 0 {
		return p.fail("frames of this link type do not tell their interface")
	}
	p.i++
	n, _ := p.number("the number of an interface")
	return equal(f.at, f.size, n)
}

// directed parses "inbound" and "outbound", which Linux's cooked captures tell.
func (p *parser) directed(out bool) node {
	if p.link.direction.size == 0 {
		return p.fail("frames of this link type do not tell their direction")
	}
	p.i++
	f := p.link.direction
	n := equal(f.at, f.size, linuxOutgoing)
	if !out {
		return not{n}
	}
	return n
}

// optional takes the number behind a keyword, if there is one.
func (p *parser) optional(most uint32, what string) (number uint32, ok bool) {
	t := p.peek()
	if t.kind != word || t.plain {
		return 0, false
	}
	if number, ok = parseNumber(t.text); ok && number > most {
		p.fail("no %s", what)
	} else if ok {
		p.i++
	}
	return number, ok
}

// vlan parses "vlan" and "vlan 5": what follows is behind the tag.
func (p *parser) vlan() node {
	l := &p.link
	n := p.ofEthernet(or(l.is(etherVLAN), l.is(etherService), l.is(etherOldVLAN)))
	if id, ok := p.optional(0x0fff, "VLAN ID: it has 12 bits"); ok {
		n = and(n, masked(l.network, 2, 0x0fff, id))
	}
	l.typeAt, l.network = l.typeAt+4, l.network+4
	return n
}

// ofPPPoE makes the condition, for the keyword that is next, that a frame is of PPPoE.
func (p *parser) ofPPPoE(etherType uint32) node {
	if p.link.numbers != etherTypes {
		return p.fail("frames of this link type hold no PPPoE")
	}
	p.i++
	return p.link.is(etherType)
}

// pppoes parses "pppoes" and "pppoes 5": what follows is inside the session.
func (p *parser) pppoes() node {
	l := &p.link
	n := p.ofPPPoE(etherPPPoESession)
	if id, ok := p.optional(0xffff, "PPPoE session: it has 16 bits"); ok {
		n = and(n, equal(l.network+2, 2, id))
	}
	l.numbers, l.typeAt, l.network = pppProtocols, l.network+6, l.network+8
	return n
}
