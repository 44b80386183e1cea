package capture

import (
	"fmt"
	"math"
	"math/bits"
)

// enhancedPacket reads an Enhanced Packet Block: interface, time stamp, two lengths, data, options.
func (r *Reader) enhancedPacket(p *Packet, body []byte) (isPacket bool, err error) {
	return r.packet(p, r.pcapng.uint32(body), body)
}

// obsoletePacket reads a Packet Block, which differs in the first four bytes: 16 bits each for the
// interface and for a count of drops.
func (r *Reader) obsoletePacket(p *Packet, body []byte) (isPacket bool, err error) {
	return r.packet(p, uint32(r.pcapng.uint16(body)), body)
}

func (r *Reader) packet(p *Packet, ifIndex uint32, body []byte) (isPacket bool, err error) {
	ng := &r.pcapng
	if int64(ifIndex) >= int64(len(ng.section)) {
		return false, r.damaged(8, "packet of interface %d, but %d are described", ifIndex, len(ng.section))
	}
	ifc := &ng.section[ifIndex]
	ticks := uint64(ng.uint32(body[4:8]))<<32 | uint64(ng.uint32(body[8:12]))
	captured, original := ng.uint32(body[12:16]), ng.uint32(body[16:20])
	room := len(body) - 20
	if captured > MaxPacketLen || int(captured) > room {
		return false, r.damaged(20, "packet of %d captured bytes in a block with room for %d", captured, room)
	}
	p.Time = ifc.clock.nanoseconds(ticks)
	p.Length = wireLength(original, int(captured))
	p.Data = body[20 : 20+captured : 20+captured]
	p.Interface = ifc.index
	p.Options = nil
	if after := 20 + pad4(int(captured)); after < len(body) {
		p.Options = ng.packetOptions(body[after:])
	}
	return true, nil
}

// simplePacket reads a Simple Packet Block: the original length and the data, of the section's
// first interface. It has no time stamp.
func (r *Reader) simplePacket(p *Packet, body []byte) (isPacket bool, err error) {
	ng := &r.pcapng
	if len(ng.section) == 0 {
		return false, r.damaged(0, "packet before any interface description")
	}
	ifc := &ng.section[0]
	original := ng.uint32(body[0:4])
	captured := original
	if ifc.snapLen != 0 {
		captured = min(captured, ifc.snapLen)
	}
	room := len(body) - 4
	if captured > MaxPacketLen || int(captured) > room {
		return false, r.damaged(8, "packet of %d captured bytes in a block with room for %d", captured, room)
	}
	p.Time = 0
	p.Length = wireLength(original, int(captured))
	p.Data = body[4 : 4+captured : 4+captured]
	p.Interface = ifc.index
	p.Options = nil
	return true, nil
}

// pad4 rounds up to a multiple of four.
func pad4(n int) int { return (n + 3) &^ 3 }

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
