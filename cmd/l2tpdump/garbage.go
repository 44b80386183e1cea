package main

import (
	"runtime"
	"runtime/debug"

	"l2tpdump/keysrc"
)

// manyKeys is how many are most of the memory: garbage is to take less beside them.
const manyKeys = 1 << 14

// What the SAs of so many keys take at most, in bytes, and what else there may be. Up to that it is
// not worth the time to look for garbage often.
const (
	perSA   = 1 << 10
	besides = 512 << 20
)

// Percentages of garbage.
const (
	fewGarbage  = 40
	muchGarbage = 400
)

// saveRoom has the garbage of many keys take little memory.
func saveRoom(keys []*keysrc.Keys) {
	if countKeys(keys) >= manyKeys {
		debug.SetGCPercent(fewGarbage)
	}
}

// makeRoom has the garbage collector make allowance for the SAs of all keys, once these are known.
// GOMEMLIMIT holds.
func makeRoom(keys []*keysrc.Keys) {
	if n := countKeys(keys); n >= manyKeys {
		runtime.GC()
		debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), besides+int64(n)*perSA))
		debug.SetGCPercent(muchGarbage)
	}
}

func countKeys(keys []*keysrc.Keys) (n int) {
	for _, k := range keys {
		n += len(k.IKE) + len(k.ESP)
	}
	return n
}
