package filter

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// maxLen is how long an expression may be, in bytes.
const maxLen = 64 << 10

// Error says what is wrong with an expression, and where.
type Error struct {
	Expr string
	At   int // the byte of Expr at which the trouble begins
	What string
}

// notOwn ends the error of what libpcap knows.
const notOwn = " is not known without libpcap"

// Own reports whether the trouble is with the expression, and not with what is known here.
func (e *Error) Own() bool { return !strings.HasSuffix(e.What, notOwn) }

func (e *Error) Error() string {
	if rest := e.Expr[e.At:]; rest != "" {
		return fmt.Sprintf("%s, at character %d: %.40q", e.What, e.At+1, rest)
	}
	return e.What + ", at its end"
}

// kind of a token.
type kind uint8

const (
	end kind = iota
	word
	address // of IPv4, with all four numbers, or IPv6
	mac
	symbol
)

type token struct {
	kind  kind
	text  string // a symbol's is that of symbolNames, if it has one there
	at    int
	addr  netip.Addr
	mac   net.HardwareAddr
	plain bool // behind a backslash: no keyword
	close int  // of "(": the index of its ")"
}

// symbols, the longest first.
var symbols = strings.Fields("&& || == != >= <= << >> ! ( ) [ ] : / + - * % & | ^ < > =")

// symbolNames are what some of them are called further on.
var symbolNames = map[string]string{"&&": "and", "||": "or", "==": "=", "!": "not"}

// lex splits an expression into tokens, the last of which is an end.
func lex(expr string) ([]token, error) {
	if len(expr) > maxLen {
		return nil, fmt.Errorf("a filter of %d bytes: it may have %d", len(expr), maxLen)
	}
	var tokens []token
	var open []int
	for at := 0; ; {
		for at < len(expr) && strings.IndexByte(" \t\r\n", expr[at]) >= 0 {
			at++
		}
		t := next(expr, at)
		t.at = at
		switch size := len(t.text); {
		case at == len(expr):
			if len(open) > 0 {
				return nil, &Error{expr, tokens[open[len(open)-1]].at, `"(" without ")"`}
			}
			return append(tokens, t), nil
		case size == 0:
			return nil, &Error{expr, at, "a character that means nothing here"}
		default:
			at += size
		}
		if t.plain {
			t.text = t.text[1:]
		}
		if t.kind == symbol {
			t.text = cmp.Or(symbolNames[t.text], t.text)
		}
		switch {
		case t.text == "(":
			open = append(open, len(tokens))
		case t.text == ")" && len(open) == 0:
			return nil, &Error{expr, t.at, `")" without "("`}
		case t.text == ")":
			tokens[open[len(open)-1]].close = len(tokens)
			open = open[:len(open)-1]
		}
		tokens = append(tokens, t)
	}
}

// next is the token at a place, with its text as it stands there; "" if there is none.
func next(expr string, at int) token {
	rest := expr[at:]
	isWord := func(c rune) bool { return isLetter(c) || isDigit(c) || c == '.' || c == ':' || c == '-' }
	if run := span(rest, isWord); run > 0 {
		if t, ok := addressIn(rest[:run]); ok {
			return t
		}
	}
	plain := strings.HasPrefix(rest, `\`)
	from := 0
	if plain {
		from = 1
	}
	n := span(rest[from:], func(c rune) bool { return isLetter(c) || isDigit(c) || c == '.' || c == '-' || c == '_' })
	if n > 0 && strings.IndexByte(".-_", rest[from]) < 0 {
		return token{kind: word, text: strings.TrimRight(rest[:from+n], "-_"), plain: plain}
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			return token{kind: symbol, text: s}
		}
	}
	return token{}
}

// addressIn is the address that a run of characters is.
func addressIn(run string) (token, bool) {
	if hardware, err := net.ParseMAC(run); err == nil && len(hardware) == 6 {
		return token{kind: mac, text: run, mac: hardware}, true
	}
	if addr, err := netip.ParseAddr(strings.TrimRight(run, "-")); err == nil {
		return token{kind: address, text: strings.TrimRight(run, "-"), addr: addr}, true
	}
	return token{}, false
}

// span is how many bytes in front of s are of a class.
func span(s string, of func(rune) bool) int { return len(s) - len(strings.TrimLeftFunc(s, of)) }

func isDigit(c rune) bool  { return c >= '0' && c <= '9' }
func isLetter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
