package output

import (
	"bytes"
	"errors"
	"testing"
)

// slow is written to when the test lets it, and fails when room bytes were written.
type slow struct {
	bytes.Buffer
	room   int
	turn   chan bool
	closed bool
}

var errFull = errors.New("full")

func (s *slow) Write(p []byte) (int, error) {
	<-s.turn
	if s.Len()+len(p) > s.room {
		return 0, errFull
	}
	return s.Buffer.Write(p)
}

func (s *slow) Close() error {
	s.closed = true
	return nil
}

// TestBehind: what is written arrives in order though the buffer is used again, Write does not wait
// as long as there are buffers, and Close waits for all of it.
func TestBehind(t *testing.T) {
	s := &slow{room: 1 << 20, turn: make(chan bool)}
	w := newBehind(s)
	var want, data []byte
	for i := range 100 {
		if i == behindBuffers {
			close(s.turn)
		}
		data = append(data[:0], bytes.Repeat([]byte{byte(i)}, i*7%64)...)
		want = append(want, data...)
		if n, err := w.Write(data); n != len(data) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !s.closed || !bytes.Equal(s.Bytes(), want) {
		t.Errorf("closed %t, %d bytes written of %d", s.closed, s.Len(), len(want))
	}
}

// TestBehindError: an error is told by a later Write or by Close, and nothing is written behind it.
func TestBehindError(t *testing.T) {
	for _, more := range []int{0, 1, 2 * behindBuffers} {
		s := &slow{room: 10, turn: make(chan bool)}
		close(s.turn)
		w := newBehind(s)
		w.Write([]byte("good"))
		w.Write([]byte("too large for it"))
		failed := 0
		for range more {
			if n, err := w.Write([]byte("x")); errors.Is(err, errFull) && n == 0 {
				failed++
			} else if err != nil || n != 1 {
				t.Error(n, err)
			}
		}
		if more > behindBuffers && failed == 0 {
			t.Error("no Write told the error")
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("%d more: Close says %v", more, err)
		}
		if !s.closed || s.String() != "good" {
			t.Errorf("closed %t, written %q", s.closed, s.String())
		}
	}
}
