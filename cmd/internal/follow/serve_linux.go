package follow

import "syscall"

// groupOfItsOwn also has the shell end with a runner that was killed.
func groupOfItsOwn() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
