package pipeline

import (
	"slices"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

// hold keeps frames that came before their key, bounded in bytes and in time. It belongs to the
// framer.
type hold struct {
	maxBytes int
	maxTime  int64 // nanoseconds
	queue    []*held
	bytes    int
	spis     map[uint32]int // how many ESP packets of each SPI wait
	ike      int            // how many IKE frames wait
	copied   int            // bytes of fragments that may have to wait
}

// held is a copy of a frame that waits.
type held struct {
	Record
	size    int     // with the parts
	parts   []*held // the other fragments of a datagram that the frame completed
	waiting bool    // in the queue
	fate    *group  // of the parts, once they have been released
}

// heldOverhead is about what a frame costs beside its bytes.
const heldOverhead = 1024

func newHold(maxBytes int, maxTime int64) *hold {
	return &hold{maxBytes: maxBytes, maxTime: maxTime, spis: make(map[uint32]int)}
}

// newHeld returns a copy of r.
func newHeld(r *Record) *held {
	c := &held{Record: *r}
	c.Packet.Data = slices.Clone(r.Packet.Data)
	c.Packet.Options = slices.Clone(r.Packet.Options)
	c.group, c.complete, c.late, c.esp, c.joins = nil, nil, nil, nil, nil
	c.size = heldOverhead + len(c.Packet.Data) + len(c.Packet.Options) + len(c.Whole) + len(c.Unwrapped)
	return c
}

// copyPart keeps a copy of a fragment whose datagram may have to wait. It is false if there is no
// room for it.
func (h *hold) copyPart(r *Record, g *group) bool {
	if len(g.copies) >= groupCopies || h.copied > copiesBytes {
		return false
	}
	c := newHeld(r)
	g.copies = append(g.copies, c)
	h.copied += c.size
	return true
}

func (h *hold) dropCopies(g *group) {
	for _, c := range g.copies {
		h.copied -= c.size
	}
	g.copies = nil
}

// add takes a copy of r, and the fragments of the datagram that it completes. It returns how many
// frames that is.
func (h *hold) add(r *Record) int {
	c := newHeld(r)
	if whole := r.joins; whole != nil {
		whole.parts = append(whole.parts, c)
		whole.size += c.size
		h.bytes += c.size
		return 1
	}
	if g := r.complete; g != nil && !g.isSettled() {
		c.parts = g.copies
		for _, p := range c.parts {
			c.size += p.size
		}
		h.dropCopies(g)
		g.withheld = c
		g.settle(0)
	}
	c.waiting = true
	h.bytes += c.size
	h.queue = append(h.queue, c)
	if c.Kind == ESP {
		h.spis[c.SPI]++
	} else {
		h.ike++
	}
	return c.frames()
}

// has reports whether frames of the SA wait, for IKE of any.
func (h *hold) has(r *Record) bool {
	if r.Kind == ESP {
		return h.spis[r.SPI] > 0
	}
	return h.ike > 0
}

// oldest is the time of the frame that has waited longest, 0 if none waits.
func (h *hold) oldest() int64 {
	if len(h.queue) == 0 {
		return 0
	}
	return h.queue[0].Packet.Time
}

// frames is how many frames c stands for.
func (c *held) frames() int { return 1 + len(c.parts) }

// framesOf is how many frames all stand for.
func framesOf(all []*held) (n uint64) {
	for _, c := range all {
		n += uint64(c.frames())
	}
	return n
}

// forget takes c's share off the counts; the caller takes it off the queue.
func (h *hold) forget(c *held) {
	h.bytes -= c.size
	c.waiting = false
	if c.Kind == IKE {
		h.ike--
	} else if h.spis[c.SPI]--; h.spis[c.SPI] == 0 {
		delete(h.spis, c.SPI)
	}
}

// old returns the frames that have waited too long at the time now, and those beyond the
// bytes that may be held, oldest first.
func (h *hold) old(now int64) (expired, overflow []*held) {
	n := 0
	for n < len(h.queue) && now-h.queue[n].Packet.Time >= h.maxTime {
		h.forget(h.queue[n])
		n++
	}
	expired = h.queue[:n]
	for n < len(h.queue) && h.bytes > h.maxBytes {
		h.forget(h.queue[n])
		n++
	}
	overflow = h.queue[len(expired):n]
	h.queue = h.queue[n:]
	return expired, overflow
}

// concerns reports whether any frame that waits might be opened by k.
func (h *hold) concerns(k *keysrc.Keys) bool {
	if h.ike > 0 && len(k.IKE) > 0 {
		return true
	}
	for _, s := range k.ESP {
		if h.spis[s.SPI] > 0 || s.SPIMask != ^uint32(0) && len(h.spis) > 0 {
			return true
		}
	}
	return false
}

// awaitsKey reports whether a key that comes later may open an IKE message. One that is too short
// may be the beginning of a value whose next line is still to come.
func awaitsKey(v why.Verdict) bool { return v == why.NoKey || v == why.Incomplete }

// openIKE tries again the IKE messages that wait, until none gains from another.
func (h *hold) openIKE(f *framer) {
	for again := h.ike > 0; again; {
		again = false
		for _, c := range h.queue {
			if c.Kind != IKE || !awaitsKey(c.Verdict) {
				continue
			}
			for _, m := range c.IKE {
				if m.Encrypted && !m.Decrypted && f.ike.Decrypt(m.Message) {
					again = true
				}
				f.ike.Renumber(m.Message)
			}
			f.learn(c.IKE)
			f.judgeIKE(&c.Record)
		}
	}
}

// ready takes the frames off the queue that can be opened now, in order.
func (h *hold) ready(f *framer) []*held {
	h.openIKE(f)
	var ready []*held
	kept := h.queue[:0]
	for _, c := range h.queue {
		if c.Kind == IKE && !awaitsKey(c.Verdict) || c.Kind == ESP && f.table.Keyed(c.SPI) {
			h.forget(c)
			ready = append(ready, c)
		} else {
			kept = append(kept, c)
		}
	}
	clear(h.queue[len(kept):])
	h.queue = kept
	return ready
}

// rest takes everything off the queue.
func (h *hold) rest() []*held {
	all := h.queue
	h.queue, h.bytes, h.ike = nil, 0, 0
	clear(h.spis)
	for _, c := range all {
		c.waiting = false
	}
	return all
}
