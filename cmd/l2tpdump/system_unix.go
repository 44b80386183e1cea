//go:build unix

package main

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
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

// openOutput opens a file for writing, and makes it if it is not there. As root it follows a
// symbolic link only in a folder to which nobody else can write: in any other one somebody may have
// put it.
func openOutput(name string, flags int, mode os.FileMode) (*os.File, error) {
	if os.Geteuid() == 0 {
		folder, err := os.Stat(filepath.Dir(name))
		if err != nil || !ownedBy(folder, nil) || folder.Mode().Perm()&0o022 != 0 {
			flags |= syscall.O_NOFOLLOW
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flags, mode)
	if errors.Is(err, syscall.ELOOP) {
		return nil, withHint("name the file itself",
			"%s is a symbolic link where others can put one: it is not followed as root", name)
	}
	return f, err
}

// ownedBy reports whether a file belongs to the one who runs the program, or to the user.
func ownedBy(info os.FileInfo, id *identity) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(s.Uid) == os.Geteuid() || id != nil && !id.fallback && int(s.Uid) == id.uid)
}

// isDevice reports whether a name is of a device that is no terminal: it may have no end.
func isDevice(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeDevice == 0 || path == os.DevNull {
		return false
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return !isTerminal(f)
}

// notifySummary has the signal that asks for the summary so far sent to c.
func notifySummary(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR1) }
