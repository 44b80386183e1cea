//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
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
