package filter

import (
	"fmt"
	"strconv"
	"strings"
)

// maxDepth bounds how deep parentheses and "not" go.
const maxDepth = 200

// New compiles an expression for frames of a link type. What is wrong with it is told by an
// [*Error].
func New(lt LinkType, expr string) (*Filter, error) {
	l, ok := links[lt]
	if !ok {
		return nil, fmt.Errorf("filters know no link type %d without libpcap", lt)
	}
	tokens, err := lex(expr)
	if err != nil {
		return nil, err
	}
	p := parser{expr: expr, tokens: tokens, link: l, last: qualifiers{used: true}}
	if p.peek().kind == end {
		return &Filter{root: always(true)}, nil
	}
	root := p.joined(p.primitive)
	if p.err == nil && p.peek().kind != end {
		p.fail("not understood")
	}
	if p.err != nil {
		return nil, p.err
	}
	var s search
	if !s.visit(root, func(is bool) bool { return is }) {
		return nil, fmt.Errorf("%w %.80q", ErrNever, expr)
	}
	return &Filter{root: root}, nil
}

// parser is a recursive descent. After an error it goes on with the end of the expression.
type parser struct {
	expr   string
	tokens []token
	i      int
	depth  int
	err    error
	link   link       // which vlan and pppoes move, for all that follows
	last   qualifiers // of the value before, which the next may have in common
}

func (p *parser) peek() *token { return &p.tokens[p.i] }

// is reports whether the next token is that keyword or symbol.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == word && !t.plain || t.kind == symbol) && t.text == text
}

// take takes the next token if it is that keyword or symbol.
func (p *parser) take(text string) bool {
	if !p.is(text) {
		return false
	}
	p.i++
	return true
}

// fail says what is wrong with the next token; of several the first counts.
func (p *parser) fail(format string, args ...any) node {
	if p.err == nil {
		p.err = &Error{p.expr, p.peek().at, fmt.Sprintf(format, args...)}
	}
	p.i = len(p.tokens) - 1
	return always(false)
}

// enter is false where the expression goes too deep.
func (p *parser) enter() bool {
	if p.depth++; p.depth > maxDepth {
		p.fail("nested more than %d deep", maxDepth)
		return false
	}
	return true
}

// joined parses terms with "and" and "or" between them, which bind equally, from the left.
func (p *parser) joined(one func() node) node {
	n := p.term(one)
	for {
		switch {
		case p.take("and"):
			n = and(n, p.term(one))
		case p.take("or"):
			n = or(n, p.term(one))
		default:
			return n
		}
	}
}

// term parses what "and", "or" and parentheses join, behind any "not".
func (p *parser) term(one func() node) node {
	defer func() { p.depth-- }()
	switch {
	case !p.enter():
		return always(false)
	case !p.take("not"):
		return one()
	}
	n := p.term(one)
	if known, ok := n.(always); ok {
		return !known
	}
	return not{n}
}

// primitive parses a condition, or an expression in parentheses.
func (p *parser) primitive() node {
	t := p.peek()
	switch {
	case t.kind == symbol && t.text == "(" && !p.calculates(t.close+1):
		p.i++
		n := p.joined(p.primitive)
		if !p.take(")") {
			return p.fail("not understood")
		}
		return n
	case p.startsNumber():
		return p.comparison()
	case t.kind == word && !t.plain && IsKeyword(t.text):
		return p.qualified()
	case t.kind == end || t.kind == symbol:
		return p.fail("a condition is missing")
	}
	return p.value(p.last)
}

// calculates reports whether the token at i goes on with a number.
func (p *parser) calculates(i int) bool {
	return p.tokens[i].among("+ - * / % & | ^ << >> " + comparisons)
}

// among reports whether a token is one of these symbols.
func (t *token) among(symbols string) bool {
	return t.kind == symbol && strings.Contains(" "+symbols+" ", " "+t.text+" ")
}

// parseNumber reads a number as C writes it.
func parseNumber(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 0, 32)
	return uint32(n), err == nil
}

// number takes a number.
func (p *parser) number(what string) (uint32, bool) {
	t := p.peek()
	if t.kind == word {
		if n, ok := parseNumber(t.text); ok {
			p.i++
			return n, true
		}
	}
	p.fail("%s is missing", what)
	return 0, false
}
