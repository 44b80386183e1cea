//go:build unix

package keysrc

import (
	"os"
	"path/filepath"
	"syscall"
)

// own gives a file that root has made to the owner of the one that it is to replace, or else to the owner of the folder: a table in a
// user's profile is of use to that user only if it can be read.
func own(f *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	i, err := os.Stat(path)
	if err != nil {
		i, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	s, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(s.Uid), int(s.Gid))
}
