package follow

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent has SIGTERM sent when the program has ended. The kernel forgets it when the user changes or a program with
// capabilities is executed, so it is asked for here and not where the helper is started.
func dieWithParent() { unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0) }

// runAttributes: the shell does not outlive a helper that was killed.
func runAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
