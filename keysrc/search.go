package keysrc

import "bytes"

// A byteSet is a set of bytes. Unlike the sets of package bytes it is made once, not for each line.
type byteSet [256]bool

func setOf(members string) *byteSet {
	set := new(byteSet)
	for _, c := range []byte(members) {
		set[c] = true
	}
	return set
}

var (
	blanks   = setOf(" \t")
	spaces   = setOf(" \t\r\n")
	lineEnds = setOf("\r\n")
	decimal  = setOf("0123456789")
)

// all reports whether nothing else is in s.
func (set *byteSet) all(s []byte) bool {
	for _, c := range s {
		if !set[c] {
			return false
		}
	}
	return true
}

// trimLeft cuts the set's bytes off the beginning of s.
func (set *byteSet) trimLeft(s []byte) []byte {
	for len(s) > 0 && set[s[0]] {
		s = s[1:]
	}
	return s
}

// trimRight cuts them off the end.
func (set *byteSet) trimRight(s []byte) []byte {
	for len(s) > 0 && set[s[len(s)-1]] {
		s = s[:len(s)-1]
	}
	return s
}

// A mark is a text that lines are searched for by the byte at a place in it: few lines have that.
type mark struct {
	text string
	rare int // the place
}

// in returns where the mark is in s first, -1 if it is not there.
func (m mark) in(s []byte) int {
	for at := m.rare; at < len(s); at++ {
		i := bytes.IndexByte(s[at:], m.text[m.rare])
		if i < 0 {
			break
		}
		at += i
		if start := s[at-m.rare:]; len(start) >= len(m.text) && string(start[:len(m.text)]) == m.text {
			return at - m.rare
		}
	}
	return -1
}

// after returns what follows the mark in s; ok only if it is there.
func (m mark) after(s []byte) (rest []byte, ok bool) {
	i := m.in(s)
	if i < 0 {
		return nil, false
	}
	return s[i+len(m.text):], true
}
