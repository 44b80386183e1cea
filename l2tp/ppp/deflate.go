package ppp

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// maxExpanded is the size in bytes of the largest packet that is expanded to: the protocol field
// and 64 KB. It bounds what a few bytes can be blown up to.
const maxExpanded = 2 + 0xffff

var errExpanded = errors.New("ppp: packet expands to more than 64 KB")

// deflateTail ends the stream of a packet: the bytes of the sync flush that the sender cuts off
// (RFC 1979 section 2.1), and an empty last block, without which flate would wait for more.
var deflateTail = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

// inflater is what expanding a packet with Deflate takes, whatever the session.
type inflater struct {
	input  []byte
	source bytes.Reader // of input
	flate  io.Reader
	window []byte
}

// expand appends what data expands to. w is the output before it.
func (f *inflater) expand(dst, data []byte, w *deflateWindow) ([]byte, error) {
	f.input = append(append(f.input[:0], data...), deflateTail...)
	f.source.Reset(f.input)
	if f.flate == nil {
		f.flate = flate.NewReader(&f.source)
	}
	window := w.tail()
	if missing := w.size - len(window); missing > 0 && w.before != nil {
		f.window = append(append(f.window[:0], w.before[:missing]...), window...)
		window = f.window
	}
	if err := f.flate.(flate.Resetter).Reset(&f.source, window); err != nil {
		return dst, err
	}
	at := len(dst)
	for {
		if len(dst)-at > maxExpanded {
			return dst[:at], errExpanded
		}
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := f.flate.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst[:at], err
		}
	}
}

// deflateSlack is how many bytes a window may be longer than it has to be, so that it is not moved
// for each packet.
const deflateSlack = 8 << 10

// deflateWindow is the end of the output of one direction (RFC 1979).
type deflateWindow struct {
	before *[maxDeflateWindow]byte // stands for what was sent before data, and is not known; nil: nothing was
	data   []byte
	size   int // bytes that may be referred to
}

// add takes the output of a packet into the window.
func (w *deflateWindow) add(output []byte) {
	if keep := max(w.size-len(output), 0); len(w.data)+len(output) > w.size+deflateSlack && len(w.data) > keep {
		w.data = w.data[:copy(w.data, w.data[len(w.data)-keep:])]
	}
	w.data = append(w.data, output...)
}

// pass takes a packet into the window that was sent as it is (RFC 1979 section 2.1).
func (w *deflateWindow) pass(protocol uint16, data []byte) {
	if protocol > 0xff {
		w.add([]byte{byte(protocol >> 8)})
	}
	w.add([]byte{byte(protocol)})
	w.add(data)
}

// tail is what the next packet may refer to, as far as it is known.
func (w *deflateWindow) tail() []byte { return w.data[max(len(w.data)-w.size, 0):] }
