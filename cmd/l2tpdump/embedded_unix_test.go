//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEmbeddedKeysAreOwners: a capture with keys is its owner's to read, also in the place of one
// that others could read.
func TestEmbeddedKeysAreOwners(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.pcapng")
	if err := os.WriteFile(out, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(captures, basic)
	quietly(t, func() {
		if got := run([]string{"decrypt", "-r", filepath.Join(at, "outer.pcap"), "-k", filepath.Join(at, "router.log"), "--embed-keys", "-w", out}); got != exitOK {
			t.Errorf("exit status %d", got)
		}
	})
	if info, err := os.Stat(out); err != nil || info.Size() == 0 || info.Size() >= 1<<20 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v: %v", info.Mode(), err)
	}
}
