//go:build unix

package follow

import (
	"context"
	"encoding/binary"
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
	restartTries = 5         // failures in a row of a command, each soon, that has never given a key
	repeatAfter  = time.Hour // what a command says each time, and how it ends, is said again after so long

	helperStarts = 6 * checkMax  // for the helper to say that it is ready
	helperEnds   = 5 * killAfter // for it to end when it is told to
)

// command follows the output of a command, which its helper runs.
type command struct {
	name    string
	format  string
	log     func(string, ...any)
	helper  *exec.Cmd
	control *os.File // nil when the helper has been told to end
	frames  *os.File

	room   []byte // for buf
	buf    []byte // what has come of frames, and is not taken yet
	left   int    // bytes of output that come next
	said   *lineLog
	ended  bool          // the run
	status error         // of the last run
	long   bool          // it took at least restartGood
	pause  time.Duration // behind it
	gone   error         // the helper does not answer
	down   error         // how the command failed, until it is started again

	told   string // of the last end
	toldAt time.Time
}

// openExec starts the helper, which looks whether the shell knows the program. Run has it start the command.
func openExec(text string, o Options) (Source, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("exec: without a command")
	}
	name, _ := program(text)
	c := &command{name: "exec:" + name, format: o.Format, log: o.Log, room: make([]byte, 2*frameText)}
	c.said = newLineLog(c.name, o.Log)
	if o.Helper == nil {
		return nil, fmt.Errorf("%s: commands are not run here", c.name)
	}
	if err := c.startHelper(o.Helper(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := c.ready(); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return c, nil
}

func (c *command) startHelper(cmd *exec.Cmd) error {
	controlR, controlW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer controlR.Close()
	framesR, framesW, err := os.Pipe()
	if err != nil {
		controlW.Close()
		return err
	}
	defer framesW.Close()
	cmd.Stdin, cmd.Stderr, cmd.ExtraFiles = controlR, os.Stderr, []*os.File{framesW}
	// ^C is for the program. Nothing can be asked on the terminal: what tries fails and says so, and is not stopped.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		controlW.Close()
		framesR.Close()
		return err
	}
	c.helper, c.control, c.frames = cmd, controlW, framesR
	return nil
}

// ready waits for the helper's first frame.
func (c *command) ready() error {
	for limit := time.Now().Add(helperStarts); time.Now().Before(limit); {
		kind, text, err := c.next()
		switch {
		case err != nil:
			return err
		case kind == frameReady:
			return nil
		case kind == frameRefused:
			return errors.New(string(text))
		}
	}
	return errors.New("the process that is to run it does not answer")
}

// next takes a frame off; the kind is 0 when none has come for a while. The text is valid until the next call. That of output is not
// taken yet: left says how much it is.
func (c *command) next() (kind byte, text []byte, err error) {
	for {
		if len(c.buf) >= frameHead {
			n := int(binary.BigEndian.Uint16(c.buf[1:]))
			kind = c.buf[0]
			if kind == frameOutput {
				c.left, c.buf = n, c.buf[frameHead:]
				return kind, nil, nil
			}
			if len(c.buf) >= frameHead+n {
				text, c.buf = c.buf[frameHead:frameHead+n], c.buf[frameHead+n:]
				return kind, text, nil
			}
		}
		if n, err := c.fill(); n == 0 {
			return 0, nil, err
		}
	}
}

// fill reads what has come. It returns 0 and no error when that is nothing.
func (c *command) fill() (int, error) {
	if err := c.frames.SetReadDeadline(time.Now().Add(poll)); err != nil {
		return 0, err
	}
	held := copy(c.room, c.buf)
	n, err := c.frames.Read(c.room[held:])
	c.buf = c.room[:held+n]
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil
	}
	return 0, errors.New("the process that runs it has ended")
}

