//go:build unix

package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"l2tpdump/keysrc"
)

// A FIFO has an end each time that its last writer goes, and goes on with the next.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	log := routerLog(t)
	src, _ := openTest(t, path, Options{})
	r := start(t, src)
	want := wholeOf(t, log, "router.log")
	write(t, path, bytes.TrimRight(log, "\n"))
	r.await(want)
	more := readLog(t, "02-natt-aes256-sha1/router.log")
	write(t, path, more)
	want = append(want, wholeOf(t, more, "more.log")...)
	r.await(want)
	r.finish(want)
}

func pipeStdin(t *testing.T) (*stdin, *os.File) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		out.Close()
	})
	return &stdin{f: in}, out
}

func TestStdin(t *testing.T) {
	log := routerLog(t)
	want := wholeOf(t, log, "router.log")
	t.Run("end", func(t *testing.T) {
		src, w := pipeStdin(t)
		r := start(t, src)
		for _, line := range lines(log) {
			w.Write(line[:len(line)/2])
			w.Write(line[len(line)/2:])
		}
		r.await(want)
		w.Close()
		if err := <-r.done; err != nil {
			t.Fatal(err)
		}
		r.done <- nil
		r.finish(want)
	})
	t.Run("open", func(t *testing.T) {
		src, w := pipeStdin(t)
		r := start(t, src)
		w.Write(bytes.TrimRight(log, "\n"))
		r.await(want)
		r.finish(want)
	})
	t.Run("no keys", func(t *testing.T) {
		src, w := pipeStdin(t)
		r := start(t, src)
		io.WriteString(w, "nothing\n")
		w.Close()
		if err := <-r.done; !errors.As(err, new(*keysrc.NoKeysError)) {
			t.Fatalf("error %v", err)
		}
	})
}

// Each run of the command gives a part of the log.
func TestExecRestarts(t *testing.T) {
	dir := t.TempDir()
	log := routerLog(t)
	more := readLog(t, "02-natt-aes256-sha1/router.log")
	write(t, filepath.Join(dir, "0"), bytes.TrimRight(log, "\n"))
	write(t, filepath.Join(dir, "1"), more)
	src, l := quickly(t, `exec:cd `+dir+` && n=$(ls runs* 2>/dev/null | wc -l) && : >runs$n && cat $n && echo told >&2 && exit 3`)
	if src.Name() != "exec:cd" {
		t.Errorf("name %q", src.Name())
	}
	r := start(t, src)
	want := append(wholeOf(t, log, "a.log"), wholeOf(t, more, "b.log")...)
	r.await(want)
	eventually(t, "the message that it ended", func() bool {
		return strings.Contains(l.all(), "exec:cd ended (exit status 3); starting it again in 1ms")
	})
	eventually(t, "its standard error", func() bool { return strings.Contains(l.all(), "exec:cd: told") })
	r.finish(want)
}

// A command that goes on is followed, killed by somebody, and started again.
func TestExecKilled(t *testing.T) {
	dir := t.TempDir()
	log := routerLog(t)
	half := bytes.Index(log, []byte("respond IPsec"))
	half = bytes.LastIndexByte(log[:half], '\n') + 1
	write(t, filepath.Join(dir, "0"), log[:half])
	write(t, filepath.Join(dir, "1"), log[half:])
	src, l := quickly(t, `exec:cd `+dir+` && n=$(ls runs* 2>/dev/null | wc -l) && : >runs$n && cat $n && if [ $n = 0 ]; then kill -9 $$; fi; exec sleep 1000`)
	r := start(t, src)
	want := append(wholeOf(t, log[:half], "a.log"), wholeOf(t, log[half:], "b.log")...)
	r.await(want)
	if !strings.Contains(l.all(), "killed") {
		t.Errorf("messages: %s", l.all())
	}
	r.finish(want)
}

// When the source ends, no process of the command stays, though one of them does not care for
// SIGTERM.
func TestExecEndsAll(t *testing.T) {
	for _, trap := range []string{"", "trap '' TERM; "} {
		path := filepath.Join(t.TempDir(), "alive")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		// It has its end when the last process that has it open for writing is gone.
		alive := make(chan error, 1)
		go func() {
			f, err := os.Open(path)
			if err == nil {
				_, err = io.Copy(io.Discard, f)
				f.Close()
			}
			alive <- err
		}()
		log := routerLog(t)
		write(t, path+".log", log)
		src, _ := openTest(t, "exec:exec 3>"+path+"; "+trap+"sleep 1000 & cat "+path+".log; sleep 1000", Options{})
		r := start(t, src)
		want := wholeOf(t, log, "router.log")
		r.await(want)
		r.finish(want)
		select {
		case err := <-alive:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(deadline):
			t.Fatal("a process of the command is still there")
		}
	}
}

