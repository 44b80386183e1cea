//go:build unix

package main

import (
	"os"
	"syscall"
)

// endFIFO lets the reader of a FIFO that may never have been written to see its end: dumpcap would wait for good.
func endFIFO(path string) {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	if f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		f.Close()
	}
}
