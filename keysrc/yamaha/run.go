package yamaha

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/esp"
)

const (
	maxPaired = 8           // keys that may be one SPI's, and are given out
	maxRun    = 2 * maxOpen // SPIs, or keys, of a run
	// What came no further for so many lines does not go on behind the next phase 2 line, where
	// the log has no times.
	staleLines = 400
)

// run is the SPIs and keys of the phases 2 that have not all come to their end. They stand in this
// order: SPI, key material, authentication key, and the same for the other direction. A key is
// certain to be an SPI's where no other SPI waits for its key.
type run struct {
	phases []label
	sas    []sa
	keys   []material
	last   label // of the last value

	from   int  // the first SPI that the next key may be of
	auths  int  // authentication keys
	unsure bool // it can't be told whose they are
	mixed  bool // an SPI follows another one
	excess bool // a key or an authentication key follows another one: an SPI is missing
	lost   bool // bytes without a label stand among the values, or one of them is damaged
	shaky  bool // text stands between a label and its row
}

// sa is an SPI.
type sa struct {
	spi    uint32
	fault  fault
	unsure bool
	line   int
}

// material is a key, and the authentication key behind it.
type material struct {
	key      esp.Key // zero: damaged
	head     bool
	unsure   bool
	torn     bool // rows of one of its values are missing or are of another
	line     int
	from, to int     // it is of one of these SPIs
	auth     esp.Key // zero: damaged, or has not come
	authHead bool
	authLine int  // 0: has not come
	given    bool // it was given out
}

// single reports whether the values are of one negotiation.
func (r *run) single() bool { return len(r.phases) < 2 && !r.mixed && !r.excess }

// bare returns a key that has no authentication key yet, and how many there are. A single
// negotiation has gone on to the last.
func (r *run) bare() (k *material, n int) {
	for i := range r.keys {
		if r.keys[i].authLine == 0 && (!r.single() || i == len(r.keys)-1) {
			k, n = &r.keys[i], n+1
		}
	}
	return k, n
}

// partial reports whether values of the SPIs so far are still to come.
func (r *run) partial() bool {
	_, bare := r.bare()
	return len(r.sas) > len(r.keys) || bare > 0 && r.auths > 0 && r.auths < len(r.keys)
}

// unfinished reports whether values of the phases so far are still to come.
func (r *run) unfinished() bool { return len(r.sas) < 2*len(r.phases) || r.partial() }

func (a *assembler) phase2(ev *event) {
	r := &a.run
	switch n := len(r.phases); {
	case n == maxOpen, n > 0 && dead(&r.phases[0], &ev.label),
		n == 0 && len(r.sas) > 0 && len(r.sas) <= len(r.keys),
		n > 0 && len(r.sas) == 2*n && !(r.partial() && r.near(&ev.label)):
		a.endRun()
	}
	r.phases = append(r.phases, ev.label)
	r.lost = r.lost || ev.orphan
}

// near reports whether the values so far may go on at a line.
func (r *run) near(at *label) bool {
	if at.timed && r.last.timed {
		return !apart(&r.last, at, deadSeconds)
	}
	return at.line-r.last.line <= staleLines && r.last.line-at.line <= staleLines
}

func (a *assembler) spi(ev *event) {
	r := &a.run
	if n := len(r.sas); n >= 2*len(r.phases) && n <= len(r.keys) || n == maxRun {
		a.endRun()
	}
	r.last = ev.label
	switch n := len(r.sas); {
	case n <= len(r.keys):
		r.from = n
	case r.sas[n-1].fault == rowless:
		r.sas = r.sas[:n-1] // the label stands twice
	default:
		r.mixed = true
	}
	s := sa{fault: ev.fault, unsure: ev.unsure, line: ev.line}
	if ev.fault == whole {
		s.spi = binary.BigEndian.Uint32(ev.data)
	}
	r.lost = r.lost || ev.fault != whole // the order of the others tells nothing
	r.shaky = r.shaky || ev.unsure
	r.sas = append(r.sas, s)
}

