package main

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// asProgram is set in the environment of this test binary to have it be l2tpdump, peakFile beside
// it to have it write there how much memory it had at most.
const (
	asProgram = "L2TPDUMP_BE_PROGRAM"
	peakFile  = "L2TPDUMP_PEAK_FILE"
)

// writePeak writes into a file how many kilobytes of memory this process had at most. What the
// system tells a parent of its child may be the parent's own.
func writePeak(name string) error {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, text, _ = bytes.Cut(text, []byte("VmHWM:"))
	text, _, ok := bytes.Cut(text, []byte("kB"))
	if !ok {
		return fmt.Errorf("no VmHWM in /proc/self/status")
	}
	return os.WriteFile(name, bytes.TrimSpace(text), 0o600)
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
