// Package compressed reads what gzip (RFC 1952), bzip2, xz, zstd (RFC 8878) and zip have made
// smaller. The format is told by content. However much a file claims to hold, what is kept in
// memory at a time is bounded by the constants of this package; how much comes out is for the
// reader to bound.
package compressed

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Bounds in bytes, and the depth.
const (
	maxXZDict     = 64 << 20  // of xz's dictionary: that of xz -9
	maxZstdWindow = 128 << 20 // of zstd's window: that of zstd --long
	maxPipedZip   = 64 << 20  // of a zip archive that comes from a pipe, which has to be kept whole
	maxEntries    = 1000      // that are looked at in a zip archive
	maxDepth      = 3         // formats inside each other: a gzip file in a zip archive
)

// HeadLen is how many bytes tell every format.
const HeadLen = 6

// formats are the first bytes of each format.
var formats = []struct{ magic, name string }{
	{"\x1f\x8b", "gzip"},
	{"BZh", "bzip2"},
	{"\xfd7zXZ\x00", "xz"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"PK\x03\x04", "zip"},
}

// Format returns the name of the format that head begins; "" is none of them.
func Format(head []byte) string {
	for _, f := range formats {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.name
		}
	}
	return ""
}

// DamageError says that compressed data is damaged.
type DamageError struct{ Format string }

func (e *DamageError) Error() string { return "the " + e.Format + " data is damaged" }

// sized is a file whose bytes can be read in any order.
type sized interface {
	io.ReaderAt
	Size() int64
}

// NewReader returns what r holds: decompressed if it is compressed, else as it is. Of a zip archive
// it is the one file for which wanted, given its first bytes, returns true, or which is compressed
// itself; none or several of them are an error. Where others take a password ErrPassword follows
// it. Data that ends too early gives what it holds and then io.ErrUnexpectedEOF; data that is
// damaged gives a *DamageError; an error of r is returned as it is.
func NewReader(r io.Reader, wanted func(head []byte) bool) (io.Reader, error) {
	locked := false
	for range maxDepth {
		plain, archive, err := open(r)
		if archive == nil {
			if err == nil && locked {
				plain = io.MultiReader(plain, failed{ErrPassword})
			}
			return plain, err
		}
		found, closed, err := wantedIn(archive, wanted)
		if err != nil {
			return nil, err
		}
		locked = locked || closed
		if len(found) > 1 {
			var names []string
			for _, f := range found[:min(len(found), 4)] {
				names = append(names, fmt.Sprintf("%q", f.Name))
			}
			return nil, fmt.Errorf("the zip archive holds several such files, %s: unpack it first", strings.Join(names, ", "))
		}
		file, err := found[0].Open()
		if err != nil {
			return nil, &DamageError{"zip"}
		}
		r = &decompressor{format: "zip", r: file}
	}
	return nil, errTooDeep
}

var errTooDeep = errors.New("it is compressed again and again")

// open returns what r holds decompressed, or the zip archive that it is.
func open(r io.Reader) (io.Reader, *zip.Reader, error) {
	for range maxDepth {
		br := bufio.NewReader(r)
		head, err := br.Peek(HeadLen)
		format := Format(head)
		switch format {
		case "":
			if len(head) == 0 && err != io.EOF {
				return nil, nil, err
			}
			return br, nil, nil
		case "zip":
			file, ok := r.(sized)
			archive, err := openZip(file, ok, br)
			return nil, archive, err
		}
		d := &decompressor{format: format, src: source{r: br}}
		if err = d.open(); err != nil {
			return nil, nil, d.because(err)
		}
		r = d
	}
	return nil, nil, errTooDeep
}

func (d *decompressor) open() (err error) {
	switch d.format {
	case "gzip":
		d.r, err = gzip.NewReader(&d.src)
	case "bzip2":
		d.r = bzip2.NewReader(&d.src)
	case "zstd":
		d.r, err = zstd.NewReader(&d.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
	case "xz":
		d.guard = &xzGuard{r: bufio.NewReader(&d.src)}
		d.r, err = xz.NewReader(d.guard)
	}
	return err
}

// decompressor tells what the end of a format means.
type decompressor struct {
	format string
	src    source
	guard  *xzGuard // of xz
	r      io.Reader
}

func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	cut := d.guard != nil && d.guard.step != xzStreamHeader // package xz does not tell if it is in a block's header
	if err != nil && (err != io.EOF || cut) {
		err = d.because(err)
	}
	return n, err
}

// because is the error of a format, in the words of this package.
func (d *decompressor) because(err error) error {
	switch {
	case d.src.err != nil:
		return d.src.err
	case errors.Is(err, errTooLarge), errors.Is(err, zstd.ErrWindowSizeExceeded),
		errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("the %s data needs too much memory to be decompressed", d.format)
	case errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return &DamageError{d.format}
}

// source is the compressed data, and remembers what went wrong with reading it.
type source struct {
	r   *bufio.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.note(err)
	return n, err
}

// ReadByte makes a decompressor read no further than it needs.
func (s *source) ReadByte() (byte, error) {
	b, err := s.r.ReadByte()
	s.note(err)
	return b, err
}

func (s *source) note(err error) {
	if err != nil && err != io.EOF {
		s.err = err
	}
}

// openZip opens an archive. What comes from a pipe is read to its end first.
func openZip(file sized, seekable bool, r io.Reader) (*zip.Reader, error) {
	if !seekable {
		all, err := io.ReadAll(io.LimitReader(r, maxPipedZip+1))
		if err != nil {
			return nil, err
		}
		if len(all) > maxPipedZip {
			return nil, fmt.Errorf("a zip archive from a pipe has %d MiB at most: give it as a file", maxPipedZip>>20)
		}
		file = bytes.NewReader(all)
	}
	archive, err := zip.NewReader(file, file.Size())
	if err != nil {
		return nil, &DamageError{"zip"}
	}
	return archive, nil
}

// encrypted is the flag of a file in a zip archive that takes a password.
const encrypted = 1

var errPassword = errors.New("it takes a password: unpack it first")

// ErrPassword says that a zip archive holds more than what was read.
var ErrPassword = errors.New("other files of the zip archive take a password and were not read: unpack them first")

// wantedIn returns the files of an archive that are wanted, or are compressed themselves: one at
// least. closed says that others take a password.
func wantedIn(archive *zip.Reader, wanted func(head []byte) bool) (found []*zip.File, closed bool, err error) {
	for i, f := range archive.File {
		if i == maxEntries {
			return nil, false, fmt.Errorf("the zip archive holds more than %d files: unpack it first", maxEntries)
		}
		if f.Flags&encrypted != 0 {
			closed = true
			continue
		}
		if head := headOf(f); Format(head) != "" || len(head) > 0 && wanted(head) {
			found = append(found, f)
		}
	}
	switch {
	case len(found) == 0 && closed:
		return nil, true, errors.New("the zip archive takes a password: unpack it first")
	case len(found) == 0:
		return nil, false, errors.New("none of the files in the zip archive is what is wanted here")
	}
	return found, closed, nil
}

// headOf returns the first bytes of a file in an archive, nil if it has none that can be read.
func headOf(f *zip.File) []byte {
	r, err := f.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	head := make([]byte, HeadLen)
	n, _ := io.ReadFull(r, head)
	return head[:n]
}
