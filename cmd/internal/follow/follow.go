package follow

import (
	"context"
	"errors"

	"l2tpdump/keysrc"
)

// Options are what all sources have in common.
type Options struct {
	// Format is the name of a keysrc.Format; "" recognises it by the content.
	Format string
	// SyslogSave is the path of a file to which received syslog messages are appended, "" for none.
	SyslogSave string
	// Log takes messages to the person, without a line end.
	Log func(format string, args ...any)
}

// A Source is followed until its context ends.
type Source interface {
	// Name is for messages.
	Name() string
	// Run blocks until ctx ends (nil) or the source can't go on.
	Run(ctx context.Context, emit func(*keysrc.Keys)) error
	// Close releases what Open opened.
	Close() error
}

// Open opens a source.
func Open(spec string, o Options) (Source, error) {
	return nil, errors.New("follow: " + spec + ": not a key source")
}
