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
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A command is run by a process of its own, the helper: it can start the command again with the rights of the one who called
// the program when the program has long given these up, and it ends the command's processes however the program ends. The helper is told
// what to run when it is started, and nothing later. What the command prints is read by the program, not by the helper.

const (
	restartFirst = time.Second      // pause before the first restart; doubled each time
	restartMax   = 30 * time.Second // the longest pause
	restartGood  = time.Minute      // a command that ran for so long is restarted soon again
	killAfter    = 2 * time.Second  // from SIGTERM to SIGKILL
	checkMax     = 5 * time.Second  // for the shell to find the program
)

// The helper speaks in frames: a kind, the length of the text in two bytes (big endian), the text.
const (
	frameReady   = 'r' // the shell knows the program
	frameRefused = 'x' // it does not; the text says so
	frameStart   = 's' // a run of the command begins
	frameOutput  = 'o' // what it prints
	frameError   = 'e' // what it prints to standard error
	frameEnd     = 'q' // the run has ended: the pause in milliseconds (4 bytes), 1 if it took at least restartGood (a byte), how it has failed

	frameHead = 3
	endHead   = 5
	frameText = 16 << 10 // the longest text, in bytes
)

// Descriptors of the helper.
const (
	helperControl = 0 // ends when the program does
	helperFrames  = 3
)

// Serve is the helper of exec:text. It runs the command again and again, until its standard input ends or SIGTERM comes.
// Run writes a byte there for it to begin, and later ones to have a run ended; see [Options.Helper].
func Serve(text string) error { return serve(text, restartPause) }

func serve(text string, pause func(tries int) time.Duration) error {
	syscall.CloseOnExec(helperFrames)
	w := os.NewFile(helperFrames, "frames")
	if info, err := w.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return errors.New("this is run by live for its own use")
	}
	dieWithParent()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked := make(chan os.Signal, 1) // taken for good: a second one must not end it before the command has ended
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		<-asked
		cancel()
	}()
	h := &helper{text: text, frames: w, cancel: cancel}
	if err := lookUp(text); err != nil {
		h.put(frameRefused, []byte(err.Error()))
		return nil
	}
	h.put(frameReady, nil)
	begin := make(chan struct{})
	go h.control(os.NewFile(helperControl, "control"), begin)
	select {
	case <-begin:
		h.run(ctx, pause)
	case <-ctx.Done():
	}
	return nil
}

// helper is the state of Serve.
type helper struct {
	text   string
	cancel context.CancelFunc // ends all

	writing sync.Mutex
	frames  io.Writer
	frame   []byte

	mu      sync.Mutex // over what follows
	number  byte       // of the run, which wraps
	endRun  context.CancelFunc
	running bool
}

// put writes a frame. If the program has gone, that ends the helper.
func (h *helper) put(kind byte, text []byte) {
	h.writing.Lock()
	defer h.writing.Unlock()
	h.frame = append(h.frame[:0], kind)
	h.frame = binary.BigEndian.AppendUint16(h.frame, uint16(len(text)))
	h.frame = append(h.frame, text...)
	if _, err := h.frames.Write(h.frame); err != nil {
		h.cancel()
	}
}

// putEnd writes the frame of a run's end.
func (h *helper) putEnd(pause time.Duration, long bool, err error) {
	end := append(binary.BigEndian.AppendUint32(nil, uint32(pause.Milliseconds())), 0)
	if long {
		end[4] = 1
	}
	if err != nil {
		how := err.Error()
		end = append(end, how[:min(len(how), stderrLine)]...)
	}
	h.put(frameEnd, end)
}

// control closes begin when the first byte comes. Each later one is the number of a run that is to end.
func (h *helper) control(in io.Reader, begin chan<- struct{}) {
	defer h.cancel()
	var b [1]byte
	for {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return
		}
		if begin != nil {
			close(begin)
			begin = nil
			continue
		}
		h.mu.Lock()
		if h.running && h.number == b[0] {
			h.endRun()
		}
		h.mu.Unlock()
	}
}

