package output

import "io"

// behindBuffers is how many buffers, of what is written at once, an output is behind at most.
const behindBuffers = 4

// behind writes in a goroutine of its own, so that who writes can go on meanwhile: a file system
// takes as long for a packet as decrypting it does.
type behind struct {
	full    chan []byte
	written chan result
	err     error
}

// result is a buffer that has been written and the error, which every later one has too.
type result struct {
	buffer []byte
	err    error
}

// newBehind returns a writer for w, which is closed with it.
func newBehind(w io.WriteCloser) *behind {
	b := &behind{full: make(chan []byte, behindBuffers), written: make(chan result, behindBuffers)}
	for range behindBuffers {
		b.written <- result{}
	}
	go func() {
		var err error
		for data := range b.full {
			if err == nil {
				_, err = w.Write(data)
			}
			b.written <- result{data, err}
		}
		if e := w.Close(); err == nil {
			err = e
		}
		b.written <- result{err: err}
	}()
	return b
}

// Write takes a copy of p to be written. Its error may be that of an earlier Write.
func (b *behind) Write(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	r := <-b.written
	b.full <- append(r.buffer[:0], p...)
	if b.err = r.err; b.err != nil {
		return 0, b.err
	}
	return len(p), nil
}

// Close waits until everything is written, and closes. Its error may be that of an earlier Write.
func (b *behind) Close() error {
	close(b.full)
	for range behindBuffers {
		<-b.written
	}
	return (<-b.written).err
}
