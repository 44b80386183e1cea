package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// terminal opens a pseudo-terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	var n, unlock int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCGPTN: &n, syscall.TIOCSPTLCK: &unlock} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); e != 0 {
			t.Skip(e)
		}
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// TestNoCaptureToTerminal refuses to write a capture to a terminal; lines go there.
func TestNoCaptureToTerminal(t *testing.T) {
	_, slave := terminal(t)
	in := filepath.Join(captures, basic, "outer.pcap")
	var messages bytes.Buffer
	c := l2tpdump(t, "decrypt", "-r", in, "-k", filepath.Join(captures, basic, "router.log"), "-w", "-")
	c.Stdout, c.Stderr = slave, &messages
	defer start(t, c)()
	c.Wait()
	if c.ProcessState.ExitCode() != exitError || !strings.Contains(messages.String(), "a capture is not written to a terminal") {
		t.Errorf("exit status %d: %s", c.ProcessState.ExitCode(), messages.String())
	}
}