// run runs the command until ctx ends.
func (h *helper) run(ctx context.Context, pause func(tries int) time.Duration) {
	for tries := 0; ctx.Err() == nil; tries++ {
		began := time.Now()
		err := h.once(ctx)
		long := time.Since(began) >= restartGood
		if long {
			tries = 0
		}
		wait := pause(tries)
		h.putEnd(wait, long, err)
		h.mu.Lock()
		h.number++
		h.mu.Unlock()
		sleep(ctx, wait)
	}
}

// once runs the command once, and returns how it ended.
func (h *helper) once(ctx context.Context) error {
	r, err := startRun(h.text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { r.out.SetReadDeadline(time.Unix(1, 0)) })()
	h.setRunning(cancel, true)
	defer h.setRunning(nil, false)
	h.put(frameStart, nil)
	go func() {
		defer close(r.said)
		h.copy(frameError, r.errors)
	}()
	h.copy(frameOutput, r.out)
	return r.finish(ctx)
}

func (h *helper) setRunning(end context.CancelFunc, running bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endRun, h.running = end, running
}

// copy hands on what is read until that ends.
func (h *helper) copy(kind byte, from io.Reader) {
	buf := make([]byte, frameText)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			h.put(kind, buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// lookUp asks the shell for the program of a command, where it is plain.
func lookUp(text string) error {
	sh, err := exec.LookPath("sh")
	if err != nil {
		return err
	}
	if _, plain := program(text); !plain {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkMax)
	defer cancel()
	word := strings.Fields(text)[0]
	err = exec.CommandContext(ctx, sh, "-c", `command -v "$1" >/dev/null 2>&1`, sh, word).Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return errors.New("the shell finds no program of this name")
	}
	return nil
}

// restartPause is 1, 2, 4 … 30 seconds.
func restartPause(tries int) time.Duration {
	return min(restartFirst<<min(tries, 10), restartMax)
}

// run is one run of the command. It has a process group of its own.
type run struct {
	cmd    *exec.Cmd
	out    *os.File
	errors *os.File
	said   chan struct{} // closed when all of errors has been handed on
}

func startRun(text string) (*run, error) {
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
	cmd := exec.Command("sh", "-c", text)
	cmd.Stdout, cmd.Stderr = outW, errW
	cmd.SysProcAttr = runAttributes()
	if err := cmd.Start(); err != nil {
		outR.Close()
		errR.Close()
		return nil, fmt.Errorf("sh: %w", err)
	}
	return &run{cmd: cmd, out: outR, errors: errR, said: make(chan struct{})}, nil
}

// finish waits for the command's end, or for that of ctx. Then it ends what there still is of the process group: each run would leave some
// behind. It returns how the command ended.
func (r *run) finish(ctx context.Context) error {
	r.out.Close()
	told := ctx.Err() != nil
	if told {
		// Not waited for yet, so that the group's number is surely its own.
		r.signal(syscall.SIGTERM)
	}
	var status error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status = r.cmd.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	if !told {
		r.signal(syscall.SIGTERM)
	}
	for limit := time.Now().Add(killAfter); time.Now().Before(limit) && r.signal(0) == nil; {
		time.Sleep(poll / 5)
	}
	r.signal(syscall.SIGKILL)
	<-ended
	// What was left in the pipe is still handed on, which may take its time; a process that went into the background may hold it open,
	// and go on to write.
	limit := time.After(killAfter)
	for more := true; more; {
		select {
		case <-r.said:
			more = false
		case <-limit:
			more = false
		case <-time.After(4 * poll):
			more = r.unread()
		}
	}
	r.errors.Close()
	<-r.said
	return status
}

// unread reports whether something is in the pipe of standard error.
func (r *run) unread() bool {
	raw, err := r.errors.SyscallConn()
	if err != nil {
		return false
	}
	fds := []unix.PollFd{{Events: unix.POLLIN}}
	err = raw.Control(func(fd uintptr) {
		fds[0].Fd = int32(fd)
		unix.Poll(fds, 0)
	})
	return err == nil && fds[0].Revents&unix.POLLIN != 0
}

// signal sends a signal to the process group, 0 to see whether it is there.
func (r *run) signal(s syscall.Signal) error { return syscall.Kill(-r.cmd.Process.Pid, s) }
