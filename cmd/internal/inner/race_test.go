//go:build race

package inner

const raceEnabled = true
