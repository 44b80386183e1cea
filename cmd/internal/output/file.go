package output

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"l2tpdump/capture"
	"l2tpdump/capture/compressed"
)

// file is a capture file that stays valid whatever happens to it: when the disk is full, the packet
// that did not fit is taken off again. It has to be given what a [capture.Writer] writes.
type file struct {
	f       *os.File
	z       io.WriteCloser // nil: what is written is not compressed
	regular bool
	pcap    bool
	err     error

	written int64 // bytes in the file
	whole   int64 // of these, bytes of whole packets and blocks
	next    int64 // where the packet or block behind them ends, if its header is known
	header  []byte
}

// NewFile returns a writer of a capture over f, which is empty and is closed with it. Its name
// tells the format, and whether it is compressed: then what did not fit stays cut. An error is told
// by the Write that meets it, a later one, or Close.
func NewFile(f *os.File, name string) (io.WriteCloser, error) {
	w, err := newFile(f, name)
	if err == nil && (w.regular || w.z != nil) {
		return newBehind(w), nil
	}
	return w, err
}

func newFile(f *os.File, name string) (w *file, err error) {
	w = &file{f: f, pcap: IsPcapName(name), header: make([]byte, 0, headerMax)}
	if format, _ := compressed.OfName(name); format != "" {
		w.z, err = compressed.NewWriter(f, format)
		return w, err
	}
	info, err := f.Stat()
	w.regular = err == nil && info.Mode().IsRegular()
	return w, nil
}

// Lengths in bytes of what says how long the next item of a capture file is.
const (
	pcapFileHeader   = 24
	pcapPacketHeader = 16
	pcapngHeader     = 8
	headerMax        = pcapFileHeader
)

// Write writes p. After an error the file ends with its last whole packet, as far as that can be
// done.
func (w *file) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	to := io.Writer(w.f)
	if w.z != nil {
		to = w.z
	}
	n, err := to.Write(p)
	if w.regular {
		w.follow(p[:max(n, 0)])
	}
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.err = err
		if w.regular {
			w.f.Truncate(w.whole)
		}
	}
	return n, err
}

// follow keeps track of where packets and blocks end.
func (w *file) follow(p []byte) {
	for len(p) > 0 {
		if w.next == 0 { // in a header
			need := w.headerLen() - len(w.header)
			take := min(need, len(p))
			w.header = append(w.header, p[:take]...)
			w.written += int64(take)
			p = p[take:]
			if take < need {
				return
			}
			w.next = w.whole + w.itemLen()
			w.header = w.header[:0]
		}
		take := min(w.next-w.written, int64(len(p)))
		w.written += take
		p = p[take:]
		if w.written == w.next {
			w.whole, w.next = w.next, 0
		}
	}
}

// headerLen is how many bytes have to be known before the length of the next item is.
func (w *file) headerLen() int {
	switch {
	case !w.pcap:
		return pcapngHeader
	case w.whole == 0:
		return pcapFileHeader
	}
	return pcapPacketHeader
}

// itemLen is the length of the item whose header is known.
func (w *file) itemLen() int64 {
	switch {
	case !w.pcap:
		return int64(max(binary.LittleEndian.Uint32(w.header[4:]), pcapngHeader))
	case w.whole == 0:
		return pcapFileHeader
	}
	return pcapPacketHeader + int64(min(binary.LittleEndian.Uint32(w.header[8:]), capture.MaxPacketLen))
}

// Close closes the file.
func (w *file) Close() error {
	var err error
	if w.z != nil && w.err == nil {
		err = w.z.Close()
	}
	err = errors.Join(err, w.f.Close())
	if w.err != nil {
		return w.err
	}
	return err
}
