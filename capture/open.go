package capture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync/atomic"
)

// SecretsSource is implemented by what Open returns: Decryption Secrets Blocks of all files as they
// pass.
type SecretsSource interface {
	OnSecrets(f func(kind uint32, data []byte))
}

// ProgressSource is implemented by what Open returns. Progress gives the bytes read from the files
// so far (compressed bytes, if gzipped) and the size of all files together, 0 if it is unknown
// because one is a pipe. It may be called while another goroutine reads.
type ProgressSource interface {
	Progress() (done, total int64)
}

// Open opens capture files; "-" is standard input. Several files are one capture: they are put in
// the order of the time of their first packet (equal or no times keep the order of paths) and read
// one after the other, never more than one open at once beside standard input and pipes; their
// lists of interfaces become one. A file that can't be opened or is no capture fails Open. One that
// turns out to be cut short or damaged later does not stop the others: what it holds up to there is
// delivered, and its error comes in place of io.EOF at the end of all.
func Open(paths []string) (Source, error) { return OpenContext(context.Background(), paths) }

// OpenContext is Open for inputs that may wait: when the context ends, a Next that waits for bytes
// from a pipe returns the context's error, and so does OpenContext itself.
func OpenContext(ctx context.Context, paths []string) (Source, error) {
	switch len(paths) {
	case 0:
		return nil, errors.New("capture: no file to open")
	case 1:
		r, err := openFile(ctx, paths[0], new(atomic.Int64))
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	s := &series{ctx: ctx}
	for _, path := range paths {
		if err := s.add(path); err != nil {
			s.Close()
			return nil, err
		}
	}
	slices.SortStableFunc(s.parts, func(a, b *part) int {
		return cmp.Compare(a.first, b.first)
	})
	return s, nil
}

// Progress implements ProgressSource for a Reader that Open made; 0, 0 for others.
func (r *Reader) Progress() (done, total int64) {
	if r.progress == nil {
		return 0, 0
	}
	return r.progress()
}

// countedFile counts the bytes that are read. Those of a regular file can be read in any order, as
// a zip archive needs it.
type countedFile struct {
	f    *os.File
	n    *atomic.Int64
	size int64
}

func (c *countedFile) Read(p []byte) (int, error) {
	n, err := c.f.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (c *countedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.f.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

func (c *countedFile) Size() int64 { return c.size }

// openFile opens one file and counts what is read of it in n.
func openFile(ctx context.Context, path string, n *atomic.Int64) (*Reader, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: is a directory", path)
	}
	var r *Reader
	size := int64(0)
	if err == nil {
		in := io.Reader(&countedFile{f, n, info.Size()})
		if info.Mode().IsRegular() {
			size = info.Size()
		} else {
			in = newInterruptible(ctx, in)
		}
		r, err = NewReader(in, path)
	}
	if err != nil {
		if path != "-" {
			f.Close()
		}
		return nil, err
	}
	if path != "-" {
		r.closer = f
	}
	r.progress = func() (int64, int64) { return n.Load(), size }
	return r, nil
}

// part is one file of a series.
type part struct {
	path  string
	first int64 // time of the first packet; the last that there is if it has none

	// A pipe can't be opened again: its reader is kept with the packet and the secrets that were read.
	reader      *Reader
	pending     *Packet
	secrets     []secret
	secretBytes int
	err         error // what the first Next said, if not nil
}

type secret struct {
	kind uint32
	data []byte
}

// series is a Source over several files.
type series struct {
	ctx        context.Context // of the run, for files that are opened while it goes on
	parts      []*part
	current    int
	reader     *Reader // of parts[current], nil if not opened yet
	interfaces []Interface
	indexes    []int // of the reader's interfaces in interfaces
	errs       []error
	done       atomic.Int64
	total      int64
	onSecrets  func(kind uint32, data []byte)
}

// add looks at a file's first packet.
func (s *series) add(path string) error {
	p := &part{path: path, first: math.MaxInt64}
	info, err := os.Stat(path)
	once := path == "-" || err == nil && !info.Mode().IsRegular()
	if path == "-" && slices.ContainsFunc(s.parts, func(o *part) bool { return o.path == path }) {
		return errors.New("standard input can't be read twice")
	}
	n := new(atomic.Int64)
	if once {
		n = &s.done
	}
	r, err := openFile(s.ctx, path, n)
	if err != nil {
		if !errors.Is(err, ErrCut) || once {
			return err
		}
		s.parts = append(s.parts, p)
		return nil
	}
	if once {
		r.OnSecrets(func(kind uint32, data []byte) {
			if p.secretBytes += len(data); p.secretBytes <= 4*maxBlockLen {
				p.secrets = append(p.secrets, secret{kind, slices.Clone(data)})
			}
		})
	}
	_, size := r.Progress()
	if size == 0 {
		s.total = -1
	} else if s.total >= 0 {
		s.total += size
	}
	var first Packet
	if p.err = r.Next(&first); p.err == nil {
		p.first = first.Time
	}
	if once {
		p.reader = r
		first.Data, first.Options = slices.Clone(first.Data), slices.Clone(first.Options)
		p.pending = &first
	} else {
		r.Close()
	}
	s.parts = append(s.parts, p)
	return nil
}

func (s *series) OnSecrets(f func(kind uint32, data []byte)) { s.onSecrets = f }

func (s *series) Progress() (done, total int64) { return s.done.Load(), max(s.total, 0) }

// Ready reports whether the next packet is at hand, as far as that can be told without reading.
func (s *series) Ready() bool {
	return s.current < len(s.parts) && (s.parts[s.current].pending != nil || s.reader != nil && s.reader.Ready())
}

// Lend is that of the file that is being read.
func (s *series) Lend(buf []byte) {
	if s.reader != nil {
		s.reader.Lend(buf)
	}
}

// Lent is likewise.
func (s *series) Lent() bool { return s.reader != nil && s.reader.Lent() }

func (s *series) Interfaces() []Interface { return s.interfaces }

func (s *series) Next(p *Packet) error {
	for s.current < len(s.parts) {
		part := s.parts[s.current]
		err := s.nextOf(part, p)
		if err == nil {
			return nil
		}
		if err != io.EOF {
			s.errs = append(s.errs, err)
		}
		if s.reader != nil {
			s.reader.Close()
		}
		s.reader, s.indexes = nil, nil
		s.current++
	}
	p.Data, p.Options = nil, nil
	if len(s.errs) == 0 {
		return io.EOF
	}
	return errors.Join(s.errs...)
}

func (s *series) nextOf(part *part, p *Packet) error {
	if s.reader == nil {
		if s.reader, part.reader = part.reader, nil; s.reader == nil {
			var err error
			if s.reader, err = openFile(s.ctx, part.path, &s.done); err != nil {
				return err
			}
		}
		s.reader.OnSecrets(s.secrets)
		for _, sec := range part.secrets {
			s.secrets(sec.kind, sec.data)
		}
		part.secrets = nil
	}
	if part.pending != nil {
		*p = *part.pending
		part.pending = nil
		if part.err != nil {
			return part.err
		}
	} else if err := s.reader.Next(p); err != nil {
		return err
	}
	for p.Interface >= len(s.indexes) {
		s.merge(s.reader.Interfaces()[len(s.indexes)])
	}
	p.Interface = s.indexes[p.Interface]
	return nil
}

func (s *series) secrets(kind uint32, data []byte) {
	if s.onSecrets != nil {
		s.onSecrets(kind, data)
	}
}

// merge gives the next interface of the current file its place: that of an equal one of another
// file, if there is.
func (s *series) merge(ifc Interface) {
	from := 0
	if n := len(s.indexes); n > 0 {
		from = s.indexes[n-1] + 1
	}
	if i, ok := findInterface(s.interfaces, &ifc, from); ok {
		s.indexes = append(s.indexes, i)
		return
	}
	s.indexes = append(s.indexes, len(s.interfaces))
	s.interfaces = append(s.interfaces, ifc)
}

func (s *series) Close() error {
	var err error
	if s.reader != nil {
		err = s.reader.Close()
	}
	for _, p := range s.parts {
		if p.reader != nil {
			err = errors.Join(err, p.reader.Close())
		}
	}
	s.current = len(s.parts)
	return err
}
