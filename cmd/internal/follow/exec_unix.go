//go:build unix

package follow

import (
	"bufio"
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
	restartGood  = time.Minute      // a command that ran for so long is started again soon
	restartTries = 5                // failures in a row of a command, each soon, that has never given a key

	runnerStarts = 6 * checkMax  // for the runner to say that it is ready
	runnerEnds   = 5 * killAfter // for it to end when it is told to
	pipeHolds    = 64 << 10      // bytes that a pipe may hold when a run has ended
)

var errRunnerGone = errors.New("the process that runs it has ended")

// command follows the output of a command, which its runner runs: see [Serve].
type command struct {
	name   string
	format string
	said   *lineLog
	pause  func(tries int) time.Duration

	runner  *exec.Cmd
	control io.WriteCloser // nil when the runner has been told to end
	out     *os.File       // what the command prints
	ends    chan string    // how each run has ended; closed when the runner has

	ended bool   // the run
	how   string // that it has failed
	left  int    // bytes of the ended run that may still be in the pipe
	down  error  // how the command failed, until it is started again
}

// openExec starts the runner, which looks whether the shell knows the program. Run has it start the
// command.
func openExec(text string, o Options) (Source, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("exec: without a command")
	}
	name, _ := program(text)
	c := &command{name: "exec:" + name, format: o.Format, pause: restartPause}
	c.said = newLineLog(c.name, o.Log)
	if o.Runner == nil {
		return nil, fmt.Errorf("%s: commands are not run here", c.name)
	}
	if err := c.start(o.Runner(text)); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return c, nil
}

func (c *command) start(cmd *exec.Cmd) error {
	out, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer outW.Close()
	c.out = out
	ends, endsW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer endsW.Close()
	c.ends = make(chan string, 1) // an answer to each request, so that none waits
	go func() {
		defer ends.Close()
		defer close(c.ends)
		for lines := bufio.NewScanner(ends); lines.Scan(); {
			c.ends <- lines.Text()
		}
	}()
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.WaitDelay = outW, c.said, []*os.File{endsW}, killAfter
	// ^C is for the program. Nothing can be asked on the terminal: what tries fails and says so,
	// and is not stopped.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	control, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		control.Close()
		return err
	}
	c.runner, c.control = cmd, control
	select {
	case refused, ok := <-c.ends:
		if !ok {
			return errRunnerGone
		}
		if refused != "" {
			return errors.New(refused)
		}
		return nil
	case <-time.After(runnerStarts):
		return errors.New("the process that is to run it does not answer")
	}
}

// program names the program of a shell command, without its arguments and without what is set in
// its environment: these may be secret. It is plain if its first word can be looked up as it
// stands.
func program(text string) (name string, plain bool) {
	word := strings.Fields(text)[0]
	if strings.ContainsAny(word, "=~'\"`$(){}[]*?!;&|<>\\#") {
		return "command", false
	}
	return word[strings.LastIndexByte(word, '/')+1:], true
}

func (c *command) Name() string { return c.name }

// Close ends the runner, which ends the command.
func (c *command) Close() error {
	c.out.Close()
	if c.control == nil {
		return nil
	}
	c.control.Close()
	c.control = nil
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.runner.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(runnerEnds): // it was stopped, and may be another user's, who alone can end it
	}
	return nil
}

// Down returns how the command failed last, if it is not running. It is called after Run has
// returned.
func (c *command) Down() error { return c.down }

// wait is of the waiter. io.EOF is the end of a run: all that it printed is then in the pipe.
func (c *command) wait(p []byte) (int, error) {
	if !c.ended {
		select {
		case how, ok := <-c.ends:
			if !ok {
				return 0, errRunnerGone
			}
			c.ended, c.how, c.left = true, how, pipeHolds
		default:
		}
	}
	if c.ended {
		p = p[:min(len(p), c.left)]
	}
	if len(p) == 0 {
		return 0, io.EOF
	}
	c.out.SetReadDeadline(time.Now().Add(poll))
	n, err := c.out.Read(p)
	switch {
	case n > 0:
		c.left -= n
		return n, nil
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return 0, errRunnerGone
	case c.ended:
		return 0, io.EOF
	}
	return 0, nil
}

// Run ends by itself if the command fails again and again, each time soon, and has never given a
// key.
func (c *command) Run(ctx context.Context, emit func(*keysrc.Keys)) error {
	defer c.Close()
	known := keysrc.NewSeen()
	var r restarts
	for ctx.Err() == nil {
		began := time.Now()
		keys, err := c.once(ctx, known, emit)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errRunnerGone):
			return fmt.Errorf("%s: %w", c.name, errRunnerGone)
		case err != nil:
			c.down = fmt.Errorf("%s: %w", c.name, err)
		}
		if !r.again(err, time.Since(began), keys) {
			return fmt.Errorf("%s failed %d times and gave no key: %w", c.name, restartTries, err)
		}
		pause := c.pause(r.tries - 1)
		c.said.end(endText(err, pause))
		sleep(ctx, pause)
	}
	return nil
}

// once has the command run once, and returns how it failed.
func (c *command) once(ctx context.Context, known *keysrc.Seen, emit func(*keysrc.Keys)) (keys bool, err error) {
	c.ended, c.down = false, nil
	c.control.Write([]byte{runNow}) // if that fails, the runner has ended, which is noticed
	f := newFeed(c.name, c.format, known, emit)
	_, err = f.stream.ReadFrom(&reader{done: ctx.Done(), from: c, feed: f})
	none := f.close() // no error: the next run may have some
	if err == nil && !c.ended {
		err = none // it is a capture
	}
	if err != nil && !errors.Is(err, errRunnerGone) && ctx.Err() == nil {
		// What it prints can't be read on.
		err = errors.New(strings.TrimPrefix(err.Error(), c.name+": "))
		c.control.Write([]byte{endRun})
		for buf := make([]byte, 4096); ctx.Err() == nil; {
			if _, e := c.wait(buf); e == io.EOF {
				break
			} else if e != nil {
				return false, e
			}
		}
	} else if err == nil && c.how != "" {
		err = errors.New(c.how)
	}
	return f.keys > 0, err
}

// endText tells how a run has ended.
func endText(err error, pause time.Duration) string {
	how, again := "exit status 0", "in"
	if err != nil {
		how = err.Error()
	}
	if pause >= restartMax {
		again = "every"
	}
	return fmt.Sprintf("ended (%s); starting it again %s %v", how, again, pause)
}

// restarts says whether a command is of use.
type restarts struct {
	tries    int  // since a run that took long
	failures int  // in a row, each soon
	works    bool // it has given a key
}

// again takes a run that ended with err after so long, and reports whether there is to be another.
func (r *restarts) again(err error, took time.Duration, keys bool) bool {
	if took >= restartGood {
		*r = restarts{works: r.works}
	}
	r.tries++
	r.works = r.works || keys
	if err == nil || r.works || took >= restartGood {
		r.failures = 0
		return true
	}
	r.failures++
	return r.failures < restartTries
}

// restartPause is 1, 2, 4 … 30 seconds.
func restartPause(tries int) time.Duration {
	return min(restartFirst<<min(tries, 10), restartMax)
}
