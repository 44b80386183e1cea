//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterruptedAtKeys: one signal ends a program that waits for a key source.
func TestInterruptedAtKeys(t *testing.T) {
	for _, args := range [][]string{
		{"keys"}, {"verify", "-r", filepath.Join(captures, basic, "outer.pcap")}, {"decrypt", "-r", filepath.Join(captures, basic, "outer.pcap")},
	} {
		fifo := filepath.Join(t.TempDir(), "keys")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		c := l2tpdump(t, append(args, "-k", fifo)...)
		stop := start(t, c)
		w, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits for the program to open it
		if err != nil {
			t.Fatal(err)
		}
		c.Process.Signal(os.Interrupt)
		c.Wait()
		w.Close()
		stop()
		if status := c.ProcessState.ExitCode(); status != exitInterrupted {
			t.Errorf("%s: exit status %d", args[0], status)
		}
	}
}

// TestInterruptedAtCapture: the same where the capture is a FIFO that nobody has opened for
// writing.
func TestInterruptedAtCapture(t *testing.T) {
	keys, capture := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "capture")
	for _, name := range []string{keys, capture} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := l2tpdump(t, "verify", "-k", keys, "-r", capture)
	defer start(t, c)()
	if err := os.WriteFile(keys, readFile(t, basic+"/router.log"), 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // so that it waits for the capture by now; if it does not yet, the status is the same
	c.Process.Signal(os.Interrupt)
	c.Wait()
	if status := c.ProcessState.ExitCode(); status != exitInterrupted {
		t.Errorf("exit status %d", status)
	}
}

// TestWrongPipe: a FIFO that holds something else is not opened once more to see what it is, which
// would wait for another writer.
func TestWrongPipe(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"keys", "-k", fifo}, "no key in 1 line"},
		{[]string{"keys", "-r", fifo}, "neither pcap nor pcapng"},
	} {
		var messages bytes.Buffer
		p := l2tpdump(t, c.args...)
		p.Stderr = &messages
		stop := start(t, p)
		if err := os.WriteFile(fifo, []byte("a line that is neither keys nor packets\n"), 0); err != nil {
			t.Fatal(err)
		}
		p.Wait()
		stop()
		if p.ProcessState.ExitCode() != exitError || !strings.Contains(messages.String(), c.want) {
			t.Errorf("%s: exit status %d: %s", c.args, p.ProcessState.ExitCode(), messages.String())
		}
	}
}

// TestPipeAmongFiles: a FIFO among several captures is opened once, and is put where its time says.
func TestPipeAmongFiles(t *testing.T) {
	from := filepath.Join(captures, basic)
	whole := readFile(t, basic+"/outer.pcap")
	cut := itemsOf(whole)[40].end
	dir := t.TempDir()
	late, fifo := filepath.Join(dir, "late.pcap"), filepath.Join(dir, "fifo")
	if err := os.WriteFile(late, append(whole[:24:24], whole[cut:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(files ...string) (string, *exec.Cmd) {
		c := l2tpdump(t, append([]string{"decrypt", "-q", "-k", filepath.Join(from, "router.log"), "-r"}, strings.Split(strings.Join(files, " -r "), " ")...)...)
		var text bytes.Buffer
		c.Stdout, c.Stderr = &text, &text
		stop := start(t, c)
		if slices.Contains(files, fifo) {
			if err := os.WriteFile(fifo, whole[:cut], 0); err != nil {
				t.Error(err)
			}
		}
		c.Wait()
		if !stop() {
			t.Fatalf("%v hung", files)
		}
		return text.String(), c
	}
	want, _ := run(filepath.Join(from, "outer.pcap"))
	if got, c := run(late, fifo); got != want || c.ProcessState.ExitCode() != exitOK {
		t.Errorf("exit status %d:\n%s\nnot\n%s", c.ProcessState.ExitCode(), got, want)
	}
}
