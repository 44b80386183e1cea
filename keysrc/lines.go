package keysrc

import (
	"bytes"
	"io"
	"strings"

	"l2tpdump/keysrc/yamaha"
)

// A line longer than maxLine bytes is an export or a page in one line, and is taken in parts, or it
// is passed over: no format has such lines.
const (
	maxLine      = 128 << 10
	maxPart      = 64 << 20    // of such an export
	splitterSize = 2 * maxLine // of the read buffer
)

// splitter cuts a source into lines. Lines end in LF, CR LF or CR CR LF. A CR inside a line ends a
// line too (consoles overwrite a pager's prompt in that way) but is counted only where the source
// has no LF at all. NUL bytes (telnet) and terminal escape sequences are taken out; no-break
// spaces, which mail and web pages make of runs of spaces, become spaces.
type splitter struct {
	line func(text []byte, next bool) // takes a line without its end; next says whether the line number goes up

	buf     []byte
	have    int   // bytes in buf
	known   bool  // crLines is settled
	crLines bool  // a CR alone ends a line: there is no LF
	skip    bool  // inside a line that is too long
	inside  bool  // parts of the line at hand were given out
	json    bool  // it is JSON
	tried   int   // bytes of it in which no part was whole
	lines   int   // lines counted
	signs   signs // of the line at hand

	from, to int                 // where the line at hand is in the buffer
	next     [len(signTexts)]int // where each of them comes first behind the line, or may come, or less
	soonest  int                 // the least of these of wrapped signs, or less

	long     int // lines passed over
	longLine int // number of the first of them
}

// signs tells which of signTexts may be in a line. What has none of them needs no search.
type signs uint16

// signTexts are what a line is known by that is not clean, that is in a wrapping, or that says more
// in a Yamaha router's log than its time does. None has a line end in it but CR.
var signTexts = [...][]byte{{'\r'}, {0}, {0x1b}, {0xc2}, {'<'}, {'&'}, {'#'}, {0xe2}, {','}, []byte(yamaha.Repeated),
	[]byte(yamaha.Tag[len("[I"):])} // which is rarer at its end

const (
	innerCR  = signs(1)              // CR
	htmlTag  = signs(1 << 4)         // <
	comma    = signs(1 << 8)         // ,
	unclean  = signs(1<<4 - 1)       // and what clean looks for
	wrapped  = signs(1<<yamahas - 1) // and what wrappings are known by
	allSigns = signs(1<<len(signTexts) - 1)
	yamahas  = len(signTexts) - 2 // from here on those that only a Yamaha router's log is searched for
)

// signsOf returns the signs that are in a text.
func signsOf(text string) (found signs) {
	for i, sign := range signTexts {
		if strings.Contains(text, string(sign)) {
			found |= 1 << i
		}
	}
	return found
}

// find finds the wrapped signs of the line at hand.
func (s *splitter) find() {
	s.signs = 0
	if s.soonest >= s.to {
		return
	}
	s.soonest = s.have
	for i := range yamahas {
		if s.next[i] < s.to && s.has(i) {
			s.signs |= 1 << i
		}
		s.soonest = min(s.soonest, s.next[i])
	}
}

// has reports whether the line at hand may have a sign. It is searched for in many lines at a time.
func (s *splitter) has(sign int) bool {
	if s.next[sign] < s.from {
		text := signTexts[sign]
		s.next[sign] = max(s.from, s.have-len(text)+1)
		if i := bytes.Index(s.buf[s.from:s.have], text); i >= 0 {
			s.next[sign] = s.from + i
		}
	}
	return s.next[sign] < s.to
}

// run gives out all lines of r. It returns the number of bytes read.
func (s *splitter) run(r io.Reader) (total int64, err error) {
	s.buf = make([]byte, splitterSize)
	for err == nil {
		var n int
		n, err = r.Read(s.buf[s.have:])
		total += int64(n)
		s.took(s.buf[s.have:s.have+n], err != nil)
	}
	if err == io.EOF {
		err = nil
	}
	return total, err
}

// took takes what was read into the buffer behind what it had.
func (s *splitter) took(fresh []byte, ended bool) {
	s.have += len(fresh)
	data := s.buf[:s.have]
	switch {
	case s.known:
	case bytes.IndexByte(fresh, '\n') >= 0:
		s.known = true
	case ended || s.have > len(s.buf)/4:
		s.known, s.crLines = true, bytes.IndexByte(data, '\r') >= 0
	default:
		return
	}
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		if s.crLines {
			i = bytes.IndexAny(data, "\r\n")
		}
		if i < 0 && !ended {
			break
		}
		if i < 0 {
			i = len(data)
		}
		s.from = s.have - len(data)
		s.to = s.from + i
		s.find()
		s.whole(data[:i])
		data = data[min(i+1, len(data)):]
	}
	if len(data) > maxLine {
		data = data[s.part(data):]
	}
	for i := range s.next {
		s.next[i] -= s.have - len(data)
	}
	s.soonest = 0
	buf := s.buf
	if len(data) > len(buf)/2 { // for a part that is longer
		s.buf = make([]byte, 2*len(buf))
	}
	s.have = copy(s.buf, data)
}

