package capture

import "io"

// inputSize is the size of the read buffer in bytes: many times that of most packets, so that
// moving what is left to the front costs little, and little enough to stay in the processor's
// cache. It grows for a packet that is larger.
const inputSize = 128 << 10

// input is a window onto a stream. What peek returns is valid until the next peek.
type input struct {
	r          io.Reader
	buf        []byte
	start, end int    // the unread bytes in buf
	offset     int64  // of buf[start] in the stream
	err        error  // what r.Read said last; io.EOF at the end
	lent       bool   // buf is not own, and what was taken of it stays where it is
	own        []byte // kept while buf is lent
}

// lend makes buf the buffer, until more has to be read than fits behind what was taken.
func (in *input) lend(buf []byte) {
	if in.rest() > len(buf) || len(buf) > inputSize {
		in.settle()
		return
	}
	if !in.lent {
		in.own, in.lent = in.buf, true
	}
	in.move(buf)
}

// settle makes the buffer its own again.
func (in *input) settle() {
	if in.lent {
		in.lent = false
		in.move(in.own)
	}
}

// move has the unread bytes at the front of buf, which is the buffer from then on.
func (in *input) move(buf []byte) {
	in.end = copy(buf, in.buf[in.start:in.end])
	in.start, in.buf = 0, buf
}

// peek returns the next n bytes without taking them; ok is false if the stream ends before.
func (in *input) peek(n int) (b []byte, ok bool) {
	if in.end-in.start < n && !in.fill(n) {
		return nil, false
	}
	return in.buf[in.start : in.start+n : in.start+n], true
}

// ahead returns what is at hand of the stream, without taking it: if that is less than least bytes,
// it reads up to most. ended tells that nothing comes behind it.
func (in *input) ahead(least, most int) (b []byte, ended bool) {
	if in.rest() < least {
		in.peek(most)
	}
	return in.buf[in.start:in.end], in.err != nil
}

// take passes n bytes that peek has returned.
func (in *input) take(n int) {
	in.start += n
	in.offset += int64(n)
}

// rest is the number of bytes at hand, at the end of the stream those behind the last whole item.
func (in *input) rest() int { return in.end - in.start }

// fill reads until n bytes are at hand. The buffer grows only after the stream has filled it.
func (in *input) fill(n int) bool {
	switch {
	case in.err != nil:
		return false
	case in.lent && (in.start > 0 || n > len(in.buf)):
		in.settle()
	case in.start > 0:
		in.move(in.buf)
	}
	for empty := 0; in.end < n; {
		if in.err != nil {
			return false
		}
		if in.end == len(in.buf) {
			in.move(make([]byte, 2*len(in.buf)))
		}
		var got int
		got, in.err = in.r.Read(in.buf[in.end:])
		in.end += got
		if got > 0 {
			empty = 0
		} else if empty++; empty == 100 && in.err == nil {
			in.err = io.ErrNoProgress
		}
	}
	return true
}

// skip passes n bytes without keeping them; false if the stream ends before.
func (in *input) skip(n int) bool {
	for n > 0 {
		step := min(n, inputSize)
		if _, ok := in.peek(step); !ok {
			return false
		}
		in.take(step)
		n -= step
	}
	return true
}
