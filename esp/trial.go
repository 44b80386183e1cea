package esp

const (
	// proofBits is the evidence that settles a key of which the ICV can't be checked. One L2TP packet gives more;
	// packets that say little about themselves have to agree.
	proofBits = 40
	// cipherBits is the evidence for the encryption key that has to come with a good ICV, which proves the other key only.
	cipherBits = 16
	// likelyBits is what lets a packet through, though it does not settle the flow, as long as none contradicts.
	likelyBits = 12
	// togetherBits is the same where packets have to agree: that each of some has a little is likelier by chance.
	togetherBits = 24
	// refusal is what a refused packet takes away from the evidence of those that fit.
	refusal = 8
)

// How many values of the high half of the sequence number the searches in one flow try. A damaged first packet
// should not cost much; a capture that begins after 2^42 packets of an SA is hardly ever made.
var searchLimits = [...]uint32{1 << 10, 1 << 16}

// budget bounds what the flows of one DB may cost together beyond their own candidates, however many flows there are. It comes back
// slowly with the packets admitted, so that a run of days does not end with none.
type budget struct {
	searches int // for the high half of the sequence number
	foreign  int // candidates made of other SPIs' keys
	compares int // SPIs compared
	probes   int // of keys that did not fit so far, between the attempts
	armed    int // keys that the probes of all flows hold, which is not used up
	at       uint64
}

var fullBudget = budget{searches: 128, foreign: 1 << 14, compares: 1 << 26, probes: 1 << 20}

// refillEvery is how many packets bring back one search, and so on.
const (
	refillEvery    = 1 << 16
	refillForeign  = 1 << 11
	refillCompares = 1 << 21
	refillProbes   = 1 << 17
)

// refill adds what the packets since the last time have earned.
func (b *budget) refill(clock uint64) {
	n := int((clock - b.at) / refillEvery)
	if n == 0 {
		return
	}
	b.at += uint64(n) * refillEvery
	b.searches = min(b.searches+n, fullBudget.searches)
	b.foreign = min(max(b.foreign, 0)+n*refillForeign, fullBudget.foreign)
	b.probes = min(b.probes+n*refillProbes, fullBudget.probes)
	b.compares = min(max(b.compares, 0)+n*refillCompares, fullBudget.compares)
}

// proof is the evidence for one candidate so far.
type proof struct{ bits, agreed, refused uint16 }

// fit is what one packet says about one candidate.
type fit struct {
	sa    *SA
	high  uint32
	bits  int  // evidence of the plaintext
	icv   bool // the ICV matches
	shape bool // the length of the packet is possible
}

// proved reports whether the packet alone settles the candidate.
func (o *fit) proved(c *candidate, cut int) bool {
	switch {
	case o.sa == nil:
		return false
	case cut == 0 && c.checks():
		return o.icv && (c.suite.Cipher.AEAD || c.suite.KeyLen == 0 || o.bits >= cipherBits)
	}
	return o.bits >= proofBits
}

// try opens the packet with the candidate.
func (t *trial) try(c *candidate, spi uint32, packet []byte, cut int) fit {
	o := fit{shape: true}
	if cut > 0 || !c.checks() {
		sa, err := NewSA(spi, c.suite, c.key, c.auth)
		if err != nil {
			return o
		}
		p, err := t.open(sa, packet, 0, cut)
		o.sa, o.shape = sa, err != ErrMalformed
		if err != ErrStructure {
			o.bits = p.Evidence
		}
		return o
	}
	weak := 0
	if !c.suite.Cipher.AEAD {
		// The ICV says nothing about the encryption key, so the plaintext is looked at in any case.
		sa, err := NewSA(spi, c.suite, c.key, Key{})
		if err != nil {
			return o
		}
		p, err := t.open(sa, packet, 0, 0)
		if o.shape = err != ErrMalformed; !o.shape {
			return o
		}
		if err == ErrStructure {
			weak = p.Evidence
		} else {
			o.bits = p.Evidence
		}
	}
	t.eachESN(c, func(suite Suite, high uint32) bool {
		sa, err := NewSA(spi, suite, c.key, c.auth)
		if err == nil && sa.CheckICV(packet, high) {
			o.sa, o.high, o.icv = sa, high, true
		}
		return !o.icv
	})
	if o.icv && o.bits == 0 {
		if _, err := t.open(o.sa, packet, o.high, 0); err == nil {
			o.bits = max(weak, minVerified)
		}
	}
	return o
}

// eachESN calls f for each way that the sequence number may be extended, the likely first, until it returns false.
func (t *trial) eachESN(c *candidate, f func(Suite, uint32) bool) {
	known, esn, high := false, false, uint32(0)
	for i := -1; i < len(t.sources); i++ {
		s := c.from
		if i >= 0 {
			s = &t.sources[i]
		}
		if high == 0 {
			high = s.seqHigh
		}
		if !known && s.esnKnown {
			known, esn = true, s.suite.ESN
		}
	}
	plain, extended := c.suite, c.suite
	plain.ESN, extended.ESN = false, true
	if !(known && esn) && high == 0 && !f(plain, 0) {
		return
	}
	if !f(extended, high) || high != 0 && !f(extended, 0) {
		return
	}
	if known && esn || high != 0 {
		f(plain, 0)
	}
}

