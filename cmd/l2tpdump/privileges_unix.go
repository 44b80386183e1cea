//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"l2tpdump/cmd/internal/follow"
)

// limitDumps has core dumps take no room. Commands of exec: may raise the limit again.
func limitDumps() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
		return err
	}
	limit.Cur = 0
	return syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
}

// as calls f with the rights of the user, and comes back.
func (id *identity) as(f func() error) (err error) {
	if id == nil || id.uid == 0 {
		return f()
	}
	before, err := syscall.Getgroups()
	if err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	back := func(e error, what string) {
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %w", what, e)
		}
	}
	if err := syscall.Setgroups(id.groups); err != nil {
		return fmt.Errorf("groups of %s: %w", id.name, err)
	}
	defer func() { back(syscall.Setgroups(before), "groups") }()
	if err := syscall.Setegid(id.gid); err != nil {
		return fmt.Errorf("group of %s: %w", id.name, err)
	}
	defer func() { back(syscall.Setegid(0), "group") }()
	if err := syscall.Seteuid(id.uid); err != nil {
		return fmt.Errorf("user %s: %w", id.name, err)
	}
	defer func() { back(syscall.Seteuid(0), "user") }()
	return f()
}

// create opens a file for writing, without emptying it, as the user if that is allowed, else as
// root: then a file that was not there is given to the user. It stays root's if the user is nobody
// for want of another.
func (id *identity) create(path string, flags int, mode os.FileMode) (f *os.File, err error) {
	open := func() error {
		f, err = openOutput(path, flags, mode)
		return err
	}
	if id == nil || id.uid == 0 || id.fallback {
		return f, open()
	}
	if e := id.as(open); e == nil || !errors.Is(e, fs.ErrPermission) {
		return f, e
	}
	_, missing := os.Lstat(path)
	if err := open(); err != nil {
		return nil, err
	}
	if errors.Is(missing, fs.ErrNotExist) {
		if err := f.Chown(id.uid, id.gid); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// canCreate reports whether the user can create files in the folder.
func (id *identity) canCreate(folder string) error {
	return id.as(func() error {
		f, err := os.CreateTemp(folder, ".l2tpdump")
		if err != nil {
			var e *fs.PathError
			if errors.As(err, &e) {
				return fmt.Errorf("%s: %w", folder, e.Err)
			}
			return err
		}
		f.Close()
		return os.Remove(f.Name())
	})
}

// canRead reports whether the user can open the file, or if there is none yet, look where it is to
// be.
func (id *identity) canRead(path string) error {
	return id.as(func() error {
		if _, err := os.Stat(folderOf(path)); err != nil { // by its whole name, also from within it
			return err
		}
		f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = os.Open(folderOf(path))
		}
		if err != nil {
			return err
		}
		return f.Close()
	})
}

// become makes the process the user's for good, with no capabilities but those in keep, where the
// system has such.
func (id *identity) become(keep []string) error {
	if len(keep) > 0 {
		if err := holdCapabilities(); err != nil {
			return err
		}
	}
	if err := syscall.Setgroups(id.groups); err != nil {
		return fmt.Errorf("groups of %s: %w", id.name, err)
	}
	if err := syscall.Setgid(id.gid); err != nil {
		return fmt.Errorf("group of %s: %w", id.name, err)
	}
	if err := syscall.Setuid(id.uid); err != nil {
		return fmt.Errorf("user %s: %w", id.name, err)
	}
	if err := setCapabilities(keep); err != nil {
		return err
	}
	if syscall.Setuid(0) == nil {
		return fmt.Errorf("user %s: root could be had back", id.name)
	}
	return nil
}

// drop gives up what is not needed any more, and says what was done, if anything.
func (id *identity) drop(n needs) (string, error) {
	if id == nil {
		return dropCapabilities(&n)
	}
	if id.uid == 0 {
		return "running as root", nil
	}
	keep, why, err := id.keeps(n)
	if err != nil {
		return "", err
	}
	if why != "" {
		why = " (" + why + "; -Z USER runs as USER)"
		if !hasCapabilities {
			return "running as root" + why, nil
		}
	}
	if err := id.become(keep); err != nil {
		return "", err
	}
	done := []string{"running as " + id.name}
	if len(keep) > 0 {
		done = append(done, "with no capability but "+strings.Join(keep, " and "))
	}
	confined, err := confine(n)
	if err != nil {
		return "", err
	}
	return strings.Join(append(done, confined...), ", ") + why, nil
}

// keeps returns the capabilities that are needed behind the drop, and one reason why.
func (id *identity) keeps(n needs) (keep []string, why string, err error) {
	for _, f := range n.reads {
		switch err := id.canRead(f); {
		case err != nil && id.chosen:
			message("%s can't be opened as %s: after a rotation it could not be followed", f, id.name)
		case err != nil:
			keep, why = append(keep, capReadFiles), f+" can't be read as "+id.name
		}
	}
	for _, folder := range n.folders {
		switch err := id.canCreate(folder); {
		case err != nil && id.chosen:
			return nil, "", withHint("-Z root stays root", "%s can't create files: %w", id.name, err)
		case err != nil:
			keep, why = append(keep, capWriteFiles), folder+" can't be written to as "+id.name
		}
	}
	slices.Sort(keep)
	return slices.Compact(keep), why, nil
}

// notePermission says what to do when a capture can't be opened for lack of rights.
func notePermission() string {
	exe, err := os.Executable()
	if err != nil {
		exe = "l2tpdump"
	}
	return "run it as root, or once: sudo setcap cap_net_raw,cap_net_admin=ep " + exe
}

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
