package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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

// TestVerifyInColor: on a terminal bad verdicts stand out, unless it or NO_COLOR says no; nowhere
// else.
func TestVerifyInColor(t *testing.T) {
	in := filepath.Join(captures, basic, "outer.pcap")
	for _, c := range []struct {
		env      []string
		terminal bool
		color    bool
	}{
		{[]string{"TERM=xterm"}, true, true},
		{[]string{"TERM=xterm", "NO_COLOR=1"}, true, false},
		{[]string{"TERM=dumb"}, true, false},
		{[]string{"TERM=xterm"}, false, false},
	} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		defer writer.Close()
		if c.terminal {
			reader, writer = terminal(t)
			resize(t, writer, 80, 30)
		}
		out := new(drawn)
		go out.gather(reader)
		p := l2tpdump(t, "verify", "-r", in, "-k", filepath.Join(captures, basic, "xfrm-state.txt"))
		p.Env = append(p.Env, append([]string{"NO_COLOR=", "COLUMNS=80"}, c.env...)...)
		p.Stdout = writer
		stop := start(t, p)
		p.Wait()
		stop()
		if !eventually(func() bool { return strings.Contains(out.text(), "no key") && strings.Contains(out.text(), "see [1].") }) {
			t.Fatalf("%q: %q", c.env, out.text())
		}
		if got := strings.Contains(out.text(), "\x1b[33mno key\x1b[0m"); got != c.color || !c.color && strings.Contains(out.text(), "\x1b") {
			t.Errorf("%q, a terminal: %v: %q", c.env, c.terminal, out.text())
		}
	}
}

// TestLiveStatus: while nothing else is printed, a terminal shows how things stand.
func TestLiveStatus(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "01-basic-aes128-sha1")
	master, slave := terminal(t)
	resize(t, slave, 120, 30)
	s := new(drawn)
	go s.gather(master)
	l.program = []string{"sh", "-c", `exec "$0" "$@" 2>` + slave.Name(), self(t)}
	l.env = append(l.env, "TERM=xterm")
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", l.path("out.pcapng"))
	shows := func(line string) {
		if re := regexp.MustCompile(line); !eventually(func() bool { return re.MatchString(s.text()) }) {
			t.Fatalf("no line %v: %q\n%s", re, s.text(), p.report())
		}
	}
	shows("listening on")
	shows(`\r\x1b\[K0 frames, 0 sessions, 0 opened, 0 waited for a key, 0 users' packets, 0 lost`)
	l.send(all, 0, nil)
	shows(`\r\x1b\[K\d{3} frames, 1 session, \d{3} opened, \d+ waited for a key, \d{3} users' packets, 0 lost`)
	p.interrupt()
	shows(`inside: .*\r\n(.*\r\n)+$`)
	if left := regexp.MustCompile(`(?m)^.*[^K\n]l2tpdump: .*$`).FindString(s.text()); left != "" {
		t.Errorf("a message behind the line: %q", left)
	}
}
