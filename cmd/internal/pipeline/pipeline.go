package pipeline

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"sync"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
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
	Filter  func(capture.LinkType) (Filter, error)       // nil: all frames
	Wanted  func(capture.LinkType, *capture.Packet) bool // nil: all, too
	Limit   uint64                                       // frames to take, 0: all
	Workers int                                          // that carry batches, 0: one for each processor

	// Passwords are those of PPP users, nil if none are known.
	Passwords *ppp.Secrets
	// TunnelSecrets are those that the ends of L2TP tunnels share, nil if none are known.
	TunnelSecrets *l2tp.Secrets

	// Keys brings further keys while the run goes on; nil: none come.
	Keys <-chan *keysrc.Keys
	// HoldBytes and HoldTime (nanoseconds) bound how much and how long frames wait for a key that
	// is not there yet. 0: they do not wait.
	HoldBytes int
	HoldTime  int64
	// Waits is told of a frame that begins to wait where none of its SA did, if it is not nil.
	Waits func(*Record)
	// ESPKeysOnly: the keys that come are of ESP, so that IKE need not wait.
	ESPKeysOnly bool
	// Live: keys that have served their time are forgotten, so that a run may go on for months.
	Live bool
	// Patience (nanoseconds) is how long the output of a live run waits, with frames behind them,
	// for the rest of a datagram in fragments, or for IKE messages that may say more of an earlier
	// one. 0: as long as somebody who watches does not mind.
	Patience int64
}

// Pipeline is one run over one source.
type Pipeline struct {
	config Config
	framer *framer
	sinks  []Sink
	line   *line
	unwrap *unwrapper
	mu     sync.Mutex // guards stats
	stats  Stats
}

// New prepares a run.
func New(c Config) *Pipeline {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
		if c.Live {
			c.Workers = max(c.Workers, 2) // with one, nobody would read while a sink is slow
		}
	}
	if c.Patience == 0 {
		c.Patience = liveWait
	}
	p := &Pipeline{config: c, framer: newFramer(c.TunnelSecrets), line: newLine()}
	p.framer.lost = func(fragments int, ports bool) {
		p.mu.Lock()
		p.stats.Lost += uint64(fragments)
		if ports {
			p.stats.LostBehind += uint64(fragments)
		}
		p.mu.Unlock()
	}
	p.unwrap = &unwrapper{clear: newRealm(&c), inside: newRealm(&c), table: p.framer.table}
	if c.HoldTime > 0 && c.HoldBytes > 0 {
		p.framer.hold, p.framer.holdsIKE = newHold(c.HoldBytes, c.HoldTime), !c.ESPKeysOnly
	}
	if c.Live {
		p.framer.table.Limit(liveSecrets)
		p.framer.ike.LimitSecrets(liveSecrets)
	}
	return p
}

// AddKeys makes keys known. It may be called before Run only, or by the source from within Next.
func (p *Pipeline) AddKeys(keys ...*keysrc.Keys) {
	for _, k := range keys {
		p.framer.addKeys(k)
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

// ESP is what is known of SAs of ESP, to be read after Run.
func (p *Pipeline) ESP() *salookup.Table { return p.framer.table }

// Flows returns the flows of ESP, and behind them those of ESP in ESP of which packets were opened.
// To be called after Run.
func (p *Pipeline) Flows() []*salookup.Flow {
	all := p.framer.table.Flows()
	outer, inside := all[:0], []*salookup.Flow(nil)
	for _, f := range all {
		if f.Inside() == 0 {
			outer = append(outer, f)
		} else if c := f.Report().Counts; c.Verified+c.Decrypted > 0 {
			inside = append(inside, f)
		}
	}
	return append(outer, inside...)
}

// PPP returns what there is to say of passwords and encrypted PPP, with the frames concerned, to be
// called after Run.
func (p *Pipeline) PPP() map[ppp.Finding]uint64 {
	return sum(p.unwrap.clear.links.Findings(), p.unwrap.inside.links.Findings())
}

// Tunnels returns what there is to say of the secrets of tunnels, with the messages concerned, to
// be called after Run.
func (p *Pipeline) Tunnels() map[l2tp.Finding]uint64 {
	return sum(p.unwrap.clear.tunnels.Findings(), p.unwrap.inside.tunnels.Findings())
}

// sum adds up what is said of clear frames and of those in ESP.
func sum[F comparable](clear, inside map[F]uint64) map[F]uint64 {
	all := maps.Clone(clear)
	for f, n := range inside {
		all[f] += n
	}
	return all
}

// IKE is the IKE tracker, to be read after Run.
func (p *Pipeline) IKE() *ikev1.Tracker { return p.framer.ike }

// Run carries every frame of the source to the sinks. It returns the counts even with an
// error: all whole frames before a damaged place have been delivered. The error of a sink is
// returned as a [SinkError].
func (p *Pipeline) Run(ctx context.Context) (*Stats, error) {
	r := newReader(ctx, p)
	var all sync.WaitGroup
	for range p.config.Workers {
		all.Go(func() { p.carry(r) })
	}
	all.Wait()
	err := p.line.failure()
	if err == nil && len(p.line.queue) > 0 {
		err = errors.New("pipeline: frames were left behind")
	}
	if err == nil {
		err = p.flush()
	}
	if err == nil {
		err = r.err
	}
	return &p.stats, err
}

// carry takes batches from the source to the sinks, until the input ends.
func (p *Pipeline) carry(r *reader) {
	var w worker
	for {
		b, more := r.next()
		if b != nil {
			w.work(b)
			p.line.worked(b, !p.config.Live)
		}
		p.deliver()
		if !more {
			return
		}
	}
}

// SinkError is the failure of a sink: the output, not the input, is at fault.
type SinkError struct{ Err error }

func (e *SinkError) Error() string { return e.Err.Error() }
func (e *SinkError) Unwrap() error { return e.Err }
