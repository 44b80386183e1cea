package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
	"l2tpdump/l2tp"
)

// Sink takes the records in capture order.
type Sink interface {
	// Record takes one record, which is valid until Record returns.
	Record(*Record) error
	// Flush is called when no further record is at hand: what was taken has to become visible.
	Flush() error
}

// Filter picks the frames that take part.
type Filter interface {
	Match(data []byte, length int) bool
}

// Config says what a run works on.
type Config struct {
	Source  capture.Source
	Filter  func(capture.LinkType) (Filter, error) // nil: all frames
	Limit   uint64                                 // frames to take, 0: all
	Workers int                                    // that decrypt ESP, 0: one for each processor

	// Keys brings further keys while the run goes on; nil: none come.
	Keys <-chan *keysrc.Keys
	// HoldBytes and HoldTime (nanoseconds) bound how much and how long frames wait for a key that
	// is not there yet. 0: they do not wait.
	HoldBytes int
	HoldTime  int64
	// Live: keys that have served their time are forgotten, so that a run may go on for months.
	Live bool
	// Patience (nanoseconds) is how long the output of a live run waits, with frames behind them, for the rest of a datagram in
	// fragments, or for IKE messages that may say more of an earlier one. 0: as long as somebody who watches does not mind.
	Patience int64
}

// Pipeline is one run over one source.
type Pipeline struct {
	config Config
	framer *framer
	nested *nestedDB
	sinks  []Sink
	pool   *pool
	mu     sync.Mutex // guards stats
	stats  Stats
}

// New prepares a run.
func New(c Config) *Pipeline {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Patience == 0 {
		c.Patience = liveWait
	}
	p := &Pipeline{config: c, framer: newFramer(), nested: &nestedDB{db: esp.NewDB()}, pool: newPool()}
	if c.HoldTime > 0 && c.HoldBytes > 0 {
		p.framer.hold = newHold(c.HoldBytes, c.HoldTime)
	}
	if c.Live {
		p.framer.db.Limit(liveSecrets)
		p.framer.ike.LimitSecrets(liveSecrets)
		p.nested.db.Limit(liveSecrets)
	}
	return p
}

// AddKeys makes keys known. It may be called before Run only, or by the source from within Next.
func (p *Pipeline) AddKeys(keys ...*keysrc.Keys) {
	for _, k := range keys {
		p.framer.addKeys(k)
		for _, s := range k.ESP {
			p.nested.addSecret(s)
		}
	}
}

// AddStores makes the keys of stores known, to which nothing may be added afterwards. Those that no packet asks for stay packed.
// Like AddKeys it may be called before Run only, or by the source from within Next.
func (p *Pipeline) AddStores(stores ...*keysrc.Store) {
	for _, st := range stores {
		if p.config.Live || !st.HasPlaces() {
			p.AddKeys(st.Keys())
			continue
		}
		p.framer.ike.AddSource(st)
		p.framer.db.AddSource(st)
		p.nested.addStore(st)
	}
}

// Snapshot returns the counts so far. Any goroutine may call it while Run runs.
func (p *Pipeline) Snapshot() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// AddSink adds a taker of records; they are called in the order in which they were added.
func (p *Pipeline) AddSink(s Sink) { p.sinks = append(p.sinks, s) }

// ESP is the SA database, to be read after Run.
func (p *Pipeline) ESP() *esp.DB { return p.framer.db }

// Nested returns the SAs of ESP in ESP of which packets were opened, to be called after Run.
func (p *Pipeline) Nested() []*esp.Flow {
	return slices.DeleteFunc(p.nested.db.Flows(), func(f *esp.Flow) bool {
		r := f.Report()
		return r.Verified+r.Decrypted == 0
	})
}

// IKE is the IKE tracker, to be read after Run.
func (p *Pipeline) IKE() *ikev1.Tracker { return p.framer.ike }

