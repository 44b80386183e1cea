//go:build !unix

package main

import (
	"errors"
	"os"
	"os/exec"
)

// create opens a file for writing, without emptying it.
func (id *identity) create(path string, flags int, mode os.FileMode) (*os.File, error) {
	return openOutput(path, flags, mode)
}

// forbidDumps has no means here.
func forbidDumps() error { return nil }

// drop does nothing here: there is no root.
func (id *identity) drop(needs) (string, error) { return "", nil }

// notePermission says what to do when a capture can't be opened for lack of rights.
func notePermission() string { return "run it as an administrator" }

const keyCommand = "run-key-command"

// runner makes nothing: no commands are run here.
func (id *identity) runner(string) *exec.Cmd { return nil }

func runKeyCommand([]string) error { return errors.ErrUnsupported }

// addressSpace is not asked for here.
func addressSpace() uint64 { return minAddressSpace }
