package salookup

import "net/netip"

// The flows of the table are in one of three lists, each by the time of the last packet, so that
// the idlest one is found without a search. What goes first is what no key ever opened.

// kind is which list a flow is in.
type kind uint8

const (
	unopened kind = iota
	opened
	doomed  // IKE has deleted it, or the SA of the other direction; packets may still be on their way
	resting // a key opened it, and nothing came for long; what comes now may be what came before
	kinds
)

// atMost is how many flows of a kind there are.
var atMost = [kinds]int{maxUnopened, maxOpen, maxOpen, maxResting}

// place is a flow's place in its list.
type place struct{ newer, older *Flow }

// list is flows from the one whose last packet is newest to the one whose is oldest.
type list struct {
	newest, oldest *Flow
	len            int
}

func (l *list) push(f *Flow) {
	f.newer, f.older = nil, l.newest
	if l.newest != nil {
		l.newest.newer = f
	} else {
		l.oldest = f
	}
	l.newest = f
	l.len++
}

func (l *list) remove(f *Flow) {
	newer, older := f.newer, f.older
	if newer != nil {
		newer.older = older
	} else {
		l.newest = older
	}
	if older != nil {
		older.newer = newer
	} else {
		l.oldest = newer
	}
	l.len--
}

// touch makes a flow the newest of its kind. One that rests is open again.
func (t *Table) touch(f *Flow) {
	if f.kind == resting {
		t.move(f, opened)
	} else if l := &t.kinds[f.kind]; l.newest != f {
		l.remove(f)
		l.push(f)
	}
}

// move makes a flow one of another kind. Where few secrets are kept few flows rest.
func (t *Table) move(f *Flow, to kind) {
	if f.kind == to {
		return
	}
	t.kinds[f.kind].remove(f)
	f.kind = to
	t.kinds[to].push(f)
	if n := t.kinds[to].len; n > atMost[to] || to == resting && t.limit > 0 && n > t.limit/8 {
		t.forget(t.kinds[to].oldest)
	}
}

// flowKey is what a flow is found by.
type flowKey struct {
	dst         netip.Addr
	spi, inside uint32
}

func (f *Flow) key() flowKey { return flowKey{f.dst, f.spi, f.inside} }

// has reports whether the flow is found by these.
func (f *Flow) has(dst netip.Addr, spi, inside uint32) bool {
	return f.spi == spi && f.inside == inside && f.dst == dst
}

// flow returns the flow of a packet, a new one if need be.
func (t *Table) flow(h *Header) *Flow {
	dst := h.Dst.Unmap()
	f := t.find(dst, h.SPI, h.Inside)
	if f == nil {
		if t.kinds[unopened].len >= atMost[unopened] {
			t.forget(t.kinds[unopened].oldest)
		}
		f = &Flow{spi: h.SPI, inside: h.Inside, src: h.Src.Unmap(), dst: dst, order: t.made, stale: true}
		t.made++
		t.enlist(f)
		t.kinds[unopened].push(f)
	}
	return f
}

// find returns the flow that is found by these, nil if there is none.
func (t *Table) find(dst netip.Addr, spi, inside uint32) *Flow {
	first := t.bySPI.get(spi).flows
	if first == nil || first.has(dst, spi, inside) {
		return first
	}
	return t.others[flowKey{dst, spi, inside}]
}

// enlist makes a flow one of those of its SPI. The first one is found by the SPI alone, which is
// all that most SPIs take.
func (t *Table) enlist(f *Flow) {
	first := t.bySPI.get(f.spi).flows
	if first == nil {
		t.bySPI.of(f.spi).flows = f
		return
	}
	t.others[f.key()] = f
	f.prev, f.next = first, first.next
	if f.next != nil {
		f.next.prev = f
	}
	first.next = f
}

// first makes a flow the first one of its SPI.
func (t *Table) first(f *Flow) {
	first := t.bySPI.get(f.spi).flows
	if first == f {
		return
	}
	delete(t.others, f.key())
	t.others[first.key()] = first
	if f.prev.next = f.next; f.next != nil {
		f.next.prev = f.prev
	}
	f.prev, f.next, first.prev = nil, first, f
	t.bySPI.of(f.spi).flows = f
}

// delist undoes enlist.
func (t *Table) delist(f *Flow) {
	if f.next != nil {
		f.next.prev = f.prev
	}
	switch {
	case f.prev != nil:
		f.prev.next = f.next
		delete(t.others, f.key())
	case f.next != nil:
		t.bySPI.of(f.spi).flows = f.next
		delete(t.others, f.next.key())
	default:
		t.set(f.spi, func(of *ofSPI) { of.flows = nil })
	}
	f.next, f.prev = nil, nil
}

// forget takes a flow out, and keeps its account if there is room. Of one without an account that
// IKE has deleted, what was agreed on is forgotten too.
func (t *Table) forget(f *Flow) {
	t.delist(f)
	t.kinds[f.kind].remove(f)
	f.place, f.kind, f.trying = place{}, unopened, nil
	gone := &t.gone[0]
	if f.ring != nil {
		gone = &t.gone[1]
		f.ring.release()
	}
	if len(*gone) < maxGone && (t.limit == 0 || len(*gone) < t.limit/8) {
		*gone = append(*gone, f)
		return
	}
	if t.lost++; f.deleted && t.bySPI.get(f.spi).flows == nil {
		delete(t.quick, f.spi)
	}
}

// release drops what the SAs of a flow that goes have made ready. Packets on their way make it
// again.
func (r *Ring) release() {
	for _, s := range r.sas {
		s.ready.Store(nil)
	}
}

// Delete says that IKE deleted the SA with this SPI that sends to dst, to any address if dst is not
// valid. Packets may still be on their way. The SA of the other direction goes with it, though
// mostly no Delete names it: what is left of that is no longer waited for.
func (t *Table) Delete(spi uint32, dst netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dst = dst.Unmap()
	for f := t.bySPI.get(spi).flows; f != nil; f = f.next {
		if !dst.IsValid() || f.dst == dst {
			f.deleted = true
			t.doom(f)
		}
	}
	for _, n := range t.quick[spi] {
		for f := t.bySPI.get(n.PairSPI).flows; f != nil; f = f.next {
			if f.dst == n.Src.Unmap() {
				t.doom(f)
			}
		}
	}
}

func (t *Table) doom(f *Flow) {
	if f.ring != nil {
		t.move(f, doomed)
	}
}

// Expire forgets the flows that no key opened and that had no packet since now-idle, both in
// nanoseconds of capture time. Their accounts are kept, up to a bound. Of the others that are as
// idle, and of the doomed ones after a thirtieth of it, it keeps what tells a packet that comes
// again.
func (t *Table) Expire(now, idle int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, idle := range [...]int64{unopened: idle, opened: idle, doomed: idle / 30} {
		for f := t.kinds[k].oldest; f != nil && now-f.time > idle; f = t.kinds[k].oldest {
			if f.ring == nil {
				t.forget(f)
			} else {
				f.ring.release()
				t.move(f, resting)
			}
		}
	}
}
