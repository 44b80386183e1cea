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
	for _, name := range []string{"-", "/dev/stdout"} {
		var messages bytes.Buffer
		c := l2tpdump(t, "decrypt", "-r", in, "-k", filepath.Join(captures, basic, "router.log"), "-w", name)
		c.Stdout, c.Stderr = slave, &messages
		stop := start(t, c)
		c.Wait()
		stop()
		got := messages.String()
		if c.ProcessState.ExitCode() != exitError || !strings.Contains(got, "a capture is not written to a terminal") || !strings.Contains(got, "hint: pipe it") {
			t.Errorf("-w %s: exit status %d: %s", name, c.ProcessState.ExitCode(), got)
		}
	}
}
