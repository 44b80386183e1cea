package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"l2tpdump/capture"
)

// The interface that live captures on, and what ends the capture beside the options: signals, and a
// reader that is gone.

// liveSource is an interface as the pipeline reads it: one that can be ended from elsewhere, and
// that has frames go on in time.
type liveSource struct {
	*capture.Live
	ended  atomic.Bool
	failed atomic.Pointer[error]
	first  time.Time // when the oldest frame came that Ready has not let go on yet
	stop   func()    // ends the looks at libpcap's counters
}

// maxDelay is how long a frame may wait for others to go on with.
const maxDelay = 10 * time.Millisecond

// statsEvery is how often libpcap's counters are read, which wrap after 2^32 packets.
const statsEvery = time.Minute

// end makes the next Next return io.EOF.
func (s *liveSource) end() { s.ended.Store(true) }

// fail makes the next Next return err.
func (s *liveSource) fail(err error) { s.failed.CompareAndSwap(nil, &err) }

// Next implements [capture.Source].
func (s *liveSource) Next(p *capture.Packet) error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	if s.ended.Load() {
		return io.EOF
	}
	err := s.Live.Next(p)
	switch {
	case errors.Is(err, capture.ErrIdle):
		s.first = time.Time{}
	case err == nil && s.first.IsZero():
		s.first = time.Now()
	}
	return err
}

// Ready reports whether the frames that have come may wait for more.
func (s *liveSource) Ready() bool {
	if s.first.IsZero() || time.Since(s.first) < maxDelay {
		return true
	}
	s.first = time.Time{}
	return false
}

// Close implements [capture.Source].
func (s *liveSource) Close() error {
	s.stop()
	return s.Live.Close()
}

func (o *liveOptions) openInterface() (*liveSource, error) {
	config, err := o.capture()
	if err != nil {
		return nil, err
	}
	l, err := capture.OpenLive(config)
	if err != nil {
		return nil, explainLive(err)
	}
	return &liveSource{Live: l, stop: every(statsEvery, func() { l.Stats() })}, nil
}

// capture says what to capture.
func (o *liveOptions) capture() (capture.LiveConfig, error) {
	c, err := o.config, error(nil)
	c.Interface, err = interfaceName(o.iface)
	c.Promiscuous, c.BufferSize, c.Filter, c.Direction = !o.noPromisc, o.buffer<<10, o.filter, directions[o.direction]
	return c, err
}

// explainLive says how to get the right to capture, where that is missing.
func explainLive(err error) error {
	if errors.Is(err, capture.ErrNotPermitted) {
		return withHint(notePermission(), "%w", err)
	}
	return err
}

// printLinkTypes lists the link types of the interface, as tcpdump -L does.
func (o *liveOptions) printLinkTypes() error {
	config, err := o.capture()
	if err != nil {
		return err
	}
	all, err := capture.LiveLinkTypes(config)
	if err != nil {
		return explainLive(err)
	}
	out("Data link types for %s (use option -y to set):\n", config.Interface)
	for _, l := range all {
		out("  %s (%s)\n", l.Name, l.Description)
	}
	return nil
}

// interfaceName allows an interface's number in the list of interfaces instead of its name, as
// tcpdump does.
func interfaceName(name string) (string, error) {
	n, err := strconv.Atoi(name)
	if err != nil {
		return name, nil
	}
	if _, err := net.InterfaceByName(name); err == nil {
		return name, nil
	}
	devices, err := capture.Devices()
	if err != nil {
		return "", err
	}
	if n < 1 || n > len(devices) {
		return "", withHint("l2tpdump interfaces lists them", "there is no interface number %d", n)
	}
	return devices[n-1].Name, nil
}

// endSignals adds to ctx the signals that end live but not the other commands. SIGPIPE becomes an
// error of the write.
func endSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if signal.Ignored(syscall.SIGHUP) { // nohup
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// readerEvery is how often it is looked whether there is somebody left to read the output: an idle
// line has no packet that would tell.
const readerEvery = 250 * time.Millisecond

// endWithReader ends the capture when the pipe that its packets, or else its lines, go to is read
// by nobody any more, until stop is called.
func (o *liveOptions) endWithReader(file *os.File, src *liveSource) (stop func()) {
	if o.write == "" || o.write == "-" {
		file = os.Stdout
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 { // nil for a ring
		return func() {}
	}
	return every(readerEvery, func() {
		if readerGone(file) {
			src.end()
		}
	})
}
