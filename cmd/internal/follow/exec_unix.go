//go:build unix

package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"l2tpdump/keysrc"
)

const (
	restartFirst = time.Second      // pause before the first restart; doubled each time
	restartMax   = 30 * time.Second // the longest pause
	restartGood  = time.Minute      // a command that ran for so long is restarted soon again
	killAfter    = 2 * time.Second  // from SIGTERM to SIGKILL
	checkMax     = 5 * time.Second  // for the shell to find the program
	restartTries = 5                // failures of a command that has never given a key
)

// command follows the output of a command.
type command struct {
	text   string
	name   string
	format string
	log    func(string, ...any)
	pause  func(tries int) time.Duration // before restart number tries, from 0
	down   error                         // how it failed, until it is started again
}

// openExec looks whether the shell knows the program. Run starts it, with the rights that are left then, as each time that it
// is started again.
func openExec(text string, o Options) (Source, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("exec: without a command")
	}
	name, plain := program(text)
	c := &command{text: text, name: "exec:" + name, format: o.Format, log: o.Log, pause: restartPause}
	sh, err := exec.LookPath("sh")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if plain {
		ctx, cancel := context.WithTimeout(context.Background(), checkMax)
		defer cancel()
		word := strings.Fields(text)[0]
		err := exec.CommandContext(ctx, sh, "-c", `command -v "$1" >/dev/null 2>&1`, sh, word).Run()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
			return nil, fmt.Errorf("%s: the shell finds no program of this name", c.name)
		}
	}
	return c, nil
}

// restartPause is 1, 2, 4 … 30 seconds.
func restartPause(tries int) time.Duration {
	return min(restartFirst<<min(tries, 10), restartMax)
}

// program names the program of a shell command, without its arguments and without what is set in its environment: these may
// be secret. It is plain if its first word can be looked up as it stands.
func program(text string) (name string, plain bool) {
	word := strings.Fields(text)[0]
	if strings.ContainsAny(word, "=~'\"`$(){}[]*?!;&|<>\\#") {
		return "command", false
	}
	return word[strings.LastIndexByte(word, '/')+1:], true
}

func (c *command) Name() string { return c.name }

func (c *command) Close() error { return nil }

// Down returns how the command failed last, if it is not running. It is called after Run has returned.
func (c *command) Down() error { return c.down }

// Run ends by itself if the command fails again and again, and has never given a key.
func (c *command) Run(ctx context.Context, emit func(*keysrc.Keys)) error {
	s := newSeen()
	failures := 0
	for tries := 0; ctx.Err() == nil; tries++ {
		r, err := c.start()
		if err == nil {
			c.down = nil
			began := time.Now()
			f := newFeed(c.name, c.format, s, emit)
			_, err = f.stream.ReadFrom(&reader{done: ctx.Done(), from: r, feed: f})
			f.close() // no key in it is no error: the next run may have some
			if f.keys > 0 {
				failures = -1 << 40 // it works, sometimes
			}
			if status := r.finish(ctx, err != nil); err == nil {
				err = status
			}
			if time.Since(began) >= restartGood {
				tries = 0
			}
		}
		if ctx.Err() != nil {
			break
		}
		how := "exit status 0"
		if err != nil {
			how = err.Error()
			c.down = fmt.Errorf("%s: %w", c.name, err)
			if failures++; failures == restartTries {
				return fmt.Errorf("%s failed %d times and gave no key: %w", c.name, failures, err)
			}
		} else {
			failures = min(failures, 0)
		}
		c.log("%s ended (%s); starting it again in %v", c.name, how, c.pause(tries))
		sleep(ctx, c.pause(tries))
	}
	return nil
}

// run is one run of the command. It has a process group of its own.
type run struct {
	cmd    *exec.Cmd
	out    *os.File
	errors *os.File
	said   chan struct{} // closed when all of errors has been logged
}

func (c *command) start() (*run, error) {
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outW.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		return nil, err
	}
	defer errW.Close()
	cmd := exec.Command("sh", "-c", c.text)
	cmd.Stdout, cmd.Stderr = outW, errW
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		outR.Close()
		errR.Close()
		return nil, err
	}
	r := &run{cmd: cmd, out: outR, errors: errR, said: make(chan struct{})}
	go func() {
		defer close(r.said)
		logLines(errR, c.name, c.log)
	}()
	return r, nil
}

// wait is of the waiter.
func (r *run) wait(p []byte) (int, error) {
	if err := r.out.SetReadDeadline(time.Now().Add(poll)); err != nil {
		return 0, err
	}
	n, err := r.out.Read(p)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil
	case err == nil:
		err = io.EOF
	}
	return 0, err
}

// finish waits for the command's end. If ctx ends, or if it is told to, it ends the whole process group. It returns how
// the command ended.
func (r *run) finish(ctx context.Context, kill bool) error {
	r.out.Close()
	kill = kill || ctx.Err() != nil
	if kill {
		// Not waited for yet, so that the group's number is surely its own.
		r.signal(syscall.SIGTERM)
	}
	var status error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status = r.cmd.Wait()
	}()
	if !kill {
		select {
		case <-ended:
		case <-ctx.Done():
			kill = true
			r.signal(syscall.SIGTERM)
		}
	}
	if kill {
		for limit := time.Now().Add(killAfter); time.Now().Before(limit) && r.signal(0) == nil; {
			time.Sleep(poll / 5)
		}
		r.signal(syscall.SIGKILL)
		<-ended
	}
	// What was left in the pipe is still logged; a process that went into the background may hold it open.
	select {
	case <-r.said:
	case <-time.After(4 * poll):
	}
	r.errors.Close()
	<-r.said
	return status
}

// signal sends a signal to the process group, 0 to see whether it is there.
func (r *run) signal(s syscall.Signal) error { return syscall.Kill(-r.cmd.Process.Pid, s) }
