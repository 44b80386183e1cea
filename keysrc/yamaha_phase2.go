package keysrc

import (
	"fmt"
	"slices"
	"strings"

	"l2tpdump/esp"
)

// The values of a phase 2 stand in this order: SPI, key material, authentication key, and the same for the other direction. A key is
// certain to be an SPI's where no other SPI waits for its key. Where several do, each of the keys that come before all have theirs may be
// each one's: all pairs are given out, and the capture has to show which is right.

const (
	// SPIs and keys whose pairs are all given out; of more, none.
	maxPaired = 8
	// A run has no more SPIs than this.
	maxRun = 2 * maxOpen
	// What came no further for so many lines does not go on behind the next phase 2 line, where the log has no times.
	staleLines = 400
)

// espRun is the SPIs and keys of the phases 2 that have not all come to their end.
type espRun struct {
	phase []label // the lines that begin a phase 2
	sas   []yamahaSA
	keys  []yamahaKey
	auths []yamahaAuth // those that may be of several keys
	last  label        // of the last value
	group int          // the number of the group of keys that such authentication keys may be of
	open  int          // the authentication keys of that group so far

	waiting int  // SPIs whose key has not come
	from    int  // the first SPI that the next key may be of
	several bool // more than one may be it, until none waits

	mixed   bool          // a pair is uncertain
	excess  bool          // a key came that no SPI waits for: all pairs are uncertain
	spare   bool          // an authentication key came that no key waits for: so are theirs
	authed  bool          // an authentication key has come
	secrets []*esp.Secret // space

	lost bool // bytes without a label stand among the values, or one of them is damaged
}

// yamahaSA is an SPI.
type yamahaSA struct {
	spi     uint32
	ok      bool
	rowless bool
	line    int
	keyed   bool // a key came for it and for none else
}

// yamahaKey is the key material that came for an SPI.
type yamahaKey struct {
	key      esp.Key // zero: damaged
	head     bool
	shape    bool // rows of one of its values are missing or are of another
	line     int
	from, to int  // the SPIs that it may be of
	certain  bool // it is of the last of these
	auth     esp.Key
	authHead bool
	authLine int  // of the caption, 0: has not come
	done     bool // it gets none
	group    int  // its authentication key is one of this group's, 0: it is not in doubt
}

// yamahaAuth is an authentication key that may be of several keys.
type yamahaAuth struct {
	key   esp.Key // zero: damaged
	head  bool
	line  int
	group int
	to    int // it may be of the keys before this one
}

func (n *negotiation) phase2(ev *event) {
	r := &n.run
	switch {
	case len(r.phase) > 0 && len(r.sas) == 2*len(r.phase) && !n.interrupted(ev):
		n.endSAs()
	case len(r.phase) == 0 && len(r.sas) > 0 && r.waiting == 0:
		n.endSAs()
	case len(r.phase) > 0 && dead(&r.phase[0], &ev.label):
		n.endSAs()
	}
	if len(r.phase) == maxOpen {
		n.endSAs()
	}
	r.phase = append(r.phase, ev.label)
	if ev.orphan {
		r.lost = true
	}
}

// interrupted reports whether values of the SPIs so far may still come.
func (n *negotiation) interrupted(now *event) bool {
	r := &n.run
	if r.waiting == 0 && !(r.authed && r.authWaiting() > r.open) {
		return false
	}
	if now.timed && r.last.timed {
		return !apart(&r.last, &now.label)
	}
	return now.line-r.last.line <= staleLines && r.last.line-now.line <= staleLines
}

// unfinished reports whether values of a negotiation are still to come.
func (n *negotiation) unfinished() bool {
	r := &n.run
	return len(n.open) > 0 || len(n.peers) > 0 || n.group != nil && n.group.lines[3] == 0 ||
		len(r.sas) < 2*len(r.phase) || r.waiting > 0 || r.authed && r.authWaiting() > r.open
}

