package capture

import (
	"context"
	"io"
	"sync"
)

// Sizes of what is read ahead of a pipe.
const (
	aheadBuffers = 3
	aheadSize    = 128 << 10
)

// interruptible is a reader whose Read returns when the context ends, though the reader under it
// still waits.
type interruptible struct {
	ctx     context.Context
	r       io.Reader
	start   sync.Once
	chunks  chan chunk
	free    chan []byte
	current chunk
}

// chunk is bytes that were read, and what the reader said behind them.
type chunk struct {
	buf  []byte // to be used again
	data []byte
	err  error
}

func newInterruptible(ctx context.Context, r io.Reader) *interruptible {
	return &interruptible{ctx: ctx, r: r, chunks: make(chan chunk, aheadBuffers), free: make(chan []byte, aheadBuffers)}
}

// ahead reads until the end or an error, or until the context ends.
func (i *interruptible) ahead() {
	for {
		select {
		case <-i.ctx.Done():
			return
		case buf := <-i.free:
			n, err := i.r.Read(buf)
			i.chunks <- chunk{buf, buf[:n], err} // there is room for as many as there are buffers
			if err != nil {
				return
			}
		}
	}
}

// Read implements io.Reader. Once the context has ended it returns the context's error.
func (i *interruptible) Read(p []byte) (int, error) {
	i.start.Do(func() {
		for range aheadBuffers {
			i.free <- make([]byte, aheadSize)
		}
		go i.ahead()
	})
	c := &i.current
	if len(c.data) == 0 && c.err == nil {
		if c.buf != nil {
			i.free <- c.buf
			c.buf = nil
		}
		select {
		case <-i.ctx.Done():
			c.err = i.ctx.Err()
		case *c = <-i.chunks:
		}
	}
	n := copy(p, c.data)
	c.data = c.data[n:]
	if len(c.data) == 0 {
		return n, c.err
	}
	return n, nil
}
