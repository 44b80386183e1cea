package esp

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
)

const (
	maxFlows      = 65536 // flows at a time; beyond it the idlest quarter goes
	maxGone       = 4096  // accounts of flows that went
	maxNegotiated = 65536 // SPIs with something negotiated
	perSPI        = 4     // Quick Modes kept for one SPI
	recentFlows   = 256   // entries of the cache in front of the map, a power of two
)

// DB holds what is known about keys and one Flow for each SPI and destination seen. One goroutine uses it; the exceptions are
// named at Flow.
type DB struct {
	flows  map[flowKey]*Flow
	bySPI  map[uint32]*Flow // the first of a list through Flow.next
	recent [recentFlows]*Flow
	keyed  openedFlows
	gone   []*Flow
	lost   uint64 // flows of which not even the account was kept
	opened uint64 // flows made
	clock  uint64 // packets admitted

	entries    []*entry // secrets in the order they were added
	exact      map[uint32][]*entry
	masked     []*entry // secrets with unknown bits in their SPI
	negotiated map[uint32][]*Negotiated
	negOrder   []uint32
	limit      int // secrets to keep, 0: all

	trial  trial
	budget budget
}

// entry is a secret and what became of it.
type entry struct {
	*Secret
	index   int
	used    bool
	refused bool   // was tried and did not fit
	differs string // key source that opens the SPI with another key
}

type flowKey struct {
	dst netip.Addr
	spi uint32
}

// NewDB returns an empty DB.
func NewDB() *DB {
	return &DB{
		flows:      make(map[flowKey]*Flow),
		bySPI:      make(map[uint32]*Flow),
		keyed:      newOpenedFlows(),
		exact:      make(map[uint32][]*entry),
		negotiated: make(map[uint32][]*Negotiated),
		budget:     fullBudget,
	}
}

// AddSecret adds what a key source says about an SA; the secret must not change afterwards. A secret that says the
// same as an earlier one for the same SPI is dropped. Flows that no key has opened so far are tried anew with their next packet.
func (db *DB) AddSecret(s *Secret) {
	if s.SPIMask != 0xffffffff {
		if !isSame(db.masked, s) {
			db.makeRoom()
			db.addMasked(s)
		}
		return
	}
	if isSame(db.exact[s.SPI], s) {
		return
	}
	db.makeRoom()
	e := &entry{Secret: s, index: len(db.entries)}
	db.entries = append(db.entries, e)
	db.exact[s.SPI] = append(db.exact[s.SPI], e)
	db.renew(s.SPI)
}

// sameRange is how many secrets of one SPI a new one is compared with.
const sameRange = 64

// isSame reports whether one of the last secrets of the list says the same.
func isSame(list []*entry, s *Secret) bool {
	for i := len(list) - 1; i >= 0 && i >= len(list)-sameRange; i-- {
		if sameSecret(list[i].Secret, s) {
			return true
		}
	}
	return false
}

// addMasked adds a secret that does not name the whole SPI.
func (db *DB) addMasked(s *Secret) {
	e := &entry{Secret: s, index: len(db.entries)}
	db.entries = append(db.entries, e)
	db.masked = append(db.masked, e)
	for spi := range db.bySPI {
		if s.MatchesSPI(spi) {
			db.renew(spi)
		}
	}
}

// renew has the flows of an SPI tried anew.
func (db *DB) renew(spi uint32) {
	for f := db.bySPI[spi]; f != nil; f = f.next {
		f.renew()
	}
}

// Limit has the DB forget secrets when there are more than about n: the oldest go first, but for those whose SPI is in
// use. Of flows that have gone it keeps n/8 accounts. Without it all secrets are kept, and 4096 accounts.
func (db *DB) Limit(n int) {
	db.limit = n
}

// makeRoom forgets the secrets beyond the limit, when there are many.
func (db *DB) makeRoom() {
	if db.limit == 0 || len(db.entries) < db.limit+db.limit/4 {
		return
	}
	old := db.entries
	db.entries, db.masked = make([]*entry, 0, db.limit+db.limit/4), nil
	clear(db.exact)
	for i, e := range old {
		if e.SPIMask == 0xffffffff && len(old)-i > db.limit && db.bySPI[e.SPI] == nil {
			continue
		}
		e.index = len(db.entries)
		db.entries = append(db.entries, e)
		if e.SPIMask == 0xffffffff {
			db.exact[e.SPI] = append(db.exact[e.SPI], e)
		} else {
			db.masked = append(db.masked, e)
		}
	}
}