// search looks for the high half of the sequence number of a packet whose encryption key fits: the capture
// may begin in the middle of an SA's life.
func (t *trial) search(c *candidate, spi uint32, packet []byte, limit uint32) fit {
	suite := c.suite
	suite.ESN = true
	sa, err := NewSA(spi, suite, c.key, c.auth)
	if err != nil {
		return fit{}
	}
	for high := uint32(1); high < limit; high++ {
		if sa.CheckICV(packet, high) {
			return fit{sa: sa, high: high, icv: true, bits: cipherBits, shape: true}
		}
	}
	return fit{}
}

// open is SA.Open into memory that nobody reads.
func (t *trial) open(sa *SA, packet []byte, high uint32, cut int) (Plaintext, error) {
	if need := len(packet) + 64; cap(t.scratch) < need {
		t.scratch = make([]byte, 0, max(need, 2048))
	}
	return sa.Open(t.scratch[:0], packet, high, cut)
}

// outcome is what an attempt with all candidates gave.
type outcome struct {
	fit
	with     candidate
	likely   fit     // has a good ICV, and nothing so far contradicts the encryption key
	packets  int     // that had to agree
	hopeful  bool    // some evidence, not enough
	shaped   bool    // the packet's length is possible for some candidate
	authOnly *source // its authentication key fits, the encryption key does not
	keyOnly  *source // its encryption key fits, the authentication key does not
}

// attempt tries all candidates on the packet; ok tells that one proved right. fresh: the packet is not a copy of an earlier one.
func (t *trial) attempt(f *Flow, packet []byte, cut int, fresh bool) (out outcome, ok bool) {
	f.db.budget.refill(f.db.clock)
	if len(f.proof) != len(t.checked)+len(t.plain) {
		f.proof = nil
	}
	out.shaped = len(t.checked)+len(t.plain) == 0
	var searchable *candidate
	for i := range len(t.checked) + len(t.plain) {
		c := t.candidate(i)
		o := t.try(c, f.spi, packet, cut)
		out.shaped = out.shaped || o.shape
		checked := c.checks() && cut == 0
		if o.proved(c, cut) {
			out.fit, out.with, out.packets = o, *c, 1
			return out, true
		}
		if !fresh {
			out.hopeful = out.hopeful || f.proof != nil && f.proof[i].agreed > 0
		} else if f.weigh(i, len(t.checked)+len(t.plain), o, cut) {
			out.hopeful = true
			p := f.proof[i]
			need := proofBits
			if checked {
				need = togetherBits
			}
			if p.agreed > 1 && int(p.bits)-refusal*int(p.refused) >= need {
				out.fit, out.with, out.packets = o, *c, int(p.agreed)
				return out, true
			}
		}
		if !checked || !o.shape {
			continue
		}
		if o.icv && o.bits >= likelyBits && c.whole() && len(t.short) == 0 && out.likely.sa == nil && !f.doubtful {
			out.likely = o
		}
		switch {
		case o.icv && o.bits == 0:
			f.doubtful = true
			if out.authOnly == nil {
				out.authOnly = c.authFrom
			}
		case !o.icv && o.bits >= cipherBits && out.keyOnly == nil:
			out.keyOnly = c.from
		}
		if !o.icv && (o.bits >= cipherBits || c.suite.Cipher.AEAD) && (searchable == nil || searchable.guessed && !c.guessed) {
			searchable = c
		}
	}
	if searchable != nil && int(f.searches) < len(searchLimits) && f.db.budget.searches > 0 && t.mayExtend(searchable) && t.headFits(searchable, packet) {
		limit := searchLimits[f.searches]
		f.searches++
		f.db.budget.searches--
		if o := t.search(searchable, f.spi, packet, limit); o.sa != nil {
			out.fit, out.with, out.packets = o, *searchable, 1
			return out, true
		}
	}
	return out, false
}

// candidate returns the candidates in the order in which they are tried.
func (t *trial) candidate(i int) *candidate {
	if i < len(t.checked) {
		return &t.checked[i]
	}
	return &t.plain[i-len(t.checked)]
}

// headFits reports whether the head of the plaintext speaks for the key of an AEAD cipher, for which nothing else does as long as the high half
// of the sequence number is not known. With an implicit IV, which the high half is part of, there is not even that.
func (t *trial) headFits(c *candidate, packet []byte) bool {
	if !c.suite.Cipher.AEAD || c.suite.Cipher.ImplicitIV {
		return true
	}
	sa, err := NewSA(0, c.suite, c.key, c.auth)
	if err != nil {
		return false
	}
	p, _ := t.open(sa, packet[:len(packet)-1], 0, 1)
	return p.Evidence >= cipherBits
}

// mayExtend reports whether no source denies extended sequence numbers.
func (t *trial) mayExtend(c *candidate) bool {
	if c.from.esnKnown {
		return c.from.suite.ESN
	}
	for i := range t.sources {
		if s := &t.sources[i]; s.esnKnown {
			return s.suite.ESN
		}
	}
	return true
}

// weigh adds what a packet says about candidate i of n, and reports whether it speaks for it.
func (f *Flow) weigh(i, n int, o fit, cut int) bool {
	speaks := o.sa != nil && o.bits > 0
	if f.proof == nil {
		if !speaks {
			return false
		}
		f.proof = make([]proof, n)
	}
	p := &f.proof[i]
	switch {
	case speaks:
		p.bits = uint16(min(int(p.bits)+o.bits, 1<<15))
		p.agreed++
	case cut == 0 && p.refused < 1<<12:
		p.refused++
	}
	return speaks
}
