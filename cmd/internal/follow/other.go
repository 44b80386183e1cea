//go:build !unix

package follow

import (
	"errors"
	"os"
)

func openExec(string, Options) (Source, error) {
	return nil, errors.New("exec: takes a Unix shell; pipe the command into -k - instead")
}

// Serve does nothing here: there are no commands to run.
func Serve(string) error { return errors.ErrUnsupported }

func openNoWait(path string) (*os.File, error) { return os.Open(path) }
