//go:build unix

package keysrc

import (
	"bufio"
	"os"
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

// TestTableOwner: a table that root writes belongs to the owner of the old one, or of the folder.
func TestTableOwner(t *testing.T) {
	if syscall.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "table")
	owner := func() uint32 {
		i, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return i.Sys().(*syscall.Stat_t).Uid
	}
	row := func(text string) func(*bufio.Writer) error {
		return func(w *bufio.Writer) error { _, err := w.WriteString(text); return err }
	}
	nothing := func(*bufio.Writer) error { return nil }
	add := func() {
		tab, err := openTable(path)
		if err != nil {
			t.Fatal(err)
		}
		defer tab.close()
		if err := tab.each(func(int64, []byte) {}); err != nil {
			t.Fatal(err)
		}
		tab.report.Added++
		if _, err := tab.write(nothing, row("a row\n")); err != nil {
			t.Fatal(err)
		}
	}
	os.Chown(dir, 2, 2)
	if add(); owner() != 2 {
		t.Errorf("a new table belongs to user %d", owner())
	}
	os.Chown(path, 1, 1)
	if add(); owner() != 1 {
		t.Errorf("an old table belongs to user %d", owner())
	}
}