// part gives out the part of a long line that is whole, and returns its length, or that of what it
// passes over.
func (s *splitter) part(data []byte) int {
	if !s.inside && !s.skip {
		start := bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(data, "\x1e"), []byte("data: ")), " \t")
		s.json = len(start) > 0 && (start[0] == '{' || start[0] == '[')
	}
	n := 0
	switch {
	case s.skip:
	case s.json:
		if len(data) < 2*s.tried {
			return 0
		}
		if n = jsonPart(data); n == 0 && len(data) <= maxPart {
			s.tried = len(data)
			return 0
		}
	default:
		n = htmlPart(data)
	}
	if n == 0 {
		s.tooLong()
		return len(data)
	}
	s.signs = allSigns
	s.give(data[:n])
	s.inside, s.tried = true, 0
	return n
}

// jsonPart returns the length of the objects at the beginning of a line that are whole.
func jsonPart(line []byte) (n int) {
	for at := 0; at < len(line); at++ {
		i := bytes.IndexAny(line[at:], `"}`)
		if i < 0 {
			break
		}
		if at += i; line[at] == '}' {
			if rest := bytes.TrimLeft(line[at+1:], " "); len(rest) > 0 && rest[0] == ',' {
				n = len(line) - len(rest) + 1
			}
			continue
		}
		for at++; at < len(line) && line[at] != '"'; at++ {
			if line[at] == '\\' {
				at++
			}
		}
	}
	return n
}

// htmlPart returns the length of the lines of a page that are whole.
func htmlPart(line []byte) (n int) {
	for _, tag := range []string{"<br", "<BR", "<tr", "<TR", "<p>", "<div", "<li"} {
		n = max(n, bytes.LastIndex(line, []byte(tag)))
	}
	return n
}

// whole takes a line, or the rest of one that was too long.
func (s *splitter) whole(text []byte) {
	if s.skip {
		s.skip = false
		return
	}
	s.give(text)
	s.inside, s.tried = false, 0
	s.lines++
}

// give gives out a line or a part of one, cleaned: what stands between its CRs.
func (s *splitter) give(text []byte) {
	next := !s.inside
	if len(text) > 0 && text[0] == '\f' { // a page of a PDF
		text = text[1:]
	}
	if s.signs&unclean > innerCR {
		text, s.signs = clean(text), allSigns
	}
	if s.signs&innerCR != 0 {
		text = bytes.TrimRight(text, "\r")
	}
	for s.signs&innerCR != 0 {
		i := bytes.IndexByte(text, '\r')
		if i < 0 {
			s.signs &^= innerCR
			break
		}
		if i > 0 || next {
			s.line(text[:i], next)
			next = false
		}
		text = text[i+1:]
	}
	s.line(text, next)
}

// tooLong passes over the line at hand, which stands for an empty one.
func (s *splitter) tooLong() {
	if s.skip {
		return
	}
	s.skip = true
	s.lines++
	if s.long++; s.long == 1 {
		s.longLine = s.lines
	}
	s.line(nil, !s.inside)
	s.inside, s.tried = false, 0
}

// clean takes NUL bytes and terminal escape sequences (ECMA-48) out, and makes spaces of
// no-break spaces and EUC-JP of ISO-2022-JP, in place.
func clean(text []byte) []byte {
	to := text[:0]
	high := byte(0) // of Japanese characters
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == 0:
		case c == 0x1b && i+2 < len(text) && (text[i+1] == '$' || text[i+1] == '('):
			if high = 0; text[i+1] == '$' {
				high = 0x80
			}
			i += 2
		case c == 0x1b:
			i += escapeLen(text[i:]) - 1
		case c == 0xc2 && i+1 < len(text) && text[i+1] == 0xa0: // U+00A0 in UTF-8
			to = append(to, ' ')
			i++
		default:
			to = append(to, c|high)
		}
	}
	return to
}

// escapeLen returns the length of the escape sequence that text begins with: CSI, OSC, which sets
// titles and links, or one of the keypad and the cursor; 1 for any other.
func escapeLen(text []byte) int {
	if len(text) < 2 {
		return 1
	}
	switch text[1] {
	case '[':
		n := 2
		for n < len(text) && (text[n] < 0x40 || text[n] > 0x7e) {
			n++
		}
		return min(n+1, len(text))
	case ']':
		n := 2 + bytes.IndexAny(text[2:], "\a\x1b") + 1
		if n > 2 && text[n-1] == 0x1b { // and a backslash
			n = min(n+1, len(text))
		}
		return max(n, 1)
	case '=', '>', '7', '8':
		return 2
	}
	return 1
}