// Run carries every frame of the source to the sinks. It returns the counts even with an
// error: all whole frames before a damaged place have been delivered. The error of a sink is
// returned as a [SinkError].
func (p *Pipeline) Run(ctx context.Context) (*Stats, error) {
	work := make(chan *batch, p.config.Workers)
	order := make(chan *batch, poolBatches)
	var workers sync.WaitGroup
	for range p.config.Workers {
		workers.Go(func() {
			var (
				o esp.Opener
				x esp.Inflater
			)
			for b := range work {
				b.work(&o, &x)
				b.done <- struct{}{}
			}
		})
	}
	finished := make(chan error, 1)
	go func() {
		err := p.finish(order)
		p.pool.close()
		for range order { // let the framer go on to its end
		}
		finished <- err
	}()

	err := p.read(ctx, work, order)
	p.framer.giveUpAll()
	close(work)
	close(order)
	workers.Wait()
	if sinkErr := <-finished; sinkErr != nil {
		err = sinkErr
	}
	return &p.stats, err
}

// SinkError is the failure of a sink: the output, not the input, is at fault.
type SinkError struct{ Err error }

func (e *SinkError) Error() string { return e.Err.Error() }
func (e *SinkError) Unwrap() error { return e.Err }

// reader is the state of [Pipeline.read].
type reader struct {
	p           *Pipeline
	work, order chan<- *batch
	batch       *batch
	filters     []Filter // by interface
	number      uint64
	taken       uint64
}

// read is the loop of the first stage.
func (p *Pipeline) read(ctx context.Context, work, order chan<- *batch) error {
	r := &reader{p: p, work: work, order: order}
	defer r.dispatch()
	defer r.releaseAll()
	defer r.keys() // the last ones may have come since
	src := p.config.Source
	ready, _ := src.(interface{ Ready() bool })
	var packet capture.Packet
	for ctx.Err() == nil {
		r.keys()
		if ready != nil && !ready.Ready() {
			r.dispatch() // the next packet may be a while
		}
		err := src.Next(&packet)
		switch {
		case errors.Is(err, capture.ErrIdle):
			if r.idle(); p.pool.hasClosed() {
				return nil // the sinks have stopped
			}
			continue
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		r.number++
		inputs := src.Interfaces()
		link := inputs[packet.Interface].LinkType
		if ok, err := r.wanted(&packet, link); err != nil {
			return err
		} else if !ok {
			continue
		}
		if h := p.framer.hold; h != nil && len(h.queue) > 0 {
			r.expire(packet.Time)
		}
		if !r.room(&packet) {
			return nil // the sinks have stopped
		}
		rec := r.batch.add(&packet, r.number)
		rec.Link, rec.Inputs = link, inputs
		if len(r.batch.records) == 1 {
			r.hurry(packet.Time)
		}
		p.framer.frame(rec)
		if rec.waits {
			r.wait(rec)
		}
		if p.framer.learned {
			r.learned()
		}
		if r.taken++; r.taken == p.config.Limit {
			return nil
		}
	}
	return ctx.Err()
}

// wanted asks the filter of the packet's interface.
func (r *reader) wanted(packet *capture.Packet, link capture.LinkType) (bool, error) {
	if r.p.config.Filter == nil {
		return true, nil
	}
	for len(r.filters) <= packet.Interface {
		r.filters = append(r.filters, nil)
	}
	if r.filters[packet.Interface] == nil {
		f, err := r.p.config.Filter(link)
		if err != nil {
			return false, fmt.Errorf("filter: %w", err)
		}
		r.filters[packet.Interface] = f
	}
	return r.filters[packet.Interface].Match(packet.Data, packet.Length), nil
}

// room makes sure that the current batch has room for the packet; false if the finisher is gone.
func (r *reader) room(packet *capture.Packet) bool {
	if r.batch != nil && r.batch.fits(packet) {
		return true
	}
	r.dispatch()
	for {
		b, stuck := r.p.pool.take()
		switch {
		case b != nil:
			r.batch = b
			return true
		case stuck == nil:
			return false
		}
		r.p.framer.giveUp(stuck)
	}
}

// dispatch sends the current batch on, full or not.
func (r *reader) dispatch() {
	b := r.batch
	r.batch = nil
	switch {
	case b == nil:
	case len(b.records) == 0:
		r.p.pool.give(b)
	default:
		r.order <- b
		r.work <- b
	}
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
		default:
			return
		}
	}
}

