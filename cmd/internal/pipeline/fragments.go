package pipeline

// How the fragments of a datagram (or an IKE message) that is put together share its fate. Where frames wait for their key, that may
// be to wait too: then copies of the fragments are held with the frame that completed the datagram, and delivery passes over the ones
// that it has.

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
