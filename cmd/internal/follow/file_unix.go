//go:build unix

package follow

import (
	"os"
	"syscall"
)

// openNoWait opens a file for reading. It does not wait for the writer of a FIFO.
func openNoWait(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}
