//go:build !unix

package main

import "os"

// openOutput opens a file for writing, and makes it if it is not there.
func openOutput(name string, flags int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flags, mode)
}

func ownedBy(os.FileInfo, *identity) bool { return true }

func isDevice(string) bool { return false }
