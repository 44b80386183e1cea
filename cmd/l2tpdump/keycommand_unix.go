//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"

	"l2tpdump/cmd/internal/follow"
)

// The command of an exec: source is run by a process of its own, this program again, which is
// started before privileges are dropped. It becomes the user of -Z or the one who called sudo, or
// stays who it is; the process that captures has no say in that.

// keyCommand is the first argument of that process. It is of no use to a person: help does not name
// it.
const keyCommand = "run-key-command"

// runner makes the process that runs a command.
func (id *identity) runner(command string) *exec.Cmd {
	exe := "/proc/self/exe" // Linux: found also if its folder is closed to the user, or the file was replaced
	if _, err := os.Stat(exe); err != nil {
		if exe, err = os.Executable(); err != nil {
			exe = os.Args[0]
		}
	}
	cmd := exec.Command(exe)
	cmd.Args = []string{os.Args[0], keyCommand, id.commandUser(), command}
	return cmd
}

// runKeyCommand is that process: args are the user and the command.
func runKeyCommand(args []string) error {
	if len(args) != 2 {
		return errors.New(keyCommand + " is run by live for its own use")
	}
	if args[0] != "" {
		id, err := chooseIdentity(args[0])
		if err == nil && id.uid != 0 {
			err = id.become(nil)
			id.setEnvironment()
		}
		if err != nil {
			return err
		}
	} else if _, err := dropCapabilities(nil); err != nil {
		return err
	}
	return follow.Serve(args[1])
}

// setEnvironment has the commands find the user's files, not those of root that sudo names.
func (id *identity) setEnvironment() {
	os.Setenv("HOME", id.home)
	os.Setenv("USER", id.name)
	os.Setenv("LOGNAME", id.name)
}
