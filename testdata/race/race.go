// Package race tells tests whether the race detector is on, which allocates, takes memory and takes
// time.
package race

import "runtime/debug"

// Enabled is true in a test binary that was built with -race.
var Enabled = func() bool {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "-race" {
				return s.Value == "true"
			}
		}
	}
	return false
}()

// Sampled are all of a list, and every sixth with the race detector on: for tests that walk
// recordings and logs through code of one goroutine, which are run in full without it.
func Sampled[T any](list []T) (some []T) {
	for i, x := range list {
		if !Enabled || i%6 == 0 {
			some = append(some, x)
		}
	}
	return some
}
