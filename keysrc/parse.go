package keysrc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"l2tpdump/capture/compressed"
)

// Parse reads a key source to its end and returns what it holds, each key once. name is for
// messages and origins. format is the name of a Format, or "" to recognise it by its content; one
// source may mix formats. A gzipped source and UTF-16 with a byte order mark are read too.
//
// A log whose newest line comes first is turned, up to 12 MB of it. Beyond that the memory in use
// depends on the number of different keys, not on the size of the source. A
// source without any usable key gives a *NoKeysError, and Keys with the notes and hints that it did
// hold. A read error gives what was found before it.
func Parse(r io.Reader, name, format string) (*Keys, error) {
	keys, s, err := newWhole(name, format)
	if err != nil {
		return nil, err
	}
	s.turner = new(turner)
	_, err = s.ReadFrom(r)
	closeErr := s.Close()
	switch order := s.order(); {
	case order == newestFirst && s.turner.over:
		keys.add(&Keys{Notes: []Note{{File: name, Line: 1, Text: "its newest line comes first, and it is too long to be " +
			"turned here: give it with its oldest line first", Doubt: true}}})
	case order == newestFirst ||
		order == unknownOrder && !s.turner.over && (s.out.orphans || s.turner.score < 0 && s.out.keys == 0):
		turned, other, turnedErr := s.turned(s.out.orphans || s.turner.rows())
		better := order == newestFirst || other.out.bad == 0 || other.out.bad < s.out.bad
		if s.turner.score <= backward || other.out.keys >= max(1, s.out.keys) && better {
			keys, closeErr = turned, turnedErr
		}
	}
	keys.complete()
	if err == nil {
		err = closeErr
	}
	return keys, err
}

// newWhole starts a stream of a source that is read to its end: each key once.
func newWhole(name, format string) (*Keys, *Stream, error) {
	keys, seen := new(Keys), newSeen(0)
	s, err := NewStream(name, format, func(k *Keys) {
		if seen.Fresh(k) {
			keys.add(k)
		}
	})
	return keys, s, err
}

// The order of a source.
const (
	unknownOrder = iota
	newestFirst
	oldestFirst
)

// order tells the order of the source by what logs say one after the other, or else by their times.
// A Yamaha router's log is read as it is.
func (s *Stream) order() int {
	t := s.turner
	switch {
	case t.score <= backward:
		return newestFirst
	case t.score > 0 || !slices.ContainsFunc(s.running, func(r started) bool { return r.format != &yamahaFormat }):
		return oldestFirst
	case t.over:
		return t.times
	}
	return t.byTime()
}

// turned reads the source in the other order; rows is for turner.turned.
func (s *Stream) turned(rows bool) (*Keys, *Stream, error) {
	keys, other, _ := newWhole(s.out.name, s.format)
	other.dates, other.content = s.dates, s.content
	other.unwrap.table = s.unwrap.table // its heading may stand where it stood
	other.unwrap.table.open = false
	s.turner.turned(rows, func(l *turnedLine) {
		other.n = l.n
		other.entry(l.depth, l.text)
	})
	other.n = s.n
	return keys, other, other.Close()
}

