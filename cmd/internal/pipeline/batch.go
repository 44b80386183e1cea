package pipeline

import (
	"sync"

	"l2tpdump/capture"
)

// Small batches stay in the cache of the processor that fills them until another has worked on them.
const (
	batchRecords = 64       // frames in a batch
	batchBytes   = 64 << 10 // captured bytes at which a batch is full
	poolBatches  = 64       // batches there are in all: 64 * (2 * 64 KiB + records) is under 12 MiB
)

// batch is a run of frames with the memory they lie in.
type batch struct {
	records  []Record
	data     []byte        // what the records' packets and options point into
	plain    []byte        // what their plaintexts point into
	expanded []byte        // what IPComp payloads hold
	done     chan struct{} // a worker is through with it
}

func newBatch() *batch {
	return &batch{
		records: make([]Record, 0, batchRecords),
		data:    make([]byte, 0, batchBytes+batchBytes/8),
		done:    make(chan struct{}, 1),
	}
}

// fits reports whether a packet can be added without moving what is there.
func (b *batch) fits(p *capture.Packet) bool {
	if len(b.records) == 0 {
		return true
	}
	return len(b.records) < cap(b.records) && len(b.data)+len(p.Data)+len(p.Options) <= cap(b.data)
}

// add copies p into the batch. The caller has asked fits.
func (b *batch) add(p *capture.Packet, number uint64) *Record {
	n := len(b.records)
	b.records = b.records[:n+1]
	r := &b.records[n]
	r.Number, r.Packet, r.Verdict = number, *p, Clear // reset has left it zero otherwise
	r.Packet.Data, b.data = appendCopy(b.data, p.Data)
	if len(p.Options) > 0 {
		r.Packet.Options, b.data = appendCopy(b.data, p.Options)
	}
	return r
}

// drop takes the last record off again. Its bytes stay used until the batch is reset.
func (b *batch) drop() {
	n := len(b.records) - 1
	b.records[n] = Record{}
	b.records = b.records[:n]
}

// appendCopy appends src to arena and returns the copy, with no room behind it.
func appendCopy(arena, src []byte) (dst, grown []byte) {
	at := len(arena)
	arena = append(arena, src...)
	return arena[at:len(arena):len(arena)], arena
}

// reset makes the batch empty, and forgets what its records pointed to outside of it.
func (b *batch) reset() {
	clear(b.records)
	b.records = b.records[:0]
	b.data = b.data[:0]
	b.expanded = b.expanded[:0]
	if cap(b.data) > 4*batchBytes {
		b.data = make([]byte, 0, batchBytes+batchBytes/8)
	}
	if cap(b.plain) > 4*batchBytes {
		b.plain = nil
	}
	if cap(b.expanded) > 4*batchBytes {
		b.expanded = nil
	}
}

// pool hands out batches and bounds how many there are. The one given back last is handed out
// first, since its memory is the likeliest to be in the processor's caches.
type pool struct {
	mu      sync.Mutex
	free    []*batch
	made    int
	changed sync.Cond
	stuck   *group // what the finisher is waiting for
	closed  bool   // the finisher has stopped
}

func newPool() *pool {
	p := &pool{}
	p.changed.L = &p.mu
	return p
}

// take returns an empty batch. It waits for one, unless the finisher waits for a group that
// only the framer can settle: then it returns that group, and the caller has to give it up.
// Both are nil when the finisher has stopped.
func (p *pool) take() (*batch, *group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if p.closed {
			return nil, nil
		}
		if n := len(p.free); n > 0 {
			b := p.free[n-1]
			p.free = p.free[:n-1]
			return b, nil
		}
		if p.made < poolBatches {
			p.made++
			return newBatch(), nil
		}
		if g := p.stuck; g != nil && !g.completed && !g.isSettled() {
			return nil, g
		}
		p.changed.Wait()
	}
}

func (p *pool) give(b *batch) {
	b.reset()
	p.mu.Lock()
	p.free = append(p.free, b)
	p.mu.Unlock()
	p.changed.Signal()
}

// wait waits until g is settled, and lets take know of it.
func (p *pool) wait(g *group) {
	if g.isSettled() {
		return
	}
	p.mu.Lock()
	p.stuck = g
	p.mu.Unlock()
	p.changed.Signal()
	<-g.settled
	p.mu.Lock()
	p.stuck = nil
	p.mu.Unlock()
}

// waiting returns what the finisher waits for, or nil.
func (p *pool) waiting() *group {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stuck
}

// hasClosed reports whether the finisher has stopped.
func (p *pool) hasClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.changed.Signal()
}
