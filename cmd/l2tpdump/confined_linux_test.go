package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"l2tpdump/testdata/race"
)

// beConfined is set in the environment of this test binary to have it say what it can do once it is
// confined to a folder.
const beConfined = "L2TPDUMP_BE_CONFINED"

func init() {
	if dir := os.Getenv(beConfined); dir != "" {
		fmt.Println(strings.Join(confinedFailures(dir), "\n"))
		os.Exit(0)
	}
}

// confinedFailures confines this process, and returns what is not as it should be then.
func confinedFailures(dir string) (wrong []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return []string{err.Error()}
	}
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return []string{err.Error()}
	}
	done, err := confine(needs{folders: []string{dir}})
	if err != nil {
		return []string{err.Error()}
	}
	if !strings.Contains(strings.Join(done, ", "), "system calls confined by seccomp") {
		return []string{"not confined: " + strings.Join(done, ", ")}
	}
	is := func(what string, err, want error) {
		if !errors.Is(err, want) {
			wrong = append(wrong, fmt.Sprintf("%s: %v", what, err))
		}
	}
	_, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	is("a socket", err, unix.EPERM)
	_, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_XFRM)
	is("a socket to the kernel's keys", err, unix.EPERM)
	is("connecting", unix.Connect(0, &unix.SockaddrInet4{}), unix.EPERM)
	is("a program", exec.Command("/bin/true").Run(), unix.EPERM)
	is("tracing", unix.PtraceAttach(os.Getppid()), unix.EPERM)
	_, err = unix.ProcessVMReadv(os.Getppid(), nil, nil, 0)
	is("another's memory", err, unix.EPERM)
	is("killing", syscall.Kill(os.Getppid(), 0), unix.EPERM)
	is("mounting", unix.Mount("", "/", "", 0, ""), unix.EPERM)
	_, _, e := syscall.Syscall(syscall.SYS_SETUID, 0, 0, 0)
	is("another user", e, unix.EPERM)

	is("a file in its folder", os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600), nil)
	_, err = net.Interfaces()
	is("the interfaces", err, nil)
	_, err = listener.Accept()
	is("who connected", err, nil)
	_, err = client.Write([]byte("x"))
	is("an open connection", err, nil)
	results := make(chan bool)
	for range 50 { // threads
		go func() {
			runtime.LockOSThread()
			results <- true
		}()
	}
	for range 50 {
		<-results
	}
	runtime.GC()
	return wrong
}

// TestConfined looks at what is left to live by seccomp.
func TestConfined(t *testing.T) {
	c := exec.Command(self(t))
	c.Env = append(os.Environ(), beConfined+"="+t.TempDir())
	text, err := c.CombinedOutput()
	if strings.Contains(string(text), "no seccomp") {
		t.Skip(string(text))
	}
	if err != nil || strings.TrimSpace(string(text)) != "" {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestNoDumps: keys are in no core dump, and another process of the same user can't look into this
// one.
func TestNoDumps(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	dir := t.TempDir()
	program, fifo := filepath.Join(dir, "l2tpdump"), filepath.Join(dir, "fifo")
	syscall.ForkLock.RLock()
	err := copyFile(self(t), program)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fifo, dir, filepath.Dir(dir)} {
		if err := os.Chmod(name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		env   string
		owner uint32
		limit string
	}{
		{"", 0, "0 "}, {keepDumps + "=1", 65534, "unlimited "},
	} {
		cmd := exec.Command(program, "keys", "-k", fifo)
		cmd.Env = append(os.Environ(), asProgram+"=1", c.env)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		raised := syscall.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
		if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &raised); err != nil {
			t.Skip(err)
		}
		stop := start(t, cmd)
		var owner uint32
		var limits []byte
		eventually(func() bool { // it reads the keys
			info, err := os.Stat(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if err != nil {
				return false
			}
			owner = info.Sys().(*syscall.Stat_t).Uid
			limits, _ = os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
			return owner == c.owner && strings.Contains(string(limits), "Max core file size        "+c.limit)
		})
		if owner != c.owner || !strings.Contains(string(limits), "Max core file size        "+c.limit) {
			t.Errorf("%q: /proc belongs to user %d, limits\n%s", c.env, owner, limits)
		}
		cmd.Process.Kill()
		cmd.Wait()
		stop()
	}
}

// TestAddressSpace: where RLIMIT_AS allows less than is needed a message says so, and no crash.
func TestAddressSpace(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector needs more addresses than any limit of use")
	}
	cmd := exec.Command("sh", "-c", `ulimit -v 1800000 && exec "$0" verify -r nothing`, self(t))
	cmd.Env = append(os.Environ(), asProgram+"=1")
	text, err := cmd.CombinedOutput()
	const want = "l2tpdump: RLIMIT_AS allows 1757 MiB of addresses, and 2048 are needed: ulimit -v unlimited\n"
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitError || string(text) != want {
		t.Errorf("%v: %s", err, text)
	}
}
