package follow

import (
	"context"
	"os"

	"l2tpdump/keysrc"
)

const stdinName = "standard input"

// stdin reads a pipe or a terminal to its end.
type stdin struct {
	f      *os.File
	format string
	ctx    context.Context
}

func openStdin(o Options) (Source, error) { return &stdin{f: os.Stdin, format: o.Format}, nil }

func (s *stdin) Name() string { return stdinName }

func (s *stdin) Close() error { return nil }

// Run ends at the end of the input too, with nil, or a *keysrc.NoKeysError if no key was in it.
func (s *stdin) Run(ctx context.Context, emit func(*keysrc.Keys)) error {
	s.ctx = ctx
	f := newFeed(stdinName, s.format, keysrc.NewSeen(), emit)
	_, err := f.stream.ReadFrom(&reader{done: ctx.Done(), from: s, feed: f})
	none := f.close()
	if err == nil && ctx.Err() == nil {
		err = none
	}
	return err
}
