package yamaha

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/esp"
)

// The values of a phase 2 stand in this order: SPI, key material, authentication key, and the same for the other direction. A
// key is certain to be an SPI's where no other SPI waits for its key. SPIs that wait together are a batch: each of the keys that
// come before all have theirs may be each one's. All pairs are given out, and the capture has to show which is right.

const (
	maxPaired = 8           // SPIs and keys whose pairs are all given out; of more, none
	maxRun    = 2 * maxOpen // SPIs of a run
	// What came no further for so many lines does not go on behind the next phase 2 line, where the log has no times.
	staleLines = 400
)

// run is the SPIs and keys of the phases 2 that have not all come to their end.
type run struct {
	phases  []label
	sas     []sa
	keys    []material
	batches []batch
	last    label // of the last value

	authed bool // an authentication key has come
	open   int  // authentication keys that may be of several of those that wait for one

	mixed  bool // a batch has several SPIs
	excess bool // a key came that no SPI waits for: an SPI is missing, and no key is certain
	lost   bool // bytes without a label stand among the values, or one of them is damaged
	spare  bool // an authentication key came that no key waits for: none is certain
}

// batch is where its SPIs and keys begin.
type batch struct{ sa, key int }

// sa is an SPI.
type sa struct {
	spi   uint32
	fault fault
	line  int
}

// material is a key, and the authentication key behind it.
type material struct {
	key      esp.Key // zero: damaged
	head     bool
	torn     bool // rows of one of its values are missing or are of another
	line     int
	sas      int     // the SPIs that have come before it
	auth     esp.Key // zero: damaged, or has not come
	authHead bool
	authLine int  // 0: has not come
	done     bool // it gets no authentication key
}

// span returns the SPIs and keys of a batch.
func (r *run) span(i int) ([]sa, []material) {
	from, to := r.batches[i], batch{len(r.sas), len(r.keys)}
	if i+1 < len(r.batches) {
		to = r.batches[i+1]
	}
	return r.sas[from.sa:to.sa], r.keys[from.key:to.key]
}

// waiting returns how many SPIs wait for their keys.
func (r *run) waiting() int {
	if len(r.batches) == 0 {
		return 0
	}
	sas, keys := r.span(len(r.batches) - 1)
	return max(0, len(sas)-len(keys))
}

// authsWanted returns how many keys wait for their authentication keys.
func (r *run) authsWanted() (n int) {
	for i := range r.keys {
		if k := &r.keys[i]; k.authLine == 0 && !k.done {
			n++
		}
	}
	return n
}

// partial reports whether values of the SPIs so far are still to come.
func (r *run) partial() bool { return r.waiting() > 0 || r.authed && r.authsWanted() > r.open }

// unfinished reports whether values of the phases so far are still to come.
func (r *run) unfinished() bool { return len(r.sas) < 2*len(r.phases) || r.partial() }

func (a *assembler) phase2(ev *event) {
	r := &a.run
	switch n := len(r.phases); {
	case n == maxOpen, n > 0 && dead(&r.phases[0], &ev.label),
		n == 0 && len(r.sas) > 0 && r.waiting() == 0,
		n > 0 && len(r.sas) == 2*n && !(r.partial() && r.near(&ev.label)):
		a.endRun()
	}
	r.phases = append(r.phases, ev.label)
	r.lost = r.lost || ev.orphan
}

// near reports whether the values so far may go on at a line.
func (r *run) near(at *label) bool {
	if at.timed && r.last.timed {
		return !apart(&r.last, at)
	}
	return at.line-r.last.line <= staleLines && r.last.line-at.line <= staleLines
}

func (a *assembler) spi(ev *event) {
	r := &a.run
	if len(r.sas) >= 2*len(r.phases) && r.waiting() == 0 || len(r.sas) == maxRun {
		a.endRun()
	}
	r.last = ev.label
	if last := len(r.sas) - 1; r.waiting() > 0 && r.sas[last].fault == rowless && (len(r.keys) == 0 || r.keys[len(r.keys)-1].sas <= last) {
		r.sas = r.sas[:last] // the label stands twice, or no key came for it
		if b := len(r.batches) - 1; r.batches[b].sa == last {
			r.batches = r.batches[:b]
		}
	}
	if r.waiting() == 0 {
		r.batches = append(r.batches, batch{len(r.sas), len(r.keys)})
	} else {
		r.mixed = true
	}
	s := sa{fault: ev.fault, line: ev.line}
	if ev.fault == whole {
		s.spi = binary.BigEndian.Uint32(ev.data)
	} else {
		r.lost = true // the label may stand twice, so the order of the others tells nothing
	}
	r.sas = append(r.sas, s)
}

