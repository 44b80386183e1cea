package keysrc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// A Stream takes a source that may still grow: the lines of a file that is being written, or of
// syslog messages as they arrive. It is not safe for concurrent use.
type Stream struct {
	out     output
	format  string
	running []started
	waiting []*Format // formats of which no line has been seen
	forced  bool
	n       int // lines taken
	history history
	split   splitter
	unwrap  unwrapper
	give    func([]byte)      // offer, made once
	enter   func(int, []byte) // entry, made once
	turner  *turner           // of a source that is read to its end
	turns   bool              // a parser runs that needs the lines in their order
	dates   dates
	near    []string
	config  int  // the configuration that a line is of, as configNamed has it
	passed  int  // lines in a row that say nothing: of these only the first are kept
	content bool // a line is neither blank nor a comment
	binary  bool // a NUL is near its beginning
}

type started struct {
	format *Format
	parser parser
	mine   bool // the last line was its own
}

// NewStream starts a stream. emit is called with each key or note as soon as it is complete; what
// it is given is valid until it returns, and so are the lists in it; what is in these then belongs
// to the receiver. The only error is the name of a format that does not exist.
func NewStream(name, format string, emit func(*Keys)) (*Stream, error) {
	s := &Stream{format: format, out: output{name: name, emit: emit}}
	s.give, s.enter = s.offer, s.entry
	if format == "" {
		s.waiting = append(s.waiting, formats...)
		return s, nil
	}
	f := formatNamed(format)
	if f == nil {
		return nil, fmt.Errorf("unknown key format %q: one of %s", format, strings.Join(FormatNames(), ", "))
	}
	s.forced, s.turns = true, f != &yamahaFormat
	s.running = append(s.running, started{format: f, parser: f.new(&s.out)})
	return s, nil
}

// Line takes the next line, with or without its line end. Text that holds several lines, ended by
// LF, CR LF or CR, counts as as many.
func (s *Stream) Line(line []byte) {
	for len(line) > 0 {
		i := bytes.IndexAny(line, "\r\n")
		if i < 0 {
			break
		}
		s.n++
		s.feed(line[:i])
		if line[i] == '\r' {
			for i+1 < len(line) && line[i+1] == '\r' {
				i++
			}
			if i+1 < len(line) && line[i+1] == '\n' {
				i++
			}
		}
		line = line[i+1:]
		if len(line) == 0 {
			return
		}
	}
	s.n++
	s.feed(line)
}

// Close takes the end of the source. The error is a *NoKeysError if no key was found.
func (s *Stream) Close() error {
	if o := &s.unwrap.object; o.hasKey() { // its end is lost
		s.unwrap.split(1, o.text(nil), s.give)
	}
	for _, r := range s.running {
		r.parser.close()
	}
	if from, to := s.dates.span(); !from.IsZero() {
		s.out.hints(Hints{From: from, To: to})
	}
	if s.out.keys > 0 {
		return nil
	}
	e := &NoKeysError{
		Name: s.out.name, Format: s.format, Lines: s.n, Comment: s.n > 0 && !s.content,
		Damaged: s.out.bad, First: s.out.first, Near: s.near, Binary: s.binary,
	}
	for _, r := range s.running {
		if text := r.parser.near(); text != "" {
			e.Near = append(e.Near, text)
		}
	}
	if s.unwrap.deep {
		e.Near = append(e.Near, "its lines are in more than "+strconv.Itoa(maxWrapped)+" wrappings (JSON, quotes of a mail and "+
			"the like) around one another: take the outer ones off")
	}
	if s.config != 0 {
		e.Near = append([]string{configs[s.config-1].what}, e.Near...)
	}
	looked := formats
	if s.forced {
		looked = []*Format{s.running[0].format}
	}
	for _, f := range looked {
		e.Looked = append(e.Looked, f.Title+" ("+f.Looks+")")
	}
	return e
}

// feed takes one line, and gives what is in its wrappings to whom it may concern.
func (s *Stream) feed(line []byte) {
	if !s.content {
		text := bytes.TrimSpace(line)
		s.content = len(text) > 0 && text[0] != '#'
	}
	s.dates.take(line)
	bare := s.unwrap.bare(line)
	if !bare && !s.unwrap.row(line) {
		s.passed = 0
		s.unwrap.entries(line, s.enter)
		return
	}
	if s.passed++; !bare || !s.passes(line) {
		s.passed = 0
	} else if s.passed > redactedRows {
		return
	}
	s.offer(line)
	if s.turner != nil && !s.turner.over {
		s.turner.take(s.n, 0, line, "", s.turns, s.sound())
	}
}

// sound reports whether there are keys, and none is damaged, or so much was read that nobody copied
// it off a screen.
func (s *Stream) sound() bool {
	return s.out.keys > 0 && (s.out.bad == 0 || s.turner.count > maxPaged)
}

