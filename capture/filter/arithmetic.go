package filter

// names of numbers that may stand for them.
var constants = map[string]uint32{
	"tcpflags": 13, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,

	"icmptype": 0, "icmpcode": 1, "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
	"icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
	"icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,

	"icmp6type": 0, "icmp6code": 1, "icmp6-destinationrunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3,
	"icmp6-parameterproblem": 4, "icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
	"icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133,
	"icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"icmp6-multicastlistenerreportv2": 143,
}

// startsNumber reports whether a calculation comes next.
func (p *parser) startsNumber() bool {
	t := p.peek()
	switch {
	case t.kind == symbol:
		return t.text == "(" || t.text == "-"
	case t.kind != word || t.plain:
		return false
	case p.tokens[p.i+1].kind == symbol && p.tokens[p.i+1].text == "[":
		return true
	}
	_, named := constants[t.text]
	_, digits := parseNumber(t.text)
	return t.text == "len" || (named || digits) && p.calculates(p.i+1)
}

// comparison parses two calculations and what is between them.
func (p *parser) comparison() node {
	c := calculation{p, always(true)}
	a := c.sum(0)
	op := p.peek()
	if !op.among(comparisons) {
		return p.fail("a comparison is missing: =, !=, <, >, <= or >=")
	}
	p.i++
	b := c.sum(0)
	p.last = qualifiers{used: true}
	return &relation{c.has, relations[op.text], a, b}
}

// calculation is a number that is being parsed, and what a packet must have for it.
type calculation struct {
	*parser
	has node
}

// operators by how strong they bind, the weakest first. "%" and "^" have all that follows on their
// right side.
var operators = [...]string{"|", "&", "<< >>", "+ -", "* /"}

const comparisons = "= != < > <= >="

// sum parses a calculation with operators of that strength and stronger ones.
func (c *calculation) sum(strength int) number {
	if strength == len(operators) {
		return c.operand()
	}
	a := c.sum(strength + 1)
	for {
		t := c.peek()
		if !t.among(operators[strength]) {
			return a
		}
		c.i++
		b := c.sum(strength + 1)
		a = c.join(t, a, b)
	}
}

// join is a calculation with that operator.
func (c *calculation) join(op *token, a, b number) number {
	if zero, ok := b.(constant); ok && zero == 0 && (op.text == "/" || op.text == "%") {
		c.fail("division by zero")
	}
	return &arithmetic{op.text[0], a, b}
}

// operand parses what an operator is for.
func (c *calculation) operand() number {
	defer func() { c.depth-- }()
	if !c.enter() {
		return constant(0)
	}
	a := c.single()
	if op := c.peek(); c.take("%") || c.take("^") {
		return c.join(op, a, c.sum(0))
	}
	return a
}

// single parses a number, a calculation in parentheses, or bytes of the packet.
func (c *calculation) single() number {
	t := c.peek()
	switch {
	case c.take("("):
		n := c.sum(0)
		if !c.take(")") {
			c.fail("not understood in a calculation")
		}
		return n
	case c.take("-"):
		return &arithmetic{'-', constant(0), c.operand()}
	case c.take("len"):
		return wireLength{}
	case t.kind == word && c.tokens[c.i+1].kind == symbol && c.tokens[c.i+1].text == "[":
		return c.bytes()
	}
	if n, ok := constants[t.text]; ok && t.kind == word {
		c.i++
		return constant(n)
	}
	n, _ := c.number("a number")
	return constant(n)
}

// bytes parses "tcp[13]", "ip[6:2]".
func (c *calculation) bytes() number {
	at, has, ok := c.layer(c.peek().text)
	if !ok {
		c.fail("bytes are those of ether, ip, ip6, arp, tcp, udp, sctp, icmp, igmp or icmp6")
		return constant(0)
	}
	c.i += 2
	f := &fieldAt{at, c.sum(0)}
	f.size = 1
	if c.take(":") {
		size, _ := c.number("1, 2 or 4")
		if f.size = int(size); size != 1 && size != 2 && size != 4 {
			c.i -= min(1, c.i)
			c.fail("so many bytes are no number: it is 1, 2 or 4")
		}
	}
	if !c.take("]") {
		c.fail(`"]" is missing`)
	}
	c.has = and(c.has, has)
	if n, ok := f.index.(constant); ok && n < 1<<16 {
		at.at, at.size = at.at+int(n), f.size
		return at
	}
	return f
}

// layer is where the bytes of a protocol begin, and the condition that a packet has them.
func (p *parser) layer(protocol string) (at field, has node, ok bool) {
	l := &p.link
	etherType, ok := networks[protocol]
	switch {
	case isLink(protocol):
		return field{}, always(true), true
	case ok:
		return field{at: l.network}, l.is(etherType), true
	case protocol == "icmp6":
		return field{at: l.network + ip6Header}, and(l.is(etherIP6), equal(l.network+6, 1, 58)), true
	}
	number, ok := transports[protocol]
	if !ok {
		return field{}, nil, false
	}
	has = and(l.is(etherIP), equal(l.network+9, 1, number), p.noFragment())
	return field{at: l.network, behind: l.network + 1}, has, true
}
