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
	// of the count, where nothing proves their numbers: perhaps the SPI is used again.
	restartRun = 8
)

// Window follows the sequence numbers of one SA, RFC 4303 section 3.4.3 and appendix A, with the
// ring bitmap of RFC 6479. It refuses nothing: it only counts. Positions are sequence numbers of 64
// bits. The zero value is ready. What numbers that come in order have no use for takes memory when
// the first one comes otherwise.
type Window struct {
	top   uint64      // newest position since the last restart
	first uint64      // oldest of these
	seen  uint64      // distinct ones of these; 0: none came yet
	odd   *oddNumbers // nil: all from first to top came, once and in order
	// proved has those whose numbers are proved, on which no others have a bearing; nil: all are.
	proved *Window
}

// noneProved stands for an empty window.
var noneProved Window

// Oddities is how many numbers came otherwise than in order.
type Oddities struct {
	Duplicates uint64 // positions that were there before, or that are proved and too old to tell
	Reordered  uint64 // positions that came after a newer one
	Wraps      uint64 // times that the low half went through zero
	Restarts   uint64 // times that the count began anew
}

// oddNumbers is what a window remembers of numbers that did not come in order.
type oddNumbers struct {
	Oddities
	low, high uint64 // oldest and newest position before the last restart
	gaps      uint64 // missing before it

	run      uint8  // packets that were far away and continued one another
	strange  uint64 // position of the last of them
	runStart uint64 // and of the first
	runSeen  uint64 // how many of them were counted in seen

	holes bool // bits is in use: not all from first to top have been seen
	bits  [windowWords]uint64
}

// oddities are what remembers them.
func (w *Window) oddities() *oddNumbers {
	if w.odd == nil {
		w.odd = new(oddNumbers)
	}
	return w.odd
}

// Odd returns how many numbers came otherwise than in order.
func (w *Window) Odd() Oddities {
	if w.odd == nil {
		return Oddities{}
	}
	return w.odd.Oddities
}

// Empty reports whether none came yet.
func (w *Window) Empty() bool { return w.seen == 0 }

// Low returns the oldest position.
func (w *Window) Low() uint64 {
	if w.Odd().Restarts > 0 {
		return min(w.first, w.odd.low)
	}
	return w.first
}

// High returns the newest position.
func (w *Window) High() uint64 {
	if w.Odd().Restarts > 0 {
		return max(w.top, w.odd.high)
	}
	return w.top
}

// Nearest returns the position closest to the newest one that has this low half, to the newest
// proved one if any is.
func (w *Window) Nearest(seq uint32) uint64 {
	if p := w.proved; p != nil && p.seen > 0 {
		return Nearest(p.top, seq)
	}
	return Nearest(w.top, seq)
}

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

// Add counts a position, and reports whether it was there before. sure tells that the packet was
// proved to have it, by its ICV: then any step forward counts at once, and what is older than the
// window was there before, as no key serves twice for a number. It was there before only if it was
// proved then, too.
func (w *Window) Add(p uint64, sure bool) (again bool) {
	switch {
	case sure && w.proved == nil:
		return w.add(p, true)
	case !sure:
		if w.proved == nil {
			w.proved = w.clone()
		}
		return w.add(p, false)
	}
	if w.proved == &noneProved {
		w.proved = new(Window)
	}
	again = w.proved.add(p, true)
	w.add(p, again || p >= w.top)
	return again
}

// clone returns a copy that changes alone.
func (w *Window) clone() *Window {
	if w.seen == 0 {
		return &noneProved
	}
	c := *w
	if w.odd != nil {
		odd := *w.odd
		c.odd = &odd
	}
	return &c
}

func (w *Window) add(p uint64, sure bool) (again bool) {
	switch {
	case w.seen == 0:
		w.begin(p)
	case p > w.top && (sure || p-w.top <= farAhead):
		if sure && w.odd != nil {
			w.odd.run = 0
		}
		w.advance(p)
	case p > w.top:
		odd := w.oddities()
		before := odd.strange
		if !odd.confirmed(p, 2) {
			return false
		}
		if before > w.top { // the first of the new run
			w.advance(before)
		}
		odd.run = 0
		w.advance(p)
	case w.top-p < windowBits-64:
		return w.mark(p)
	case sure:
		w.oddities().Duplicates++
		return true
	default:
		return w.older(p)
	}
	return false
}

