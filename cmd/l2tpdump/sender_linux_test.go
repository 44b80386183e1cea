package main

import (
	"errors"
	"net"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendAtOnce is how many frames one system call sends at most.
const sendAtOnce = 64

// frameSender sends frames on an interface, many with one system call.
type frameSender struct {
	fd       int
	vectors  [sendAtOnce]unix.Iovec
	messages [sendAtOnce]sentMessage
}

// sentMessage is struct mmsghdr.
type sentMessage struct {
	header unix.Msghdr
	_      uint32 // bytes sent
}

// newFrameSender opens the interface of the network namespace of the calling thread. It takes
// CAP_NET_RAW.
func newFrameSender(name string) (*frameSender, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	s := &frameSender{fd: fd}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: i.Index}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1) // not offered by old kernels
	for i := range s.messages {
		s.messages[i].header.Iov = &s.vectors[i]
		s.messages[i].header.SetIovlen(1)
	}
	return s, nil
}

// send sends all frames, none of them empty, in order.
func (s *frameSender) send(frames [][]byte) error {
	for len(frames) > 0 {
		n := min(len(frames), sendAtOnce)
		for i, f := range frames[:n] {
			s.vectors[i].Base = &f[0]
			s.vectors[i].SetLen(len(f))
		}
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.messages[0])), uintptr(n), 0, 0, 0)
		runtime.KeepAlive(frames)
		switch {
		case errno == 0:
			frames = frames[sent:]
		case errors.Is(errno, unix.ENOBUFS) || errors.Is(errno, unix.EAGAIN) || errors.Is(errno, unix.EINTR):
			time.Sleep(100 * time.Microsecond)
		default:
			return errno
		}
	}
	return nil
}

// sendPaced sends frames at that many bits of frames a second, 0: as fast as it can, and returns
// how long that took.
func (s *frameSender) sendPaced(frames [][]byte, bitsPerSecond float64) (time.Duration, error) {
	start := time.Now()
	bits := 0.0
	for len(frames) > 0 {
		n := min(len(frames), sendAtOnce)
		if err := s.send(frames[:n]); err != nil {
			return time.Since(start), err
		}
		for _, f := range frames[:n] {
			bits += float64(8 * len(f))
		}
		frames = frames[n:]
		if bitsPerSecond > 0 {
			time.Sleep(time.Duration(bits/bitsPerSecond*1e9) - time.Since(start))
		}
	}
	return time.Since(start), nil
}