// Named reports whether a secret or a Quick Mode has named the SPI.
func (db *DB) Named(spi uint32) bool {
	return len(db.exact[spi]) > 0 || len(db.negotiated[spi]) > 0
}

// Keyed reports whether there is a key, or a part of one, that may be for the SPI.
func (db *DB) Keyed(spi uint32) bool {
	if len(db.exact[spi]) > 0 {
		return true
	}
	for _, e := range db.masked {
		if e.MatchesSPI(spi) {
			return true
		}
	}
	for _, n := range db.negotiated[spi] {
		if !n.Key.IsZero() {
			return true
		}
	}
	return false
}

func sameSecret(a, b *Secret) bool {
	return a.SPI == b.SPI && a.SPIMask == b.SPIMask && a.Src == b.Src && a.Dst == b.Dst && a.Suite == b.Suite &&
		a.Uncertain == b.Uncertain && a.KeyHead == b.KeyHead && a.AuthKeyHead == b.AuthKeyHead && a.ESNKnown == b.ESNKnown && a.SeqHigh == b.SeqHigh &&
		a.PairSPI == b.PairSPI && a.Key.Equal(b.Key) && a.AuthKey.Equal(b.AuthKey)
}

// AddNegotiated adds one direction of what a Quick Mode agreed on; the value must not change afterwards. A flow with this
// SPI is checked against it from its next packet on: the SPI may have come into use again.
func (db *DB) AddNegotiated(n *Negotiated) {
	list, known := db.negotiated[n.SPI]
	for i, old := range list {
		if old.Cookie == n.Cookie && old.MessageID == n.MessageID && old.Dst == n.Dst {
			if old.Key.Equal(n.Key) && old.AuthKey.Equal(n.AuthKey) && old.Suite == n.Suite {
				return
			}
			if n.Key.IsZero() && !old.Key.IsZero() {
				return // half of what is known by now
			}
			list = slices.Delete(slices.Clone(list), i, i+1) // the keys came later
			break
		}
	}
	if len(list) >= perSPI {
		list = slices.Clone(list[len(list)-perSPI+1:])
	}
	db.negotiated[n.SPI] = append(list, n)
	if !known {
		db.negOrder = append(db.negOrder, n.SPI)
		if len(db.negOrder) > maxNegotiated {
			for _, spi := range db.negOrder[:maxNegotiated/4] {
				delete(db.negotiated, spi)
			}
			db.negOrder = slices.Clone(db.negOrder[maxNegotiated/4:])
		}
	}
	db.renew(n.SPI)
}

// Delete says that IKE deleted the SA with this SPI that sends to dst, to any address if dst is not valid. Packets may
// still be on their way; when the SPI comes into use again its packets are checked before the old key is trusted.
func (db *DB) Delete(spi uint32, dst netip.Addr) {
	dst = dst.Unmap()
	for f := db.bySPI[spi]; f != nil; f = f.next {
		if !dst.IsValid() || f.dst == dst {
			f.deleted = true
			f.renew()
		}
	}
}

// Lookup returns the flow of a packet, a new one if need be; never nil. It allocates nothing for a flow that is known.
func (db *DB) Lookup(spi uint32, src, dst netip.Addr) *Flow {
	dst = dst.Unmap()
	slot := &db.recent[spi%recentFlows]
	if f := *slot; f != nil && f.spi == spi && f.dst == dst {
		return f
	}
	k := flowKey{dst, spi}
	f := db.flows[k]
	if f == nil {
		if len(db.flows) >= maxFlows {
			db.evict()
		}
		f = &Flow{db: db, spi: spi, src: src.Unmap(), dst: dst, order: db.opened, clock: db.clock, next: db.bySPI[spi]}
		db.opened++
		f.state.Store(noState)
		db.flows[k] = f
		if f.next != nil {
			f.next.prev = f
		}
		db.bySPI[spi] = f
	}
	*slot = f
	return f
}

