//go:build !unix

package main

import "os"

// endFIFO does nothing here: the end of the program ends its pipes.
func endFIFO(string) {}

// readerGone does not know: a reader that is gone is noticed at the next packet.
func readerGone(*os.File) bool { return false }