// material takes a key or an authentication key.
func (a *assembler) material(ev *event) {
	r := &a.run
	n := len(r.keys)
	switch {
	case len(r.sas) == 0:
		if ev.fault == whole {
			a.out.note(ev.line, "%s: no SPI stands before it", ev.kind)
		}
		return
	case ev.kind == authKey && (n == 0 || r.single() && len(r.sas) > n):
		a.out.note(ev.line, "authentication key: no key material of its SPI stands before it")
		return
	}
	r.last = ev.label
	r.lost = r.lost || ev.fault != whole && len(r.phases) > 1
	r.shaky = r.shaky || ev.unsure
	bare, waiting := r.bare()
	if ev.kind == espKey {
		waiting = max(0, len(r.sas)-n)
	}
	if waiting == 0 && (n == maxRun || r.keys[n-1].torn || r.keys[n-1].key.IsZero()) {
		// The line of the next SPI is missing.
		r.lost = true
		a.out.note(ev.line, "%s: it follows another one without an SPI between", ev.kind)
		return
	}
	r.excess = r.excess || waiting == 0
	key, head, torn := esp.NewKey(ev.data), len(ev.data) == ev.first, ev.fault == misshapen
	if ev.kind == espKey {
		r.keys = append(r.keys, material{key: key, head: head, unsure: ev.unsure, torn: torn, line: ev.line, from: r.from,
			to: len(r.sas)})
		return
	}
	r.auths++
	if r.unsure = r.unsure || waiting != 1; r.unsure {
		a.authUnsure(ev.line, key)
		return
	}
	bare.auth, bare.authHead, bare.authLine, bare.torn = key, head, ev.line, bare.torn || torn
	bare.unsure = bare.unsure || ev.unsure
}

// authUnsure leaves an authentication key out that may be of several keys. As far as the log shows
// it, it is of no use: its first bytes check nothing.
func (a *assembler) authUnsure(line int, key esp.Key) {
	if !key.IsZero() {
		a.out.note(line, "authentication key: the log mixes negotiations, and it can't be told whose it is")
	}
}

// endRun gives out the keys of the SPIs that have come.
func (a *assembler) endRun() {
	r := &a.run
	a.checkLost()
	a.checkShort()
	for i := range r.keys {
		k := &r.keys[i]
		if r.unsure || r.excess {
			a.authUnsure(k.authLine, k.auth)
			k.auth, k.authHead = esp.Key{}, false
		}
		if r.excess {
			k.from = 0
		}
	}
	list := make([]*esp.Secret, 0, len(r.sas))
	for i := range r.sas {
		if r.sas[i].fault == whole {
			list = a.keysOf(list, i)
		}
	}
	a.checkGiven()
	if len(list) > 0 {
		a.out.ESP(list)
	}
	clear(r.keys)
	*r = run{phases: r.phases[:0], sas: r.sas[:0], keys: r.keys[:0]}
}

// checkLost refuses all keys of negotiations that ran at once where a value is damaged: rows may
// stand under the labels of others.
func (a *assembler) checkLost() {
	r := &a.run
	for i := range r.keys {
		k := &r.keys[i]
		if !r.lost || r.single() || k.key.IsZero() && k.auth.IsZero() {
			continue
		}
		a.out.note(max(k.line, k.authLine), "key material: %d negotiations run at once and mix their lines; "+
			"it can't be told whose it is", max(2, len(r.phases)))
		k.key, k.auth = esp.Key{}, esp.Key{}
	}
}

