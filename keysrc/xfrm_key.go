package keysrc

import (
	"bytes"
	"slices"
	"strconv"

	"l2tpdump/keysrc/redaction"
)

// algorithm takes what follows "auth", "auth-trunc", "enc" or "aead":
//
//	NAME 0x… [(N bits)] [LENGTH]
//
// It returns what is wrong, "" nothing.
func (s *xfrmState) algorithm(kind string, rest []byte) string {
	name, rest := word(rest)
	rest = trimLine(rest)
	if bytes.HasPrefix(rest, []byte("<<Keys hidden>>")) {
		s.hidden = true
		return ""
	}
	if w, _ := word(rest); notHex(w) > 1 && redaction.Value(string(w)) { // the x of 0x is no digit
		s.removed = true
		return ""
	}
	if _, ok := hex0x(name); ok && !bytes.HasPrefix(rest, []byte("0x")) { // the name was lost
		name, rest = nil, append(append(bytes.Clone(name), ' '), rest...)
		s.keys.doubt = "its " + kind + " line names no algorithm; the key is tried by its length"
	}
	var key []byte
	if bytes.HasPrefix(rest, []byte("0x")) {
		var digits []byte
		digits, rest = word(rest)
		var ok bool
		if key, ok = hex0x(digits); !ok {
			return kind + " key is not a whole number of hex bytes"
		}
	}
	bits, rest, ok := xfrmBits(trimLine(rest))
	if !ok {
		return kind + " key has no whole number of bits behind it"
	}
	if bits >= 0 && bits != 8*len(key) {
		return kind + " key of " + byteCount(len(key)) + " where " + strconv.Itoa(bits) + " bits are declared"
	}
	length, what := xfrmICV(kind, rest)
	if what != "" {
		return kind + what
	}
	switch k := &s.keys; kind {
	case "auth":
		if k.auth == "" {
			k.auth, k.authKey = string(name), key
		}
	case "auth-trunc":
		k.auth, k.authKey, k.authBits = string(name), key, length
	case "enc":
		k.cipher, k.key = string(name), key
	case "aead":
		k.cipher, k.key, k.icvBits = string(name), key, length
	}
	return ""
}

// xfrmBits takes "(128 bits)"; bits is -1 where there is none.
func xfrmBits(s []byte) (bits int, rest []byte, ok bool) {
	s, found := bytes.CutPrefix(s, []byte("("))
	if !found {
		return -1, s, true
	}
	number, rest, _ := bytes.Cut(s, []byte(" bits)"))
	bits, err := strconv.Atoi(string(number))
	return bits, trimLine(rest), err == nil
}

// xfrmICV takes the length of the ICV in bits, which "auth-trunc" and "aead" have; what is wrong
// follows the kind of the line.
func xfrmICV(kind string, s []byte) (bits int, what string) {
	has := kind == "auth-trunc" || kind == "aead"
	w, _ := word(s)
	if len(w) == 0 {
		if has {
			return 0, " line ends before the length of the ICV"
		}
		return 0, ""
	}
	bits, err := strconv.Atoi(string(w))
	switch {
	case err != nil || bits < 0 || bits > 1024 || bits%8 != 0:
		return 0, " line has a length of the ICV that can't be read"
	case has && bits == 0:
		return 0, " line has an ICV of no length"
	}
	return bits, ""
}

// high takes "seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x0"; an SA counts one of the two.
func (s *xfrmState) high(text []byte) {
	for _, mark := range []string{"seq-hi ", " oseq-hi "} {
		if rest, ok := after(text, mark); ok {
			w, _ := word(rest)
			w = bytes.TrimSuffix(w, []byte(","))
			if n, err := strconv.ParseUint(string(w), 0, 32); err == nil && n != 0 {
				s.seqHigh = uint32(n)
			}
		}
	}
}

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
