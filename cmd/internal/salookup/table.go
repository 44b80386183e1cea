package salookup

import (
	"cmp"
	"slices"
	"sync"

	"l2tpdump/esp"
)

const (
	maxOpen       = 1 << 20 // flows that a key opens; beyond it the idlest one goes
	maxResting    = 4096    // the same, that have had no packet for long; likewise
	maxUnopened   = 65536   // flows that none opens; likewise
	maxGone       = 4096    // accounts kept of the flows of each kind that went
	maxNegotiated = 65536   // SPIs with something negotiated
	perSPI        = 4       // Quick Modes kept for one SPI
	maxRoom       = 1024    // secrets that memory is made for at once
	sameRange     = 64      // secrets of one SPI that a new one is compared with
	wholeSPI      = 0xffffffff
)

// Table holds what is known about keys and one Flow for each SPI and destination seen. Any
// goroutine may call its methods.
type Table struct {
	mu       sync.Mutex
	bySPI    spiMap[ofSPI]
	patterns []*Known                     // secrets that do not name the whole SPI
	all      []*Known                     // in the order in which they were added
	room     []Known                      // for the next ones
	limit    int                          // secrets to keep, 0: all
	quick    map[uint32][]*esp.Negotiated // by SPI, the latest last
	quickSPI []uint32                     // in the order in which they came

	others map[flowKey]*Flow // flows that are not the first of their SPI
	kinds  [kinds]list
	gone   [2][]*Flow // unopened, opened
	lost   uint64     // flows of which not even the account was kept
	made   uint64     // flows
	clock  uint64     // packets admitted

	trial  Trial
	spare  *trying // memory for the next flow, nil: there is none
	budget budget

	last     *Set  // that opened nothing last, which flows with the same sources have in common; nil: none
	lastRing *Ring // of its candidates, for packets that need no attempt; nil: there was none

	kept    int         // SAs that keep what is made ready before they are proved
	nothing [2]*Attempt // for flows of which nothing is known: without and with secrets for others
}

// ofSPI is what there is of an SPI.
type ofSPI struct {
	secrets *Known // the last that names it whole, and those before it through Known.before
	flows   *Flow  // the first, and others through Flow.next
}

// New returns an empty table.
func New() *Table {
	t := &Table{
		quick:  make(map[uint32][]*esp.Negotiated),
		others: make(map[flowKey]*Flow), budget: fullBudget,
	}
	for i := range t.nothing {
		t.nothing[i] = &Attempt{Err: ErrNoKey, Set: &Set{}, Secrets: i == 1}
	}
	return t
}

// AddSecrets adds what key sources say about SAs; the secrets must not change afterwards. One that
// says the same as an earlier one for the same SPI is dropped. Flows of its SPI are tried anew with
// their next packet.
func (t *Table) AddSecrets(secrets ...*esp.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.Grow(t.all, len(secrets))
	t.bySPI.reserve(len(secrets))
	for _, s := range secrets {
		t.add(s)
	}
}

func (t *Table) add(s *esp.Secret) {
	if t.said(s) {
		return
	}
	t.makeRoom()
	if len(t.room) == 0 {
		t.room = make([]Known, min(max(8, len(t.all)), maxRoom))
	}
	e := &t.room[0]
	t.room = t.room[1:]
	e.Secret = s
	t.enter(e)
	if s.SPIMask == wholeSPI {
		t.outdate(s.SPI)
		return
	}
	for spi := range t.bySPI.all() {
		if s.MatchesSPI(spi) {
			t.outdate(spi)
		}
	}
}

// said reports whether one of the last secrets for the same SPI says the same.
func (t *Table) said(s *esp.Secret) bool {
	if s.SPIMask != wholeSPI {
		last := t.patterns[max(0, len(t.patterns)-sameRange):]
		return slices.ContainsFunc(last, func(e *Known) bool { return saySame(e.Secret, s) })
	}
	e := t.bySPI.get(s.SPI).secrets
	for n := 0; e != nil && n < sameRange; n++ {
		if saySame(e.Secret, s) {
			return true
		}
		e = e.before
	}
	return false
}

// saySame reports whether two secrets differ in nothing but their place.
func saySame(a, b *esp.Secret) bool {
	if !a.Key.Equal(b.Key) || !a.AuthKey.Equal(b.AuthKey) {
		return false
	}
	x := *a
	x.Key, x.AuthKey, x.Origin = b.Key, b.AuthKey, b.Origin
	return x == *b
}

// enter puts an entry in its places.
func (t *Table) enter(e *Known) {
	e.Index = int32(len(t.all))
	t.all = append(t.all, e)
	if e.SPIMask == wholeSPI {
		t.set(e.SPI, func(of *ofSPI) { e.before, of.secrets = of.secrets, e })
	} else {
		t.patterns = append(t.patterns, e)
	}
}

