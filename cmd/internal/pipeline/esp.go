package pipeline

import (
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// esp finds what may open an ESP packet; length is what it had on the wire.
func (f *framer) esp(r *Record, packet []byte, length int) {
	r.Kind = ESP
	var h esp.Header
	if h.Decode(packet) != nil {
		r.Verdict, r.Reason = why.Malformed, "shorter than the ESP header"
		if length >= esp.HeaderLen {
			r.Verdict, r.Reason = why.Truncated, "the snap length left no ESP header"
		}
		r.unopened()
		return
	}
	r.SPI, r.esp, r.cut = h.SPI, packet, length-len(packet)
	r.Seq = h.Seq
	if f.hold != nil && !r.released && !f.table.Keyed(r.SPI) {
		r.waits = true
		return
	}
	of := salookup.Header{SPI: h.SPI, Src: &r.Net.Src, Dst: &r.Net.Dst}
	a := f.table.Admit(&of, salookup.Packet{Data: packet, Cut: r.cut}, f.clock.now)
	r.flow, r.ring, r.tried, r.err = a.Flow, a.Ring, a.Tried, a.Err
	if r.ring == nil {
		r.Verdict = why.Packet(nil, r.err)
		r.unopened()
	}
}

// unopened settles the fragments of a datagram that is not to be decrypted.
func (r *Record) unopened() {
	if g := r.complete; g != nil {
		g.decide(r)
	}
}
