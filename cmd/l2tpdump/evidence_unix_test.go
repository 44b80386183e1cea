//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"l2tpdump/capture"
)

// A device without an end is no source of keys, and no capture.
func TestEndlessDevices(t *testing.T) {
	from := filepath.Join(captures, basic)
	for _, device := range []string{"/dev/zero", "/dev/urandom"} {
		if _, err := os.Stat(device); err != nil {
			t.Skip(err)
		}
		for _, args := range [][]string{
			{"decrypt", "-r", from + "/outer.pcap", "-k", device}, {"verify", "-r", from + "/outer.pcap", "-k", device},
			{"keys", "-k", device}, {"decrypt", "-r", from + "/outer.pcap", "--ppp-secrets", device}, {"decrypt", "-r", device, "-k", from + "/router.log"},
		} {
			status, messages := ending(t, l2tpdump(t, args...))
			if status != exitError || !strings.Contains(messages, device) {
				t.Errorf("%v: exit status %d: %s", args, status, messages)
			}
		}
	}
}

// A FIFO that nobody writes is told of, and one signal ends the wait.
func TestSilentFIFO(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "keys")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	for _, args := range [][]string{
		{"decrypt", "-r", filepath.Join(captures, basic, "outer.pcap"), "-k", fifo}, {"keys", "-k", fifo},
		{"decrypt", "-r", filepath.Join(captures, basic, "outer.pcap"), "--ppp-secrets", fifo},
		{"decrypt", "-r", filepath.Join(captures, basic, "outer.pcap"), "-F", fifo}, {"decrypt", "-V", fifo},
	} {
		t.Run(args[0]+" "+args[len(args)-2], func(t *testing.T) {
			t.Parallel()
			c := l2tpdump(t, args...)
			messages, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			stop := start(t, c)
			line, err := bufio.NewReader(messages).ReadString('\n')
			if err != nil || !strings.Contains(line, "is a FIFO: waiting") {
				t.Errorf("%q, %v", line, err)
			}
			c.Process.Signal(os.Interrupt)
			io.Copy(io.Discard, messages)
			c.Wait()
			if !stop() || c.ProcessState.ExitCode() != exitInterrupted {
				t.Errorf("%v: %v", args, c.ProcessState)
			}
		})
	}
}

// A file that can't be read on is told of with what the system says.
func TestReadErrors(t *testing.T) {
	const broken = "/proc/self/mem" // its first page is not there: EIO
	if _, err := os.Stat(broken); err != nil {
		t.Skip(err)
	}
	from := filepath.Join(captures, basic)
	for _, args := range [][]string{
		{"decrypt", "-r", broken, "-k", from + "/router.log"}, {"decrypt", "-r", from + "/outer.pcap", "-k", broken}, {"keys", "-k", broken},
	} {
		status, messages := ending(t, l2tpdump(t, args...))
		if status != exitError || !strings.Contains(messages, broken) || !strings.Contains(messages, "input/output error") {
			t.Errorf("%v: exit status %d: %s", args, status, messages)
		}
	}
}

// A capture that is removed, grows, or is cut while it is read: what there is of it is shown, and
// that it ends in the middle of a packet is told of.
func TestCaptureChanges(t *testing.T) {
	from := filepath.Join(captures, basic)
	file := readFile(t, basic+"/outer.pcap")
	const copies = 40
	long := append(file[:24:24], bytes.Repeat(file[24:], copies)...)
	path := filepath.Join(t.TempDir(), "capture.pcap")
	all := (len(itemsOf(file)) - 1) * copies
	for name, c := range map[string]struct {
		change func() error
		lines  func(n int) bool
		status int
		says   string
	}{
		"removed": {func() error { return os.Remove(path) }, func(n int) bool { return n == all }, exitOK, ""},
		"grown": {func() error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				_, err = f.Write(file[24:])
				f.Close()
			}
			return err
		}, func(n int) bool { return n == all/copies*(copies+1) }, exitOK, ""},
		"cut":     {func() error { return os.Truncate(path, int64(len(long)-9)) }, func(n int) bool { return n == all-1 }, exitError, "capture.pcap"},
		"emptied": {func() error { return os.Truncate(path, 0) }, func(n int) bool { return n > 0 && n < all }, exitError, "capture.pcap"},
	} {
		if err := os.WriteFile(path, long, 0o600); err != nil {
			t.Fatal(err)
		}
		p := l2tpdump(t, "decrypt", "-q", "-r", path, "-k", filepath.Join(from, "router.log"))
		var messages bytes.Buffer
		p.Stderr = &messages
		out, err := p.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		stop := start(t, p)
		lines := bufio.NewReader(out)
		n := 1
		if _, err := lines.ReadString('\n'); err != nil { // it reads, and then waits for room in the pipe
			t.Fatal(err)
		}
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := lines.ReadString('\n'); err != nil {
				break
			}
			n++
		}
		p.Wait()
		if !stop() || p.ProcessState.ExitCode() != c.status || !c.lines(n) || !strings.Contains(messages.String(), c.says) {
			t.Errorf("%s: %d lines of %d, %v: %s", name, n, all, p.ProcessState, messages.String())
		}
	}
}

