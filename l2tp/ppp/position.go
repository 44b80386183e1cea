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

// recentFrames are the last frames of a direction of a link, by a hash: the network repeats some.
type recentFrames struct {
	sums [8]uint64
	next uint8
}

var frameSeed = maphash.MakeSeed()

// repeats reports whether a frame is a copy of one of them, where it is from now on.
func (r *recentFrames) repeats(p *Position, frame []byte) bool {
	if p.Counter == 0 {
		return false
	}
	var h maphash.Hash
	h.SetSeed(frameSeed)
	h.Write(frame)
	sum := h.Sum64() ^ uint64(p.Counter)<<32 ^ uint64(p.Number)
	if slices.Contains(r.sums[:], sum) {
		return true
	}
	r.sums[r.next%uint8(len(r.sums))] = sum
	r.next++
	return false
}
