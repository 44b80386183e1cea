//go:build unix

package wstables

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// A FIFO in a table's place is refused, and not waited for.
func TestTableIsFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, tableIKE), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteIKE(dir, nil); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Error(err)
	}
}

// TestTableOwner: what root writes belongs to the owner of the old table, or of the folder.
func TestTableOwner(t *testing.T) {
	if syscall.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	top := t.TempDir()
	dir := filepath.Join(top, "made", "too")
	path := filepath.Join(dir, tableIKE)
	belongs := func(path string, uid uint32) {
		t.Helper()
		i, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := i.Sys().(*syscall.Stat_t).Uid; got != uid {
			t.Errorf("%s belongs to user %d, not %d", path, got, uid)
		}
	}
	change := func(path string, uid int, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.Chown(path, uid, uid), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	cookie := byte(0)
	add := func() {
		t.Helper()
		cookie++
		row := IKERow{InitiatorCookie: ikev1.Cookie{cookie}, Ka: esp.NewKey(make([]byte, 16))}
		if _, err := WriteIKE(dir, []IKERow{row}); err != nil {
			t.Fatal(err)
		}
	}
	change(top, 2, 0o755)
	add()
	belongs(filepath.Dir(dir), 2)
	belongs(dir, 2)
	belongs(path, 2)
	change(path, 1, 0o644)
	add()
	belongs(path, 1)
	// Anybody can have put it there.
	change(dir, 2, 0o1777)
	add()
	belongs(path, 2)
}
