package pipeline

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
	time      int64         // of the first of them
	ipsec     bool          // it is of IKE or ESP; the framer's
	noPorts   bool          // a fragment has come that is no first one of UDP; the framer's
	completed bool          // the framer has the last fragment; decryption or the framer will settle it
	settled   chan struct{} // closed when frame and the fate are known
	frame     uint64        // that they were merged into, 0: each passes as it is
	withheld  *held         // that completed it and waits for its key, with copies of the fragments: they come again with it
	copies    []*held       // of the fragments so far, should that become necessary; the framer's
}

func newGroup(time int64) *group { return &group{time: time, settled: make(chan struct{})} }

// settle says what becomes of the fragments; only the first call counts. The framer and a
// decrypting goroutine may both call it, never at the same time: the framer only before the batch
// is in line that has the frame which completes the group.
func (g *group) settle(frame uint64) {
	if !g.isSettled() {
		g.frame = frame
		close(g.settled)
	}
}

func (g *group) isSettled() bool {
	select {
	case <-g.settled:
		return true
	default:
		return false
	}
}