// wait is of the waiter. io.EOF is the end of a run, until ended is taken back.
func (c *command) wait(p []byte) (int, error) {
	for {
		if c.ended {
			return 0, io.EOF
		}
		if c.left > 0 {
			if len(c.buf) == 0 {
				if n, err := c.fill(); n == 0 {
					c.gone = err
					return 0, err
				}
			}
			n := copy(p, c.buf[:min(c.left, len(c.buf))])
			c.left, c.buf = c.left-n, c.buf[n:]
			return n, nil
		}
		kind, text, err := c.next()
		switch {
		case err != nil:
			c.gone = err
			return 0, err
		case kind == 0:
			return 0, nil
		case kind == frameStart:
			c.down = nil
		case kind == frameError:
			c.said.write(text)
			return 0, nil // more of it may always be at hand: the output may have paused all the same, and Run may have to end
		case kind == frameEnd && len(text) >= endHead:
			c.said.end()
			c.ended = true
			c.pause, c.long, c.status = time.Duration(binary.BigEndian.Uint32(text))*time.Millisecond, text[4] != 0, nil
			if how := string(text[endHead:]); how != "" {
				c.status = errors.New(how)
			}
		}
	}
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

// Close ends the helper, which ends the command.
func (c *command) Close() error {
	if c.control == nil {
		return nil
	}
	c.control.Close()
	c.frames.Close()
	c.control = nil
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.helper.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(helperEnds): // it was stopped, and may be another user's, who alone can end it
	}
	return nil
}

// Down returns how the command failed last, if it is not running. It is called after Run has returned.
func (c *command) Down() error { return c.down }

// Run ends by itself if the command fails again and again, each time soon, and has never given a key.
func (c *command) Run(ctx context.Context, emit func(*keysrc.Keys)) error {
	defer c.Close()
	s := newSeen()
	failures, works := 0, false // in a row, each soon; it has given a key
	c.control.Write([]byte{0})  // begin; if that fails, the frames end too
	for number := byte(0); ctx.Err() == nil; number++ {
		c.ended = false
		f := newFeed(c.name, c.format, s, emit)
		_, err := f.stream.ReadFrom(&reader{done: ctx.Done(), from: c, feed: f})
		none := f.close() // no error: the next run may have some
		if err == nil && !c.ended {
			err = none // it is a capture
		}
		if ctx.Err() == nil && err != nil && c.gone == nil {
			err = errors.New(strings.TrimPrefix(err.Error(), c.name+": "))
			c.endRun(ctx, number)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case c.gone != nil:
			return fmt.Errorf("%s: %w", c.name, c.gone)
		}
		works = works || f.keys > 0
		if err == nil {
			err = c.status
		}
		if err == nil {
			failures = 0
			c.tellEnd("exit status 0")
			continue
		}
		c.down = fmt.Errorf("%s: %w", c.name, err)
		if failures++; c.long || works {
			failures = 0 // that it is of no use is not known
		}
		if failures == restartTries {
			return fmt.Errorf("%s failed %d times and gave no key: %w", c.name, failures, err)
		}
		c.tellEnd(err.Error())
	}
	return nil
}

// endRun ends a run whose output can't be read on, and waits for that.
func (c *command) endRun(ctx context.Context, number byte) {
	c.control.Write([]byte{number})
	var buf [4096]byte
	for ctx.Err() == nil && c.gone == nil {
		if _, err := c.wait(buf[:]); err == io.EOF {
			return
		}
	}
}

// tellEnd tells that a run has ended, but not again and again when each ends like the one before.
func (c *command) tellEnd(how string) {
	again := "in"
	if c.pause >= restartMax {
		again = "every"
	}
	text := fmt.Sprintf("%s ended (%s); starting it again %s %v", c.name, how, again, c.pause)
	if now := time.Now(); text != c.told || now.Sub(c.toldAt) >= repeatAfter {
		if text == c.told {
			c.said.forget()
		}
		c.told, c.toldAt = text, now
		c.log("%s", text)
	}
}
