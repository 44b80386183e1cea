package pipeline

import (
	"sync/atomic"

	"l2tpdump/cmd/internal/why"
)

// How the fragments of a datagram (or an IKE message) that is put together share its fate. Where
// frames wait for their key, that may be to wait too: then copies of the fragments are held with
// the frame that completed the datagram, and delivery passes over the ones that it has.

const (
	groupCopies = 256     // fragments of a datagram that can wait for its key
	copiesBytes = 8 << 20 // of fragments whose datagrams are not complete
)

// join makes r a fragment of a datagram that is not complete yet.
func (f *framer) join(r *Record, g *group) {
	if f.hold != nil && !f.hold.copyPart(r, g) {
		f.settle(g, 0)
	}
	r.group = g
}

// repeat makes r share the fate of a datagram that is complete already.
func (f *framer) repeat(r *Record, g *group) {
	if c := g.withheld; c != nil {
		if c.waiting {
			r.joins, r.waits = c, true
			return
		}
		g = c.fate
	}
	r.group = g
}

// settle says what becomes of fragments whose datagram is not to be decrypted.
func (f *framer) settle(g *group, frame uint64) {
	f.dropCopies(g)
	g.settle(frame)
}

// dropCopies forgets the copies of fragments that will not have to wait.
func (f *framer) dropCopies(g *group) {
	if f.hold != nil {
		f.hold.dropCopies(g)
	}
}

// group is the fragments of one datagram (or IKE message) and what becomes of them: either
// they are merged into the frame that completes it, or each passes as it is.
type group struct {
	time     int64         // of the first of them
	ipsec    bool          // it is of IKE or ESP; the framer's
	noPorts  bool          // a fragment has come that is no first one of UDP; the framer's
	late     int           // IKE messages that complete them and wait for others, which may change that; the framer's
	doubtful bool          // others contradict them; the framer's
	open     atomic.Int32  // how often they were put together and it is not known yet whether that is right
	closed   atomic.Bool   // no more will come
	done     atomic.Bool   // settle was called
	settled  chan struct{} // closed when frame and the fate are known
	frame    uint64        // that they were merged into, 0: each passes as it is
	withheld *held         // that completed it and waits for its key, with copies of the fragments
	copies   []*held       // of the fragments so far, should that become necessary; the framer's
}

func newGroup(time int64) *group { return &group{time: time, settled: make(chan struct{})} }

// settle says what becomes of the fragments; only the first call counts. Any goroutine may call it.
func (g *group) settle(frame uint64) {
	if g.done.CompareAndSwap(false, true) {
		g.frame = frame
		close(g.settled)
	}
}

// decide says what becomes of the fragments by what r is, which completes them. Where fragments
// contradict each other, or a key that should open a message does not, one may be forged: then
// nothing is settled yet.
func (g *group) decide(r *Record) {
	switch {
	case r.Kind == IKE && r.IKEOpened():
		g.settle(r.Number)
	case g.doubtful || r.Kind == IKE && (r.Verdict == why.WrongKey || r.Verdict == why.Malformed):
		g.fail()
	default:
		g.settle(0)
	}
}

// fail says that what was put together does not open.
func (g *group) fail() {
	if g.open.Add(-1) == 0 && g.closed.Load() {
		g.settle(0)
	}
}

// close says that no more fragments will come.
func (g *group) close() {
	if g.closed.Store(true); g.open.Load() == 0 {
		g.settle(0)
	}
}

// given reports whether nothing that the framer has read by now will settle the group.
func (g *group) given() bool { return g.late > 0 || g.open.Load() == 0 }

// gone reports whether the fragments have passed as they are.
func (g *group) gone() bool { return g.isSettled() && g.frame == 0 }

func (g *group) isSettled() bool {
	select {
	case <-g.settled:
		return true
	default:
		return false
	}
}

// onlyPart makes r, with which nothing was complete after all, one of the fragments of what another
// frame completed.
func (r *Record) onlyPart(of uint64) {
	r.PartOf, r.flow = of, nil
	if r.Whole == nil { // a fragment of IKE
		r.Verdict, r.Reason = why.Clear, ""
		for i, m := range r.IKE {
			if m.Part != nil {
				r.IKE[i] = &Message{Message: m.Part, Verdict: why.Clear, Terms: m.Terms}
			}
		}
		return
	}
	*r = Record{
		Number: r.Number, Packet: r.Packet, Link: r.Link, Inputs: r.Inputs, Further: r.Further,
		Wrapping: r.Wrapping, Unwrapped: r.Unwrapped, Verdict: why.Clear, PartOf: of,
	}
	if err := r.Net.Decode(r.Link, r.Frame()); err != nil {
		panic(err) // it was decoded before
	}
}
