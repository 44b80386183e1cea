//go:build unix

// Bench measures the program as a person runs it, beside what cannot be done without: the
// cryptography alone over the same packets, by package lanes and by the standard library, and
// beside tshark and tcpdump where they are installed.
//
// What is compared is run in turn, so that the ratios hold on a machine whose speed changes, and
// each measurement is a process of its own. Rates are by processor time, which other load disturbs
// less than it does the clock.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// bench is one run.
type bench struct {
	dir     string // for captures; in memory if there is a file system for that
	program string
	rounds  int
	small   int   // bytes of the captures of the tables
	sas     []int // further numbers of SAs
}

func main() {
	megabytes := flag.Int("size", 1100, "megabytes of the large capture")
	rounds := flag.Int("rounds", 3, "rounds of each measurement")
	dir := flag.String("dir", memoryDir(), "folder for the captures")
	sas := flag.Int("sas", 0, "a number of SAs to measure beside the usual ones, as 1000000")
	child := flag.String("child", "", "measure in this process and print the result; bench calls itself so")
	file := flag.String("file", "", "capture for -child")
	to := flag.String("profile", "", "instead of all else, write a profile for the compiler to this file")
	flag.Parse()
	var err error
	if *child != "" {
		err = measureHere(*child, *file)
	} else {
		err = run(*dir, *megabytes*1e6, *rounds, *sas, *to)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// memoryDir is a folder in memory, so that no disk takes part.
func memoryDir() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return os.TempDir()
}

func run(dir string, size, rounds, sas int, profile string) error {
	dir, err := os.MkdirTemp(dir, "l2tpdump-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, program: filepath.Join(dir, "l2tpdump"), rounds: rounds, small: size / 5}
	if sas > 0 {
		b.sas = []int{sas}
	}
	if profile != "" {
		return b.profile(profile)
	}
	if out, err := exec.Command("go", "build", "-o", b.program, "./cmd/l2tpdump").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	fmt.Printf("%s, %s, %d processors; captures in %s\n", runtime.Version(), runtime.GOARCH, runtime.NumCPU(),
		filepath.Dir(dir))
	for _, section := range []func() error{
		func() error { return b.others(size) },
		b.sizes,
		b.associations,
		b.stages,
		b.startUp,
	} {
		if err := section(); err != nil {
			return err
		}
	}
	return nil
}
