package esp

// windowBits is how many positions behind the newest sequence number are told apart exactly. A power of two.
const windowBits = 1024

const (
	windowWords = windowBits / 64
	// farAhead is the largest step forward that one packet alone may make. A larger one, which a flipped bit in
	// the sequence number also makes, counts only once a second packet continues it.
	farAhead = windowBits / 2
	// farRun is how close behind each other the packets must be that confirm a step.
	farRun = 64
	// restartRun is how many packets in ascending order, all older than the window, make a restart of the count:
	// the SPI used again, or the same traffic once more in a second file.
	restartRun = 8
)

// seqEvent says how a sequence number stands to those before it.
type seqEvent uint8

const (
	seqNext      seqEvent = iota // newer than all before
	seqLate                      // older than the newest, not seen before
	seqDuplicate                 // seen before
	seqStrange                   // far away from all before: damaged, or the count begins anew
	seqRestart                   // far away, and confirmed: the count began anew
)

// window follows the sequence numbers of one SA, RFC 4303 section 3.4.3 and appendix A, with the ring bitmap of
// RFC 6479. It refuses nothing: it only counts. Positions are sequence numbers of 64 bits; the high half is
// deduced from the order of arrival as the one that brings the number nearest to the newest.
type window struct {
	started bool
	run     uint8  // packets that agree with strange
	strange uint64 // position of the last one that was far away
	top     uint64 // newest position
	first   uint64 // oldest position since the last restart
	seen    uint64 // distinct positions since the last restart
	bits    [windowWords]uint64

	low, high  uint64 // oldest and newest position of all
	gaps       uint64 // missing before the last restart
	duplicates uint64
	reordered  uint64
	wraps      uint64
	restarts   uint64
	strays     uint64 // far away and not confirmed
}

// add counts the sequence number and returns its position (the high half is position>>32).
func (w *window) add(seq uint32) (position uint64, event seqEvent) {
	if !w.started {
		w.started = true
		w.begin(uint64(seq))
		w.low, w.high = w.top, w.top
		return w.top, seqNext
	}
	p := w.nearest(seq)
	switch {
	case p > w.top:
		if p-w.top > farAhead && !w.confirmed(p, 2) {
			return p, seqStrange
		}
		if p-w.top > farAhead { // the packet before this one was the first of the new run
			w.run = 0
			if w.strange != p {
				w.advance(w.strange)
			}
		}
		if p > w.top {
			w.advance(p)
			return p, seqNext
		}
		return p, w.mark(p)
	case w.top-p < windowBits-64:
		return p, w.mark(p)
	}
	// Older than the window: a very late packet, or the count begins anew.
	if w.confirmed(p, restartRun) {
		w.gaps += w.missingNow()
		w.restarts++
		w.run = 0
		w.begin(p)
		if p < w.low {
			w.low = p
		}
		return p, seqRestart
	}
	if w.missingNow() > 0 && p >= w.first {
		w.reordered++
		w.seen++
	} else if p >= w.first {
		w.duplicates++
	}
	return p, seqStrange
}

// nearest extends the sequence number to the position closest to the newest.
func (w *window) nearest(seq uint32) uint64 {
	p := w.top&^0xffffffff | uint64(seq)
	switch d := int64(p - w.top); {
	case d > 1<<31 && p >= 1<<32:
		p -= 1 << 32
	case d < -1<<31 && p < 1<<63:
		p += 1 << 32
	}
	return p
}

// confirmed reports whether the far position p continues a run of n packets, this one included.
func (w *window) confirmed(p uint64, n uint8) bool {
	if w.run > 0 && p > w.strange && p-w.strange <= farRun {
		w.run++
		if w.run >= n {
			if n > 2 {
				w.strange = p
			}
			return true
		}
		w.strange = p
		return false
	}
	if w.run == 1 {
		w.strays++
	}
	w.run, w.strange = 1, p
	return false
}

// begin forgets the bitmap and starts at p.
func (w *window) begin(p uint64) {
	w.bits = [windowWords]uint64{}
	w.top, w.first, w.seen = p, p, 1
	w.set(p)
}

// advance makes p the newest position; p > top.
func (w *window) advance(p uint64) {
	if p>>32 != w.top>>32 {
		w.wraps++
	}
	from, to := w.top/64, p/64
	if to-from >= windowWords {
		w.bits = [windowWords]uint64{}
	} else {
		for i := from + 1; i <= to; i++ {
			w.bits[i%windowWords] = 0
		}
	}
	w.top = p
	w.seen++
	w.set(p)
	if p > w.high {
		w.high = p
	}
}

// mark counts a position within the window.
func (w *window) mark(p uint64) seqEvent {
	if w.bits[p/64%windowWords]&(1<<(p%64)) != 0 {
		w.duplicates++
		return seqDuplicate
	}
	w.set(p)
	w.seen++
	w.reordered++
	if p < w.first {
		w.first = p
	}
	if p < w.low {
		w.low = p
	}
	return seqLate
}

func (w *window) set(p uint64) { w.bits[p/64%windowWords] |= 1 << (p % 64) }

// missingNow is how many positions since the last restart were never seen.
func (w *window) missingNow() uint64 {
	span := w.top - w.first + 1
	if w.seen >= span {
		return 0
	}
	return span - w.seen
}

// missing is how many positions were never seen.
func (w *window) missing() uint64 { return w.gaps + w.missingNow() }

// setHigh moves all positions so that the newest has the given high half: it was found by other means.
func (w *window) setHigh(high uint32) {
	delta := (uint64(high) - w.top>>32) << 32
	w.top += delta
	w.first += delta
	w.low += delta
	w.high += delta
	w.strange += delta
}