// wait takes the last record off the batch again and has it wait for its key.
func (r *reader) wait(rec *Record) {
	h := r.p.framer.hold
	n := h.add(rec)
	now := rec.Packet.Time
	r.batch.drop()
	r.count(func(s *Stats) { s.Held += uint64(n) })
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

// release sends held frames on their way.
func (r *reader) release(frames []*held) {
	for i, c := range frames {
		frames[i] = nil
		if len(c.parts) > 0 {
			c.fate = newGroup(c.parts[0].Packet.Time)
		}
		for _, part := range c.parts {
			rec := r.again(part)
			if rec == nil {
				return
			}
			rec.group = c.fate
		}
		rec := r.again(c)
		if rec == nil {
			return
		}
		if c.fate != nil {
			c.fate.completed = true
			rec.complete = c.fate
		}
		if rec.Kind == ESP {
			r.p.framer.classify(rec)
		} else if g := rec.complete; g != nil {
			g.settle(mergedInto(rec))
		}
		c.Record, c.parts = Record{}, nil // a repeated fragment may still ask for its fate
	}
}

// again puts a held frame into the current batch; nil if the sinks have stopped.
func (r *reader) again(c *held) *Record {
	if !r.room(&c.Packet) {
		return nil
	}
	rec := r.batch.add(&c.Packet, c.Number)
	packet := rec.Packet
	*rec = c.Record
	rec.Packet, rec.released, rec.waits = packet, true, false
	return rec
}

// learned releases what waited for what IKE has now said.
func (r *reader) learned() {
	f := r.p.framer
	f.learned = false
	if h := f.hold; h != nil && len(h.spis) > 0 {
		r.release(h.ready(f))
	}
}

// releaseAll lets go everything: the input has ended.
func (r *reader) releaseAll() {
	if h := r.p.framer.hold; h != nil {
		rest := h.rest()
		r.count(func(s *Stats) { s.Expired += framesOf(rest) })
		r.release(rest)
	}
}

func (r *reader) count(f func(*Stats)) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	f(&r.p.stats)
}

// hurry ends the finisher's wait for further fragments or IKE messages when it has lasted long for a
// person who watches.
func (r *reader) hurry(now int64) {
	if !r.p.config.Live {
		return
	}
	if g := r.p.pool.waiting(); g != nil && !g.completed && now-g.time > r.p.config.Patience {
		r.p.framer.giveUp(g)
	}
}

// idle is called when a live source has had nothing for a while.
func (r *reader) idle() {
	if r.p.framer.hold != nil {
		r.expire(time.Now().UnixNano())
	}
	r.dispatch()
	r.hurry(time.Now().UnixNano())
}

// finish is the third stage: it takes the batches in order and feeds the sinks.
func (p *Pipeline) finish(order <-chan *batch) error {
	u := &unwrapper{tunnels: l2tp.NewTracker(), nested: p.nested}
	for b := range order {
		<-b.done
		for i := range b.records {
			r := &b.records[i]
			if g := r.group; g != nil {
				if err := p.await(g); err != nil {
					return err
				}
				if g.withheld != nil {
					continue
				}
				r.PartOf = g.frame
			}
			if r.late != nil {
				if err := p.await(r.late); err != nil {
					return err
				}
			}
			if r.flow != nil {
				r.flow.Count(r.Verdict, r.State, r.Seq, r.seqHigh)
			}
			for _, m := range r.IKE {
				for _, n := range m.Negotiated {
					u.nested.addNegotiated(n)
				}
			}
			u.unwrap(r)
			p.mu.Lock()
			p.stats.add(r)
			p.mu.Unlock()
			for _, s := range p.sinks {
				if err := s.Record(r); err != nil {
					return &SinkError{err}
				}
			}
		}
		p.pool.give(b)
		if len(order) == 0 {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return p.flush()
}

// await waits until g is settled.
func (p *Pipeline) await(g *group) error {
	if g.isSettled() {
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	p.pool.wait(g)
	return nil
}

func (p *Pipeline) flush() error {
	for _, s := range p.sinks {
		if err := s.Flush(); err != nil {
			return &SinkError{err}
		}
	}
	return nil
}
