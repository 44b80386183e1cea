//go:build !race

package inner

const raceEnabled = false
