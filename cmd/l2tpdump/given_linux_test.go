package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestGivenKeyIsOverwritten: keys that -E has on the command line are not there any more once they
// are read; all else is.
func TestGivenKeyIsOverwritten(t *testing.T) {
	const key = "2315a4c3f369c85767ef42819f32e9d8"
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	const value = "0xcc5b49ca@192.0.2.1 aes-cbc-hmac96:0x" + key
	for _, form := range [][]string{
		{"-E", value}, {"--esp-keys=" + value}, {"-nE" + value, "-E", "0x1@192.0.2.1 aes-cbc-hmac96:0x" + key},
		{"-E", value, "-E", "fifo", "-E", "r"},
	} {
		c := exec.Command(self(t), append([]string{"decrypt", "-r", fifo}, form...)...)
		c.Env = append(os.Environ(), asProgram+"=1", keepDumps+"=1")
		var said strings.Builder
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		commandLine := func() string {
			text, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/cmdline")
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if !eventually(func() bool {
			line := commandLine() // it is empty before the program has begun
			return strings.Contains(line, "\x00decrypt\x00-r\x00"+fifo+"\x00") && !strings.Contains(line, key)
		}) {
			t.Errorf("the key is there, or the rest is gone: %q", commandLine())
		}
		end, err := os.OpenFile(fifo, os.O_WRONLY, 0) // which it waits for
		if err != nil {
			t.Fatal(err)
		}
		end.Close()
		c.Wait()
		if !strings.Contains(said.String(), "for a moment") || strings.Contains(said.String(), key) {
			t.Errorf("said: %s", said.String())
		}
	}
}
