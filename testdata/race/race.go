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
