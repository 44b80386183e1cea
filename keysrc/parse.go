package keysrc

import (
	"io"
)

// Parse reads a key source to its end. name is for messages and origins. format is the name
// of a Format, or "" to recognise it by its content; a source may mix formats.
func Parse(r io.Reader, name, format string) (*Keys, error) { return nil, io.EOF }

// ParseFile reads a file, or standard input if path is "-".
func ParseFile(path, format string) (*Keys, error) { return nil, io.EOF }

// A Stream reads a source that grows.
type Stream struct{}

// NewStream starts a stream.
func NewStream(name, format string, emit func(*Keys)) (*Stream, error) { return &Stream{}, nil }

// Line takes the next line.
func (s *Stream) Line(line []byte) {}

// Flush gives out what is complete when nothing came for a while.
func (s *Stream) Flush() {}

// Close takes the end.
func (s *Stream) Close() error { return nil }