func (n *negotiation) spi(ev *event) {
	r := &n.run
	if len(r.sas) >= 2*len(r.phase) && r.waiting == 0 || len(r.sas) == maxRun {
		n.endSAs()
	}
	r.last = ev.label
	if i := len(r.sas) - 1; i >= 0 && r.waiting > 0 && r.sas[i].rowless && !r.sas[i].keyed {
		r.waiting-- // the label may stand twice
	}
	sa := yamahaSA{ok: ev.ok, rowless: ev.rowless, line: ev.line}
	if ev.ok {
		sa.spi = uint32(ev.data[0])<<24 | uint32(ev.data[1])<<16 | uint32(ev.data[2])<<8 | uint32(ev.data[3])
	} else {
		r.lost = true // the label may stand twice, so the order of the others tells nothing
	}
	if r.waiting == 0 {
		r.from, r.several = len(r.sas), false
	} else {
		r.several, r.mixed = true, true
	}
	r.waiting++
	r.sas = append(r.sas, sa)
}

func (n *negotiation) espKey(ev *event) {
	r := &n.run
	if len(r.sas) == 0 {
		if ev.ok {
			n.out.note(ev.line, ev.kind.String()+": no SPI stands before it")
		}
		return
	}
	r.last = ev.label
	if ev.kind == labelAuthKey {
		n.authKey(ev)
		return
	}
	k := yamahaKey{line: ev.line, shape: ev.shape, from: r.from, to: len(r.sas)}
	if ev.ok {
		k.key, k.head = esp.NewKey(ev.data), ev.first != 0 && len(ev.data) == ev.first
	} else {
		r.lost = r.lost || len(r.phase) > 1
	}
	switch {
	case r.waiting == 0:
		if n.superfluous(ev) {
			return
		}
	case r.several:
		r.waiting--
	default:
		r.waiting--
		k.certain = true
		r.sas[len(r.sas)-1].keyed = true
	}
	r.keys = append(r.keys, k)
}

// superfluous takes a value that no SPI or key waits for. Where rows are misplaced before it, the line of the next SPI is missing, and
// the value is left out: the result is true. Else an SPI before the beginning of the log, or a lost one, has a key among those that came,
// so none is certain.
func (n *negotiation) superfluous(ev *event) bool {
	r := &n.run
	if len(r.keys) > 0 && (r.keys[len(r.keys)-1].shape || r.keys[len(r.keys)-1].key.IsZero()) || len(r.keys) >= maxRun {
		r.lost = true
		n.out.note(ev.line, ev.kind.String()+": it follows another one without an SPI between")
		return true
	}
	r.excess, r.mixed = true, true
	return false
}

// waits reports whether a key's authentication key has not come.
func (k *yamahaKey) waits() bool { return k.authLine == 0 && k.group == 0 && !k.done }

// authWaiting returns how many keys there are that open authentication keys and those to come may be of.
func (r *espRun) authWaiting() int {
	count := 0
	for i := range r.keys {
		if r.keys[i].waits() {
			count++
		}
	}
	return count
}

// authKey takes an authentication key.
func (n *negotiation) authKey(ev *event) {
	r := &n.run
	r.authed = true
	if len(r.phase) < 2 && !r.mixed {
		// A single negotiation has gone on to the last SPI.
		for i := range r.keys {
			if k := &r.keys[i]; k.to != len(r.sas) && k.waits() {
				k.done = true
			}
		}
	}
	if !ev.ok {
		r.lost = r.lost || len(r.phase) > 1
	}
	a := yamahaAuth{line: ev.line, group: r.group + 1, to: len(r.keys)}
	if ev.ok {
		a.key, a.head = esp.NewKey(ev.data), ev.first != 0 && len(ev.data) == ev.first
	}
	waiting := r.authWaiting()
	switch {
	case waiting == 0:
		if len(r.keys) == 0 || r.waiting > 0 && !r.mixed && len(r.phase) < 2 {
			n.out.note(ev.line, ev.kind.String()+": no key material of its SPI stands before it")
		} else if !n.superfluous(ev) {
			r.spare = true
			r.auths = append(r.auths, a)
		}
	case waiting == 1 && r.open == 0:
		for i := range r.keys {
			if k := &r.keys[i]; k.waits() {
				k.auth, k.authHead, k.authLine, k.shape = a.key, a.head, a.line, k.shape || ev.shape
				break
			}
		}
	default:
		r.auths = append(r.auths, a)
		if r.open++; r.open == waiting {
			r.closeGroup()
		}
	}
}

// closeGroup ends the group of authentication keys that may be of several keys.
func (r *espRun) closeGroup() {
	if r.open == 0 {
		return
	}
	r.group++
	r.open = 0
	for i := range r.keys {
		if k := &r.keys[i]; k.waits() {
			k.group = r.group
		}
	}
}