// A command that closes its output and stays is waited for.
func TestExecClosesOutput(t *testing.T) {
	log := routerLog(t)
	path := filepath.Join(t.TempDir(), "router.log")
	write(t, path, log)
	src, l := quickly(t, "exec:cat "+path+"; exec >&-; sleep 1000")
	r := start(t, src)
	want := wholeOf(t, log, "router.log")
	r.await(want)
	r.finish(want)
	if strings.Contains(l.all(), "again") {
		t.Errorf("messages: %s", l.all())
	}
}

func TestRestartPause(t *testing.T) {
	var got []int
	for i := 0; i < 8; i++ {
		got = append(got, int(restartPause(i)/time.Second))
	}
	want := []int{1, 2, 4, 8, 16, 30, 30, 30}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	if restartPause(1<<40) != restartMax {
		t.Error("the pause overflows")
	}
}

func TestProgram(t *testing.T) {
	for _, c := range []struct {
		text, name string
		plain      bool
	}{
		{"ssh router show log", "ssh", true}, {"/usr/bin/journalctl -f", "journalctl", true}, {"PASS=secret ssh router", "command", false},
		{"(cat a; cat b)", "command", false}, {"~/bin/x", "command", false}, {"  cat x", "cat", true}, {"'my program' -p secret", "command", false},
	} {
		if name, plain := program(c.text); name != c.name || plain != c.plain {
			t.Errorf("%q: %q %v", c.text, name, plain)
		}
	}
}

func TestLineLog(t *testing.T) {
	var got []string
	log := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	x := newLineLog("exec:a", log)
	for _, part := range []string{"on", "e\r\ntwo\n\n" + strings.Repeat("x", 100000), "\nlast"} {
		io.WriteString(x, part)
	}
	x.end("ended")
	if len(got) != 5 || got[0] != "exec:a: one" || got[1] != "exec:a: two" || got[3] != "exec:a: last" || len(got[2]) > 2*stderrLine {
		t.Errorf("%q", got)
	}
	got = nil
	io.WriteString(x, "two\nthree\n") // of the next run
	x.end("ended")
	if len(got) != 1 || got[0] != "exec:a: three" {
		t.Errorf("%q", got)
	}
	for text, at := range x.shown {
		x.shown[text] = at.Add(-repeatAfter)
	}
	io.WriteString(x, "three\n")
	if len(got) != 2 || got[1] != "exec:a: three" {
		t.Errorf("%q", got)
	}

	got = nil
	x = newLineLog("exec:a", log)
	io.WriteString(x, strings.Repeat("again\n", 10000))
	for i := range 10000 {
		fmt.Fprintf(x, "line %d\n", i)
	}
	x.end("ended")
	if len(got) != stderrLines+2 || got[stderrLines] != "exec:a: 9981 lines more not shown" {
		t.Errorf("%d lines, the last %q", len(got), got[max(0, len(got)-2):])
	}
	if n := len(x.shown); n > stderrLines+1 {
		t.Errorf("%d lines are kept", n)
	}
}

// A command that never gives a key and fails again and again ends the source; one that has given
// keys does not.
func TestExecFails(t *testing.T) {
	src, l := quickly(t, "exec:false")
	r := start(t, src)
	select {
	case err := <-r.done:
		if err == nil || !strings.Contains(err.Error(), "exec:false failed 5 times and gave no key: exit status 1") {
			t.Errorf("error %v", err)
		}
	case <-time.After(deadline):
		t.Fatal("it goes on")
	}
	if n := strings.Count(l.all(), "starting it again"); n != 1 {
		t.Errorf("the same is told %d times: %s", n, l.all())
	}

	path := filepath.Join(t.TempDir(), "router.log")
	log := routerLog(t)
	write(t, path, log)
	src, l = quickly(t, "exec:cat "+path+"; echo >>"+path+".runs; exit 3")
	r = start(t, src)
	want := wholeOf(t, log, "router.log")
	r.await(want)
	eventually(t, "ten more runs", func() bool {
		runs, _ := os.ReadFile(path + ".runs")
		return len(runs) > 2*restartTries
	})
	r.finish(want)
	if n := strings.Count(l.all(), "starting it again"); n != 1 {
		t.Errorf("the same is told %d times: %s", n, l.all())
	}
}

// Down says whether a command has failed and is not running.
func TestExecDown(t *testing.T) {
	for text, want := range map[string]bool{"exit 3": true, "exit 0": false, "sleep 1000": false} {
		path := filepath.Join(t.TempDir(), "router.log")
		log := routerLog(t)
		write(t, path, log)
		src, l := openTest(t, "exec:cat "+path+"; "+text, Options{})
		src.(*command).pause = func(int) time.Duration { return time.Hour }
		r := start(t, src)
		r.await(wholeOf(t, log, "router.log"))
		if text != "sleep 1000" {
			eventually(t, "its end", func() bool { return strings.Contains(l.all(), "starting it again every 1h0m0s") })
		}
		if err := r.end(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := src.(*command).Down(); (err != nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
