//go:build race

package keysrc

const raceEnabled = true
