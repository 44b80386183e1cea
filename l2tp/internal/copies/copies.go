// Package copies finds what the network or its sender repeats.
package copies

import (
	"hash/maphash"
	"slices"
)

// seed makes the hashes such that nobody can aim at another's.
var seed = maphash.MakeSeed()

// Among reports whether data, with what else tells it from others, is among the last, which are
// kept as hashes. It is from now on.
func Among(last []uint64, data []byte, with uint64) bool {
	sum := maphash.Bytes(seed, data) ^ with
	if slices.Contains(last, sum) {
		return true
	}
	copy(last[1:], last)
	last[0] = sum
	return false
}