// passes reports whether a line that is in no wrapping says nothing to the only parser that runs.
func (s *Stream) passes(line []byte) bool {
	if s.unwrap.charon || len(s.running) != 1 {
		return false
	}
	y, ok := s.running[0].parser.(*yamahaParser)
	return ok && y.Passes(line) && !s.split.has(yamahas) && !s.split.has(yamahas+1)
}

// entry takes what a line holds of a log, in the wrappings that are left.
func (s *Stream) entry(depth int, text []byte) {
	s.unwrap.split(depth, text, s.give)
	if s.turner != nil {
		s.turner.take(s.n, depth, text, s.unwrap.time, s.turns, s.sound())
	}
}

// offer gives one line to whom it may concern.
func (s *Stream) offer(line []byte) {
	mine := 0
	for i, r := range s.running {
		s.running[i].mine = r.parser.line(s.n, line)
		if s.running[i].mine {
			mine++
		}
	}
	if mine > 0 || s.forced {
		if mine < len(s.running) {
			s.foreign()
		}
		return
	}
	if i := matching(s.waiting, line); i >= 0 {
		f := s.waiting[i]
		s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
		s.foreign()
		p := f.new(&s.out)
		s.running = append(s.running, started{format: f, parser: p})
		s.turns = s.turns || f != &yamahaFormat
		// What stood just before the first sure sign may belong to it.
		s.history.replay(p)
		p.line(s.n, line)
		return
	}
	s.history.push(s.n, line)
	if s.config == 0 && s.out.keys == 0 {
		s.config = configNamed(line)
	}
}

// foreign tells the parsers that the line at hand is another's.
func (s *Stream) foreign() {
	for _, r := range s.running {
		if f, ok := r.parser.(neighbour); ok && !r.mine {
			f.foreign()
		}
	}
}

// history keeps the last lines that nobody called its own, for a parser that starts later.
type history struct {
	lines [historyLines][]byte
	ns    [historyLines]int
	next  int
}

const (
	historyLines  = 32
	historyMaxLen = 512 // longer lines are not kept
)

func (h *history) push(n int, line []byte) {
	if len(line) > historyMaxLen {
		return
	}
	i := h.next % historyLines
	h.lines[i] = append(h.lines[i][:0], line...)
	h.ns[i] = n
	h.next++
}

func (h *history) replay(p parser) {
	for i := max(0, h.next-historyLines); i < h.next; i++ {
		p.line(h.ns[i%historyLines], h.lines[i%historyLines])
	}
}

// binaryHead is the number of bytes in which what is no text has a NUL.
const binaryHead = 4096

// ReadFrom takes all lines of r, in UTF-8 or UTF-16.
func (s *Stream) ReadFrom(r io.Reader) (int64, error) {
	br := bufio.NewReaderSize(r, splitterSize/4) // less than what is read at once, which is read past it
	head, _ := br.Peek(documentHead)
	if isCapture(head[:min(len(head), 4)]) {
		s.near = append(s.near, "it is a packet capture, which belongs behind -r; the keys of its secrets block are "+
			"taken there, if it has one")
		return 0, nil
	}
	for _, d := range documents {
		if len(d) <= len(head) && string(head[:len(d)]) == d {
			s.near = append(s.near, saveAsText)
		}
	}
	var src io.Reader = br
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		src = unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Reader(br)
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		br.Discard(3)
	default:
		head, _ = br.Peek(min(br.Buffered(), binaryHead)) // without waiting
		s.binary = bytes.IndexByte(head, 0) >= 0
	}
	s.split.line = func(line []byte, next bool) {
		if next {
			s.n++
		}
		s.unwrap.lacks = allSigns &^ s.split.signs
		s.feed(line)
	}
	n, err := s.split.run(src)
	s.unwrap.lacks = 0
	if s.split.long > 0 {
		passed := fmt.Sprintf("passed over %s longer than %d bytes", count(s.split.long, "line", "lines"), maxLine)
		if len(s.running) > 0 {
			s.out.doubt(s.split.longLine, passed)
		} else {
			s.near = append(s.near, passed+": give what is in it in lines of its own")
		}
	}
	const cut = "its data is cut short: what it held up to there was read"
	if errors.Is(err, io.ErrUnexpectedEOF) {
		if err = nil; len(s.running) > 0 {
			s.out.say(Note{File: s.out.name, Line: s.n, Text: cut})
		} else {
			s.near = append(s.near, cut)
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s.out.name, err)
	}
	return n, err
}

// documents are the first bytes of PDF, RTF and documents of old word processors.
var documents = []string{"%PDF-", `{\rtf`, "\xd0\xcf\x11\xe0"}

const (
	documentHead = 5
	saveAsText   = "it is a document of a word processor: save what is in it as plain text"
)

// isCapture knows the first bytes of pcap (both byte orders, micro- and nanoseconds) and pcapng.
func isCapture(head []byte) bool {
	switch string(head) {
	case "\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a":
		return true
	}
	return false
}
