package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is a run of l2tpdump.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	mu     sync.Mutex
	said   []string // on standard error
	more   chan struct{}
	ended  chan struct{}
	status int
}

// start runs l2tpdump in the namespace where packets arrive.
func (l *lab) start(args ...string) *program {
	l.t.Helper()
	return l.startWith(nil, args...)
}

// startWith is start with its standard output going to w, a terminal's input coming from it.
func (l *lab) startWith(w io.Writer, args ...string) *program {
	l.t.Helper()
	p := &program{t: l.t, more: make(chan struct{}, 1), ended: make(chan struct{})}
	program := l.program
	if program == nil {
		program = []string{self(l.t)}
	}
	p.cmd = exec.Command("ip", slices.Concat([]string{"netns", "exec", l.nameB}, program, args)...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE="+raceExit, "SUDO_UID=")
	p.cmd.Env = append(p.cmd.Env, l.env...)
	p.cmd.Dir = l.dir
	p.cmd.Stdout = &p.stdout
	if w != nil {
		p.cmd.Stdout = w
	}
	if tty, ok := w.(*os.File); ok && isTerminal(tty) {
		p.cmd.Stdin = tty
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		p.cmd.Process.Kill()
		select {
		case <-p.ended:
		case <-time.After(patience):
			l.t.Errorf("a process of %q still has its standard error:\n%s", args, p.report())
		}
	})
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.said = append(p.said, lines.Text())
			p.mu.Unlock()
			select {
			case p.more <- struct{}{}:
			default:
			}
		}
		p.cmd.Wait()
		p.status = p.cmd.ProcessState.ExitCode()
	}()
	return p
}

// errors returns what was printed on standard error.
func (p *program) errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

// report is errors for the message of a test that has failed: what was said again and again is left
// out.
func (p *program) report() string {
	const first, last = 6, 14
	lines := strings.Split(p.errors(), "\n")
	if n := len(lines) - first - last; n > 1 {
		lines = slices.Concat(lines[:first], []string{fmt.Sprintf("[%d lines]", n)}, lines[first+n:])
	}
	return strings.Join(lines, "\n")
}

// patience is how long a test waits for what has to happen sooner or later.
const patience = 2 * time.Minute

// waitFor waits until standard error holds text.
func (p *program) waitFor(text string) {
	p.t.Helper()
	end := time.After(patience)
	for !strings.Contains(p.errors(), text) {
		select {
		case <-p.more:
		case <-p.ended:
			if strings.Contains(p.errors(), text) {
				return
			}
			p.t.Fatalf("it ended with status %d without having said %q:\n%s", p.status, text, p.report())
		case <-end:
			p.t.Fatalf("it does not say %q:\n%s", text, p.report())
		}
	}
}

// wait waits for the end and returns the exit status.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.report())
	}
	return p.status
}

// interrupt ends it as ^C does.
func (p *program) interrupt() int {
	p.t.Helper()
	p.signal(syscall.SIGINT)
	return p.wait()
}

func (p *program) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// awaitPackets waits, once all has been sent, until the capture that p writes has n whole packets
// or more. They do not come if p has ended or the kernel has dropped some and p is done with the
// others, for which it is asked now and then.
func (p *program) awaitPackets(path string, n int) {
	size, asked := int64(-1), time.Now()
	eventually(func() bool {
		done := p.hasEnded() // looked at first: what it has written is then all
		if dropped := number(p.lastSummary(), droppedCount); dropped > 0 {
			done = done || number(p.lastSummary(), frameCount) == number(p.lastSummary(), receivedCount)-dropped
		}
		if time.Since(asked) > 2*time.Second {
			p.signal(syscall.SIGUSR1)
			asked = time.Now()
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() == size {
			return done
		}
		size = info.Size()
		return holds(path, n) || done
	})
}

// Expressions for number, over a summary.
const (
	frameCount    = `(\d+) frames?: `
	receivedCount = `(\d+) packets? received by the filter`
	droppedCount  = `(\d+) dropped by the kernel`
)

func (p *program) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// lastSummary is what was printed from the last summary on.
func (p *program) lastSummary() string {
	text := p.errors()
	if i := strings.LastIndex(text, " frames: "); i >= 0 {
		return text[strings.LastIndexByte(text[:i], '\n')+1:]
	}
	return ""
}

// awaitSummary asks for the summary so far, again and again, until it is as wanted.
func (p *program) awaitSummary(what string, wanted func(text string) bool) {
	p.t.Helper()
	if !eventually(func() bool {
		p.signal(syscall.SIGUSR1)
		time.Sleep(50 * time.Millisecond)
		return p.hasEnded() || wanted(p.lastSummary())
	}) {
		p.t.Errorf("its summary does not come to %s:\n%s", what, p.report())
	}
}

// awaitFrames waits until the summary so far has n frames.
func (p *program) awaitFrames(n int) {
	p.t.Helper()
	p.awaitSummary(fmt.Sprintf("%d frames", n), func(text string) bool { return number(text, frameCount) == n })
}
