package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
)

// hangs is after how long a program is taken to wait for what will not come.
const hangs = 2 * time.Minute

// l2tpdump is the program as a process of its own, not started yet.
func l2tpdump(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command("l2tpdump", args...) // package testscript puts it into the path
	c.Env = append(os.Environ(), "TZ=UTC", "GORACE="+raceExit)
	return c
}

// start starts c and returns what takes back that its life is ended if the test hangs. If nobody
// takes them, its messages are the test's.
func start(t *testing.T, c *exec.Cmd) (stop func() bool) {
	t.Helper()
	if c.Stderr == nil {
		c.Stderr = t.Output()
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return time.AfterFunc(hangs, func() { c.Process.Kill() }).Stop
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(captures, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// basic is the capture of the simplest case.
const basic = "01-basic-aes128-sha1"

// TestStreamedLines writes packets one by one and reads the line of each before it writes the next.
func TestStreamedLines(t *testing.T) {
	file := readFile(t, basic+"/outer.pcap")
	items := itemsOf(file)
	for _, flag := range []string{"-q", "--json"} {
		c := l2tpdump(t, "decrypt", "-r", "-", "-k", filepath.Join(captures, basic, "router.log"), flag)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer start(t, c)()
		lines := bufio.NewReader(out)
		if _, err := in.Write(file[:24]); err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			if _, err := in.Write(file[items[i].end:items[i+1].end]); err != nil {
				t.Fatal(err)
			}
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: line %d: %v", flag, i+1, err)
			}
			if i == 18 && !strings.Contains(line, "SCCRQ") {
				t.Errorf("%s: line %d: %s", flag, i+1, line)
			}
		}
		in.Close()
		if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
			t.Errorf("%s: %q, %v", flag, rest, err)
		}
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// TestStreamedCapture reads the cleartext packets while more are being written.
func TestStreamedCapture(t *testing.T) {
	for name, from := range map[string]int{"/outer.pcap": 1, "/outer-be.pcap": 1} {
		file := readFile(t, basic+name)
		items := itemsOf(file)
		c := l2tpdump(t, "decrypt", "-q", "-r", "-", "-k", filepath.Join(captures, basic, "router.log"), "-w", "-")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		stop := start(t, c)
		if _, err := in.Write(file[:items[from].end]); err != nil {
			t.Fatal(err)
		}
		src, err := capture.NewReader(out, "standard output")
		if err != nil {
			t.Fatal(err)
		}
		var p capture.Packet
		for i := from; i < 60; i++ {
			if err := src.Next(&p); err != nil {
				t.Fatalf("packet %d: %v", i, err)
			}
			if _, err := in.Write(file[items[i].end:items[i+1].end]); err != nil {
				t.Fatal(err)
			}
		}
		in.Close()
		if err := src.Next(&p); err != nil {
			t.Error(err)
		}
		if err := src.Next(&p); err != io.EOF {
			t.Errorf("behind the last packet: %v", err)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
		stop()
	}
}

// TestPipedEqualsFile decrypts from a pipe to a pipe, plain, compressed and as pcapng, and compares
// with what files give.
func TestPipedEqualsFile(t *testing.T) {
	compressed := func(data []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(data)
		w.Close()
		return b.Bytes()
	}
	for _, name := range []string{basic + "/outer.pcap", "25-forceencaps-no-nat/outer.pcap", "03-3des-sha1-modp1024/outer.pcapng", "19-cooked-any/client-any-sll2.pcap"} {
		keys := fullKeys(filepath.Dir(name))
		want, err := os.ReadFile(decryptTo(t, exitOK, "clear.pcapng", filepath.Join(captures, name), keys...))
		if err != nil {
			t.Fatal(err)
		}
		file := readFile(t, name)
		for _, in := range [][]byte{file, compressed(file)} {
			var out, messages bytes.Buffer
			c := l2tpdump(t, append([]string{"decrypt", "-r", "-", "-w", "-"}, keys...)...)
			c.Stdin, c.Stdout, c.Stderr = io.MultiReader(bytes.NewReader(in)), &out, &messages
			stop := start(t, c)
			if err := c.Wait(); err != nil || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%s: %d bytes, want %d: %v", name, out.Len(), len(want), err)
			}
			stop()
			if m := messages.String(); !strings.Contains(m, "frames: ") || strings.Contains(m, "wrote") {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

// TestReaderHadEnough closes the other end of the output early: the program ends, without a word.
func TestReaderHadEnough(t *testing.T) {
	for _, args := range [][]string{{}, {"--json"}, {"-w", "-"}} {
		var messages bytes.Buffer
		c := l2tpdump(t, append([]string{"decrypt", "-r", "-", "-k", filepath.Join(captures, basic, "router.log")}, args...)...)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		c.Stderr = &messages
		stop := start(t, c)
		file := readFile(t, basic+"/outer.pcap")
		items := itemsOf(file)
		in.Write(file[:items[50].end])
		io.ReadFull(out, make([]byte, 100))
		out.Close()
		for i := 50; i < len(items)-1; i++ {
			if _, err := in.Write(file[items[i].end:items[i+1].end]); err != nil {
				break // it is gone
			}
		}
		in.Close()
		c.Wait()
		if !stop() {
			t.Errorf("%v: it hung", args)
		}
		if messages.Len() > 0 {
			t.Errorf("%v: %s", args, messages.String())
		}
	}
}

// TestInterrupted stops a run whose input goes on, in the middle of a packet too: what was read is
// written, the summary printed.
func TestInterrupted(t *testing.T) {
	file := readFile(t, basic+"/outer.pcap")
	items := itemsOf(file)
	for _, more := range []int{0, 30, 100} { // bytes behind the last whole packet
		name := filepath.Join(t.TempDir(), "clear.pcapng")
		var messages bytes.Buffer
		c := l2tpdump(t, "decrypt", "-r", "-", "-k", filepath.Join(captures, basic, "router.log"), "-w", name, "--print")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		c.Stderr = &messages
		stop := start(t, c)
		if _, err := in.Write(file[:items[50].end+more]); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 50 { // none of them waits for what comes behind it
			lines.Scan()
		}
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			t.Errorf("one more line: %s", lines.Text())
		}
		c.Wait()
		if !stop() {
			t.Fatal("it hung")
		}
		in.Close()
		if s := c.ProcessState.ExitCode(); s != exitInterrupted {
			t.Errorf("exit status %d: %s", s, messages.String())
		}
		if m := messages.String(); !strings.Contains(m, "l2tpdump: 50 frames: ") || !strings.Contains(m, "wrote 50 packets") {
			t.Errorf("messages: %s", m)
		}
		if n := len(packetsWithTimes(t, name)); n != 50 {
			t.Errorf("%d packets written", n)
		}
	}
}
