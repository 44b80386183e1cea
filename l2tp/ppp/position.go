package ppp

import (
	"hash/maphash"
	"slices"
)

// Position is the place of a frame among those of its sender, by a number that what carries the
// frame has: of L2TP, of ESP, of the IP datagram.
type Position struct {
	Counter uint32 // of whose numbers it is one; 0: there is no number
	Number  uint32 // two frames with the same are copies; wraps around
	Ordered bool   // what was sent later has a higher number
	Missing uint64 // of an ordered counter: the numbers so far that have not come
}

// comparable reports whether the numbers say which of two frames was sent first.
func (p *Position) comparable(other *Position) bool {
	return p.Ordered && other.Ordered && p.Counter == other.Counter
}

// behind reports whether a frame is known to have been sent later than another.
func (p *Position) behind(other *Position) bool {
	return p.comparable(other) && int32(p.Number-other.Number) > 0
}

var seed = maphash.MakeSeed()

// repeats reports whether data is among the last, by a hash with what else tells it from others,
// where it is from now on: the network repeats some.
func repeats(last []uint64, data []byte, with uint64) bool {
	sum := maphash.Bytes(seed, data) ^ with
	if slices.Contains(last, sum) {
		return true
	}
	copy(last[1:], last)
	last[0] = sum
	return false
}

// copied reports whether a frame is a copy of one of the last.
func (p *Position) copied(last []uint64, frame []byte) bool {
	return p.Counter != 0 && repeats(last, frame, uint64(p.Counter)<<32^uint64(p.Number))
}
