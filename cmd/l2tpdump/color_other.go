//go:build !windows

package main

import "os"

// obeysColor reports whether a terminal obeys colors.
func obeysColor(*os.File) bool { return true }