// material takes a key or an authentication key.
func (a *assembler) material(ev *event) {
	r := &a.run
	if len(r.sas) == 0 {
		if ev.fault == whole {
			a.out.note(ev.line, ev.kind.String()+": no SPI stands before it")
		}
		return
	}
	r.last = ev.label
	r.lost = r.lost || ev.fault != whole && len(r.phases) > 1
	key, head := esp.NewKey(ev.data), ev.first != 0 && len(ev.data) == ev.first
	if ev.kind == authKey {
		a.authKey(ev, key, head)
		return
	}
	if r.waiting() == 0 && a.superfluous(ev) {
		return
	}
	r.keys = append(r.keys, material{key: key, head: head, torn: ev.fault == misshapen, line: ev.line, sas: len(r.sas)})
}

// superfluous takes a value that no SPI or key waits for. Where rows are misplaced before it, the line of the next SPI is
// missing, and the value is left out: the result is true. Else an SPI before the beginning of the log, or a lost one, has a key
// among those that came, so none is certain.
func (a *assembler) superfluous(ev *event) bool {
	r := &a.run
	if n := len(r.keys); n >= maxRun || n > 0 && (r.keys[n-1].torn || r.keys[n-1].key.IsZero()) {
		r.lost = true
		a.out.note(ev.line, ev.kind.String()+": it follows another one without an SPI between")
		return true
	}
	r.excess, r.mixed = true, true
	return false
}

func (a *assembler) authKey(ev *event, key esp.Key, head bool) {
	r := &a.run
	r.authed = true
	if len(r.phases) < 2 && !r.mixed {
		// A single negotiation has gone on to the last SPI.
		for i := range r.keys {
			r.keys[i].done = r.keys[i].done || r.keys[i].sas < len(r.sas)
		}
	}
	switch wanted := r.authsWanted(); {
	case wanted == 0 && (len(r.keys) == 0 || r.waiting() > 0 && !r.mixed && len(r.phases) < 2):
		a.out.note(ev.line, "authentication key: no key material of its SPI stands before it")
	case wanted == 0:
		if !a.superfluous(ev) {
			r.spare = true
			a.authInDoubt(ev.line, key)
		}
	case wanted == 1 && r.open == 0:
		i := slices.IndexFunc(r.keys, func(k material) bool { return k.authLine == 0 && !k.done })
		k := &r.keys[i]
		k.auth, k.authHead, k.authLine, k.torn = key, head, ev.line, k.torn || ev.fault == misshapen
	default:
		a.authInDoubt(ev.line, key)
		if r.open++; r.open == wanted {
			r.open = 0
			for i := range r.keys {
				r.keys[i].done = true
			}
		}
	}
}

// authInDoubt leaves an authentication key out that may be of several keys. As far as the log shows it, it is of no use: its
// first bytes check nothing.
func (a *assembler) authInDoubt(line int, key esp.Key) {
	if !key.IsZero() {
		a.out.note(line, "authentication key: the log mixes negotiations, and it can't be told whose it is")
	}
}

// endRun gives out the keys of the SPIs that have come.
func (a *assembler) endRun() {
	r := &a.run
	if len(r.sas) > 0 {
		a.checkShort()
		// Where a value of negotiations that ran at once is damaged, a key may stand under another one's SPI.
		doubtful := r.excess || r.lost && (len(r.phases) > 1 || r.mixed)
		if doubtful {
			r.batches = r.batches[:1]
		}
		for i := range r.keys {
			if k := &r.keys[i]; r.spare || doubtful {
				a.authInDoubt(k.authLine, k.auth)
				k.auth, k.authHead = esp.Key{}, false
			}
		}
		var list []*esp.Secret
		for i := range r.batches {
			if sas, keys := r.span(i); len(sas) == 1 && !doubtful {
				list = a.sole(list, i, &sas[0], keys)
			} else {
				list = a.paired(list, i)
			}
		}
		a.checkAuths()
		if len(list) > 0 {
			a.out.ESP(list)
		}
	}
	clear(r.keys)
	*r = run{phases: r.phases[:0], sas: r.sas[:0], keys: r.keys[:0], batches: r.batches[:0]}
}

// checkShort refuses a key of 8 bytes where more were announced, unless it is clear that the algorithm is DES: the key may have
// lost its row, and the authentication key its caption.
func (a *assembler) checkShort() {
	keys := a.run.keys
	if len(keys) > 1 && !slices.ContainsFunc(keys, func(k material) bool { return k.key.Len() != 8 }) {
		return
	}
	for i := range keys {
		if k := &keys[i]; k.key.Len() == 8 && !k.head && k.authLine == 0 {
			a.out.note(k.line, "key material: it has 8 bytes and no authentication key follows: lines are missing, or the key is the authentication key")
			k.key = esp.Key{}
		}
	}
}

