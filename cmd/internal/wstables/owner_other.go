//go:build !unix

package wstables

import "os"

// own does nothing here: there is no root.
func own(*os.File, string) {}

// makeFolder makes a folder if it is not there, and those above it.
func makeFolder(path string) error { return os.MkdirAll(path, 0o700) }
