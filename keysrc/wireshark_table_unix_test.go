//go:build unix

package keysrc

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A FIFO in a table's place is refused, and not waited for.
func TestTableIsFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, TableIKE), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteIKETable(dir, slices.Values([]IKERow(nil))); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Error(err)
	}
}
