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

// asHelper is set in the environment of this test binary to have it be the helper of a command ("quick": without the pauses; "once":
// which does not start it again; "play": see play), or a program that follows one ("program").
const asHelper = "FOLLOW_BE_HELPER"

func init() {
	pause := restartPause
	switch os.Getenv(asHelper) {
	case "":
		testHelper = func(command string) *exec.Cmd { return selfAs("usual", command) }
		return
	case "quick":
		pause = func(int) time.Duration { return time.Millisecond }
	case "play":
		play(os.Args[1])
		os.Exit(0)
	case "once":
		pause = func(int) time.Duration { return time.Hour }
	case "program":
		src, err := Open(os.Args[1], Options{Helper: quickly})
		if err == nil {
			err = src.Run(context.Background(), func(*keysrc.Keys) {})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := serve(os.Args[1], pause); err != nil {
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
	cmd.Env = append(os.Environ(), asHelper+"="+what)
	return cmd
}

// play is a helper that runs nothing. Each letter is a run: f fails soon, F after long, k gives a key before, z does not fail.
func play(runs string) {
	h := &helper{frames: os.NewFile(helperFrames, "frames"), cancel: func() {}}
	h.put(frameReady, nil)
	for _, r := range runs {
		h.put(frameStart, nil)
		err := errors.New("exit status 1")
		switch r {
		case 'k':
			h.put(frameOutput, []byte("148048a5bc8c637f,11111111111111111111111111111111\n"))
		case 'z':
			err = nil
		}
		h.putEnd(time.Millisecond, r == 'F', err)
	}
}

// quickly is the helper without the pauses.
func quickly(command string) *exec.Cmd { return selfAs("quick", command) }

// once is the helper that runs the command once.
func once(command string) *exec.Cmd { return selfAs("once", command) }

// alive makes a FIFO. The channel gives a value when the last process that has it open for writing is gone, after the first line that
// was written into it.
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

// A program that is killed takes the command and its processes with it, also one that does not care for SIGTERM.
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

// A helper that is killed ends the source.
func TestExecHelperKilled(t *testing.T) {
	path, first, gone := alive(t)
	src, _ := openTest(t, "exec:exec 3>"+path+"; echo here >&3; exec sleep 1000", Options{})
	r := start(t, src)
	awaitFirst(t, first)
	src.(*command).helper.Process.Kill()
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
	src, _ := openTest(t, "exec:[ -f "+path+".once ] && exec sleep 1000; : >"+path+".once; exec 3>"+path+"; sleep 1000 >/dev/null 2>&1 & echo here >&3",
		Options{Helper: quickly})
	r := start(t, src)
	awaitFirst(t, first)
	awaitGone(t, gone)
	r.finish(nil)
}

// A command that never gave a key may fail so many times in a row, each soon. Of one that may fail again the helper's end is told.
func TestExecFailures(t *testing.T) {
	for runs, want := range map[string]string{
		"fffff":      "exec:fffff failed 5 times and gave no key: exit status 1",
		"ffff":       "exec:ffff: the process that runs it has ended",
		"ffffFffff":  "exec:ffffFffff: the process that runs it has ended",
		"ffffFfffff": "exec:ffffFfffff failed 5 times and gave no key: exit status 1",
		"FFFFFFFF":   "exec:FFFFFFFF: the process that runs it has ended",
		"ffffzffff":  "exec:ffffzffff: the process that runs it has ended",
		"ffkffffff":  "exec:ffkffffff: the process that runs it has ended",
	} {
		src, _ := openTest(t, "exec:"+runs, Options{Helper: func(command string) *exec.Cmd { return selfAs("play", command) }})
		if err := src.Run(t.Context(), func(*keysrc.Keys) {}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", runs, err)
		}
	}
}

// A command has no terminal to ask on: one that tried in the background would be stopped without a word.
func TestExecSession(t *testing.T) {
	src, _ := openTest(t, "exec:sleep 1000", Options{})
	defer src.Close()
	pid := src.(*command).helper.Process.Pid
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("the helper %d is of session %d: %v", pid, sid, err)
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
		src, l := openTest(t, "exec:cd "+dir+"; if [ -f once ]; then cat log; else : >once; printf '"+output+"'; fi; sleep 1000", Options{Helper: quickly})
		r := start(t, src)
		keys := wholeOf(t, log, "router.log")
		r.await(keys)
		r.finish(keys)
		if strings.Count(l.all(), "ended (") != 1 || !strings.Contains(l.all(), "exec:cd ended ("+want) {
			t.Errorf("messages: %s", l.all())
		}
	}
}

// What a command prints without an end is bounded on its way, and what is behind a pause comes whole.
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

// What a command prints to standard error without an end keeps no key back, and the source can be ended meanwhile.
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
func TestTellEnd(t *testing.T) {
	l := new(logged)
	c := &command{name: "exec:a", log: l.log, said: newLineLog("exec:a", l.log)}
	for i := range 20 {
		c.pause = restartPause(i)
		c.tellEnd("exit status 1")
	}
	lines := strings.Split(l.all(), "\n")
	if len(lines) != 6 || lines[5] != "exec:a ended (exit status 1); starting it again every 30s" {
		t.Errorf("%q", lines)
	}
	c.tellEnd("exit status 2")
	c.toldAt = c.toldAt.Add(-repeatAfter)
	c.tellEnd("exit status 2")
	if n := strings.Count(l.all(), "exit status 2"); n != 2 {
		t.Errorf("told %d times of 2", n)
	}
}

// By hand it does nothing.
func TestServeByHand(t *testing.T) {
	cmd := selfAs("usual", "touch "+filepath.Join(t.TempDir(), "ran"))
	text, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "for its own use") {
		t.Errorf("%v: %s", err, text)
	}
}
