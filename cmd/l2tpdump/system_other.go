//go:build !unix

package main

import "os"

// endFIFO does nothing here: the end of the program ends its pipes.
func endFIFO(string) {}

// readerGone does not know: a reader that is gone is noticed at the next packet.
func readerGone(*os.File) bool { return false }

// openOutput opens a file for writing, and makes it if it is not there.
func openOutput(name string, flags int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flags, mode)
}

func ownedBy(os.FileInfo, *identity) bool { return true }

func isDevice(string) bool { return false }

// notifySummary does nothing: no signal asks for a summary here.
func notifySummary(chan<- os.Signal) {}
