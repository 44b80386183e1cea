package pipeline

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"l2tpdump/capture"
)

// reader is the first stage. The goroutines take turns to fill a batch with it.
type reader struct {
	ctx    context.Context
	p      *Pipeline
	source capture.Source
	ready  interface{ Ready() bool } // the source, if it can tell
	lender lender                    // the source, if it reads into memory that is lent

	mu        sync.Mutex // guards all below, the source and the framer
	batch     *batch     // that is being filled
	packet    capture.Packet
	unread    bool   // packet is not in a batch yet
	lent      bool   // packet lies in memory of the batch
	window    int    // bytes to read for a batch
	memory    []byte // of a packet that goes on into the next batch
	unflushed bool   // the sinks may keep back what they got
	filters   []Filter
	number    uint64
	taken     uint64
	released  []*held // that go on their way before anything else
	parts     int     // of the first of them that are in a batch already
	ended     bool    // no further packet is to be read
	done      bool    // nothing is left to be delivered
	err       error   // of the source
}

// lender is a source that reads files; see capture.Reader.
type lender interface {
	Lend(buf []byte)
	Lent() bool
}

func newReader(ctx context.Context, p *Pipeline) *reader {
	r := &reader{ctx: ctx, p: p, source: p.config.Source, window: batchBytes}
	r.ready, _ = r.source.(interface{ Ready() bool })
	r.lender, _ = r.source.(lender)
	return r
}

// next fills a batch and puts it in line; nil if there is nothing to fill it with yet. more is
// false after the last.
func (r *reader) next() (b *batch, more bool) {
	r.lock()
	defer r.mu.Unlock()
	if r.done || !r.empty() {
		return nil, !r.done
	}
	r.lend()
	r.fill()
	r.p.framer.admit()
	r.fitWindow()
	b, r.batch = r.batch, nil
	if r.ready == nil && len(b.records) > 0 {
		b.flush = true
	}
	if len(b.records) == 0 && !b.flush {
		r.p.line.giveBack(b)
		return nil, !r.done
	}
	r.unflushed = !b.flush
	r.p.line.add(b)
	return b, !r.done
}

// lock waits for the turn to read.
func (r *reader) lock() {
	if !r.p.config.Live { // where it may be long
		for range spins {
			if r.mu.TryLock() {
				return
			}
			runtime.Gosched()
		}
	}
	r.mu.Lock()
}

// lend has the source read into the batch's memory, as much as there may be records for.
func (r *reader) lend() {
	if r.lender == nil {
		return
	}
	if p := &r.packet; r.lent && (r.unread || len(r.p.framer.more) > 0) { // it lies in the batch before
		r.memory = append(append(r.memory[:0], p.Data...), p.Options...)
		p.Data, p.Options = r.memory[:len(p.Data):len(p.Data)], r.memory[len(p.Data):]
		r.lent = false
	}
	b := r.batch
	if b.lent == nil {
		b.lent = make([]byte, batchBytes)
	}
	r.lender.Lend(b.lent[:r.window])
}

// fitWindow has the next batch read about as many bytes as it has records for: what is left must be
// moved to the one behind it.
func (r *reader) fitWindow() {
	const header = 16 // bytes in front of a packet in a file, at least
	records := r.batch.records
	if len(records) < cap(records) {
		r.window = min(2*r.window, batchBytes)
		return
	}
	r.window = 0
	for i := range records {
		r.window += header + len(records[i].Packet.Data)
	}
	r.window = min(r.window, batchBytes)
}

// empty makes an empty batch the current one; false if there is none.
func (r *reader) empty() bool {
	b, stuck := r.p.line.take()
	switch {
	case b != nil:
		r.batch = b
		return true
	case stuck != nil:
		r.p.framer.giveUp(stuck)
	default: // a sink has failed
		r.done = true
	}
	return false
}

// fill fills the current batch as far as it goes without having the frames in it wait.
func (r *reader) fill() {
	for on := true; on; {
		switch {
		case len(r.released) > 0:
			on = r.again()
		case len(r.p.framer.more) > 0:
			on = r.further()
		case r.unread:
			on = r.take()
		case !r.ended:
			on = r.read()
		default:
			r.p.framer.giveUpAll()
			r.done, on = true, false
		}
	}
}

// read reads a packet; false if there is none at hand.
func (r *reader) read() bool {
	if err := r.ctx.Err(); err != nil {
		return r.end(err)
	}
	if r.keys(); len(r.released) > 0 {
		return true
	}
	if r.ready != nil && !r.ready.Ready() { // the next packet may be a while
		if r.quiet(); r.batch.flush || r.p.line.goesOn() {
			return false
		}
	}
	switch err := r.source.Next(&r.packet); {
	case errors.Is(err, capture.ErrIdle):
		r.idle()
		return false
	case err == io.EOF:
		return r.end(nil)
	case err != nil:
		return r.end(err)
	}
	r.number++
	r.lent = r.lender != nil && r.lender.Lent()
	if wanted, err := r.wanted(); err != nil {
		return r.end(err)
	} else if !wanted {
		return true
	}
	r.unread = true
	if h := r.p.framer.hold; h != nil && len(h.queue) > 0 {
		r.expire(r.packet.Time)
	}
	return true
}

// end takes the last keys and lets go what waits: no further packet is read.
func (r *reader) end(err error) bool {
	r.ended, r.err = true, err
	r.keys()
	if h := r.p.framer.hold; h != nil {
		rest := h.rest()
		r.count(func(s *Stats) { s.Expired += framesOf(rest) })
		r.release(rest)
	}
	return true
}

