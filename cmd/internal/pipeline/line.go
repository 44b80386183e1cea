package pipeline

import (
	"runtime"
	"sync"
	"time"
)

// poolBatches is how many batches there are in all: 32 * (288 KiB + records) is under 20 MiB.
const poolBatches = 32

// spins is how often a goroutine looks for its turn before it sleeps. Mostly that comes within
// microseconds, and one that sleeps is woken to run behind the one that wakes it, on the same
// processor: then the two take turns for all, and the other processor has nothing to do.
const spins = 300

// brief is a time after which a turn may still be a while: it is not looked for any more.
const brief = 180 * time.Microsecond

// line is the batches on their way, in capture order, and the empty ones. The empty one given back
// last is handed out first, since its memory is the likeliest to be in the processor's caches.
type line struct {
	mu      sync.Mutex
	changed sync.Cond
	turn    sync.Cond // of the first batch has come, or no batch waits for its turn any more
	queue   []*batch  // that the framer has filled
	free    []*batch
	made    int
	busy    bool      // a goroutine feeds the sinks
	began   time.Time // then: when it took the first batch
	stuck   *group    // that has to be settled before the first batch can go on
	err     error     // of a sink
}

func newLine() *line {
	l := &line{queue: make([]*batch, 0, poolBatches), free: make([]*batch, 0, poolBatches)}
	l.changed.L, l.turn.L = &l.mu, &l.mu
	return l
}

// take returns an empty batch. It waits for one, unless the first batch waits for a group that only
// the framer can settle: then it returns that group, and the caller has to give it up. Both are nil
// when a sink has failed.
func (l *line) take() (*batch, *group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.err != nil {
			return nil, nil
		}
		if n := len(l.free); n > 0 {
			b := l.free[n-1]
			l.free = l.free[:n-1]
			return b, nil
		}
		if l.made < poolBatches {
			l.made++
			return newBatch(), nil
		}
		if g := l.stuck; g != nil && g.given() && !g.isSettled() {
			return nil, g
		}
		l.changed.Wait()
	}
}

// giveBack takes back a batch that take returned and nothing was put into.
func (l *line) giveBack(b *batch) {
	l.mu.Lock()
	l.free = append(l.free, b)
	l.mu.Unlock()
}

// add puts a batch that the framer has filled at the end of the line.
func (l *line) add(b *batch) {
	l.mu.Lock()
	l.queue = append(l.queue, b)
	l.mu.Unlock()
}

// worked says that b is decrypted. With wait it returns when b is the first batch, for the
// goroutine that has it in its processor's caches to deliver it, unless a batch in front waits for
// what is to be read yet.
func (l *line) worked(b *batch, wait bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.worked = true
	l.changed.Signal() // it may have failed to settle what the first batch waits for
	for i := 0; wait && l.queue[0] != b && l.stuck == nil && l.err == nil; i++ {
		b.awaited = true
		if i < spins && !(l.busy && time.Since(l.began) > brief) {
			l.mu.Unlock()
			runtime.Gosched()
			l.mu.Lock()
		} else {
			l.turn.Wait()
		}
	}
	b.awaited = false
}

// first returns the first batch, if it can be delivered and nobody does or is about to; then the
// caller has to, and to call delivered.
func (l *line) first() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || l.err != nil || len(l.queue) == 0 || !l.queue[0].worked || l.queue[0].awaited ||
		l.stuck != nil && !l.stuck.isSettled() {
		return nil
	}
	l.busy, l.began, l.stuck = true, time.Now(), nil
	return l.queue[0]
}

// delivered says how far the batch that first returned has come: to the end, to a record that waits
// for stuck, or to an error.
func (l *line) delivered(b *batch, stuck *group, err error) {
	if stuck == nil && err == nil {
		b.reset()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy, l.stuck, l.err = false, stuck, err
	if stuck == nil && err == nil {
		l.queue = append(l.queue[:0], l.queue[1:]...)
		l.free = append(l.free, b)
	}
	l.changed.Signal()
	l.turn.Broadcast()
}

// waiting returns what the first batch waits for, or nil.
func (l *line) waiting() *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stuck
}

// goesOn reports whether what the first batch waited for is settled, and nobody delivers it yet.
func (l *line) goesOn() bool {
	g := l.waiting()
	return g != nil && g.isSettled()
}

// failure returns the error of a sink.
func (l *line) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
