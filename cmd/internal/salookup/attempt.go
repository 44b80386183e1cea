package salookup

import (
	"slices"

	"l2tpdump/esp"
)

// trying is what a flow remembers while its key is looked for.
type trying struct {
	set      *Set
	tries    uint32       // attempts since something new was learnt
	skip     uint32       // packets until the next attempt
	searches uint8        // for the high half of the sequence number
	proof    []proof      // of each candidate, while none is enough
	spoke    []uint32     // sequence numbers of the packets that said so
	likely   *Ring        // that lets packets through meanwhile, nil: none
	doubted  []*Candidate // whose encryption key was contradicted behind a good ICV
	ring     *Ring        // of all candidates, for a glance at packets between the attempts
}

// proof is the evidence for one candidate so far.
type proof struct{ bits, agreed, refused uint16 }

// How many values of the high half of the sequence number the searches in one flow try. A damaged
// first packet should not cost much; a capture that begins after 2^42 packets of an SA is hardly
// ever made.
var searchLimits = [...]uint32{1 << 10, 1 << 16}

const (
	manyTries   = 8  // after which attempts become rare
	hopefulMost = 64 // the same while there is some evidence
)

// Attempt is what trying all candidates came to, while none has proved right. It never changes.
type Attempt struct {
	Err      error // ErrNoKey, ErrUndecided, or what wraps an error of package esp
	Set      *Set
	Secrets  bool    // any secret of ESP is known, be it for other SPIs
	AuthOnly *Source // its authentication key fits, the encryption key does not
	KeyOnly  *Source // its encryption key fits, the authentication key does not
}

// outcome is what one attempt gave.
type outcome struct {
	Fit
	with     *Candidate // nil: none proved right
	packets  int        // that had to agree
	likely   *Candidate // has a good ICV or structure, and nothing so far contradicts the encryption key
	by       Fit        // its
	hopeful  bool       // some evidence, not enough
	shaped   bool       // the packet's length is possible for some candidate
	authOnly *Source
	keyOnly  *Source
	unsought *Candidate // of which a high half of the sequence number might be searched for
}

// attempt tries all candidates on a packet.
func (t *Table) attempt(f *Flow, tr *trying, p Packet, seq uint32) outcome {
	t.budget.refill(t.clock)
	set := tr.set
	out := outcome{shaped: len(set.Candidates) == 0}
	fresh := !slices.Contains(tr.spoke, seq) // copies of one packet are one packet: they change nothing
	out.hopeful = !fresh && f.tried != nil && f.tried.Err == ErrUndecided
	spoke := false
	for i := range set.Candidates {
		c := &set.Candidates[i]
		o := t.trial.Try(set, c, f.spi, p)
		out.shaped = out.shaped || o.Shape
		if o.Proves(c, p.Cut) && (o.Bits >= proofBits || !slices.Contains(tr.doubted, c)) {
			out.Fit, out.with, out.packets = o, c, 1
			return out
		}
		if fresh && tr.weigh(i, o, p.Cut) {
			spoke = true
			out.speaksFor(c, o, p.Cut, &tr.proof[i])
			if tr.proof[i].enough(c.Checks() && p.Cut == 0) {
				out.Fit, out.with, out.packets = o, c, int(tr.proof[i].agreed)
				return out
			}
		}
		if c.Checks() && p.Cut == 0 && o.Shape {
			out.note(tr, c, o)
		}
	}
	if spoke {
		tr.spoke = append(tr.spoke, seq)
	}
	t.search(f, tr, &out, p)
	return out
}