// A connection that breaks off in the middle of a capture is told of, behind all that came before.
func TestBreaksOff(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer server.Close()
	in, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	sender, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	file := readFile(t, basic+"/outer.pcap")
	items := itemsOf(file)
	const whole = 60
	c := l2tpdump(t, "decrypt", "-q", "-r", "-", "-k", filepath.Join(captures, basic, "router.log"), "-w", "-")
	if c.Stdin, err = in.(*net.TCPConn).File(); err != nil {
		t.Fatal(err)
	}
	var messages bytes.Buffer
	c.Stderr = &messages
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, c)
	if _, err := sender.Write(file[:items[whole].end+9]); err != nil {
		t.Fatal(err)
	}
	src, err := capture.NewReader(out, "standard output")
	if err != nil {
		t.Fatal(err)
	}
	var p capture.Packet
	for i := range whole {
		if i == whole-1 {
			sender.(*net.TCPConn).SetLinger(0) // a reset
			sender.Close()
		}
		if err := src.Next(&p); err != nil {
			t.Fatalf("packet %d: %v", i+1, err)
		}
	}
	io.Copy(io.Discard, out)
	c.Wait()
	if !stop() || c.ProcessState.ExitCode() != exitError || !strings.Contains(messages.String(), "connection reset by peer") {
		t.Errorf("%v: %s", c.ProcessState, messages.String())
	}
}

// Something else than an earlier program in Wireshark's folder is not written to, nor waited for.
func TestExtcapFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "l2tpdump"), 0o600); err != nil {
		t.Skip(err)
	}
	status, messages := ending(t, l2tpdump(t, "extcap", "install", dir))
	if status != exitError || !strings.Contains(messages, "is in the way") {
		t.Errorf("exit status %d: %s", status, messages)
	}
}

// What is written as root is not written through another user's link, and no file of another's is
// made to hold keys.
func TestRootWritesNoOthersFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	others := filepath.Join(dir, "others")
	for name, data := range map[string]string{victim: "precious", others: ""} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(link, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(others, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	from := filepath.Join(captures, basic)
	input := []string{"decrypt", "-r", from + "/outer.pcap", "-k", from + "/router.log", "-w"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{append(input, link), "is a symbolic link"},
		{append(input, link, "--embed-keys"), "is a symbolic link"},
		{append(input, others, "--embed-keys"), "is another user's"},
		{[]string{"live", "-i", "lo", "-k", "syslog:127.0.0.1:0", "--syslog-save", link}, "is a symbolic link"},
		{[]string{"live", "-i", "lo", "-k", "syslog:127.0.0.1:0", "--syslog-save", others}, "is another user's"},
	} {
		status, messages := ending(t, l2tpdump(t, c.args...))
		if status != exitError || !strings.Contains(messages, c.want) {
			t.Errorf("%v: exit status %d: %s", c.args, status, messages)
		}
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
	info, err := os.Stat(others)
	if err != nil || info.Mode().Perm() != 0o644 || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
	// Where nobody else can write, a link is the administrator's own.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if status, messages := ending(t, l2tpdump(t, append(input, link)...)); status != exitOK {
		t.Errorf("exit status %d: %s", status, messages)
	}
}
