package ppp

import "l2tpdump/l2tp/internal/copies"

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

// copied reports whether a frame is a copy of one of the last.
func (p *Position) copied(last []uint64, frame []byte) bool {
	return p.Counter != 0 && copies.Among(last, frame, uint64(p.Counter)<<32^uint64(p.Number))
}
