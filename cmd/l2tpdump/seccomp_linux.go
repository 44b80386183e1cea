package main

import (
	"fmt"
	"runtime"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// systemCalls are what live needs once all is open: memory and threads, what is read and written,
// and the sockets that are there. It can neither start a program nor reach another host, look into
// another process or change who it is. Not every processor has all of them.
var systemCalls = []string{
	// Memory, threads, signals and time: the Go runtime and the C library.
	"brk", "mmap", "munmap", "mprotect", "mremap", "madvise", "mincore", "membarrier", "futex", "rseq",
	"set_robust_list", "set_tid_address", "arch_prctl", "prctl", "prlimit64", "getrlimit", "gettid", "getpid", "getppid",
	"sched_yield", "sched_getaffinity", "exit", "exit_group", "tgkill", "sigaltstack", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "restart_syscall", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday",
	"time", "setitimer", "timer_create", "timer_settime", "timer_delete", "getrandom", "uname", "sysinfo",
	"getuid", "geteuid", "getgid", "getegid", "getgroups", "capget", "wait4", "waitid",
	// Files.
	"read", "readv", "pread64", "write", "writev", "pwrite64", "close", "lseek", "_llseek", "open", "openat", "openat2",
	"stat", "fstat", "lstat", "newfstatat", "stat64", "fstat64", "lstat64", "fstatat64", "statx", "statfs", "fstatfs",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "ftruncate", "ftruncate64",
	"fsync", "fdatasync", "fchmod", "fcntl", "fcntl64", "ioctl", "dup", "dup3", "pipe2", "eventfd2", "unlink", "unlinkat",
	// Waiting, and sockets that are open.
	"poll", "ppoll", "select", "_newselect", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "accept", "accept4", "shutdown",
	"getsockopt", "setsockopt", "getsockname", "getpeername", "bind",
}

// systemCallsIf are allowed with these arguments only: to make a thread, no process, and to ask the
// kernel for its interfaces.
var systemCallsIf = []seccomp.NameWithConditions{
	{Name: "clone", Conditions: seccomp.ArgumentConditions{
		{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD},
	}},
	{Name: "socket", Conditions: seccomp.ArgumentConditions{
		{Argument: 0, Operation: seccomp.Equal, Value: unix.AF_NETLINK},
		{Argument: 2, Operation: seccomp.Equal, Value: unix.NETLINK_ROUTE},
	}},
}

// confineCalls leaves all threads no other system call than those; any other one fails. It takes
// no_new_privs.
func confineCalls() (string, error) {
	processor, err := arch.GetInfo("")
	switch {
	case err != nil || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64": // others call some by other names
		return "no seccomp for this processor", nil
	case !seccomp.Supported():
		return "no seccomp in this kernel", nil
	}
	missing := func(name string) bool { _, ok := processor.SyscallNames[name]; return !ok }
	err = seccomp.LoadFilter(seccomp.Filter{
		Flag: seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				// The flags of clone3 can't be seen: it is said not to be there, and clone is used.
				{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
				{Action: seccomp.ActionAllow, NamesWithCondtions: systemCallsIf,
					Names: slices.DeleteFunc(slices.Clone(systemCalls), missing)},
			},
		},
	})
	if err != nil {
		return "", fmt.Errorf("seccomp: %w", err)
	}
	return "system calls confined by seccomp", nil
}