// checkAuths tells where only one of two directions has an authentication key.
func (a *assembler) checkAuths() {
	r := &a.run
	if len(r.sas) != 2 || len(r.keys) != 2 || r.mixed || (r.keys[0].authLine == 0) == (r.keys[1].authLine == 0) {
		return
	}
	i := 0
	if r.keys[0].authLine != 0 {
		i = 1
	}
	if s := &r.sas[i]; s.fault == whole && !r.keys[i].key.IsZero() {
		a.out.doubt(s.line, "SPI "+spiName(s.spi)+": no authentication key follows it, but the other direction's does")
	}
}

// sole appends the SPI i with the key that is its own.
func (a *assembler) sole(list []*esp.Secret, i int, s *sa, keys []material) []*esp.Secret {
	switch {
	case len(keys) == 0:
		a.noKey(s)
		return list
	case s.fault != whole:
		if !keys[0].key.IsZero() {
			a.out.note(keys[0].line, "key material: the SPI that it belongs to is damaged")
		}
		if !keys[0].auth.IsZero() {
			a.out.note(keys[0].authLine, "authentication key: the SPI that it belongs to is damaged")
		}
		return list
	case keys[0].key.IsZero():
		return list
	}
	secret := a.secret(s, &keys[0])
	if r := &a.run; len(r.phases) == 1 && len(r.sas) == 2 && !r.lost && !r.mixed {
		secret.PairSPI = r.sas[1-i].spi
		// After "respond" the first SPI is the one that the router sends with. For "initiate" this is not known.
		if p := &r.phases[0]; p.respond && p.addr.IsValid() {
			if i == 0 {
				secret.Dst = esp.AddrPatternFrom(p.addr)
			} else {
				secret.Src = esp.AddrPatternFrom(p.addr)
			}
		}
	}
	return append(list, secret)
}

func (a *assembler) noKey(s *sa) {
	if s.fault == whole {
		a.out.note(s.line, "SPI "+spiName(s.spi)+": no key material follows it")
	}
}

func (a *assembler) secret(s *sa, k *material) *esp.Secret {
	return &esp.Secret{SPI: s.spi, SPIMask: 0xffffffff, Key: k.key, KeyHead: k.head, AuthKey: k.auth, AuthKeyHead: k.authHead,
		Origin: a.out.origin(k.line)}
}

// paired appends all pairs of SPIs and keys of the batch i that are possible.
func (a *assembler) paired(list []*esp.Secret, i int) []*esp.Secret {
	sas, keys := a.run.span(i)
	first := a.run.batches[i].sa
	keys = slices.DeleteFunc(slices.Clone(keys), func(k material) bool { return k.key.IsZero() })
	spis := 0
	for j := range sas {
		if sas[j].fault == whole {
			spis++
		}
	}
	if spis > maxPaired || len(keys) > maxPaired || spis == 0 {
		a.tooMany(sas, keys, spis)
		return list
	}
	for j := range sas {
		s := &sas[j]
		if s.fault != whole {
			continue
		}
		var lines []string
		for i := range keys {
			if k := &keys[i]; k.sas > first+j {
				lines = append(lines, strconv.Itoa(k.line))
				pair := a.secret(s, k)
				pair.Uncertain = true
				list = append(list, pair)
			}
		}
		text := "SPI " + spiName(s.spi) + ": the log mixes negotiations, its key "
		switch len(lines) {
		case 0:
			a.noKey(s)
		case 1:
			a.out.doubt(s.line, text+"may be the one at line "+lines[0]+": the capture has to show it")
		default:
			a.out.doubt(s.line, fmt.Sprintf("%sis one of the %d at lines %s: the capture has to show which", text, len(lines), strings.Join(lines, ", ")))
		}
	}
	return list
}

// tooMany tells of a batch of which no pairs are given out.
func (a *assembler) tooMany(sas []sa, keys []material, spis int) {
	mix := fmt.Sprintf("%d SPIs and %d keys of several negotiations are mixed; it can't be told ", spis, len(keys))
	for _, k := range keys {
		a.out.note(k.line, "key material: "+mix+"whose it is")
	}
	for _, s := range sas {
		if s.fault == whole {
			a.out.note(s.line, "SPI "+spiName(s.spi)+": "+mix+"which is its")
		}
	}
}

// spiName returns an SPI as in "0x0a1b2c3d".
func spiName(spi uint32) string { return fmt.Sprintf("0x%08x", spi) }
