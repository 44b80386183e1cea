package esp

// windowBits is how many positions behind the newest sequence number are told apart exactly. A
// power of two.
const windowBits = 1024

const (
	windowWords = windowBits / 64
	// farAhead is the largest step forward that one packet alone may make where nothing proves its
	// number. A larger one, which a flipped bit in the sequence number also makes, counts only once
	// a second packet continues it.
	farAhead = windowBits / 2
	// farRun is how close behind each other the packets must be that confirm a step.
	farRun = 64
	// restartRun is how many packets in ascending order, all older than the window, make a restart
	// of the count: the SPI used again, or the same traffic once more in a second file.
	restartRun = 8
)

// Window follows the sequence numbers of one SA, RFC 4303 section 3.4.3 and appendix A, with the
// ring bitmap of RFC 6479, for which it takes memory when a number is missing for the first time.
// It refuses nothing: it only counts. Positions are sequence numbers of 64 bits. The zero value is
// ready.
type Window struct {
	Low, High  uint64 // oldest and newest position
	Duplicates uint64 // positions that were there before
	Reordered  uint64 // positions that came after a newer one
	Wraps      uint64 // times that the low half went through zero
	Restarts   uint64 // times that the count began anew

	started  bool
	run      uint8                // packets that were far away and continued one another
	strange  uint64               // position of the last of them
	runStart uint64               // and of the first
	runSeen  uint64               // how many of them were counted in seen
	top      uint64               // newest position since the last restart
	first    uint64               // oldest of these
	seen     uint64               // distinct ones of these
	gaps     uint64               // missing before the last restart
	bits     *[windowWords]uint64 // nil: all from first to top have been seen
}

// Nearest returns the position closest to the newest one that has this low half.
func (w *Window) Nearest(seq uint32) uint64 { return Nearest(w.top, seq) }

// Nearest returns the position closest to top that has this low half (RFC 4303, appendix A2.2).
func Nearest(top uint64, seq uint32) uint64 {
	p := top&^0xffffffff | uint64(seq)
	switch d := int64(p - top); {
	case d > 1<<31 && p >= 1<<32:
		p -= 1 << 32
	case d < -1<<31 && p < 1<<63:
		p += 1 << 32
	}
	return p
}

// Add counts a position. sure tells that the packet was proved to have it, by its ICV: then any
// step forward counts at once.
func (w *Window) Add(p uint64, sure bool) {
	switch {
	case !w.started:
		w.started = true
		w.begin(p)
		w.Low, w.High = p, p
	case p > w.top && (sure || p-w.top <= farAhead):
		if sure {
			w.run = 0
		}
		w.advance(p)
	case p > w.top:
		before := w.strange
		if !w.confirmed(p, 2) {
			return
		}
		if before > w.top { // the first of the new run
			w.advance(before)
		}
		w.run = 0
		w.advance(p)
	case w.top-p < windowBits-64:
		w.mark(p)
	default:
		w.older(p)
	}
}

// older counts a position that is older than the window: a very late packet, or the count begins
// anew.
func (w *Window) older(p uint64) {
	if w.confirmed(p, restartRun) {
		w.seen -= w.runSeen
		start, seen := w.runStart, uint64(w.run)
		w.restart(p)
		w.first, w.seen = start, seen
		w.Low = min(w.Low, start)
		return
	}
	switch {
	case p < w.first:
	case w.missingNow() > 0:
		w.Reordered++
		w.seen++
		w.runSeen++
	default:
		w.Duplicates++
	}
}

// Expects reports whether the sequence number is one that may well come next, or one that is
// missing so far.
func (w *Window) Expects(seq uint32) bool {
	p := w.Nearest(seq)
	switch {
	case !w.started || p > w.top:
		return p-w.top <= farRun
	case w.top-p < windowBits-64 && p >= w.first:
		return !w.has(p)
	}
	return false
}

// Missing returns how many positions were never seen.
func (w *Window) Missing() uint64 { return w.gaps + w.missingNow() }

// missingNow is how many positions since the last restart were never seen.
func (w *Window) missingNow() uint64 {
	span := w.top - w.first + 1
	if !w.started || w.seen >= span {
		return 0
	}
	return span - w.seen
}

// confirmed reports whether the far position p continues a run of n packets, this one included.
func (w *Window) confirmed(p uint64, n uint8) bool {
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
func (w *Window) restart(p uint64) {
	w.gaps += w.missingNow()
	w.Restarts++
	w.run = 0
	w.begin(p)
	w.Low, w.High = min(w.Low, p), max(w.High, p)
}

// begin forgets the bitmap and starts at p.
func (w *Window) begin(p uint64) {
	if w.bits != nil {
		*w.bits = [windowWords]uint64{}
		w.set(p)
	}
	w.top, w.first, w.seen = p, p, 1
}

// advance makes p the newest position; p > top.
func (w *Window) advance(p uint64) {
	if p>>32 != w.top>>32 {
		w.Wraps++
	}
	if w.bits == nil && p != w.top+1 {
		w.makeBits()
	}
	if w.bits != nil {
		from, to := w.top/64, p/64
		if to-from >= windowWords {
			*w.bits = [windowWords]uint64{}
		} else {
			for i := from + 1; i <= to; i++ {
				w.bits[i%windowWords] = 0
			}
		}
		w.set(p)
	}
	w.top = p
	w.seen++
	w.High = max(w.High, p)
}

// makeBits marks what has been seen so far.
func (w *Window) makeBits() {
	w.bits = new([windowWords]uint64)
	for n := min(w.top-w.first, windowBits-65); ; n-- {
		w.set(w.top - n)
		if n == 0 {
			return
		}
	}
}

// mark counts a position within the window.
func (w *Window) mark(p uint64) {
	if w.has(p) {
		w.Duplicates++
		return
	}
	if w.bits == nil && p+1 != w.first {
		w.makeBits()
	}
	if w.bits != nil {
		w.set(p)
	}
	w.seen++
	w.Reordered++
	w.first, w.Low = min(w.first, p), min(w.Low, p)
}

// has reports whether a position that the bitmap can tell was seen.
func (w *Window) has(p uint64) bool {
	if w.bits == nil {
		return w.first <= p && p <= w.top
	}
	return w.bits[p/64%windowWords]&(1<<(p%64)) != 0
}

func (w *Window) set(p uint64) { w.bits[p/64%windowWords] |= 1 << (p % 64) }
