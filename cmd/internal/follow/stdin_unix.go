//go:build unix

package follow

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// wait is of the waiter. It reads only what is there, so that no goroutine stays behind in a read
// that can't be ended.
func (s *stdin) wait(p []byte) (int, error) {
	raw, err := s.f.SyscallConn()
	if err != nil {
		return 0, err
	}
	ready := 0
	var pollErr error
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		ready, pollErr = unix.Poll(fds, int(poll/time.Millisecond))
	})
	switch {
	case err != nil:
		return 0, err
	case pollErr == unix.EINTR || pollErr == unix.EAGAIN:
		return 0, nil
	case pollErr != nil:
		return 0, fmt.Errorf("%s: %w", stdinName, pollErr)
	case ready == 0:
		return 0, nil
	}
	n, err := s.f.Read(p)
	if n > 0 {
		return n, nil
	}
	if err == nil {
		err = io.EOF
	}
	return 0, err
}
