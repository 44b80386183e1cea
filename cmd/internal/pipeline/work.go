package pipeline

import (
	"encoding/binary"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// worker is what one goroutine needs for the second stage.
type worker struct {
	opener   esp.Opener
	inflater esp.Inflater
}

// work is the second stage: it decrypts the ESP packets of a batch.
func (w *worker) work(b *batch) {
	defer w.opener.Release()
	need := 0
	for i := range b.records {
		if r := &b.records[i]; r.ring != nil {
			need += len(r.esp) + esp.OpenOverhead
			r.SA = r.ring.Likely()
		}
	}
	// A loop of its own: what the first one has looked at is at hand by now.
	for i := range b.records {
		if r := &b.records[i]; r.ring != nil {
			r.SA.Expect(&w.opener, salookup.Packet{Data: r.esp, Cut: r.cut})
		}
	}
	if cap(b.plain) < need {
		b.plain = make([]byte, need+need/4)
	}
	b.plain = b.plain[:cap(b.plain)]
	at := 0
	for i := range b.records {
		r := &b.records[i]
		if r.ring == nil {
			continue
		}
		end := at + len(r.esp) + esp.OpenOverhead
		r.open(&w.opener, b.plain[at:at:end])
		at = end
		if r.Verdict.Opened() && r.Plain.NextHeader == esp.ProtocolIPComp {
			b.expand(r, &w.inflater)
		}
	}
}

// open decrypts the packet into dst, and settles the fragments of the datagram.
func (r *Record) open(o *esp.Opener, dst []byte) {
	r.SA, r.SeqHigh, r.err = r.ring.Open(o, &r.Plain, dst, salookup.Packet{Data: r.esp, Cut: r.cut})
	r.Verdict = why.Packet(&r.Plain, r.err)
	if r.Head() {
		r.measure()
	}
	if g := r.complete; g != nil && r.Verdict.Opened() {
		g.settle(r.Number)
	} else if g != nil {
		g.fail()
	}
}

// expand replaces a compressed payload with what it holds. One that can't be expanded stays.
func (b *batch) expand(r *Record, x *esp.Inflater) {
	at := len(b.expanded)
	out, next, err := x.Expand(b.expanded, r.Plain.Data)
	if err != nil {
		return
	}
	b.expanded = out
	r.Plain.Data, r.Plain.NextHeader, r.Expanded = out[at:len(out):len(out)], next, true
}

// measure finds out how long the plaintext is of which Plain is the head: by its own header where
// that says so, else as if there were no padding. Of padding in Plain it takes off what that shows.
func (r *Record) measure() {
	data := r.Plain.Data
	suite := r.SA.Suite
	length := r.ESPLength() - esp.HeaderLen - suite.Cipher.IVLen - 2 - suite.ICVLen
	switch {
	case r.Plain.NextHeader == protoUDP && len(data) >= 6:
		length = int(binary.BigEndian.Uint16(data[4:]))
	case r.Plain.NextHeader == protoIPv4 && len(data) >= 4:
		length = int(binary.BigEndian.Uint16(data[2:]))
	case r.Plain.NextHeader == protoIPv6 && len(data) >= 6:
		length = 40 + int(binary.BigEndian.Uint16(data[4:]))
	}
	if length > 0 && length < len(data) {
		r.Plain.Data = data[:length:length]
	}
	r.Missing = max(length-len(r.Plain.Data), 0)
}
