//go:build unix

package wstables

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Wireshark's tables are of use to the user in whose profile they are only if that user can read
// them, and write to the folder. So what root makes is given away, where the system lets it.

// own gives a table that root has made to the owner of the one that it is to replace. Where there
// is none, or where it may be anybody's since others can write to the folder, it gets the owner of
// the folder.
func own(f *os.File, path string) {
	if os.Geteuid() != 0 {
		return
	}
	like, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return
	}
	if old, err := os.Stat(path); err == nil && like.Mode().Perm()&0o022 == 0 {
		like = old
	}
	giveTo(f, like)
}

// giveTo gives a file to the owner of another. It stays root's where that can't be done, as on a
// file server that knows no root.
func giveTo(f *os.File, like fs.FileInfo) {
	if s, ok := like.Sys().(*syscall.Stat_t); ok {
		f.Chown(int(s.Uid), int(s.Gid))
	}
}

// makeFolder makes a folder with mode 0700 if it is not there, and those above it. What root makes
// gets the owner of the folder in which it is made, who can put a link in its place: none is
// followed that leads out of there.
func makeFolder(path string) error {
	if os.Geteuid() != 0 {
		return os.MkdirAll(path, 0o700)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above, name := filepath.Split(filepath.Clean(path))
	if above = filepath.Clean(above); above == path {
		return fs.ErrNotExist
	}
	if err := makeFolder(above); err != nil {
		return err
	}
	root, err := os.OpenRoot(above)
	if err != nil {
		return err
	}
	defer root.Close()
	like, err := root.Stat(".")
	if err != nil {
		return err
	}
	if err := root.Mkdir(name, 0o700); err != nil {
		return fmt.Errorf("%s: %w", above, err)
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", above, err)
	}
	defer f.Close()
	giveTo(f, like)
	return nil
}
