package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"l2tpdump/cmd/internal/output"
)

// ringOptions say when -w goes on in another file.
type ringOptions struct {
	size   int64 // millions of bytes
	period int64 // seconds
	files  int
}

func (r *ringOptions) flags(f *pflag.FlagSet) {
	f.Int64VarP(&r.size, "file-size", "C", 0, "")
	f.Int64VarP(&r.period, "rotate-seconds", "G", 0, "")
	f.IntVarP(&r.files, "files", "W", 0, "")
}

// check refuses what contradicts what is written.
func (r *ringOptions) check(write string) error {
	ring := r.size != 0 || r.period != 0
	switch {
	case r.size < 0 || r.size > 1e9:
		return errors.New("-C takes millions of bytes")
	case r.period < 0 || r.period > 1e9:
		return errors.New("-G takes seconds")
	case r.files < 0 || r.files > 1e6:
		return errors.New("-W takes a number of files")
	case r.files > 0 && !ring:
		return errors.New("-W says how many files -C or -G write, and there is neither")
	case ring && (write == "" || write == "-"):
		return errors.New("-C and -G say when -w goes on in another file: they need -w FILE")
	}
	return nil
}

// ring returns the ring of what is written, nil if it is one file.
func (r *ringOptions) ring(write string) (*output.Ring, error) {
	if r.size == 0 && r.period == 0 {
		return nil, nil
	}
	if r.period > 0 && r.files != 1 && !strings.Contains(write, "%") {
		message("-G: the name %s tells no time, so its files get numbers: %s1 is the next", quote(write), write)
	}
	return output.NewRing(output.RingConfig{
		Name: write, Size: r.size * 1e6, Period: time.Duration(r.period) * time.Second, Files: r.files, Zone: time.Local,
	})
}
