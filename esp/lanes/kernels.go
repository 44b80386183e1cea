package lanes

import "unsafe"

// kernels are the functions of the assembly that this processor runs best.
type kernels struct {
	expand       func(keys *[15][16]byte, key []byte) // round keys of AES for cbc; nil: there is no assembly for AES
	cbc          func(keys *byte, rounds int, dst, src, iv *byte, blocks int)
	sha1, sha256 compression
	prefetch     func(p *byte, size int) // nil: there is no assembly
}

// Prefetch has the processor fetch memory of size bytes, 1 at least, that will be needed soon, and
// goes on. p may be anything. To fetch that of many things together, before the first is needed,
// takes less time than to wait for one after the other. Without assembly it does nothing.
func Prefetch(p unsafe.Pointer, size uintptr) {
	if best.prefetch != nil {
		best.prefetch((*byte)(p), int(size))
	}
}

// maxLanes is the number of messages that are hashed at once at most.
const maxLanes = 16

// compression hashes whole blocks of one message in each lane.
type compression struct {
	lanes  int                                                                 // that are used
	least  int                                                                 // messages that are worth it
	blocks func(state *[8][maxLanes]uint32, data *[maxLanes]*byte, blocks int) // nil: there is no assembly
}

// best is set once at start. Tests take from it.
var best kernels
