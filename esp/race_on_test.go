//go:build race

package esp

// raceEnabled: the race detector allocates, so allocations can't be counted.
const raceEnabled = true