// search looks for the high half of the sequence number of a packet whose encryption key fits: the
// capture may begin in the middle of an SA's life.
func (t *Table) search(f *Flow, tr *trying, out *outcome, p Packet) {
	c := out.unsought
	if c == nil || int(tr.searches) >= len(searchLimits) || t.budget.searches <= 0 {
		return
	}
	if known, esn, _ := tr.set.extended(c); known && !esn || !t.trial.headFits(c, p.Data) {
		return
	}
	limit := searchLimits[tr.searches]
	tr.searches++
	t.budget.searches--
	suite := c.Suite
	suite.ESN = true
	sa, err := esp.NewSA(f.spi, suite, c.Key, c.AuthKey)
	if err != nil {
		return
	}
	for high := uint32(1); high < limit; high++ {
		if sa.CheckICV(p.Data, high) {
			out.Fit = Fit{SA: sa, High: high, ICV: true, Bits: cipherBits, Shape: true}
			out.with, out.packets = c, 1
			return
		}
	}
}

// speaksFor notes a packet that says something for a candidate, of which evidence is what all said.
func (out *outcome) speaksFor(c *Candidate, o Fit, cut int, evidence *proof) {
	if !c.Checks() && cut == 0 && o.Bits >= togetherBits && evidence.refused == 0 && out.likely == nil {
		out.likely, out.by = c, o
	}
	out.hopeful = out.hopeful || o.Bits >= likelyBits || o.ICV && evidence.net() > 0 ||
		c.Key.IsZero() && !c.Checks() // which no key can be wrong for
}

// note remembers what a packet says of a candidate whose ICV it has and that it does not prove.
func (out *outcome) note(tr *trying, c *Candidate, o Fit) {
	if o.ICV && o.Bits >= likelyBits && c.whole() && len(tr.set.Short) == 0 && out.likely == nil && len(tr.doubted) == 0 {
		out.likely, out.by = c, o
	}
	switch {
	case o.ICV && o.Bits == 0:
		if !slices.Contains(tr.doubted, c) {
			tr.doubted = append(tr.doubted, c)
		}
		if out.authOnly == nil {
			out.authOnly = c.AuthFrom
		}
	case !o.ICV && o.Bits >= cipherBits && out.keyOnly == nil:
		out.keyOnly = c.From
	}
	if !o.ICV && (o.Bits >= cipherBits || c.Suite.Cipher.AEAD) &&
		(out.unsought == nil || out.unsought.Guessed && !c.Guessed) {
		out.unsought = c
	}
}

// weigh adds what a packet says about candidate i, and reports whether it speaks for it.
func (tr *trying) weigh(i int, o Fit, cut int) bool {
	speaks := o.SA != nil && o.Bits > 0
	if tr.proof == nil {
		if !speaks {
			return false
		}
		tr.proof = make([]proof, len(tr.set.Candidates))
	}
	p := &tr.proof[i]
	switch {
	case speaks:
		p.bits = uint16(min(int(p.bits)+o.Bits, 1<<15))
		p.agreed++
	case cut == 0 && p.refused < 1<<12:
		p.refused++
	}
	return speaks
}

// enough reports whether the packets together prove the candidate.
func (p *proof) enough(checked bool) bool {
	need := proofBits
	if checked {
		need = togetherBits
	}
	return p.agreed > 1 && p.net() >= need
}

// net is the evidence for the candidate less that against it.
func (p *proof) net() int { return int(p.bits) - refusal*int(p.refused) }

// later sets when the next attempt is due: with each of the first packets, then after ever longer
// pauses, so that a long capture under a wrong key costs no more than a short one. A packet of an
// impossible length is no attempt.
func (tr *trying) later(out *outcome) {
	if !out.shaped && tr.tries > 0 {
		tr.skip = manyTries - 1
		return
	}
	tr.tries++
	if tr.tries >= manyTries && !(out.hopeful && tr.tries < hopefulMost) {
		tr.skip = 1 << min(tr.tries-manyTries+2, 20)
	}
}

