package capture

import (
	"fmt"
	"math"
	"math/bits"
)

// clock turns time stamps of an interface into nanoseconds.
type clock struct {
	ticks  int64 // a second: from if_tsresol
	offset int64 // seconds to add: if_tsoffset
}

// newClock reads if_tsresol: a power of ten, or of two with the highest bit set. trouble is "" if
// it is good.
func newClock(resolution byte, offset int64) (c clock, trouble string) {
	c = clock{ticks: 1, offset: offset}
	n := int(resolution & 0x7f)
	if resolution&0x80 != 0 {
		if n > 62 {
			return c, fmt.Sprintf("time stamps in units of 2^-%d seconds are not supported", n)
		}
		c.ticks = 1 << n
		return c, ""
	}
	if n > 18 {
		return c, fmt.Sprintf("time stamps in units of 10^-%d seconds are not supported", n)
	}
	for range n {
		c.ticks *= 10
	}
	return c, ""
}

// nanoseconds converts a time stamp. Times that an int64 of nanoseconds can't hold (before 1677,
// after 2262) become the first or the last that it can. Finer units than nanoseconds are cut off.
func (c *clock) nanoseconds(t uint64) int64 {
	if c.offset == 0 {
		switch {
		case c.ticks == 1e6 && t <= math.MaxInt64/1000:
			return int64(t) * 1000
		case c.ticks == 1e9 && t <= math.MaxInt64:
			return int64(t)
		}
	}
	seconds, left := t/uint64(c.ticks), t%uint64(c.ticks)
	hi, lo := bits.Mul64(left, 1e9)
	fraction, _ := bits.Div64(hi, lo, uint64(c.ticks)) // less than 1e9, as left is less than ticks
	const far = 1 << 61                                // far outside, and the sum of two of them fits
	s := int64(min(seconds, far)) + min(max(c.offset, -far), far)
	const last = math.MaxInt64 / 1000000000
	switch {
	case s >= last:
		return math.MaxInt64
	case s < -last:
		return math.MinInt64
	}
	return s*1e9 + int64(fraction)
}
