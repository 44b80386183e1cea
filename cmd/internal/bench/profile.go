//go:build unix

package main

import (
	"errors"
	"os"
	"runtime/pprof"
)

// profile writes where the time goes with small and large packets, and with many SAs: "go build"
// takes it from the folder of the program, and inlines what is called often.
func (b *bench) profile(to string) (err error) {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var loads []*load
	for _, x := range []struct {
		name       string
		sas, inner int
	}{{"small", 2, 64}, {"large", 2, 1400}, {"many", 10_000, 64}} {
		l, err := b.generate(x.name, b.small, x.sas, ofInner(x.inner))
		if err != nil {
			return err
		}
		defer l.remove()
		loads = append(loads, l)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	for range 4 * b.rounds {
		for _, l := range loads {
			if err := pipelineAll(l.file, true); err != nil {
				return err
			}
		}
	}
	return nil
}