// ParseFile is Parse for a file, or for standard input if path is "-".
func ParseFile(path, format string) (*Keys, error) {
	if path == "-" {
		return Parse(os.Stdin, "standard input", format)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(f, path, format)
}

// A NoKeysError says that a source holds no usable key, what was looked for, and what came
// near.
type NoKeysError struct {
	Name    string
	Format  string   // the format that was asked for, "" for any
	Lines   int      // lines read
	Looked  []string // "Yamaha router log ([IKE] lines with …)", one for each format
	Near    []string // sentences about what came near
	Damaged int      // notes about values that were left out
	First   Note     // the first of them
	Comment bool     // it has lines, and all are blank or begin with "#"
}

// Error names the cause and the cure as far as the source shows them.
func (e *NoKeysError) Error() string {
	var b strings.Builder
	b.WriteString(e.Name + ": ")
	switch {
	case e.Damaged > 0:
		fmt.Fprintf(&b, "no usable key: %s damaged; the first: line %d: %s", count(e.Damaged, "value is", "values are"),
			e.First.Line, e.First.Text)
	case e.Lines == 0 && len(e.Near) == 0:
		b.WriteString("no key: it is empty")
	case e.Lines == 0:
		b.WriteString("no key")
	default:
		b.WriteString("no key in " + count(e.Lines, "line", "lines"))
	}
	if len(e.Near) > 0 {
		b.WriteString(": " + strings.Join(e.Near, "; "))
	} else if e.Damaged == 0 && e.Lines > 0 {
		b.WriteString("; looked for: " + strings.Join(e.Looked, "; "))
	}
	return b.String()
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

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
	unwrap  unwrapper
	give    func([]byte)      // offer, made once
	enter   func(int, []byte) // entry, made once
	turner  *turner           // of a source that is read to its end
	dates   dates
	near    []string
	config  int  // the configuration that a line is of, as configNamed has it
	content bool // a line is neither blank nor a comment
}

type started struct {
	format *Format
	parser parser
	mine   bool // the last line was its own
}

// NewStream starts a stream. emit is called with each key or note as soon as it is complete; what
// it is given belongs to the receiver. The only error is the name of a format that does not exist.
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
	s.forced = true
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
		Damaged: s.out.bad, First: s.out.first, Near: s.near,
	}
	for _, r := range s.running {
		if n, ok := r.parser.(nearer); ok {
			if text := n.near(); text != "" {
				e.Near = append(e.Near, text)
			}
		}
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
	if !s.unwrap.bare(line) {
		s.unwrap.entries(line, s.enter)
		return
	}
	if s.turner != nil {
		s.turner.take(s.n, 0, line, "")
	}
	s.offer(line)
}

// entry takes what a line holds of a log, in the wrappings that are left.
func (s *Stream) entry(depth int, text []byte) {
	if s.turner != nil {
		s.turner.take(s.n, depth, text, s.unwrap.time)
	}
	s.unwrap.split(depth, text, s.give)
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
	for i, f := range s.waiting {
		if !f.match(line) {
			continue
		}
		s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
		s.foreign()
		p := f.new(&s.out)
		s.running = append(s.running, started{format: f, parser: p})
		// What stood just before the first sure sign may belong to it.
		s.history.replay(p)
		p.line(s.n, line)
		return
	}
	s.history.push(s.n, line)
	if s.config == 0 {
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

// mayBeText reports whether a file in an archive, given its first bytes, is one that a person can
// read: no capture, and nothing that a system keeps beside a file (its first bytes are zeros).
func mayBeText(head []byte) bool {
	wide := bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff})
	return !isCapture(head[:min(len(head), 4)]) && (wide || bytes.IndexByte(head, 0) < 0)
}

// ReadFrom takes all lines of r.
func (s *Stream) ReadFrom(r io.Reader) (int64, error) {
	plain, err := compressed.NewReader(r, mayBeText)
	const cut = "its compressed data is cut short: what it held up to there was read"
	if errors.Is(err, io.ErrUnexpectedEOF) {
		s.near = append(s.near, cut)
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("%s: %w", s.out.name, err)
	}
	br := bufio.NewReaderSize(plain, splitterSize)
	head, _ := br.Peek(4)
	if isCapture(head) {
		s.near = append(s.near, "it is a packet capture, which belongs behind -r; the keys of its secrets block are "+
			"taken there, if it has one")
		return 0, nil
	}
	var src io.Reader = br
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		br.Discard(2)
		src = &utf16Reader{r: br, high: 1}
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		br.Discard(2)
		src = &utf16Reader{r: br, high: 0}
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		br.Discard(3)
	}
	var split splitter
	split.line = func(line []byte, next bool) {
		if next {
			s.n++
		}
		s.unwrap.lacks = allSigns &^ split.signs
		s.feed(line)
	}
	n, err := split.run(src)
	s.unwrap.lacks = 0
	if split.long > 0 {
		passed := fmt.Sprintf("passed over %s longer than %d bytes", count(split.long, "line", "lines"), maxLine)
		if len(s.running) > 0 {
			s.out.doubt(split.longLine, passed)
		} else {
			s.near = append(s.near, passed+": give what is in it in lines of its own")
		}
	}
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

// isCapture knows the first bytes of pcap (both byte orders, micro- and nanoseconds) and pcapng.
func isCapture(head []byte) bool {
	switch string(head) {
	case "\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a":
		return true
	}
	return false
}
