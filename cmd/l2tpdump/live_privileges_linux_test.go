package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// hasStatus checks lines of /proc/PID/status for each thread of the process.
func hasStatus(t *testing.T, name string, pid int, want map[string]string) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("%s: no threads: %v", name, err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		for key, value := range want {
			if !strings.Contains(string(status), "\n"+key+":\t"+value+"\n") {
				t.Errorf("%s: %s is not %q in\n%s", name, key, value, status)
			}
		}
	}
}

// TestLivePrivileges looks at what the process may do while it captures.
func TestLivePrivileges(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, log, _ := captureOf(t, "01-basic-aes128-sha1")
	secret := l.path("secret.log")
	if err := os.WriteFile(secret, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(secret, 1, 1); err != nil {
		t.Fatal(err)
	}
	public := l.path("router.log")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(public, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		said string
		want map[string]string // of /proc/PID/status
	}{
		{"nobody", []string{"-k", public}, "running as nobody, no_new_privs",
			map[string]string{"Uid": "65534\t65534\t65534\t65534", "CapEff": "0000000000000000", "CapPrm": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"}},
		{"-Z daemon", []string{"-k", public, "-Z", "daemon", "-w", l.path("z.pcapng")}, "running as daemon",
			map[string]string{"Uid": "1\t1\t1\t1", "Gid": "1\t1\t1\t1", "CapEff": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"}},
		{"-Z root", []string{"-k", public, "-Z", "root"}, "running as root",
			map[string]string{"Uid": "0\t0\t0\t0", "NoNewPrivs": "0", "Seccomp": "0"}},
		{"unreadable log", []string{"-k", secret}, "no capability but CAP_DAC_READ_SEARCH",
			map[string]string{"Uid": "65534\t65534\t65534\t65534", "CapEff": "0000000000000004", "CapPrm": "0000000000000004", "NoNewPrivs": "1"}},
	} {
		p := l.start(append([]string{"live", "-i", l.interfaceToTap}, c.args...)...)
		p.waitFor("listening on")
		if !strings.Contains(p.errors(), c.said) {
			t.Errorf("%s:\n%s", c.name, p.report())
		}
		hasStatus(t, c.name, p.cmd.Process.Pid, c.want)
		if status := p.interrupt(); status != exitInterrupted {
			t.Errorf("%s: exit status %d", c.name, status)
		}
	}
	info, err := os.Stat(l.path("z.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 1 {
		t.Errorf("the output belongs to user %d", owner)
	}
	wholeCapture(t, l.path("z.pcapng"))
	p := l.start("live", "-i", l.interfaceToTap, "-k", public, "-Z", "daemon", "-w", l.path("ring.pcapng"), "-C", "1")
	if status := p.wait(); status != exitError || !strings.Contains(p.errors(), "daemon can't create files") {
		t.Errorf("a ring that can't be written, status %d:\n%s", status, p.report())
	}
}

// TestLiveFileCapabilities: what the program's file gives to another user than root is given up
// too.
func TestLiveFileCapabilities(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("needs the program setpriv (util-linux)")
	}
	_, log, _ := captureOf(t, "01-basic-aes128-sha1")
	public, program := l.path("router.log"), l.path("l2tpdump")
	for from, to := range map[string]string{log: public, self(t): program} {
		// No other test starts a program meanwhile: until that is executed it would have the file open
		// for writing, which could not be executed as long.
		syscall.ForkLock.RLock()
		err := copyFile(from, to)
		syscall.ForkLock.RUnlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	const revision, effective = 0x02000000, 1 // linux/capability.h: struct vfs_cap_data
	capabilities := binary.LittleEndian.AppendUint32(nil, revision|effective)
	capabilities = binary.LittleEndian.AppendUint32(capabilities, 1<<unix.CAP_NET_RAW|1<<unix.CAP_NET_ADMIN)
	capabilities = append(capabilities, make([]byte, 12)...)
	if err := unix.Setxattr(program, "security.capability", capabilities, 0); errors.Is(err, unix.ENOTSUP) {
		t.Skip("this file system keeps no capabilities")
	} else if err != nil {
		t.Fatal(err)
	}
	l.program = []string{setpriv, "--reuid", "1", "--regid", "1", "--clear-groups", program}
	p := l.start("live", "-i", l.interfaceToTap, "-k", public, "-k", "exec:exec sleep 1000")
	p.waitFor("; without capabilities, no_new_privs")
	none := map[string]string{"Uid": "1\t1\t1\t1", "CapEff": "0000000000000000", "CapPrm": "0000000000000000"}
	pid := p.cmd.Process.Pid
	helpers := childrenOf(t, pid)
	if len(helpers) != 1 {
		t.Fatalf("its children are %v", helpers)
	}
	hasStatus(t, "helper", helpers[0], none)
	none["NoNewPrivs"], none["Seccomp"] = "1", "2"
	hasStatus(t, "live", pid, none)
	if status := p.interrupt(); status != exitInterrupted {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
}
