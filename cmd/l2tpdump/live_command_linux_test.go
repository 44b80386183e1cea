package main

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childrenOf lists the processes whose parent is pid.
func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		var state string
		var parent int
		rest := text[strings.LastIndexByte(string(text), ')')+1:]
		if _, err := fmt.Sscan(string(rest), &state, &parent); err == nil && parent == pid && state != "Z" {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			children = append(children, child)
		}
	}
	return children
}

// ended reports whether a process is gone, or only waits for its parent to notice.
func ended(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.HasPrefix(string(text[strings.LastIndexByte(string(text), ')')+1:]), " Z")
}

// TestLiveCommandUser: the command is run, and after its death run again, as the one who called,
// while the process that captures is nobody, or the user of -Z or sudo. Nothing of it is left
// however that process ends.
func TestLiveCommandUser(t *testing.T) {
	t.Parallel()
	_, log, _ := captureOf(t, "01-basic-aes128-sha1")
	for _, c := range []struct {
		name, sudo string
		args       []string
		said       string
		uid        string // of the capturing process
		command    string // uid of the command
		end        os.Signal
	}{
		{"root, killed", "", nil, "running as nobody, no_new_privs", "65534", "0", syscall.SIGKILL},
		{"root", "", nil, "; exec: runs as root", "65534", "0", syscall.SIGINT},
		{"sudo", "1", nil, "running as daemon, no_new_privs", "1", "1", syscall.SIGTERM},
		{"sudo, killed", "1", nil, "running as daemon, no_new_privs", "1", "1", syscall.SIGKILL},
		{"-Z", "", []string{"-Z", "daemon"}, "running as daemon, no_new_privs", "1", "1", syscall.SIGKILL},
		{"-Z root", "1", []string{"-Z", "root"}, "running as root", "0", "0", syscall.SIGINT},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			dir := l.path(c.name)
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			alive := filepath.Join(dir, "alive")
			if err := syscall.Mkfifo(alive, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(alive, 0o666); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(alive, os.O_RDWR, 0) // none of its processes waits for a reader
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			reader, err := os.Open(alive)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			if err := os.WriteFile(filepath.Join(dir, "log"), wholeFile(t, log), 0o644); err != nil {
				t.Fatal(err)
			}
			l.env = []string{"SUDO_UID=" + c.sudo}
			p := l.start(append([]string{"live", "-i", l.interfaceToTap, "-k",
				"exec:cd '" + dir + "'; exec 3>alive; sleep 1000 & echo $HOME $USER $LOGNAME >env; echo $$ $(id -u) >>runs; cat log; wait"}, c.args...)...)
			p.waitFor("listening on")
			if !strings.Contains(p.errors(), c.said) {
				t.Errorf("%s:\n%s", c.name, p.report())
			}
			pid := p.cmd.Process.Pid
			want := map[string]string{"Uid": strings.Repeat("\t"+c.uid, 4)[1:]}
			if c.uid != "0" {
				want["CapPrm"], want["NoNewPrivs"] = "0000000000000000", "1"
			}
			hasStatus(t, c.name, pid, want)
			helpers := childrenOf(t, pid)
			if len(helpers) != 1 {
				t.Fatalf("%s: its children are %v", c.name, helpers)
			}
			if c.command != "0" {
				hasStatus(t, c.name+": helper", helpers[0], map[string]string{"Uid": strings.Repeat("\t"+c.command, 4)[1:], "CapPrm": "0000000000000000"})
			}
			var runs []string
			for n := 1; n <= 2; n++ {
				eventually(func() bool {
					runs = strings.Fields(string(wholeFile(t, filepath.Join(dir, "runs"))))
					return len(runs) >= 2*n
				})
				if len(runs) != 2*n || runs[2*n-1] != c.command {
					t.Fatalf("%s: runs %q:\n%s", c.name, runs, p.report())
				}
				if n == 1 {
					command, _ := strconv.Atoi(runs[0])
					if command < 2 {
						t.Fatalf("%s: runs %q", c.name, runs)
					}
					syscall.Kill(-command, syscall.SIGKILL)
				}
			}
			if c.command != "0" {
				u, err := user.LookupId(c.command)
				if err != nil {
					t.Fatal(err)
				}
				want := u.HomeDir + " " + u.Username + " " + u.Username + "\n"
				if got := string(wholeFile(t, filepath.Join(dir, "env"))); got != want {
					t.Errorf("%s: the command's HOME, USER, LOGNAME are %q, want %q", c.name, got, want)
				}
			}
			p.signal(c.end)
			p.wait()
			f.Close()
			gone := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, reader)
				gone <- err
			}()
			select {
			case <-gone:
			case <-time.After(patience):
				t.Errorf("%s: a process of the command is still there", c.name)
			}
			eventually(func() bool { return ended(helpers[0]) })
			if !ended(helpers[0]) {
				t.Errorf("%s: the helper is still there", c.name)
			}
		})
	}
}

func wholeFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return text
}
