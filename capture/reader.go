package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"l2tpdump/capture/compressed"
)

// Reader is a Source over one capture file. It reads ahead into a buffer and returns slices of it.
type Reader struct {
	name       string
	in         *input
	next       func(p *Packet) error
	ready      func(b []byte) bool // b begins with what next needs
	fits       func(b []byte, ended bool) fit
	skips      skipped
	interfaces []Interface
	onSecrets  func(kind uint32, data []byte)
	err        error // sticky
	closer     io.Closer
	progress   func() (int64, int64)

	pcap   pcapFile
	pcapng pcapngFile
}

// byteOrder is that of a file: a branch costs less for each number than a call of a
// binary.ByteOrder.
type byteOrder struct{ big bool }

func (o byteOrder) uint16(b []byte) uint16 {
	if o.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (o byteOrder) uint32(b []byte) uint32 {
	if o.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (o byteOrder) uint64(b []byte) uint64 {
	if o.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// emptyError is ErrCut for a file of no bytes.
type emptyError struct{ name string }

func (e *emptyError) Error() string { return e.name + ": the file is empty" }
func (e *emptyError) Unwrap() error { return ErrCut }

// NewReader recognises the format of what r delivers by its first bytes: pcap, pcapng, or one of
// them compressed as package compressed knows it. The name is for messages; "-" becomes "standard
// input". The error is a *FormatError or wraps ErrCut or what r said.
func NewReader(r io.Reader, name string) (*Reader, error) {
	if name == "-" {
		name = "standard input"
	}
	plain, err := compressed.NewReader(r, isCapture)
	if err != nil {
		return nil, (&Reader{name: name, in: &input{err: err}}).short("file header")
	}
	rd := &Reader{name: name, in: &input{r: plain, buf: make([]byte, inputSize)}}
	head, ok := rd.in.peek(4)
	if !ok {
		if rd.in.err == io.EOF && rd.in.rest() == 0 {
			return nil, &emptyError{name}
		}
		return nil, rd.short("file header")
	}
	switch {
	case rd.pcap.match(head):
		rd.next, rd.ready = rd.nextPcap, rd.readyPcap
		rd.fits = func(b []byte, ended bool) fit { return rd.fitsPcap(b, ended, true) }
		err = rd.startPcap()
	case binary.LittleEndian.Uint32(head) == blockSectionHeader:
		rd.next, rd.ready, rd.fits = rd.nextPcapng, rd.readyPcapng, rd.fitsPcapng
		err = rd.sectionHeader()
	default:
		err = rd.damaged(0, "%s", describeForeign(head))
	}
	if err != nil {
		return nil, err
	}
	return rd, nil
}

// isCapture recognises the first bytes of pcap and pcapng.
func isCapture(head []byte) bool {
	return len(head) >= 4 && (new(pcapFile).match(head) || binary.LittleEndian.Uint32(head) == blockSectionHeader)
}

// describeForeign names a few formats that people mistake for captures.
func describeForeign(head []byte) string {
	for _, f := range []struct{ magic, text string }{
		{"\x04\x22\x4d\x18", "this is lz4-compressed: decompress it first"},
		{"snoo", "this is a snoop capture: convert it with editcap"},
		{"GMBU", "this is a capture of Microsoft Network Monitor: convert it with editcap"},
		{"RTSS", "this is a capture of Microsoft Network Monitor: convert it with editcap"},
		{"\x7fELF", "this is a program"},
		{"\x07", "this may be what pppd records: convert it with editcap"},
	} {
		if len(head) >= len(f.magic) && string(head[:len(f.magic)]) == f.magic {
			return "neither pcap nor pcapng: " + f.text
		}
	}
	return fmt.Sprintf("neither pcap nor pcapng (it begins with % x)", head)
}

// OnSecrets has f called with each pcapng Decryption Secrets Block as it passes, with its secrets
// type (SecretsESPS ...). f must copy data to keep it.
func (r *Reader) OnSecrets(f func(kind uint32, data []byte)) { r.onSecrets = f }

// Next implements Source. After an error it returns the same error again.
func (r *Reader) Next(p *Packet) error {
	if r.err != nil {
		return r.err
	}
	err := r.next(p)
	for err != nil && r.resync(err) {
		err = r.next(p)
	}
	if err != nil {
		p.Data, p.Options = nil, nil
		r.err = r.skips.because(err)
	}
	return r.err
}

// Ready reports whether the next packet is at hand. If not, Next has to read, which may take a
// while on a pipe.
func (r *Reader) Ready() bool {
	if r.err != nil || r.in.err != nil {
		return true
	}
	return r.ready(r.in.buf[r.in.start:r.in.end])
}

// Lend has the packets of the next calls of Next lie in buf, as far as they fit and buf is not
// larger than 128 KiB, and stay there until buf is lent again. Lent tells of each packet whether
// its Data does.
func (r *Reader) Lend(buf []byte) { r.in.lend(buf) }

// Lent reports whether the data of the last packet lies in what was lent.
func (r *Reader) Lent() bool { return r.in.lent }

// Interfaces implements Source. In pcap there is one; in pcapng those described so far.
func (r *Reader) Interfaces() []Interface { return r.interfaces }

// Close closes the file if Open opened it.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	c := r.closer
	r.closer = nil
	return c.Close()
}

// short is the error for a stream that ends within something.
func (r *Reader) short(what string) error {
	err := r.in.err
	var damage *compressed.DamageError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF): // what is compressed ends too early
		return fmt.Errorf("%s: at byte %d of what it holds decompressed: %w within a %s", r.name, r.in.offset, ErrCut, what)
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("%s: at byte %d: %w within a %s", r.name, r.in.offset, ErrCut, what)
	case errors.As(err, &damage):
		return &FormatError{Name: r.name, Offset: r.in.offset, Msg: damage.Error()}
	case r.in.offset == 0, errors.Is(err, compressed.ErrPassword):
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return fmt.Errorf("%s: at byte %d: %w", r.name, r.in.offset, err)
}

// end is the error where the stream may end: io.EOF if it does so cleanly.
func (r *Reader) end(what string) error {
	if r.in.err == io.EOF && r.in.rest() == 0 {
		return io.EOF
	}
	return r.short(what)
}

// damaged makes a FormatError for what lies delta bytes behind the current position.
func (r *Reader) damaged(delta int, format string, args ...any) *FormatError {
	return &FormatError{Name: r.name, Offset: r.in.offset + int64(delta), Msg: fmt.Sprintf(format, args...)}
}

// wireLength keeps Length sane: never less than what was captured, never beyond a 32-bit int.
func wireLength(original uint32, captured int) int {
	return max(int(min(original, math.MaxInt32)), captured)
}
