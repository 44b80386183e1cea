package filter

import "encoding/binary"

// Filter is a compiled expression. Only one goroutine at a time may use it.
type Filter struct {
	root node
	p    packet // a field, so that it does not escape once per packet
}

// Match reports whether the frame passes; length is its length on the wire. It does not allocate.
func (f *Filter) Match(data []byte, length int) bool {
	f.p = packet{data: data, length: uint32(length)}
	matches := f.root.match(&f.p)
	f.p.data = nil
	return matches && !f.p.short
}

// packet is a frame that is being looked at.
type packet struct {
	data   []byte
	length uint32
	short  bool // a byte was asked for that is not there, or a division by zero: it does not match
}

// load reads a number of 1, 2 or 4 bytes, big-endian.
func (p *packet) load(at, size int) uint32 {
	if at < 0 || at > len(p.data)-size {
		p.short = true
		return 0
	}
	switch b := p.data[at:]; size {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(binary.BigEndian.Uint16(b))
	default:
		return binary.BigEndian.Uint32(b)
	}
}

// node is a part of an expression that is true or false.
type node interface{ match(*packet) bool }

type (
	always bool
	not    struct{ node }

	// joint is true if both are or, where all is false, if either is.
	joint struct {
		a, b node
		all  bool
	}

	// within is true of a field, masked, from least to most.
	within struct {
		field
		mask, least, most uint32
	}

	// relation compares two numbers, where the packet has what they are made of.
	relation struct {
		has node
		operator
		a, b number
	}

	// operator is true of two numbers where the comparison turns out as is says.
	operator struct {
		op byte // '=', 'g' for >=, or '>'
		is bool
	}
)

var relations = map[string]operator{
	"=": {'=', true}, "!=": {'=', false}, ">=": {'g', true}, "<": {'g', false}, ">": {'>', true}, "<=": {'>', false},
}

func (b always) match(*packet) bool { return bool(b) }
func (n not) match(p *packet) bool  { return !n.node.match(p) }

func (n *joint) match(p *packet) bool {
	if is := n.a.match(p); is != n.all || p.short {
		return is
	}
	return n.b.match(p)
}

func (n *within) match(p *packet) bool {
	v := n.value(p) & n.mask
	return n.least <= v && v <= n.most
}

func (n *relation) match(p *packet) bool {
	if !n.has.match(p) || p.short {
		return false
	}
	return n.holds(n.a.value(p), n.b.value(p))
}

func (o operator) holds(a, b uint32) bool {
	switch o.op {
	case '=':
		return (a == b) == o.is
	case 'g':
		return (a >= b) == o.is
	}
	return (a > b) == o.is
}

// number is a part of an expression that is a number.
type number interface{ value(*packet) uint32 }

type (
	constant   uint32
	wireLength struct{}

	// field is bytes of the packet. behind, if not 0, is where an IPv4 header begins, plus 1: the
	// field is so far behind its end.
	field struct{ at, size, behind int }

	// fieldAt is a field whose place is computed; at is added.
	fieldAt struct {
		field
		index number
	}

	arithmetic struct {
		op   byte
		a, b number
	}
)

func (c constant) value(*packet) uint32   { return uint32(c) }
func (wireLength) value(p *packet) uint32 { return p.length }
func (f field) value(p *packet) uint32    { return p.load(f.place(p), f.size) }

// value adds as BPF does, in 32 bits.
func (f *fieldAt) value(p *packet) uint32 {
	return p.load(int(f.index.value(p)+uint32(f.place(p))), f.size)
}

func (f field) place(p *packet) int {
	if f.behind == 0 {
		return f.at
	}
	return f.at + 4*int(p.load(f.behind-1, 1)&15)
}

func (o *arithmetic) value(p *packet) uint32 {
	a, b := o.a.value(p), o.b.value(p)
	switch o.op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	case '&':
		return a & b
	case '|':
		return a | b
	case '^':
		return a ^ b
	case '<':
		return a << b
	case '>':
		return a >> b
	}
	if b == 0 {
		p.short = true
		return 0
	}
	if o.op == '%' {
		return a % b
	}
	return a / b
}

// and is true if all are, which are looked at in that order.
func and(all ...node) node { return join(true, all) }

// or is true if any is, which are looked at in that order.
func or(any ...node) node { return join(false, any) }

// join joins conditions, of which unit changes nothing and its contrary decides.
func join(unit always, list []node) node {
	n := node(unit)
	for _, one := range list {
		switch {
		case n == unit:
			n = one
		case n != !unit && one != unit:
			n = &joint{n, one, bool(unit)}
		}
	}
	return n
}
