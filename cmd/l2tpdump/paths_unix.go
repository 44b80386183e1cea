//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// openOutput opens a file for writing, and makes it if it is not there. As root it follows a
// symbolic link only in a folder to which nobody else can write: in any other one somebody may have
// put it.
func openOutput(name string, flags int, mode os.FileMode) (*os.File, error) {
	if os.Geteuid() == 0 {
		folder, err := os.Stat(filepath.Dir(name))
		if err != nil || !ownedBy(folder, nil) || folder.Mode().Perm()&0o022 != 0 {
			flags |= syscall.O_NOFOLLOW
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flags, mode)
	if errors.Is(err, syscall.ELOOP) {
		return nil, withHint("name the file itself",
			"%s is a symbolic link where others can put one: it is not followed as root", name)
	}
	return f, err
}

// ownedBy reports whether a file belongs to the one who runs the program, or to the user.
func ownedBy(info os.FileInfo, id *identity) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(s.Uid) == os.Geteuid() || id != nil && !id.fallback && int(s.Uid) == id.uid)
}

// isDevice reports whether a name is of a device that is no terminal: it may have no end.
func isDevice(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeDevice == 0 || path == os.DevNull {
		return false
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return !isTerminal(f)
}
