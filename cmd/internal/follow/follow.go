package follow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"l2tpdump/keysrc"
)

// Options are what all sources have in common.
type Options struct {
	// Format is the name of a keysrc.Format; "" recognises it by the content.
	Format string
	// SyslogSave is a file to which each received syslog message is written as a line, as it was
	// received; nil for none. It is closed with the source.
	SyslogSave *os.File
	// Log takes one-line messages to the person, without a line end and without key bytes. It is
	// called by one goroutine at a time, and never after Run and Close have returned. nil is
	// allowed.
	Log func(format string, args ...any)
	// Runner returns a process, not started yet, that calls [Serve] with the command of an exec:
	// source as the user who is to run it. nil refuses such sources. Its descriptors and session
	// are set by Open.
	Runner func(command string) *exec.Cmd
}

// A Source is a key source that may grow.
type Source interface {
	// Name is for messages, as in "router.log" or "exec:ssh". Of a command only the program is
	// named: its arguments may hold a password.
	Name() string
	// Run blocks until ctx ends, then returns nil; standard input's end ends it too. The error says
	// why the source can't go on. emit is called by the calling goroutine only; what it is given
	// belongs to it. Each secret is given once. A secret whose log may go on (its last row just
	// came) is given as it stands after a short pause, and again if it grew. Run may be called
	// once.
	Run(ctx context.Context, emit func(*keysrc.Keys)) error
	// Close releases what Open opened. It is called after Run has returned, or instead of Run.
	Close() error
}

// poll is how often a source is looked at while nothing comes.
const poll = 50 * time.Millisecond

// Open opens the source that spec names:
//
//	PATH                a file, followed through rotation and truncation, waited for if it is not there; or a FIFO or a device
//	-                   standard input
//	syslog:[ADDR]:PORT  syslog messages, by UDP and TCP
//	xfrm:               the SAs of the Linux kernel
//	exec:COMMAND        the output of a command, run by sh and started again when it ends
//
// What takes privileges happens here: files, sockets, the kernel's list of SAs and the process that
// runs a command; so that they can be dropped before Run. A command is only looked up here. Run has
// it started, in a session of its own without a terminal: one that asks for a password there fails.
// A path that looks like one of the others is written with "./" before it.
func Open(spec string, o Options) (Source, error) {
	if _, err := keysrc.NewStream("", o.Format, func(*keysrc.Keys) {}); err != nil {
		return nil, err
	}
	o.Log = oneAtATime(o.Log)
	switch {
	case spec == "":
		return nil, errors.New("a key source without a name")
	case spec == "-":
		return openStdin(o)
	case spec == keysrc.XFRMName:
		return openXFRM()
	}
	if addr, ok := strings.CutPrefix(spec, "syslog:"); ok {
		return openSyslog(addr, o)
	}
	if command, ok := strings.CutPrefix(spec, "exec:"); ok {
		return openExec(command, o)
	}
	return openFile(spec, o)
}

// oneAtATime makes a log function safe for concurrent use.
func oneAtATime(log func(string, ...any)) func(string, ...any) {
	if log == nil {
		return func(string, ...any) {}
	}
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		log(format, args...)
	}
}

// sleep waits for d, or until ctx ends: then it returns false.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// plural is "1 line", "2 lines".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// xfrm follows the SAs of the running kernel.
type xfrm struct{ f *keysrc.XFRMFollower }

func openXFRM() (Source, error) {
	f, err := keysrc.OpenXFRM()
	if err != nil {
		return nil, err
	}
	return &xfrm{f}, nil
}

func (x *xfrm) Name() string { return keysrc.XFRMName }

func (x *xfrm) Run(ctx context.Context, emit func(*keysrc.Keys)) error { return x.f.Run(ctx, emit) }

func (x *xfrm) Close() error { return x.f.Close() }