// refused says why no candidate opened the packet; old is what was said before, or nil.
func (out *outcome) refused(set *Set, cut int, secrets bool, old *Attempt) (*Attempt, error) {
	a := &Attempt{Set: set, Secrets: secrets, AuthOnly: out.authOnly, KeyOnly: out.keyOnly}
	keyed := set.Keyed() != nil
	switch {
	case !keyed && len(set.Candidates) == 0:
		a.Err = ErrNoKey
	case set.short():
		a.Err = esp.ErrIncomplete
	case cut > 0 && !out.hopeful:
		a.Err = esp.ErrTruncated
	case !out.shaped:
		a.Err = esp.ErrMalformed
	case out.hopeful:
		a.Err = ErrUndecided
	case set.Uncertain(), set.ForAny():
		a.Err = ErrNoKey
	case set.Checked > 0:
		a.Err = esp.ErrICV
	default:
		a.Err = esp.ErrStructure
	}
	if (a.Err == esp.ErrTruncated || a.Err == esp.ErrMalformed) && old != nil && old.Err != a.Err {
		return old, a.Err // such a packet says nothing new about the flow
	}
	if old != nil && a.AuthOnly == nil && a.KeyOnly == nil && a.Err == old.Err {
		return old, a.Err // what an earlier packet showed stays
	}
	return a, a.Err
}

// glance returns an SA that a packet proves though no attempt is due, nil if there is none. What it
// costs has a budget.
func (t *Table) glance(f *Flow, tr *trying, p Packet) *SA {
	t.budget.refill(t.clock)
	if tr.ring == nil {
		tr.ring = t.ring(new(Ring), f.spi, nil, nil, tr.set)
	}
	if n := len(tr.ring.sas); n == 0 || t.budget.probes < n {
		return nil
	}
	t.budget.probes -= len(tr.ring.sas)
	var plain esp.Plaintext
	sa, _, err := tr.ring.Open(&t.trial.opener, &plain, t.trial.room(p), p)
	if !sa.certain(&plain, err) || len(tr.doubted) > 0 && !sa.Suite.Cipher.AEAD && plain.Evidence < proofBits {
		return nil
	}
	sa.Packets = 1
	return sa
}

// likeOthers reports that the first packet of a flow needs no attempt: its SPI has many other
// destinations with the same candidates, and what opens one of these, or a glance at all
// candidates, does not open the packet.
func (t *Table) likeOthers(f *Flow, tr *trying, p Packet) bool {
	if f.tried != nil || f.prev == nil || tr.set != t.last {
		return false
	}
	if t.budget.refill(t.clock); t.budget.destinations > 0 {
		t.budget.destinations--
		return false
	}
	if first := t.bySPI.get(f.spi).flows; first.ring != nil {
		return !first.ring.opens(&t.trial.opener, t.trial.room(p), p)
	}
	if r := t.lastRing; r == nil || len(r.sas) > 0 && r.first().spi != f.spi {
		t.lastRing = t.ring(new(Ring), f.spi, nil, nil, tr.set)
	}
	tr.ring = t.lastRing
	opens := t.glance(f, tr, p) != nil
	tr.ring = nil
	return !opens
}

// budget bounds what the flows of one table may cost together beyond their own first packets,
// however many flows there are. It comes back slowly with the packets admitted, so that a run of
// days does not end with none.
type budget struct {
	searches     int // for the high half of the sequence number
	probes       int // of keys that did not fit so far, between the attempts
	destinations int // of an SPI that has others, whose first packet is tried
	kept         int // bytes of packets kept of all flows, which is not used up
	at           uint64
}

var fullBudget = budget{searches: 128, probes: 1 << 20, destinations: 1 << 10}

// refillEvery is how many packets bring back one search, and the others.
const (
	refillEvery        = 1 << 16
	refillProbes       = 1 << 17
	refillDestinations = 1 << 9
)

// refill adds what the packets since the last time have earned.
func (b *budget) refill(clock uint64) {
	n := int((clock - b.at) / refillEvery)
	if n == 0 {
		return
	}
	b.at += uint64(n) * refillEvery
	b.searches = min(b.searches+n, fullBudget.searches)
	b.probes = min(b.probes+n*refillProbes, fullBudget.probes)
	b.destinations = min(b.destinations+n*refillDestinations, fullBudget.destinations)
}
