//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fifoWait is how long the reader of a FIFO may take to open it.
const fifoWait = 5 * time.Second

// endFIFO lets the reader of a FIFO that may never have been written to see its end: dumpcap would
// wait for good. The reader may be about to start: an end that it does not see is none.
func endFIFO(path string) {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	for start := time.Now(); time.Since(start) < fifoWait; time.Sleep(10 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, syscall.ENXIO) {
			return
		}
	}
}

// readerGone reports whether a pipe has nobody left to read it.
func readerGone(pipe *os.File) bool {
	gone := false
	if c, err := pipe.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd)}}
			n, err := unix.Poll(fds, 0)
			gone = err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		})
	}
	return gone
}
