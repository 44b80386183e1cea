package follow

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"time"

	"golang.org/x/text/encoding/unicode"

	"l2tpdump/capture/compressed"
)

// A waiter gives the bytes of a source as they come.
type waiter interface {
	// wait puts bytes into p. It returns 0 and no error when none came for about the time of one
	// poll. Bytes come without an error. io.EOF is the end of the source.
	wait(p []byte) (int, error)
}

// reader makes an io.Reader for a stream of a waiter, and takes its pauses for the feed.
type reader struct {
	done  <-chan struct{} // ends it as io.EOF
	from  waiter
	feed  *feed
	pause func()    // called after each pause that was taken as an end; may be nil
	text  io.Reader // what comes, decoded; nil before the first byte
}

// Read gives text. What is compressed, or UTF-16 as Windows shells write it, is known by its first
// bytes.
func (r *reader) Read(p []byte) (int, error) {
	if r.text == nil {
		if err := r.begin(); err != nil {
			return 0, err
		}
	}
	n, err := r.text.Read(p)
	if n > 0 {
		r.feed.took(p[:n], time.Now())
	}
	return n, err
}

func (r *reader) begin() error {
	br := bufio.NewReaderSize(waiting{r}, 64<<10)
	head, err := br.Peek(compressed.HeadLen)
	if len(head) == 0 {
		return err
	}
	r.text = br
	r.feed.coded = true
	switch {
	case compressed.Format(head) == "gzip":
		r.text = &members{br: br}
	case compressed.Format(head) == "zip":
		return errors.New("a zip archive can't be followed: unpack it first")
	case compressed.Format(head) != "":
		r.text, err = compressed.NewReader(br, nil)
		return err
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		r.text = unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Reader(br)
	default:
		r.feed.coded = false
	}
	return nil
}

// waiting reads bytes as they come.
type waiting struct{ *reader }

func (r waiting) Read(p []byte) (int, error) {
	for {
		select {
		case <-r.done:
			return 0, io.EOF
		default:
		}
		n, err := r.from.wait(p)
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		if r.feed.idle(time.Now()) && r.pause != nil {
			r.pause()
		}
	}
}

// members reads a gzip file, whose members are one text. A gzip.Reader would keep the end of one
// back until the next comes.
type members struct {
	br *bufio.Reader
	z  *gzip.Reader // nil before the first
	in bool         // inside a member
}

func (m *members) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		if !m.in {
			if m.z == nil {
				m.z, err = gzip.NewReader(m.br)
			} else {
				err = m.z.Reset(m.br)
			}
			if err != nil {
				return 0, err
			}
			m.z.Multistream(false)
			m.in = true
		}
		n, err = m.z.Read(p)
		if err == io.EOF {
			m.in, err = false, nil
		}
	}
	return n, err
}