// older counts a position that is older than the window: a very late packet, or the count begins
// anew.
func (w *Window) older(p uint64) (again bool) {
	odd := w.oddities()
	if odd.confirmed(p, restartRun) {
		w.seen -= odd.runSeen
		run := uint64(odd.run)
		w.restart(p)
		w.first, w.seen = odd.runStart, run
		return false
	}
	switch {
	case p < w.first:
	case w.missingNow() > 0:
		odd.Reordered++
		w.seen++
		odd.runSeen++
	default:
		odd.Duplicates++
		return true
	}
	return false
}

// Expects reports whether the sequence number is one that may well come next, or one that is
// missing so far.
func (w *Window) Expects(seq uint32) bool {
	p := w.Nearest(seq)
	switch {
	case w.seen == 0 || p > w.top:
		return p-w.top <= farRun
	case w.top-p < windowBits-64 && p >= w.first:
		return !w.has(p)
	}
	return false
}

// Missing returns how many positions were never seen.
func (w *Window) Missing() uint64 {
	if w.odd == nil {
		return 0
	}
	return w.odd.gaps + w.missingNow()
}

// missingNow is how many positions since the last restart were never seen.
func (w *Window) missingNow() uint64 {
	span := w.top - w.first + 1
	if w.seen == 0 || w.seen >= span {
		return 0
	}
	return span - w.seen
}

// confirmed reports whether the far position p continues a run of n packets, this one included.
func (o *oddNumbers) confirmed(p uint64, n uint8) bool {
	switch {
	case o.run > 0 && p == o.strange: // captured twice
		return false
	case o.run > 0 && p > o.strange && p-o.strange <= farRun:
		o.run++
		o.strange = p
		return o.run >= n
	}
	o.run, o.runSeen, o.runStart, o.strange = 1, 0, p, p
	return false
}

// restart begins a new count at p and closes the account of the one before.
func (w *Window) restart(p uint64) {
	odd := w.odd
	odd.low, odd.high = w.Low(), w.High()
	odd.gaps += w.missingNow()
	odd.Restarts++
	odd.run = 0
	if odd.holes {
		odd.bits = [windowWords]uint64{}
		odd.set(p)
	}
	w.begin(p)
}

func (w *Window) begin(p uint64) { w.top, w.first, w.seen = p, p, 1 }

// advance makes p the newest position; p > top.
func (w *Window) advance(p uint64) {
	if p>>32 != w.top>>32 {
		w.oddities().Wraps++
	}
	if p != w.top+1 {
		w.useBits()
	}
	if odd := w.odd; odd != nil && odd.holes {
		from, to := w.top/64, p/64
		if to-from >= windowWords {
			odd.bits = [windowWords]uint64{}
		} else {
			for i := from + 1; i <= to; i++ {
				odd.bits[i%windowWords] = 0
			}
		}
		odd.set(p)
	}
	w.top = p
	w.seen++
}

// useBits has the bitmap say what has been seen.
func (w *Window) useBits() {
	odd := w.oddities()
	if odd.holes {
		return
	}
	odd.holes, odd.bits = true, [windowWords]uint64{}
	for n := min(w.top-w.first, windowBits-65); ; n-- {
		odd.set(w.top - n)
		if n == 0 {
			return
		}
	}
}

// mark counts a position within the window.
func (w *Window) mark(p uint64) (again bool) {
	odd := w.oddities()
	if w.has(p) {
		odd.Duplicates++
		return true
	}
	if p+1 != w.first {
		w.useBits()
	}
	if odd.holes {
		odd.set(p)
	}
	w.seen++
	odd.Reordered++
	w.first = min(w.first, p)
	return false
}

// has reports whether a position that the bitmap can tell was seen.
func (w *Window) has(p uint64) bool {
	if w.odd == nil || !w.odd.holes {
		return w.first <= p && p <= w.top
	}
	return w.odd.bits[p/64%windowWords]&(1<<(p%64)) != 0
}

func (o *oddNumbers) set(p uint64) { o.bits[p/64%windowWords] |= 1 << (p % 64) }
