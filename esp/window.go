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
	started  bool
	run      uint8  // packets that were far away and continued one another
	strange  uint64 // position of the last of them
	runStart uint64 // and of the first
	runSeen  uint64 // how many of them were counted in seen
	top      uint64 // newest position
	first    uint64 // oldest position since the last restart
	seen     uint64 // distinct positions since the last restart
	bits     [windowWords]uint64

	low, high  uint64 // oldest and newest position of all
	gaps       uint64 // missing before the last restart
	duplicates uint64
	reordered  uint64
	wraps      uint64
	restarts   uint64
}

// add counts the sequence number and returns its position (the high half is position>>32).
func (w *window) add(seq uint32) (position uint64, event seqEvent) {
	return w.addAt(w.nearest(seq))
}

// addSure counts a position that is known to be the packet's own, however far ahead it is.
func (w *window) addSure(p uint64) {
	if w.started && p > w.top {
		w.run = 0
		w.advance(p)
		return
	}
	w.addAt(p)
}

// addAt counts a position and returns it.
func (w *window) addAt(p uint64) (position uint64, event seqEvent) {
	if !w.started {
		w.started = true
		w.begin(p)
		w.low, w.high = w.top, w.top
		return w.top, seqNext
	}
	switch {
	case p > w.top && p-w.top <= farAhead:
		w.advance(p)
		return p, seqNext
	case p > w.top:
		before := w.strange
		if !w.confirmed(p, 2) {
			return p, seqStrange
		}
		if before > w.top { // the first of the new run
			w.advance(before)
		}
		w.run = 0
		w.advance(p)
		return p, seqNext
	case w.top-p < windowBits-64:
		return p, w.mark(p)
	}
	// Older than the window: a very late packet, or the count begins anew.
	if w.confirmed(p, restartRun) {
		w.seen -= w.runSeen
		start, seen := w.runStart, uint64(w.run)
		w.restart(p)
		w.first, w.seen = start, seen
		w.low = min(w.low, start)
		return p, seqRestart
	}
	switch {
	case p < w.first:
	case w.missingNow() > 0:
		w.reordered++
		w.seen++
		w.runSeen++
	default:
		w.duplicates++
	}
	return p, seqStrange
}

// expects reports whether the sequence number is one that may well come next, or one that is missing so far.
func (w *window) expects(seq uint32) bool {
	p := w.nearest(seq)
	switch {
	case !w.started || p > w.top:
		return p-w.top <= farRun
	case w.top-p < windowBits-64 && p >= w.first:
		return w.bits[p/64%windowWords]&(1<<(p%64)) == 0
	}
	return false
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
	switch {
	case w.run > 0 && p == w.strange: // captured twice
		return false
	case w.run > 0 && p > w.strange && p-w.strange <= farRun:
		w.run++
		w.strange = p
		return w.run >= n
	}
	w.run, w.runSeen, w.runStart, w.strange = 1, 0, p, p
	return false
}

// restart begins a new count at p and closes the account of the one before.
func (w *window) restart(p uint64) {
	w.gaps += w.missingNow()
	w.restarts++
	w.run = 0
	w.begin(p)
	w.low, w.high = min(w.low, p), max(w.high, p)
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

// setHigh moves all positions so that the given one has this high half, which was found by other means.
func (w *window) setHigh(position uint64, high uint32) {
	delta := (uint64(high) - position>>32) << 32
	w.top += delta
	w.first += delta
	w.low += delta
	w.high += delta
	w.strange += delta
	w.runStart += delta
}