// checkShort refuses a key of 8 bytes where more were announced, unless it is clear that the
// algorithm is DES: the key may have lost its row, and the authentication key its caption.
func (a *assembler) checkShort() {
	keys := a.run.keys
	long := func(k material) bool { return k.key.Len() != 8 || k.head }
	if !a.run.excess && len(keys) > 1 && !slices.ContainsFunc(keys, long) {
		return
	}
	for i := range keys {
		if k := &keys[i]; !long(*k) && (k.authLine == 0 || a.run.excess) {
			a.out.note(k.line, "key material: it has 8 bytes and no authentication key follows: "+
				"lines are missing, or the key is the authentication key")
			k.key = esp.Key{}
		}
	}
}

// keysOf appends the SPI i with each key that may be its own.
func (a *assembler) keysOf(list []*esp.Secret, i int) []*esp.Secret {
	r, s := &a.run, &a.run.sas[i]
	own, certain := make([]*material, 0, 1), false
	for j := range r.keys {
		if k := &r.keys[j]; k.from <= i && i < k.to {
			certain = !r.excess && k.to-k.from == 1
			if !k.key.IsZero() {
				own = append(own, k)
			}
		}
	}
	switch {
	case len(own) == 0 && !certain:
		a.out.note(s.line, "SPI 0x%08x: no key material follows it", s.spi)
	case len(own) == 0:
	case certain:
		list = append(list, a.tied(i, own[0]))
	case len(own) > maxPaired:
		a.out.note(s.line, "SPI 0x%08x: the log mixes negotiations, and it can't be told which of %d keys is its", s.spi, len(own))
	default:
		lines := make([]string, len(own))
		for j, k := range own {
			pair := a.secret(s, k)
			pair.Uncertain = true
			list = append(list, pair)
			lines[j] = strconv.Itoa(k.line)
		}
		a.out.doubt(s.line, "SPI 0x%08x: the log mixes negotiations, its key is that of line %s: a capture of the connection shows it",
			s.spi, strings.Join(lines, " or "))
	}
	return list
}

func (a *assembler) secret(s *sa, k *material) *esp.Secret {
	k.given = true
	return &esp.Secret{Uncertain: s.unsure || k.unsure, SPI: s.spi, SPIMask: 0xffffffff, Key: k.key, KeyHead: k.head,
		AuthKey: k.auth, AuthKeyHead: k.authHead, Origin: a.out.origin(k.line)}
}

// tied returns the SPI i with its key. The two SPIs of one negotiation have each other's SPI, and
// addresses.
func (a *assembler) tied(i int, k *material) *esp.Secret {
	r := &a.run
	s := a.secret(&r.sas[i], k)
	if len(r.phases) != 1 || len(r.sas) != 2 || r.lost || r.shaky || r.mixed {
		return s
	}
	s.PairSPI = r.sas[1-i].spi
	// After "respond" the first SPI is the one that the router sends with. For "initiate" this is
	// not known.
	if p := &r.phases[0]; p.respond && p.addr.IsValid() && i == 0 {
		s.Dst = esp.AddrPatternFrom(p.addr)
	} else if p.respond && p.addr.IsValid() {
		s.Src = esp.AddrPatternFrom(p.addr)
	}
	return s
}

// checkGiven tells of keys that were not given out, and of one without the authentication key that
// the other direction has.
func (a *assembler) checkGiven() {
	r := &a.run
	why := "the log mixes negotiations, and it can't be told whose it is"
	if r.single() {
		why = "the SPI that it belongs to is damaged"
	}
	for i := range r.keys {
		k := &r.keys[i]
		switch {
		case k.given && r.auths == 1 && len(r.keys) == 2 && r.single() && k.authLine == 0:
			s := &r.sas[k.from]
			a.out.doubt(s.line, "SPI 0x%08x: no authentication key follows it, but the other direction's does", s.spi)
		case !k.given && !k.key.IsZero():
			a.out.note(k.line, "key material: %s", why)
		}
		if !k.given && !k.auth.IsZero() && (!k.key.IsZero() || r.sas[k.from].fault != whole) {
			a.out.note(k.authLine, "authentication key: %s", why)
		}
	}
}
