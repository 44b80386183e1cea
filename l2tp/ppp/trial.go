package ppp

import "slices"

// trial finds out with what a sender compresses whose negotiation was not seen: a frame that is one
// beyond doubt proves it.
type trial struct {
	candidates []candidate
	proved     string // the name of those that fit
}

// candidate is a compression that may be the sender's.
type candidate struct {
	name string
	comp compressor
	mask uint16
	next uint16 // number of the next packet
}

// reset begins with what has begun anew with a Reset-Ack, or with a packet of number 0.
func (t *trial) reset(x *Expander) {
	t.candidates = []candidate{{"deflate", newDeflateCompressor(maxDeflateWindow, &x.inflater), 0xffff, 0}}
	for bits := bsdMinBits; bits <= bsdMaxBits; bits++ {
		t.candidates = append(t.candidates, candidate{"bsd", newBSDCompressor(bits), 0xffff, 0})
	}
}

// pass takes note of a packet that was sent as it is.
func (t *trial) pass(protocol uint16, data []byte) {
	for i := range t.candidates {
		if c := &t.candidates[i]; c.comp.counts(protocol) {
			c.comp.pass(protocol, data)
			c.next++
		}
	}
}

// size is about how many bytes t holds.
func (t *trial) size() (n int) {
	for i := range t.candidates {
		n += t.candidates[i].comp.size()
	}
	return n
}

// receive tries a packet, and returns the frame that it holds if that proves a candidate. Of
// several that fit all go on, for those of BSD-compress differ in a full dictionary only.
func (t *trial) receive(x *Expander, packet []byte, fits func([]byte) bool) (frame []byte) {
	number, _, ok := sequenced{}.number(packet)
	if !ok {
		return nil
	}
	t.begin(x, number, fits)
	var fitting []candidate
	t.candidates = slices.DeleteFunc(t.candidates, func(c candidate) bool {
		if c.next != number&c.mask {
			return true
		}
		c.next = (number + 1) & c.mask
		out, err := c.comp.expand(nil, packet)
		if err == nil && fits(out) {
			frame = out
			fitting = append(fitting, c)
		}
		return err != nil && err != errHistory
	})
	if frame != nil {
		t.proved, t.candidates = fitting[0].name, fitting
		return frame
	}
	for i := range t.candidates {
		t.candidates[i].next++
	}
	for bits := bsdMinBits; bits <= bsdMaxBits; bits++ {
		if bsdClears(packet[2:], bits) {
			t.candidates = append(t.candidates, candidate{"bsd", newBSDCompressor(bits), 0xffff, number + 1})
		}
	}
	return nil
}

// begin adds what may begin with a packet: Deflate and BSD-compress with number 0; MPPC with its
// flush; and Deflate with whatever it had before.
func (t *trial) begin(x *Expander, number uint16, fits func([]byte) bool) {
	goesOn := func(name string) bool {
		return slices.ContainsFunc(t.candidates, func(c candidate) bool { return c.name == name && c.next == number })
	}
	if number == 0 && !goesOn("bsd") {
		t.reset(x)
	}
	if number&(mppeFlushed|mppeEncrypted) == mppeFlushed {
		m := newMicrosoftCompressor(mppeMPPC, nil, fits)
		m.next = number & mppeCountMask
		t.candidates = append(t.candidates, candidate{"mppe", m, mppeCountMask, m.next})
	}
	if t.proved != "bsd" && !goesOn("deflate") {
		d := newDeflateCompressor(maxDeflateWindow, &x.inflater)
		d.restart(nil)
		t.candidates = append(t.candidates, candidate{"deflate", d, 0xffff, number})
	}
}