// evict makes room: the idlest quarter of the flows goes, those that no key opened first.
func (db *DB) evict() {
	all := make([]*Flow, 0, len(db.flows))
	for _, f := range db.flows {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *Flow) int {
		if (a.sa != nil) != (b.sa != nil) {
			if a.sa == nil {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.clock, b.clock), cmp.Compare(a.order, b.order))
	})
	db.forget(all[:max(1, len(all)/4)])
}

// Expire forgets the flows that had no packet since now-idle, both in nanoseconds of capture time, and those that IKE deleted after an
// eighth of it. Their accounts are kept, up to a bound.
func (db *DB) Expire(now, idle int64) {
	var old []*Flow
	for _, f := range db.flows {
		if age := now - f.time; age > idle || f.deleted && age > idle/8 {
			old = append(old, f)
		}
	}
	slices.SortFunc(old, func(a, b *Flow) int { return cmp.Compare(a.order, b.order) })
	db.forget(old)
}

func (db *DB) forget(flows []*Flow) {
	for _, f := range flows {
		delete(db.flows, flowKey{f.dst, f.spi})
		if f.next != nil {
			f.next.prev = f.prev
		}
		switch {
		case f.prev != nil:
			f.prev.next = f.next
		case f.next != nil:
			db.bySPI[f.spi] = f.next
		default:
			delete(db.bySPI, f.spi)
		}
		f.wrong, f.gone = f.findConflict(), true
		db.keyed.retire(f)
		if len(db.gone) < maxGone && (db.limit == 0 || len(db.gone) < db.limit/8) {
			db.gone = append(db.gone, f)
		} else {
			db.keyed.dropKey(f, f.key)
			db.lost++
		}
		f.release()
		f.next, f.prev, f.sa, f.proof = nil, nil, nil, nil
		f.key, f.authKey = Key{}, Key{}
	}
	if len(flows) > 0 {
		db.recent = [recentFlows]*Flow{}
	}
}

// Negotiated returns what Quick Modes agreed on for the SPI, the latest first, empty if nothing is known.
func (db *DB) Negotiated(spi uint32) []*Negotiated {
	list := slices.Clone(db.negotiated[spi])
	slices.Reverse(list)
	return list
}

// Forgotten returns how many flows are not among Flows, because there were too many.
func (db *DB) Forgotten() uint64 { return db.lost }

// Flows returns all flows in the order of their first packets, with those that have expired.
func (db *DB) Flows() []*Flow {
	flows := slices.Clone(db.gone)
	for _, f := range db.flows {
		flows = append(flows, f)
	}
	slices.SortFunc(flows, func(a, b *Flow) int { return cmp.Compare(a.order, b.order) })
	return flows
}

// Unused is a secret that opened nothing, and why.
type Unused struct {
	Secret *Secret
	Reason string
}

// Unused returns the secrets that opened no packet, in the order they were added. A secret that is the head of a key which did is not
// among them.
func (db *DB) Unused() iter.Seq[Unused] {
	return func(yield func(Unused) bool) {
		gone := make(map[uint32]*Flow, len(db.gone))
		for _, f := range slices.Backward(db.gone) {
			gone[f.spi] = f // the first of several
		}
		for _, e := range db.entries {
			if e.Uncertain && e.differs != "" {
				continue // another of those that may be the SPI's is
			}
			if !e.used && !yield(Unused{e.Secret, db.unusedReason(e, gone[e.SPI])}) {
				return
			}
		}
	}
}

// unusedReason is about a secret that opened nothing; gone is a flow with its SPI that has gone, or nil.
func (db *DB) unusedReason(e *entry, gone *Flow) string {
	f := db.bySPI[e.SPI]
	if f == nil {
		f = gone
	}
	switch {
	case e.differs != "":
		return "another key opens the SPI: " + e.differs
	case e.SPIMask != 0xffffffff && e.refused:
		return "fits none of the SPIs that it was tried on"
	case e.SPIMask != 0xffffffff:
		return "nothing that it could open was captured"
	case f == nil && len(db.flows)+len(db.gone) == 0:
		return "no ESP was captured"
	case f == nil:
		return "SPI never seen"
	}
	if s := f.State(); s.Reason != "" && f.sa == nil {
		return fmt.Sprintf("%s: %s", s.Verdict, s.Reason)
	} else if e.Key.IsZero() && e.AuthKey.IsZero() {
		return "holds no key"
	} else if f.sa == nil {
		return string(s.Verdict)
	}
	return "another source was used for the SPI"
}
