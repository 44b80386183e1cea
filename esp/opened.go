package esp

import (
	"hash/maphash"
	"net/netip"
)

// headLen is how many bytes of a key have to agree before it is taken for the head of another.
const headLen = 8

// openedFlows finds flows that a key opened without a walk over all flows: a capture may have tens of thousands that none opens.
type openedFlows struct {
	newest map[addrPair]*Flow // the newest between two addresses
	byKey  map[uint64]*Flow   // by the hash of the first bytes of the key; flows that have gone too, as long as their account is kept
	seed   maphash.Seed
}

type addrPair struct{ src, dst netip.Addr }

func newOpenedFlows() openedFlows {
	return openedFlows{make(map[addrPair]*Flow), make(map[uint64]*Flow), maphash.MakeSeed()}
}

// add enters a flow with the key that opens it. Of several with the same key the oldest is found.
func (x *openedFlows) add(f *Flow) {
	pair := addrPair{f.src, f.dst}
	if o := x.newest[pair]; o == nil || o.order < f.order {
		x.newest[pair] = f
	}
	if h, ok := x.hash(f.key); ok {
		if o := x.byKey[h]; o == nil || o.order > f.order {
			x.byKey[h] = f
		}
	}
}

// retire takes out a flow that has gone. owner finds it still.
func (x *openedFlows) retire(f *Flow) {
	if pair := (addrPair{f.src, f.dst}); x.newest[pair] == f {
		delete(x.newest, pair)
	}
}

// dropKey makes owner find the flow no longer by the key.
func (x *openedFlows) dropKey(f *Flow, key Key) {
	if h, ok := x.hash(key); ok && x.byKey[h] == f {
		delete(x.byKey, h)
	}
}

// owner returns the flow whose packets are opened by a key that begins so, nil if there is none.
func (x *openedFlows) owner(head Key) *Flow {
	if h, ok := x.hash(head); ok {
		if o := x.byKey[h]; o != nil && o.State().Key.HasPrefix(head) {
			return o
		}
	}
	return nil
}

// hash is of the first bytes of a key; ok is false if it has too few.
func (x *openedFlows) hash(k Key) (h uint64, ok bool) {
	if k.Len() < headLen {
		return 0, false
	}
	return maphash.Bytes(x.seed, k.Bytes()[:headLen]), true
}
