package pipeline

import (
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// esp finds what may open an ESP packet; length is what it had on the wire.
func (f *framer) esp(r *Record, packet []byte, length int) {
	r.Kind = ESP
	var h esp.Header
	if h.Decode(packet) != nil {
		r.Verdict, r.Reason = why.NoESPHeader(length)
		r.unopened()
		return
	}
	r.SPI, r.esp, r.cut = h.SPI, packet, length-len(packet)
	r.Seq = h.Seq
	if r.cut > 0 && !r.Cut() { // it was sent like that, or a mirror cut it: its head is not believed
		r.Verdict = why.Truncated
		r.unopened()
		return
	}
	if f.hold != nil && !r.released && !f.table.Keyed(r.SPI) {
		r.waits = true
		return
	}
	n := len(f.due)
	f.due, f.dueOf = f.due[:n+1], append(f.dueOf, r)
	a := &f.due[n] // zero
	a.SPI, a.Src, a.Dst, a.Data, a.Cut, a.Time = h.SPI, r.Net.Src, r.Net.Dst, packet, r.cut, f.clock.Now
	if r.complete != nil || n+1 == cap(f.due) {
		f.admit()
	}
}

// admit has the table say what opens the packets that are due. Before anything else is asked of the
// table or told to it, and before the batch goes on, it has to be called.
func (f *framer) admit() {
	f.table.Admit(f.due)
	for i, r := range f.dueOf {
		a := &f.due[i].Admission
		if r.flow, r.ring, r.tried, r.err = a.Flow, a.Ring, a.Tried, a.Err; r.ring == nil {
			r.Verdict = why.Packet(nil, r.err)
			r.unopened()
		}
	}
	clear(f.due)
	clear(f.dueOf)
	f.due, f.dueOf = f.due[:0], f.dueOf[:0]
}

// unopened settles the fragments of a datagram that is not to be decrypted.
func (r *Record) unopened() {
	if g := r.complete; g != nil {
		g.decide(r)
	}
}
