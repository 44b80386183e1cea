//go:build !unix

package follow

import (
	"io"
	"os"
	"sync"
	"time"
)

// A read of standard input can't be ended here: one goroutine reads it for as long as the program
// runs.
var input struct {
	once sync.Once
	text chan []byte
	left []byte
	err  error
}

// wait is of the waiter.
func (s *stdin) wait(p []byte) (int, error) {
	input.once.Do(func() {
		input.text = make(chan []byte)
		go readInput(s.f)
	})
	if len(input.left) == 0 {
		select {
		case b, ok := <-input.text:
			if !ok {
				return 0, input.err
			}
			input.left = b
		case <-time.After(poll):
			return 0, nil
		}
	}
	n := copy(p, input.left)
	input.left = input.left[n:]
	return n, nil
}

func readInput(f *os.File) {
	defer close(input.text)
	for {
		b := make([]byte, 4096)
		n, err := f.Read(b)
		if n > 0 {
			input.text <- b[:n]
		}
		if err != nil {
			input.err = err
			return
		}
		if n == 0 {
			input.err = io.EOF
			return
		}
	}
}
