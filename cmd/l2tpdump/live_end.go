package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// What ends live beside its own options: signals, and a reader that is gone.

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
	ticker, done := time.NewTicker(readerEvery), make(chan struct{})
	go func() {
		for !readerGone(file) {
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
		src.end()
	}()
	return func() {
		ticker.Stop()
		close(done)
	}
}
