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

// letters are the characters in a text that tell texts apart.
type letters uint64

var letterOf = func() (of [256]letters) {
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_[]|!:=@-,/>"
	for i, c := range []byte(all) {
		of[c] = 1 << i
	}
	return of
}()

func lettersIn(text []byte) (in letters) {
	for ; len(text) >= 4; text = text[4:] { // in little more than half the time of one by one
		in |= letterOf[text[0]] | letterOf[text[1]] | letterOf[text[2]] | letterOf[text[3]]
	}
	for _, c := range text {
		in |= letterOf[c]
	}
	return in
}

// clues are the letters of texts of which a line has one.
type clues []letters

func cluesOf(texts ...string) (c clues) {
	for _, text := range texts {
		c = append(c, lettersIn([]byte(text)))
	}
	return c
}

// allow reports whether a line with these letters may have one of the texts.
func (c clues) allow(in letters) bool {
	for _, clue := range c { // in half the time of slices.ContainsFunc
		if clue&^in == 0 {
			return true
		}
	}
	return false
}
