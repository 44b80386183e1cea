//go:build unix

package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"l2tpdump/keysrc"
)

// asRunner is set in the environment of this test binary to have it be the runner of a command, or
// a program that follows one ("program").
const asRunner = "FOLLOW_BE_RUNNER"

func init() {
	var err error
	switch os.Getenv(asRunner) {
	case "":
		testRunner = func(command string) *exec.Cmd { return selfAs("runner", command) }
		return
	case "runner":
		err = Serve(os.Args[1])
	case "program":
		var src Source
		src, err = Open(os.Args[1], Options{Runner: func(command string) *exec.Cmd { return selfAs("runner", command) }})
		if err == nil {
			err = src.Run(context.Background(), func(*keysrc.Keys) {})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func selfAs(what, arg string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(exe, arg)
	cmd.Env = append(os.Environ(), asRunner+"="+what)
	return cmd
}

// quickly opens a command whose pauses are short.
func quickly(t *testing.T, spec string) (Source, *logged) {
	t.Helper()
	src, l := openTest(t, spec, Options{})
	src.(*command).pause = func(int) time.Duration { return time.Millisecond }
	return src, l
}

// alive makes a FIFO. The channel gives a value when the last process that has it open for writing
// is gone, after the first line that was written into it.
func alive(t *testing.T) (path string, first chan string, gone chan error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "alive")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	first, gone = make(chan string, 1), make(chan error, 1)
	go func() {
		f, err := os.Open(path)
		if err != nil {
			first <- ""
			gone <- err
			return
		}
		defer f.Close()
		buf := make([]byte, 100)
		n, _ := f.Read(buf)
		first <- string(buf[:n])
		_, err = io.Copy(io.Discard, f)
		gone <- err
	}()
	return path, first, gone
}

// awaitFirst waits for the line of a command that has begun.
func awaitFirst(t *testing.T, first chan string) {
	t.Helper()
	select {
	case text := <-first:
		if text != "here\n" {
			t.Errorf("%q", text)
		}
	case <-time.After(deadline):
		t.Fatal("the command does not begin")
	}
}

func awaitGone(t *testing.T, gone chan error) {
	t.Helper()
	select {
	case err := <-gone:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(deadline):
		t.Fatal("a process of the command is still there")
	}
}

// A program that is killed takes the command and its processes with it, also one that does not care
// for SIGTERM.
func TestExecProgramKilled(t *testing.T) {
	for _, trap := range []string{"", "trap '' TERM; "} {
		path, first, gone := alive(t)
		program := selfAs("program", "exec:exec 3>"+path+"; "+trap+"echo here >&3; sleep 1000 & sleep 1000")
		program.Stderr = os.Stderr
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		awaitFirst(t, first)
		program.Process.Kill()
		program.Wait()
		awaitGone(t, gone)
	}
}

// A runner that is killed ends the source.
func TestExecRunnerKilled(t *testing.T) {
	path, first, gone := alive(t)
	src, _ := openTest(t, "exec:exec 3>"+path+"; echo here >&3; exec sleep 1000", Options{})
	r := start(t, src)
	awaitFirst(t, first)
	src.(*command).runner.Process.Kill()
	select {
	case err := <-r.done:
		if err == nil || err.Error() != "exec:exec: the process that runs it has ended" {
			t.Errorf("error %v", err)
		}
	case <-time.After(deadline):
		t.Fatal("it goes on")
	}
	if runtime.GOOS == "linux" {
		awaitGone(t, gone)
	}
}

// What a command has left in the background ends before it is started again.
func TestExecLeavesNone(t *testing.T) {
	path, first, gone := alive(t)
	src, _ := quickly(t, "exec:[ -f "+path+".once ] && exec sleep 1000; : >"+path+".once; exec 3>"+path+
		"; sleep 1000 >/dev/null 2>&1 & echo here >&3")
	r := start(t, src)
	awaitFirst(t, first)
	awaitGone(t, gone)
	r.finish(nil)
}

// A command that never gave a key may fail so many times in a row, each soon. Each letter is a run:
// f fails soon, F after long, k gives a key before, z does not fail.
func TestRestarts(t *testing.T) {
	failed := errors.New("exit status 1")
	for runs, want := range map[string]int{
		"ffffff": 5, "ffff": 4, "ffffFffff": 9, "ffffFfffff": 10, "FFFFFFFF": 8, "ffffzffff": 9, "ffkffffff": 9,
	} {
		var r restarts
		n := 0
		for again := true; again && n < len(runs); n++ {
			switch runs[n] {
			case 'z':
				again = r.again(nil, 0, false)
			case 'F':
				again = r.again(failed, restartGood, false)
			default:
				again = r.again(failed, 0, runs[n] == 'k')
			}
			if again == (n+1 == 5 && runs == "ffffff" || n+1 == 10) {
				t.Errorf("%s: run %d: %v", runs, n+1, again)
			}
		}
		if n != want {
			t.Errorf("%s: %d runs, want %d", runs, n, want)
		}
	}
	var r restarts
	for _, took := range []time.Duration{0, 0, restartGood, 0} {
		r.again(failed, took, true)
	}
	if r.tries != 2 {
		t.Errorf("the pause is that of try %d", r.tries)
	}
}

// A command has no terminal to ask on: one that tried in the background would be stopped without a
// word.
func TestExecSession(t *testing.T) {
	src, _ := openTest(t, "exec:sleep 1000", Options{})
	defer src.Close()
	pid := src.(*command).runner.Process.Pid
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("the runner %d is of session %d: %v", pid, sid, err)
	}
}

// A source that is closed without having been run has not run its command.
func TestExecNotRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ran")
	src, _ := openTest(t, "exec:: >"+path, Options{})
	src.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("it was run")
	}
}