// endSAs gives out the keys of the SPIs that have come.
func (n *negotiation) endSAs() {
	r := &n.run
	defer r.reset()
	r.closeGroup()
	n.checkShort()
	n.checkLost()
	n.checkAuths()
	secrets := n.sole()
	if !r.excess {
		n.tellMissing()
	}
	n.tie(secrets)
	for i := 0; i < len(r.sas); {
		end := i + 1
		if secrets[i] == nil {
			if from, to, ok := r.cluster(i); ok {
				secrets = append(secrets, n.paired(from, to)...)
				end = to
			}
		}
		i = end
	}
	whole := secrets[:0]
	for _, s := range secrets {
		if s != nil {
			whole = append(whole, s)
		}
	}
	if len(whole) > 0 {
		n.out.esp(whole...)
	}
}

// sole returns a secret for each SPI whose key is certain, nil for the others.
func (n *negotiation) sole() []*esp.Secret {
	r := &n.run
	secrets := append(r.secrets[:0], make([]*esp.Secret, len(r.sas))...)
	r.secrets = secrets
	if r.excess {
		return secrets
	}
	for i := range r.keys {
		k := &r.keys[i]
		if !k.certain {
			continue
		}
		sa := &r.sas[k.to-1]
		switch {
		case !sa.ok && (!k.key.IsZero() || !k.auth.IsZero()):
			n.out.note(max(k.line, k.authLine), "key material: the SPI that it belongs to is damaged")
		case sa.ok && !k.key.IsZero():
			secrets[k.to-1] = n.secret(sa, k)
		}
	}
	return secrets
}

func (n *negotiation) secret(sa *yamahaSA, k *yamahaKey) *esp.Secret {
	s := n.out.newESP()
	s.SPI, s.SPIMask = sa.spi, 0xffffffff
	s.Key, s.KeyHead, s.AuthKey, s.AuthKeyHead = k.key, k.head, k.auth, k.authHead
	s.Origin = n.out.origin(k.line)
	return s
}

// tellMissing names the SPIs without keys.
func (n *negotiation) tellMissing() {
	r := &n.run
	for i := range r.sas {
		sa := &r.sas[i]
		if _, _, several := r.cluster(i); sa.ok && !sa.keyed && !several {
			n.out.note(sa.line, "SPI "+spiName(sa.spi)+": no key material follows it")
		}
	}
	if len(r.sas) != 2 || len(r.keys) != 2 || r.mixed || r.keys[0].authLine == 0 == (r.keys[1].authLine == 0) {
		return
	}
	k := &r.keys[0]
	if k.authLine != 0 {
		k = &r.keys[1]
	}
	if sa := &r.sas[k.to-1]; sa.ok && !k.key.IsZero() {
		n.out.doubt(sa.line, "SPI "+spiName(sa.spi)+": no authentication key follows it, but the other direction's does")
	}
}

// tie gives the two SPIs of one negotiation their addresses and each other's SPI.
func (n *negotiation) tie(secrets []*esp.Secret) {
	r := &n.run
	if len(r.phase) != 1 || len(r.sas) != 2 || r.lost || r.mixed {
		return
	}
	if r.sas[0].ok && r.sas[1].ok {
		for i, s := range secrets {
			if s != nil {
				s.PairSPI = r.sas[1-i].spi
			}
		}
	}
	// After "respond" the first SPI is the one that the router sends with. For "initiate" this is not known.
	if p := &r.phase[0]; p.respond && p.addr.IsValid() {
		if secrets[0] != nil {
			secrets[0].Dst = esp.AddrPatternFrom(p.addr)
		}
		if secrets[1] != nil {
			secrets[1].Src = esp.AddrPatternFrom(p.addr)
		}
	}
}

// cluster returns the SPIs that share keys with the SPI i, the first of them, without it being told whose they are.
func (r *espRun) cluster(i int) (from, to int, ok bool) {
	if r.excess {
		return 0, len(r.sas), true
	}
	from, to = len(r.sas), 0
	for j := range r.keys {
		if k := &r.keys[j]; !k.certain && k.from <= i && i < k.to {
			from = k.from
		}
	}
	for j := range r.keys {
		if k := &r.keys[j]; !k.certain && k.from == from {
			to = max(to, k.to)
		}
	}
	return from, to, to > from
}

