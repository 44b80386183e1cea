//go:build unix

// Package processor has benchmarks report processor time, which other work on the machine changes
// little.
package processor

import (
	"syscall"
	"testing"
	"time"
)

// used is what this process has used.
func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Report has a benchmark report the processor time of an operation, from when it is called to when
// what it returns is.
func Report(b *testing.B) func() {
	before := used(b)
	return func() { b.ReportMetric(float64(used(b)-before)/float64(b.N), "cpu-ns/op") }
}