// set changes what there is of an SPI.
func (t *Table) set(spi uint32, change func(*ofSPI)) {
	of := t.bySPI.of(spi)
	if change(of); *of == (ofSPI{}) {
		t.bySPI.remove(spi)
	}
}

// outdate has the flows of an SPI gather anew what is known of it.
func (t *Table) outdate(spi uint32) {
	for f := t.bySPI.get(spi).flows; f != nil; f = f.next {
		f.stale = true
	}
}

// Limit has the table forget secrets, and likewise Quick Modes, when there are more than about n:
// the oldest go first, but for those whose SPI is in use. Of flows that have gone it keeps n/8
// accounts of each kind. Without it all secrets are kept.
func (t *Table) Limit(n int) { t.limit = n }

// makeRoom forgets the secrets beyond the limit, when there are many.
func (t *Table) makeRoom() {
	if t.limit == 0 || len(t.all) < t.limit+t.limit/4 {
		return
	}
	old := t.all
	t.all, t.patterns = make([]*Known, 0, t.limit+t.limit/4), nil
	for _, e := range old {
		t.set(e.SPI, func(of *ofSPI) { of.secrets = nil })
	}
	for i, e := range old {
		if e.SPIMask != wholeSPI || len(old)-i <= t.limit || t.bySPI.get(e.SPI).flows != nil {
			t.enter(e)
		}
	}
}

// Named reports whether a secret or a Quick Mode has named the SPI.
func (t *Table) Named(spi uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bySPI.get(spi).secrets != nil || len(t.quick[spi]) > 0
}

// Keyed reports whether there is a key, or a part of one, that may be for the SPI.
func (t *Table) Keyed(spi uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bySPI.get(spi).secrets != nil ||
		slices.ContainsFunc(t.patterns, func(e *Known) bool { return e.MatchesSPI(spi) }) ||
		slices.ContainsFunc(t.quick[spi], func(n *esp.Negotiated) bool { return !n.Key.IsZero() })
}

// AddNegotiated adds one direction of what a Quick Mode agreed on; the value must not change
// afterwards.
func (t *Table) AddNegotiated(n *esp.Negotiated) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list, known := t.quick[n.SPI]
	for i, old := range list {
		if old.Cookie != n.Cookie || old.MessageID != n.MessageID || old.Dst != n.Dst {
			continue
		}
		if old.Key.Equal(n.Key) && old.AuthKey.Equal(n.AuthKey) && old.Suite == n.Suite ||
			n.Key.IsZero() && !old.Key.IsZero() {
			return // no more than is known by now
		}
		list = slices.Concat(list[:i], list[i+1:])
		break
	}
	t.quick[n.SPI] = slices.Concat(list[max(0, len(list)-perSPI+1):], []*esp.Negotiated{n})
	if !known {
		t.quickSPI = append(t.quickSPI, n.SPI)
		t.forgetQuick()
	}
	t.outdate(n.SPI)
}

// forgetQuick forgets what was agreed on first, where that is too much: with a limit too, but not
// for an SPI that is in use.
func (t *Table) forgetQuick() {
	const looked = 2 // one comes, and one that is in use may be in front
	for range looked {
		oldest, n := t.quickSPI[0], len(t.quickSPI)
		switch {
		case n > maxNegotiated, t.limit > 0 && n > t.limit && t.bySPI.get(oldest).flows == nil:
			delete(t.quick, oldest)
		case t.limit > 0 && n > t.limit:
			t.quickSPI = append(t.quickSPI, oldest)
		default:
			return
		}
		t.quickSPI = t.quickSPI[1:]
	}
}

// Negotiated returns what Quick Modes agreed on for the SPI, the latest first, empty if nothing is
// known.
func (t *Table) Negotiated(spi uint32) []*esp.Negotiated {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.Clone(t.quick[spi])
	slices.Reverse(list)
	return list
}

// Secrets returns all secrets in the order in which they were added. Nothing may be added
// meanwhile.
func (t *Table) Secrets() []*Known { return t.all }

// SecretsOf returns those that name the whole SPI, likewise.
func (t *Table) SecretsOf(spi uint32) []*Known {
	var list []*Known
	for e := t.bySPI.get(spi).secrets; e != nil; e = e.before {
		list = append(list, e)
	}
	slices.Reverse(list)
	return list
}

// Flows returns all flows in the order of their first packets, with those that have gone and those
// inside ESP.
func (t *Table) Flows() []*Flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.gone[0]) + len(t.gone[1])
	for i := range t.kinds {
		n += t.kinds[i].len
	}
	flows := append(append(make([]*Flow, 0, n), t.gone[0]...), t.gone[1]...)
	for i := range t.kinds {
		for f := t.kinds[i].oldest; f != nil; f = f.newer {
			flows = append(flows, f)
		}
	}
	slices.SortFunc(flows, func(a, b *Flow) int { return cmp.Compare(a.order, b.order) })
	return flows
}

// Forgotten returns how many flows are not among Flows, because there were too many.
func (t *Table) Forgotten() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}
