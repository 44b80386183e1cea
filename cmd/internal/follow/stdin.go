package follow

import (
	"context"
	"os"
	"time"

	"l2tpdump/keysrc"
)

const stdinName = "standard input"

// stdin reads a pipe or a terminal to its end.
type stdin struct {
	f      *os.File
	format string
	pieces chan []byte
	left   []byte
	err    error // once pieces is closed
}

func openStdin(o Options) (Source, error) { return &stdin{f: os.Stdin, format: o.Format}, nil }

func (s *stdin) Name() string { return stdinName }

func (s *stdin) Close() error { return nil }

// Run ends at the end of the input too, with nil, or a *keysrc.NoKeysError if no key was in it.
func (s *stdin) Run(ctx context.Context, emit func(*keysrc.Keys)) error {
	s.pieces = make(chan []byte)
	go s.read(ctx)
	f := newFeed(stdinName, s.format, keysrc.NewSeen(), emit)
	_, err := f.stream.ReadFrom(&reader{done: ctx.Done(), from: s, feed: f})
	none := f.close()
	if err == nil && ctx.Err() == nil {
		err = none
	}
	return err
}

// read hands on what comes. A read of standard input can't be ended: it may stay for as long as the
// program runs.
func (s *stdin) read(ctx context.Context) {
	defer close(s.pieces)
	for {
		b := make([]byte, 4096)
		var n int
		if n, s.err = s.f.Read(b); n > 0 {
			select {
			case s.pieces <- b[:n]:
			case <-ctx.Done():
				return
			}
		}
		if s.err != nil {
			return
		}
	}
}

// wait is of the waiter.
func (s *stdin) wait(p []byte) (int, error) {
	if len(s.left) == 0 {
		select {
		case b, ok := <-s.pieces:
			if !ok {
				return 0, s.err
			}
			s.left = b
		case <-time.After(poll):
			return 0, nil
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}