// paired returns all pairs of SPIs and keys that are possible.
func (n *negotiation) paired(from, to int) (list []*esp.Secret) {
	r := &n.run
	var keys []*yamahaKey
	spis, lines := 0, []string(nil)
	for i := range r.keys {
		if k := &r.keys[i]; !k.key.IsZero() && (r.excess || !k.certain && k.from == from) {
			keys = append(keys, k)
			lines = append(lines, fmt.Sprint(k.line))
		}
	}
	for i := from; i < to; i++ {
		if r.sas[i].ok {
			spis++
		}
	}
	if spis > maxPaired || len(keys) > maxPaired || spis == 0 {
		for _, k := range keys {
			n.out.note(k.line, fmt.Sprintf("key material: %d SPIs and %d keys of several negotiations are mixed; it can't be told whose it is", spis, len(keys)))
		}
		for i := from; i < to; i++ {
			if sa := &r.sas[i]; sa.ok {
				n.out.note(sa.line, fmt.Sprintf("SPI %s: %d SPIs and %d keys of several negotiations are mixed; it can't be told which is its", spiName(sa.spi), spis, len(keys)))
			}
		}
		return nil
	}
	for i := from; i < to; i++ {
		sa := &r.sas[i]
		if !sa.ok {
			continue
		}
		own := 0
		for _, k := range keys {
			if i >= k.to {
				continue
			}
			own++
			list = append(list, n.alternatives(sa, k)...)
		}
		if own == 0 {
			n.out.note(sa.line, "SPI "+spiName(sa.spi)+": no key material follows it")
			continue
		}
		which := fmt.Sprintf("is one of the %d at lines %s: the capture has to show which", own, strings.Join(lines[len(lines)-own:], ", "))
		if own == 1 {
			which = "may be the one at line " + lines[len(lines)-1] + ": the capture has to show it"
		}
		n.out.doubt(sa.line, "SPI "+spiName(sa.spi)+": the log mixes negotiations, its key "+which)
	}
	return list
}

// alternatives returns an uncertain pair, once with each authentication key that may be its.
func (n *negotiation) alternatives(sa *yamahaSA, k *yamahaKey) (list []*esp.Secret) {
	s := n.secret(sa, k)
	s.Uncertain = true
	return append(list, s)
}

// checkAuths leaves out the authentication keys that may be of several keys. As far as the log shows them they are of no use: their
// first bytes check nothing.
func (n *negotiation) checkAuths() {
	r := &n.run
	if r.spare {
		for i := range r.keys {
			if k := &r.keys[i]; !k.auth.IsZero() {
				r.auths = append(r.auths, yamahaAuth{key: k.auth, line: k.authLine})
				k.auth, k.authHead = esp.Key{}, false
			}
		}
	}
	for i := range r.auths {
		if a := &r.auths[i]; !a.key.IsZero() {
			n.out.note(a.line, "authentication key: the log mixes negotiations, and it can't be told whose it is")
		}
	}
}

func (r *espRun) reset() {
	clear(r.keys)
	clear(r.auths)
	clear(r.secrets)
	*r = espRun{phase: r.phase[:0], sas: r.sas[:0], keys: r.keys[:0], auths: r.auths[:0], secrets: r.secrets[:0]}
}

// checkShort refuses a key of 8 bytes where more were announced, unless it is clear that the algorithm is DES: the key may have
// lost its row, and the authentication key its caption.
func (n *negotiation) checkShort() {
	keys := n.run.keys
	if len(keys) > 1 && !slices.ContainsFunc(keys, func(k yamahaKey) bool { return k.key.Len() != 8 }) {
		return
	}
	for i := range keys {
		k := &keys[i]
		if k.key.Len() != 8 || k.head || k.authLine != 0 {
			continue
		}
		n.out.note(k.line, "key material: it has 8 bytes and no authentication key follows: lines are missing, or the key is the authentication key")
		k.key = esp.Key{}
	}
}

// checkLost refuses all values of negotiations that ran at once where one of them is damaged: then a key may stand under another
// negotiation's SPI.
func (n *negotiation) checkLost() {
	r := &n.run
	if !r.lost || len(r.phase) < 2 && !r.mixed {
		return
	}
	for i := range r.keys {
		k := &r.keys[i]
		if !k.key.IsZero() || !k.auth.IsZero() {
			n.out.note(max(k.line, k.authLine), fmt.Sprintf("key material: %d negotiations run at once and mix their lines; it can't be told whose it is", max(2, len(r.phase))))
		}
		k.key, k.auth = esp.Key{}, esp.Key{}
	}
}
