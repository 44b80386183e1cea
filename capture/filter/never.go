package filter

import (
	"errors"
	"fmt"
)

// ErrNever is the error of an expression that contradicts itself.
var ErrNever = errors.New("no frame can match")

// maxSteps bounds how long an expression is searched for a contradiction.
const maxSteps = 10_000

// search goes through the ways that the conditions of an expression may turn out, which are true
// and false, but for what has turned out before. It tells whether the expression is true of some
// frame, as far as its comparisons do not contradict each other; where that takes too long to tell
// it may be.
type search struct {
	known []outcome
	steps int
}

// outcome is how a comparison has turned out.
type outcome struct {
	comparison
	is bool
}

// comparison is one of a number with a constant. Numbers that are calculated alike have the same
// name.
type comparison struct {
	what string
	op   byte // as that of a relation
	k    uint32
}

// visit calls then with each way that n may turn out, until one is true.
func (s *search) visit(n node, then func(is bool) bool) bool {
	if s.steps++; s.steps > maxSteps {
		return true
	}
	switch n := n.(type) {
	case always:
		return then(bool(n))
	case not:
		return s.visit(n.node, func(is bool) bool { return then(!is) })
	case *joint:
		return s.visit(n.a, func(is bool) bool {
			if is != n.all {
				return then(is)
			}
			return s.visit(n.b, then)
		})
	case *within:
		what := name(&arithmetic{'&', n.field, constant(n.mask)})
		if n.least == n.most {
			return s.compare(comparison{what, '=', n.least}, then)
		}
		return s.compare(comparison{what, 'g', n.least}, func(is bool) bool {
			if !is {
				return then(false)
			}
			return s.compare(comparison{what, '>', n.most}, func(is bool) bool { return then(!is) })
		})
	case *relation:
		return s.visit(n.has, func(is bool) bool {
			if !is {
				return then(false)
			}
			return s.relation(n, then)
		})
	}
	return true
}

func (s *search) relation(n *relation, then func(is bool) bool) bool {
	c := comparison{what: name(n.a), op: n.op}
	b, fixed := fold(n.b).(constant)
	if a, also := fold(n.a).(constant); also && fixed {
		return then(n.holds(uint32(a), uint32(b)))
	}
	if c.k = uint32(b); !fixed {
		c.what += " - " + name(n.b)
	}
	return s.compare(c, func(is bool) bool { return then(is == n.is) })
}

func (s *search) compare(c comparison, then func(is bool) bool) bool {
	for _, k := range s.known {
		switch {
		case k.what != c.what || k.op != c.op:
		case k.k == c.k:
			return then(k.is)
		case c.op == '=' && k.is:
			return then(false)
		}
	}
	n := len(s.known)
	for _, is := range [...]bool{true, false} {
		if s.known = append(s.known[:n], outcome{c, is}); then(is) {
			return true
		}
	}
	s.known = s.known[:n]
	return false
}

// fold calculates what can be without a packet.
func fold(n number) number {
	o, ok := n.(*arithmetic)
	if !ok {
		return n
	}
	a, fixed := fold(o.a).(constant)
	b, also := fold(o.b).(constant)
	if !fixed || !also || b == 0 && (o.op == '/' || o.op == '%') {
		return n
	}
	return constant((&arithmetic{o.op, a, b}).value(nil))
}

// sizeOf is how many bytes a number has.
func sizeOf(n number) int {
	switch n := n.(type) {
	case field:
		return n.size
	case *fieldAt:
		return n.size
	}
	return 4
}

// name writes a number down.
func name(n number) string {
	switch n := fold(n).(type) {
	case *arithmetic:
		if mask, ok := fold(n.b).(constant); ok && n.op == '&' {
			bits := uint64(1)<<(8*sizeOf(n.a)) - 1
			if uint64(mask)&bits == bits {
				return name(n.a) // all of it
			}
		}
		return fmt.Sprintf("(%s %c %s)", name(n.a), n.op, name(n.b))
	case *fieldAt:
		return fmt.Sprintf("%v[%s]", n.field, name(n.index))
	default:
		return fmt.Sprintf("%T%v", n, n)
	}
}
