//go:build unix && !linux

package follow

import "syscall"

// dieWithParent has no means here: the end of standard input tells.
func dieWithParent() {}

func runAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
