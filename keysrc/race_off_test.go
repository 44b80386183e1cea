//go:build !race

package keysrc

const raceEnabled = false
