package keysrc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"l2tpdump/capture/compressed"
	"l2tpdump/keysrc/redaction"
)

// Parse reads a key source to its end and returns what it holds, each key once. name is for
// messages and origins. format is the name of a Format, or "" to recognise it by its content; one
// source may mix formats. What package compressed knows is read too, of an archive all files that
// are text, and UTF-16 with a byte order mark.
//
// A log whose newest line comes first is turned, up to 12 MB of it. Beyond that the memory in use
// depends on the number of different keys, not on the size of the source. A
// source without any usable key gives a *NoKeysError, and Keys with the notes and hints that it did
// hold. A read error gives what was found before it.
func Parse(r io.Reader, name, format string) (*Keys, error) {
	if _, err := NewStream(name, format, nil); err != nil {
		return nil, err
	}
	a := archive{name: name, format: format, seen: newSeen(0)}
	err := compressed.Files(r, mayBeText, a.file)
	if errors.Is(err, io.ErrUnexpectedEOF) { // before the first byte
		err = a.file("", failed{err})
	}
	if err != nil {
		return &a.keys, fmt.Errorf("%s: %w", name, err)
	}
	a.keys.complete()
	return &a.keys, a.err()
}

// maxGutters is how many gutters are taken off one after the other.
const maxGutters = 2

// whole reads a source that is no archive, but for complete.
func whole(r io.Reader, name, format string) (*Keys, error) {
	keys, t, err := wholeText(r, name, format)
	if t == nil {
		return keys, err
	}
	if len(keys.Notes) > 0 {
		if apart := t.apart(name, format); apart != nil && apart.better(keys) {
			keys, err = apart, nil
		}
	}
	from := t
	for p := range from.picks(len(keys.IKE)+len(keys.ESP) > 0) {
		again, next, againErr := from.picked(name, format, p)
		if again.better(keys) && (len(again.Notes) <= len(keys.Notes) || len(keys.IKE)+len(keys.ESP) == 0) {
			keys, t, err = again, next, againErr
		}
	}
	for i := 0; i < maxGutters && t != nil; i++ {
		var inner *turner
		for text := range t.withoutGutter(keys) {
			again, next, againErr := wholeText(bytes.NewReader(text), name, format)
			inner = next
			if again.better(keys) {
				keys, err = again, againErr
				break
			}
			if len(again.Notes) > 0 { // another way would read as whole what is not
				break
			}
		}
		t = inner
	}
	return keys, err
}

// wholeText is whole for a source as it is. If it holds no key or damaged ones, it returns its
// lines too, which may have a gutter.
func wholeText(r io.Reader, name, format string) (_ *Keys, t *turner, _ error) {
	keys, s := newWhole(name, format)
	s.turner = new(turner)
	_, err := s.ReadFrom(r)
	return s.finish(keys, err)
}

// finish takes the end of a source that was read into keys, or up to an error.
func (s *Stream) finish(keys *Keys, err error) (*Keys, *turner, error) {
	var t *turner
	if !s.turner.over && (s.unwrap.guessed != "" || s.unwrap.table.guessed > 0) {
		keys, s = s.again()
	}
	keys, closeErr := s.inOrder(keys, s.Close())
	if keys.redact(s.turner) {
		none := new(NoKeysError)
		if errors.As(closeErr, &none) && len(keys.Notes) > 0 {
			none.First, none.Near = keys.Notes[0], nil
		}
	}
	if err == nil {
		if err = closeErr; len(keys.IKE)+len(keys.ESP) == 0 || len(keys.Notes) > 0 || s.turner.surrounded() {
			t = s.turner
		}
	}
	return keys, t, err
}

// inOrder returns what the source holds in the order that is its own: keys, or what it holds when
// it is turned.
func (s *Stream) inOrder(keys *Keys, err error) (*Keys, error) {
	switch order := s.order(); {
	case order == newestFirst && s.turner.over:
		keys.add(&Keys{Notes: []Note{{File: s.out.name, Line: 1, Text: "its newest line comes first, and it is too long to be " +
			"turned here: give it with its oldest line first", Doubt: true}}})
	case order == newestFirst ||
		order == unknownOrder && !s.turner.over &&
			(s.out.orphans || s.turner.score < 0 && (s.out.keys == 0 || s.out.bad > 0)):
		turned, other, turnedErr := s.turned(s.out.orphans || s.turner.rows())
		better := order == newestFirst || !other.out.orphans && other.out.bad <= s.out.bad
		if s.turner.score <= backward || other.out.keys >= max(1, s.out.keys) && better {
			return turned, turnedErr
		}
	}
	return keys, err
}

// redactedRows are the lines behind that of a value that may be of it.
const redactedRows = 3

// redact says of values that were left out that something was put in the place of their bytes,
// where a line shows it. It reports whether it was so with the first of them.
func (k *Keys) redact(t *turner) (first bool) {
	for i := range k.Notes {
		n := &k.Notes[i]
		end := n.Line + redactedRows
		for _, next := range k.Notes {
			if next.Line > n.Line {
				end = min(end, next.Line-1)
			}
		}
		at, ok := sort.Find(t.count, func(i int) int { return cmp.Compare(n.Line, t.at(i).n) })
		if !ok || n.Doubt || strings.Contains(n.Text, "(redacted)") || strings.Contains(n.Text, "(confidential)") ||
			strings.Contains(n.Text, "hidden") {
			continue
		}
		for ; at < t.count && t.at(at).n <= end; at++ {
			if redaction.Line(string(t.at(at).text())) {
				name, _, _ := strings.Cut(n.Text, ": ")
				n.Text = name + ": " + errRedacted.Error()
				first = first || i == 0
				break
			}
		}
	}
	return first
}

// newWhole starts a stream of a source that is read to its end: each key once. The format exists.
func newWhole(name, format string) (*Keys, *Stream) {
	keys, seen := new(Keys), newSeen(0)
	s, _ := NewStream(name, format, func(k *Keys) {
		if seen.Fresh(k) {
			keys.add(k)
		}
	})
	return keys, s
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
	case t.score > 0 || !s.turns:
		return oldestFirst
	case t.over:
		return t.times
	}
	return t.byTime()
}

// again reads the source from its beginning, now that it is known which member or column is the
// message.
func (s *Stream) again() (*Keys, *Stream) {
	keys, other := newWhole(s.out.name, s.format)
	other.turner = new(turner)
	other.unwrap.guessed, other.unwrap.table.guessed = s.unwrap.guessed, s.unwrap.table.guessed
	for i := range s.turner.count {
		l := s.turner.at(i)
		if other.n = l.n; l.depth == 0 {
			other.feed(l.text())
		} else {
			other.entry(int(l.depth), l.text())
		}
	}
	other.n = s.n
	return keys, other
}

// turned reads the source in the other order; rows is for turner.turned.
func (s *Stream) turned(rows bool) (*Keys, *Stream, error) {
	keys, other := newWhole(s.out.name, s.format)
	other.dates, other.content = s.dates, s.content
	other.unwrap.table = s.unwrap.table // its heading may stand where it stood
	other.unwrap.table.open = false
	s.turner.turned(rows, func(l *turnedLine) {
		other.n = l.n
		other.entry(int(l.depth), l.text())
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
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > 0 { // files of /proc have none
		return Parse(io.NewSectionReader(f, 0, info.Size()), path, format) // in any order, as a zip archive is read
	}
	return Parse(f, path, format)
}