// A run whose output can't be read is ended, and the command started again.
func TestExecBroken(t *testing.T) {
	for output, want := range map[string]string{
		`\037\213broken and more of it`:        "gzip: invalid header",
		`\324\303\262\241\002\000 and packets`: "no key: it is a packet capture, which belongs behind -r",
	} {
		dir := t.TempDir()
		log := routerLog(t)
		write(t, filepath.Join(dir, "log"), log)
		src, l := quickly(t, "exec:cd "+dir+"; if [ -f once ]; then cat log; else : >once; printf '"+output+"'; fi; sleep 1000")
		r := start(t, src)
		keys := wholeOf(t, log, "router.log")
		r.await(keys)
		r.finish(keys)
		if strings.Count(l.all(), "ended (") != 1 || !strings.Contains(l.all(), "exec:cd ended ("+want) {
			t.Errorf("messages: %s", l.all())
		}
	}
}

// What a command prints without an end is bounded on its way, and what is behind a pause comes
// whole.
func TestExecFlood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.log")
	log := routerLog(t)
	write(t, path, log)
	src, _ := openTest(t, "exec:yes 'some other line of the router' | head -c 20000000; yes noise | head -c 1000000 >&2; cat "+path+"; sleep 1000", Options{})
	r := start(t, src)
	want := wholeOf(t, log, "router.log")
	r.await(want)
	r.finish(want)
}

// What a command prints to standard error without an end keeps no key back, and the source can be
// ended meanwhile.
func TestExecFloodsErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.log")
	log := routerLog(t)
	write(t, path, bytes.TrimRight(log, "\n"))
	src, _ := openTest(t, "exec:cat "+path+"; exec yes >&2", Options{})
	r := start(t, src)
	want := wholeOf(t, log, "router.log")
	r.await(want)
	r.finish(want)
}

// The same end is not told again and again.
func TestEndTold(t *testing.T) {
	l := new(logged)
	said := newLineLog("exec:a", l.log)
	for i := range 20 {
		said.end(endText(errors.New("exit status 1"), restartPause(i)))
	}
	lines := strings.Split(l.all(), "\n")
	if len(lines) != 6 || lines[5] != "exec:a ended (exit status 1); starting it again every 30s" {
		t.Errorf("%q", lines)
	}
	said.end("ended (exit status 2)")
	for text, at := range said.shown {
		said.shown[text] = at.Add(-repeatAfter)
	}
	said.end("ended (exit status 2)")
	if n := strings.Count(l.all(), "exit status 2"); n != 2 {
		t.Errorf("told %d times of 2", n)
	}
}

// By hand it does nothing.
func TestServeByHand(t *testing.T) {
	cmd := selfAs("runner", "touch "+filepath.Join(t.TempDir(), "ran"))
	text, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "for its own use") {
		t.Errorf("%v: %s", err, text)
	}
}
