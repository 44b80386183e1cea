package pipeline

import (
	"l2tpdump/capture"
	"l2tpdump/cmd/internal/why"
)

// Small batches stay in the cache of the processor that fills them until another has worked on
// them.
const (
	batchRecords = 256       // frames in a batch
	batchBytes   = 128 << 10 // captured bytes at which a batch is full
)

// batch is a run of frames with the memory they lie in.
type batch struct {
	records  []Record
	lent     []byte // what a source reads into that can be lent memory
	data     []byte // what the other records' packets, and options, point into
	last     int    // of these, the bytes in front of the last record's
	plain    []byte // what their plaintexts point into
	expanded []byte // what IPComp payloads hold
	flush    bool   // nothing was at hand behind it
	worked   bool   // it is decrypted; the line's lock guards it and awaited
	awaited  bool   // the goroutine that decrypted it is about to deliver it
	fed      int    // records that the sinks have
}

func newBatch() *batch { return &batch{records: make([]Record, 0, batchRecords)} }

// fits reports whether a packet can be added without the batch growing too large.
func (b *batch) fits(p *capture.Packet) bool {
	if len(b.records) == 0 {
		return true
	}
	return len(b.records) < cap(b.records) && len(b.data)+len(p.Data)+len(p.Options) <= batchBytes+batchBytes/8
}

// add adds a packet. lent: it may keep its data as long as it is in the batch; else that is copied.
// The caller has asked fits.
func (b *batch) add(p *capture.Packet, number uint64, lent bool) *Record {
	n := len(b.records)
	b.records = b.records[:n+1]
	r := &b.records[n]
	*r = Record{} // here and not in reset, as what it takes is to be in the nearest cache now
	r.Packet = *p // alone, else it is copied twice
	r.Number, r.Verdict = number, why.Clear
	b.last = len(b.data)
	if !lent {
		r.Packet.Data, b.data = appendCopy(b.data, p.Data)
	}
	if len(p.Options) > 0 {
		r.Packet.Options, b.data = appendCopy(b.data, p.Options)
	}
	return r
}

// drop takes the last record off again, and its bytes.
func (b *batch) drop() {
	n := len(b.records) - 1
	b.data = b.data[:b.last]
	b.records[n] = Record{}
	b.records = b.records[:n]
}

// appendCopy appends src to arena and returns the copy, with no room behind it.
func appendCopy(arena, src []byte) (dst, grown []byte) {
	at := len(arena)
	arena = append(arena, src...)
	return arena[at:len(arena):len(arena)], arena
}

// reset makes the batch empty, and forgets the memory that its records had beside its own.
func (b *batch) reset() {
	for i := range b.records {
		if r := &b.records[i]; r.Whole != nil || r.Unwrapped != nil || r.IKE != nil || r.Expanded {
			*r = Record{}
		}
	}
	b.records = b.records[:0]
	b.data = b.data[:0]
	b.expanded = b.expanded[:0]
	b.flush, b.worked, b.fed = false, false, 0
	if cap(b.data) > 4*batchBytes {
		b.data = nil
	}
	if cap(b.plain) > 4*batchBytes {
		b.plain = nil
	}
	if cap(b.expanded) > 4*batchBytes {
		b.expanded = nil
	}
}
