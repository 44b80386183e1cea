//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cost is what a measurement took.
type cost struct {
	Wall, CPU time.Duration
	Memory    int64   // bytes at its largest
	Allocs    float64 // per packet
}

// program runs the program over a load.
func (b *bench) decrypt(l *load, cores int, out string) (cost, error) {
	c := exec.Command(b.program, "decrypt", "-r", l.file, "-k", l.keys, "-q", "-w", out)
	c.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(cores))
	return timed(c)
}

// child has this program measure something in a process of its own, so that the memory of neither
// counts for the other.
func (b *bench) child(what string, l *load, cores int) (result cost, err error) {
	self, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	c := exec.Command(self, "-child", what, "-file", l.file)
	c.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(cores))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w", what, err)
	}
	return result, json.Unmarshal(out, &result)
}

// timed runs a command, whose output is not wanted.
func timed(c *exec.Cmd) (cost, error) {
	var errors bytes.Buffer
	c.Stderr = &errors
	forgetPeak()
	start := time.Now()
	if err := c.Run(); err != nil {
		return cost{}, fmt.Errorf("%s: %w: %s", c.Path, err, strings.TrimSpace(errors.String()))
	}
	used := cost{Wall: time.Since(start), CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used.Memory = int64(u.Maxrss)
		if runtime.GOOS != "darwin" {
			used.Memory *= 1024
		}
	}
	return used, nil
}

// forgetPeak gives back what memory can be, and has Linux forget how much it was, as what a process
// took at its largest counts for those that it starts (proc_pid_clear_refs(5), value 5). Where
// there is no such file the memory of all is said to be this process's at least.
func forgetPeak() {
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inTurn runs measurements in turn and returns the costs of each, by round. A round to warm up is
// not counted.
func (b *bench) inTurn(measurements ...func() (cost, error)) ([][]cost, error) {
	costs := make([][]cost, len(measurements))
	for round := range b.rounds + 1 {
		for i, measure := range measurements {
			c, err := measure()
			if err != nil {
				return nil, err
			}
			if round > 0 {
				costs[i] = append(costs[i], c)
			}
		}
	}
	return costs, nil
}

// median of what f says of each cost.
func median(costs []cost, f func(cost) float64) float64 {
	v := make([]float64, len(costs))
	for i, c := range costs {
		v[i] = f(c)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func seconds(c cost) float64 { return c.CPU.Seconds() }
func clock(c cost) float64   { return c.Wall.Seconds() }
func memory(c cost) float64  { return float64(c.Memory) }

// ratio is the median of the ratios of b's cost to a's, round by round: how many times a's rate is
// b's.
func ratio(a, b []cost, f func(cost) float64) float64 {
	v := make([]float64, len(a))
	for i := range a {
		v[i] = f(b[i]) / f(a[i])
	}
	slices.Sort(v)
	return v[len(v)/2]
}
