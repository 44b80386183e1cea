package keysrc

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"l2tpdump/capture/compressed"
)

// archive collects what the files of an archive hold, or the one of what is none.
type archive struct {
	name, format string
	seen         *Seen
	keys         Keys
	found        bool         // a file with keys
	none         *NoKeysError // of those without
	bad          error        // of one that could not be read
	one          error        // of what is no archive
}

// file reads one of the files.
func (a *archive) file(name string, r io.Reader) error {
	br, isMail := asMail(r)
	if isMail {
		parts := mailReader{file: func(part string, r io.Reader) error {
			return a.mailPart(strings.TrimPrefix(name+":"+part, ":"), r)
		}}
		if err := parts.read(br); err != nil {
			return a.part(name, failed{err})
		}
		return nil
	}
	r = br
	if name == "" {
		k, err := whole(r, a.name, a.format)
		a.keys, a.one, a.found = *k, err, true
		return nil
	}
	return a.part(name, r)
}

// part reads one of several.
func (a *archive) part(name string, r io.Reader) error {
	of := strings.TrimSuffix(a.name+":"+name, ":")
	k, err := whole(r, of, a.format)
	none := new(NoKeysError)
	switch {
	case errors.As(err, &none):
		a.lacks(name, none)
	case err != nil:
		a.bad = err
		k.Notes = append(k.Notes, Note{File: of, Text: errors.Unwrap(err).Error()})
	default:
		a.found = true
	}
	a.seen.Fresh(k)
	a.keys.add(k)
	return nil
}

// mailPart reads a part of a mail, which may be compressed.
func (a *archive) mailPart(name string, r io.Reader) error {
	br := bufio.NewReader(r)
	if head, _ := br.Peek(compressed.HeadLen); compressed.Format(head) == "" {
		if !mayBeText(head) {
			return nil
		}
		return a.part(name, br)
	}
	err := compressed.Files(br, mayBeText, func(in string, r io.Reader) error {
		return a.part(strings.TrimSuffix(name+":"+in, ":"), r)
	})
	if err != nil {
		return a.part(name, failed{err})
	}
	return nil
}

// lacks notes that a file has no keys.
func (a *archive) lacks(name string, e *NoKeysError) {
	if a.none == nil {
		a.none = &NoKeysError{Name: a.name, Format: a.format, Looked: e.Looked, First: e.First, Comment: true}
	}
	n := a.none
	n.Lines += e.Lines
	n.Damaged += e.Damaged
	n.Comment = n.Comment && e.Comment
	if n.First.Text == "" {
		n.First = e.First
	}
	switch name {
	case "word/document.xml", "content.xml": // of OOXML, of OpenDocument
		n.Near = append(n.Near, saveAsText)
	}
	for _, near := range e.Near {
		n.Near = append(n.Near, name+": "+near)
	}
}

// err is the error of the whole.
func (a *archive) err() error {
	switch {
	case a.one != nil || a.found:
		return a.one
	case a.bad != nil: // which has a note too
		a.keys.Notes = slices.DeleteFunc(a.keys.Notes, func(n Note) bool { return n.String() == a.bad.Error() })
		return a.bad
	}
	return a.none
}

// mayBeText reports whether a file in an archive, given its first bytes, is one that a person can
// read: no capture, and nothing that a system keeps beside a file (its first bytes are zeros).
func mayBeText(head []byte) bool {
	wide := bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff})
	return !isCapture(head[:min(len(head), 4)]) && (wide || bytes.IndexByte(head, 0) < 0)
}

// failed is a source that can't be read.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
