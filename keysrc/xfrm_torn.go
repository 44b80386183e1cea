package keysrc

import (
	"bytes"
	"slices"
)

// An xfrmTorn is a line with a key, until the next line shows that it was whole.
type xfrmTorn struct {
	line  int
	text  []byte
	width int    // in columns, with what stood before the text
	lead  int    // of these, the blanks that may be an indent of the whole
	what  string // is wrong with it, "" nothing
}

// Terminals and mail programs break lines at this many columns.
const (
	minTorn = 72
	maxTorn = 80
)

// mend puts the line at hand behind the line with a key before it, if that was broken there. It
// reports whether the line is such a rest.
func (x *xfrm) mend(n int, text []byte) bool {
	s := &x.state
	torn := s.torn
	s.torn = xfrmTorn{}
	first, _ := word(text)
	kind, _ := word(torn.text)
	digits := startsHex(first) && !mikrotikItem(text)
	isRest := digits || bytes.HasPrefix(first, []byte("0x")) ||
		torn.what != "" && len(first) > 0 && (digit(first[0]) || first[0] == '(')
	switch {
	case isRest && (torn.what != "" || !s.fits(string(kind))) && x.join(&torn, text):
		return true
	case torn.what != "":
		x.damaged(torn.line, torn.what)
	case digits:
		x.damaged(n, "the line with its key is broken, the rest follows in a line of its own")
	}
	return false
}

// join puts text behind a line that has no whole key. The length that the algorithm's key has
// proves that it belongs there; where it does not yet, the line after may.
func (x *xfrm) join(torn *xfrmTorn, text []byte) bool {
	s := &x.state
	was := s.keys
	kind, rest := word(torn.text)
	full := torn.width >= minTorn && torn.width-torn.lead <= maxTorn
	for _, between := range []string{"", " "} {
		if between == "" && !full {
			continue
		}
		whole := slices.Concat(rest, []byte(between), text)
		if s.algorithm(string(kind), whole) == "" && s.fits(string(kind)) {
			s.torn = xfrmTorn{line: torn.line, text: slices.Concat(kind, []byte(" "), whole)}
			return true
		}
		s.keys = was
	}
	if !full || x.width != torn.width || notHex(text) > 0 {
		return false
	}
	s.torn = *torn
	s.torn.text = append(s.torn.text, text...)
	return true
}

// fits reports whether the key of a line has a length that its algorithm takes.
func (s *xfrmState) fits(kind string) bool {
	k := &s.keys
	if kind == "auth" || kind == "auth-trunc" {
		a := authNamed(k.auth, k.authBits, 96)
		return a != nil && a.KeyLen == len(k.authKey)
	}
	c, named, _ := cipherNamed(k.cipher)
	n := len(k.key)
	return c != nil && c.KeyLenOK(n-c.SaltLen) && (named == 0 || named == n-c.SaltLen)
}