// wanted asks the filter of the packet's interface.
func (r *reader) wanted() (bool, error) {
	i := r.packet.Interface
	if w := r.p.config.Wanted; w != nil && !w(r.source.Interfaces()[i].LinkType, &r.packet) {
		return false, nil
	}
	if r.p.config.Filter == nil {
		return true, nil
	}
	for len(r.filters) <= i {
		r.filters = append(r.filters, nil)
	}
	if r.filters[i] == nil {
		f, err := r.p.config.Filter(r.source.Interfaces()[i].LinkType)
		if err != nil {
			return false, err
		}
		r.filters[i] = f
	}
	return r.filters[i].Match(r.packet.Data, r.packet.Length), nil
}

// add puts a record of the packet into the current batch; nil if the batch is full.
func (r *reader) add() *Record {
	if !r.batch.fits(&r.packet) {
		return nil
	}
	rec := r.batch.add(&r.packet, r.number, r.lent)
	rec.Inputs = r.source.Interfaces()
	rec.Link = rec.Inputs[r.packet.Interface].LinkType
	return rec
}

// take puts the packet into the current batch; false if the batch is full.
func (r *reader) take() bool {
	rec := r.add()
	if rec == nil {
		return false
	}
	r.unread = false
	if len(r.batch.records) == 1 {
		r.hurry(r.packet.Time)
	}
	r.p.framer.frame(rec)
	r.framed(rec)
	if r.taken++; r.taken == r.p.config.Limit {
		r.end(nil)
	}
	return true
}

// framed has a record wait that needs it, and looks what a message has said.
func (r *reader) framed(rec *Record) {
	if rec.waits {
		r.wait(rec)
	}
	if r.p.framer.learned {
		r.learned()
	}
}

// further puts the next of several messages in the packet into the current batch; false if the
// batch is full.
func (r *reader) further() bool {
	rec := r.add()
	if rec == nil {
		return false
	}
	r.p.framer.further(rec)
	r.framed(rec)
	return true
}

// keys takes what keys have come.
func (r *reader) keys() {
	for {
		select {
		case k, ok := <-r.p.config.Keys:
			if !ok {
				r.p.config.Keys = nil
				return
			}
			h := r.p.framer.hold
			concerned := h != nil && h.concerns(k)
			r.p.AddKeys(k)
			if concerned {
				r.release(h.ready(r.p.framer))
			}
			if r.p.framer.learned {
				r.learned()
			}
		default:
			return
		}
	}
}

// wait takes the last record off the batch again and has it wait for its key.
func (r *reader) wait(rec *Record) {
	h := r.p.framer.hold
	if tell := r.p.config.Waits; tell != nil && rec.joins == nil && !h.has(rec) {
		tell(rec)
	}
	n := h.add(rec)
	now := rec.Packet.Time
	r.batch.drop()
	r.count(func(s *Stats) { s.Held, s.Oldest = s.Held+uint64(n), h.oldest() })
	r.expire(now)
}

// expire lets go what has waited long enough at the time now.
func (r *reader) expire(now int64) {
	expired, overflow := r.p.framer.hold.old(now)
	if len(expired)+len(overflow) == 0 {
		return
	}
	r.count(func(s *Stats) {
		s.Expired += framesOf(expired)
		s.Overflow += framesOf(overflow)
	})
	r.release(expired)
	r.release(overflow)
}

// learned releases what waited for what IKE has now said.
func (r *reader) learned() {
	f := r.p.framer
	f.learned = false
	if h := f.hold; h != nil && len(h.spis) > 0 {
		r.release(h.ready(f))
	}
}

// release sends held frames on their way.
func (r *reader) release(frames []*held) {
	r.released = append(r.released, frames...)
	clear(frames)
	r.count(func(s *Stats) { s.Oldest = r.p.framer.hold.oldest() })
}

// again puts the next of the released frames into the current batch; false if the batch is full.
func (r *reader) again() bool {
	c := r.released[0]
	next := c
	if r.parts < len(c.parts) {
		next = c.parts[r.parts]
	}
	if !r.batch.fits(&next.Packet) {
		return false
	}
	rec := r.batch.add(&next.Packet, next.Number, false)
	packet := rec.Packet
	*rec = next.Record
	rec.Packet, rec.released, rec.waits = packet, true, false
	if len(c.parts) > 0 && c.fate == nil {
		c.fate = newGroup(rec.Packet.Time)
	}
	if next != c {
		rec.group = c.fate
		r.parts++
		return true
	}
	if c.fate != nil {
		c.fate.open.Add(1)
		rec.complete = c.fate
	}
	if rec.Kind == ESP {
		r.p.framer.carried(rec)
	}
	if g := rec.complete; g != nil && rec.ring == nil {
		g.decide(rec)
	}
	c.Record, c.parts = Record{}, nil // a repeated fragment may still ask for its fate
	r.released[0], r.parts = nil, 0
	r.released = r.released[1:]
	return true
}

func (r *reader) count(f func(*Stats)) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	f(&r.p.stats)
}

// hurry ends the wait for further fragments or IKE messages when it has lasted long for a person
// who watches.
func (r *reader) hurry(now int64) {
	if !r.p.config.Live {
		return
	}
	if g := r.p.line.waiting(); g != nil && g.given() && now-g.time > r.p.config.Patience {
		r.p.framer.giveUp(g)
	}
}

// idle is called when a live source has had nothing for a while.
func (r *reader) idle() {
	now := time.Now().UnixNano()
	if r.p.framer.hold != nil {
		r.expire(now)
	}
	r.quiet()
	r.hurry(now)
}

// quiet says that nothing is at hand behind the current batch: the sinks are flushed if they then
// keep anything back.
func (r *reader) quiet() { r.batch.flush = len(r.batch.records) > 0 || r.unflushed }
