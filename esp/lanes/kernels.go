package lanes

// kernels are the functions of the assembly that this processor runs best.
type kernels struct {
	expand       func(keys [][16]byte, key []byte) // makes the round keys of AES for cbc; nil: there is no assembly for AES
	cbc          func(keys *byte, rounds int, dst, src, iv *byte, blocks int)
	sha1, sha256 compression
}

// maxLanes is the number of messages that are hashed at once at most.
const maxLanes = 16

// compression hashes whole blocks of one message in each lane.
type compression struct {
	blocks func(state *[8][maxLanes]uint32, data *[maxLanes]*byte, blocks int) // nil: there is no assembly
	lanes  int                                                                 // of which this many are used
	least  int                                                                 // messages from which on it is faster than the standard library
}

// best is set once at start. Tests take from it.
var best kernels
