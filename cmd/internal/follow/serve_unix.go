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
)

const (
	killAfter = 2 * time.Second // from SIGTERM to SIGKILL
	checkMax  = 5 * time.Second // for the shell to find the program

	runnerEndsFile = 3 // the runner's descriptor for how a run has ended
)

// What is asked of the runner on its standard input.
const (
	runNow = 'r'
	endRun = 'e'
)

// Serve is the runner of exec:text, a process of its own: it can start the command with the rights
// of the one who called the program when the program has long given these up, and it ends the
// command's processes however the program ends. It is told what to run when it is started, and when
// to do so on its standard input; it ends with that. The command has its standard output and error.
// At the beginning, and at the end of each run, it writes a line to descriptor 3: what is wrong, or
// nothing. See [Options.Runner].
func Serve(text string) error {
	ends := os.NewFile(runnerEndsFile, "ends")
	if info, err := ends.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return errors.New("this is run by live for its own use")
	}
	syscall.CloseOnExec(runnerEndsFile)
	asked := make(chan byte)
	go func() {
		defer close(asked)
		for b := make([]byte, 1); ; asked <- b[0] {
			if _, err := io.ReadFull(os.Stdin, b); err != nil {
				return
			}
		}
	}()
	answer := func(err error) {
		if err == nil {
			err = errors.New("")
		}
		fmt.Fprintln(ends, strings.ReplaceAll(err.Error(), "\n", " ")) // if that fails, the program has gone: so asked ends
	}
	answer(lookUp(text))
	for what := range asked {
		if what == runNow { // else a run is to end that has already done so
			answer(runOnce(text, asked))
		}
	}
	return nil
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

// runOnce runs the command until it ends or something is asked, or the program has gone. What there
// is then of its process group ends too: each run would leave some behind. It returns how the
// command ended.
func runOnce(text string, asked <-chan byte) (how error) {
	cmd := exec.Command("sh", "-c", text)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, groupOfItsOwn()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("sh: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		how = cmd.Wait()
	}()
	select {
	case <-ended:
	case <-asked:
	}
	group := -cmd.Process.Pid
	syscall.Kill(group, syscall.SIGTERM)
	for limit := time.Now().Add(killAfter); time.Now().Before(limit) && syscall.Kill(group, 0) == nil; {
		time.Sleep(poll / 5)
	}
	syscall.Kill(group, syscall.SIGKILL)
	<-ended
	return how
}
