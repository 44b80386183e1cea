package esp

import (
	"cmp"
	"fmt"
	"slices"
)

// Finding out which key and which algorithms open a flow. Every source that speaks of the SPI may name part of
// it; candidates are all complete combinations, the ones that can be proved best and that are named most fully
// first. A candidate is taken when it has proved right, never because it is the last that is left.

const (
	// proofBits is the evidence that settles a key of which the ICV can't be checked. One L2TP packet gives more;
	// packets that say little about themselves have to agree.
	proofBits = 40
	// cipherBits is the evidence for the encryption key that has to come with a good ICV.
	cipherBits = 16
	// refusal is what a refused packet takes away from the evidence of those that fit.
	refusal = 8

	maxCandidates = 128
	maxSources    = 24
)

// How many values of the high half of the sequence number the searches in one flow try. A damaged first packet
// should not cost much; a capture that begins after 2^42 packets of an SA is hardly ever made.
var searchLimits = [...]uint32{1 << 10, 1 << 16}

// budget bounds what the flows of one DB may cost together beyond their own candidates.
type budget struct {
	searches int // for the high half of the sequence number
	foreign  int // candidates made of other SPIs' keys
	compares int // SPIs compared
}

var fullBudget = budget{searches: 256, foreign: 1 << 16, compares: 1 << 26}

// proof is the evidence for one candidate so far.
type proof struct{ bits, agreed, refused uint16 }

// source is one account of an SA: a secret, or what a Quick Mode agreed on.
type source struct {
	entry    *entry // nil: a Quick Mode
	neg      *Negotiated
	suite    Suite
	key      Key
	auth     Key
	keyHead  bool
	authHead bool
	esnKnown bool
	seqHigh  uint32
	pair     uint32
	rank     int // 0: SPI and addresses fit, 1: the SPI only, 2: the SPI is not fully named
}

// origin names the source for a person.
func (s *source) origin() string {
	if s.neg != nil {
		return fmt.Sprintf("KEYMAT of Quick Mode 0x%08x of %x", s.neg.MessageID, s.neg.Cookie)
	}
	return s.entry.Origin
}

// complete says how much of the two keys the source claims to have.
func (s *source) complete() int {
	n := 0
	if !s.keyHead && !s.key.IsZero() {
		n += 2
	}
	if !s.authHead && !s.auth.IsZero() {
		n++
	}
	return n
}

// candidate is a complete combination.
type candidate struct {
	suite    Suite
	key      Key
	auth     Key // empty: the ICV is not checked
	from     *source
	authFrom *source // nil: from
	guessed  bool    // the algorithms are not all named
}

func (c *candidate) checks() bool { return c.suite.Cipher.AEAD || !c.auth.IsZero() }

// shortage is a key that a cipher would need more of.
type shortage struct {
	from       *source
	cipher     *Cipher
	keyLen     int
	have, want int // bytes, with the salt
	named      bool
}

// trial is the working memory of an attempt, used again by the next one.
type trial struct {
	sources []source
	checked []candidate
	plain   []candidate
	short   []shortage
	scratch []byte
}

// gather collects what is known of an SPI.
func (t *trial) gather(f *Flow) {
	db := f.db
	t.reset()
	negotiated := db.negotiated[f.spi]
	for i := len(negotiated) - 1; i >= 0; i-- { // the latest first
		n := negotiated[i]
		s := source{neg: n, suite: n.Suite, key: n.Key, auth: n.AuthKey, esnKnown: true, pair: n.PairSPI}
		if n.Dst.Unmap() != f.dst {
			s.rank = 1
		}
		t.sources = append(t.sources, s)
	}
	for _, e := range db.exact[f.spi] {
		s := sourceOf(e)
		if !e.Dst.Match(f.dst) || !e.Src.Match(f.src) {
			s.rank = 1
		}
		t.sources = append(t.sources, s)
	}
	for _, e := range db.masked {
		if e.MatchesSPI(f.spi) && e.Dst.Match(f.dst) && e.Src.Match(f.src) {
			s := sourceOf(e)
			s.rank = 2
			t.sources = append(t.sources, s)
		}
	}
	slices.SortStableFunc(t.sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.complete(), a.complete()))
	})
	t.sources = t.sources[:min(len(t.sources), maxSources)]
	t.combine()
}

func (t *trial) reset() {
	t.sources, t.checked, t.plain, t.short = t.sources[:0], t.checked[:0], t.plain[:0], t.short[:0]
}

func sourceOf(e *entry) source {
	return source{entry: e, suite: e.Suite, key: e.Key, auth: e.AuthKey, keyHead: e.KeyHead, authHead: e.AuthKeyHead,
		esnKnown: e.ESNKnown, seqHigh: e.SeqHigh, pair: e.PairSPI}
}

// combine makes the candidates of the sources.
func (t *trial) combine() {
	for i := range t.sources {
		s := &t.sources[i]
		if s.key.IsZero() && !(s.suite.Cipher != nil && s.suite.Cipher.KeyLenOK(0)) {
			continue
		}
		named := false
		for j := -1; j < len(t.sources); j++ { // its own name for the cipher first
			o := s
			if j >= 0 {
				o = &t.sources[j]
			}
			if c := o.suite.Cipher; c != nil && (j < 0 || o != s) {
				named = true
				t.withCipher(s, c, o.suite.KeyLen, o.suite.ICVLen, true)
			}
		}
		if !named {
			t.guessCipher(s)
		}
	}
}

// withCipher adds what the key of s gives with this cipher; keyLen and icvLen may be 0.
func (t *trial) withCipher(s *source, c *Cipher, keyLen, icvLen int, named bool) {
	have := s.key.Len() - c.SaltLen
	lens := c.KeyLens[:min(len(c.KeyLens), 3)]
	switch {
	case keyLen != 0:
		lens = []int{keyLen}
	case !s.keyHead && c.KeyLenOK(have):
		lens = []int{have}
	}
	for _, n := range lens {
		if have < n {
			t.short = append(t.short, shortage{s, c, n, s.key.Len(), n + c.SaltLen, named})
			continue
		}
		suite := Suite{Cipher: c, KeyLen: n}
		t.withKey(s, suite, icvLen, n+c.SaltLen, !named)
	}
}

// guessCipher adds what a key may be that nobody names an algorithm for, by its length.
func (t *trial) guessCipher(s *source) {
	n := s.key.Len()
	for _, c := range Ciphers {
		if !c.Common {
			continue
		}
		for _, l := range c.KeyLens {
			total := l + c.SaltLen
			switch {
			case total == n && !s.keyHead, total <= n && s.keyHead && c.SaltLen == 0:
			case total > n && s.keyHead && c.SaltLen == 0:
				t.short = append(t.short, shortage{s, c, l, n, total, false})
				continue
			case total < n && !s.keyHead && c.SaltLen == 0 && s.auth.IsZero() && authOfLen(n-total):
				// Encryption and authentication key in one piece, as KEYMAT is cut up.
			default:
				continue
			}
			t.withKey(s, Suite{Cipher: c, KeyLen: l}, 0, total, true)
		}
	}
}

func authOfLen(n int) bool {
	for _, a := range Auths {
		if a.Checked && a.KeyLen == n {
			return true
		}
	}
	return false
}

// withKey adds the candidates of the first n bytes of the key of s with each authentication that is possible.
func (t *trial) withKey(s *source, suite Suite, icvLen, n int, guessed bool) {
	key := s.key.Head(n)
	c := candidate{suite: suite, key: key, from: s, guessed: guessed}
	if suite.Cipher.AEAD {
		for _, l := range lengthsFrom(suite.Cipher.ICVLens, icvLen) {
			c.suite.ICVLen = l
			t.add(c)
		}
		return
	}
	full := false
	if rest := s.key.Len() - n; rest > 0 && !s.keyHead && s.auth.IsZero() && authOfLen(rest) {
		full = t.withAuthKey(c, s, NewKey(s.key.Bytes()[n:]), false)
	}
	if !s.auth.IsZero() {
		full = t.withAuthKey(c, s, s.auth, s.authHead) && !s.authHead
	}
	for i := range t.sources {
		if o := &t.sources[i]; o != s && !o.auth.IsZero() {
			t.withAuthKey(c, o, o.auth, o.authHead)
		}
	}
	// A source that has the authentication key is judged by it: where it does not fit, structure alone proves
	// no more than that the other key does.
	if !full {
		t.withoutAuthKey(c)
	}
}

// lengthsFrom returns the lengths, the named one first.
func lengthsFrom(lens []int, named int) []int {
	if i := slices.Index(lens, named); i > 0 {
		lens = slices.Concat(lens[i:i+1], lens[:i], lens[i+1:])
	}
	return lens
}

// withAuthKey adds the candidate with an authentication key of the source o: under the algorithms that are named, under
// the other truncation of the same, and under those that take a key of its length. It reports whether there was one.
func (t *trial) withAuthKey(c candidate, o *source, auth Key, head bool) (any bool) {
	add := func(a *Auth, guessed bool) {
		if a == nil || !a.Checked || auth.Len() < a.KeyLen {
			return
		}
		d := c
		d.suite.Auth, d.auth, d.authFrom, d.guessed = a, auth.Head(a.KeyLen), o, c.guessed || guessed
		t.add(d)
		any = true
	}
	named := false
	t.namedAuths(c.from, o, func(a *Auth) {
		named = named || a.Checked
		add(a, false)
		add(otherTruncation(a), true)
	})
	for _, a := range Auths {
		if a.Checked && (a.KeyLen == auth.Len() || !named && head && a.KeyLen < auth.Len()) {
			add(a, true)
		}
	}
	return any
}

// namedAuths calls f with each algorithm that a source names, those of s and o first.
func (t *trial) namedAuths(s, o *source, f func(*Auth)) {
	if a := s.suite.Auth; a != nil {
		f(a)
	}
	if a := o.suite.Auth; a != nil && o != s {
		f(a)
	}
	for i := range t.sources {
		if p := &t.sources[i]; p != s && p != o && p.suite.Auth != nil {
			f(p.suite.Auth)
		}
	}
}

var truncations = [2]*Auth{AuthByName("hmac-sha2-256-128"), AuthByName("hmac-sha2-256-96")}

// otherTruncation returns the same algorithm with its ICV cut differently, as old peers do; nil if there is none.
func otherTruncation(a *Auth) *Auth {
	switch a {
	case truncations[0]:
		return truncations[1]
	case truncations[1]:
		return truncations[0]
	}
	return nil
}

// The lengths that an ICV may have where it can't be checked, the common ones first.
var uncheckedAuths = []*Auth{AuthByName("any-96"), AuthByName("any-128"), AuthByName("any-192"), AuthByName("any-256"), AuthByName("none")}

// withoutAuthKey adds the candidate without a check of the ICV, which has to be cut off all the same.
func (t *trial) withoutAuthKey(c candidate) {
	var lens [64]bool
	add := func(a *Auth, guessed bool) {
		if a == nil || lens[a.ICVLen] {
			return
		}
		lens[a.ICVLen] = true
		d := c
		d.suite.Auth, d.guessed = a, c.guessed || guessed
		t.add(d)
	}
	t.namedAuths(c.from, c.from, func(a *Auth) {
		add(a, false)
		add(otherTruncation(a), true)
	})
	for _, a := range uncheckedAuths {
		if a.ICVLen > 0 || c.from.auth.IsZero() {
			add(a, true)
		}
	}
}

// add appends the candidate, once.
func (t *trial) add(c candidate) {
	list := &t.plain
	if c.checks() {
		list = &t.checked
	}
	if len(*list) >= maxCandidates {
		return
	}
	for i := range *list {
		if o := &(*list)[i]; o.suite == c.suite && o.key.Equal(c.key) && o.auth.Equal(c.auth) {
			return
		}
	}
	*list = append(*list, c)
}

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
		o.sa, o.bits, o.shape = sa, p.Evidence, err != ErrMalformed
		return o
	}
	if !c.suite.Cipher.AEAD {
		// The ICV says nothing about the encryption key, so the plaintext is looked at in any case.
		sa, err := NewSA(spi, c.suite, c.key, Key{})
		if err != nil {
			return o
		}
		p, err := t.open(sa, packet, 0, 0)
		o.bits, o.shape = p.Evidence, err != ErrMalformed
		if !o.shape {
			return o
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
		if p, err := t.open(o.sa, packet, o.high, 0); err == nil {
			o.bits = max(p.Evidence, minVerified)
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
	if c.suite.Cipher.AEAD {
		// Nothing but the structure of the head speaks for the key so far.
		if p, _ := t.open(sa, packet[:len(packet)-1], 0, 1); p.Evidence < cipherBits {
			return fit{}
		}
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
	packets  int     // that had to agree
	hopeful  bool    // some evidence, not enough
	shaped   bool    // the packet's length is possible for some candidate
	authOnly *source // its authentication key fits, the encryption key does not
	keyOnly  *source // its encryption key fits, the authentication key does not
}

// attempt tries all candidates on the packet; ok tells that one proved right. fresh: the packet is not a copy of an earlier one.
func (t *trial) attempt(f *Flow, packet []byte, cut int, fresh bool) (out outcome, ok bool) {
	if len(f.proof) != len(t.checked)+len(t.plain) {
		f.proof = nil
	}
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
		if fresh && f.weigh(i, len(t.checked)+len(t.plain), o, cut) {
			out.hopeful = true
			p := f.proof[i]
			need := proofBits
			if checked {
				need = cipherBits
			}
			if p.agreed > 1 && int(p.bits)-refusal*int(p.refused) >= need {
				out.fit, out.with, out.packets = o, *c, int(p.agreed)
				return out, true
			}
		}
		if !checked || !o.shape {
			continue
		}
		switch {
		case o.icv && o.bits == 0 && out.authOnly == nil:
			out.authOnly = c.authFrom
		case !o.icv && o.bits >= cipherBits && out.keyOnly == nil:
			out.keyOnly = c.from
		}
		if !o.icv && (o.bits >= cipherBits || c.suite.Cipher.AEAD) && (searchable == nil || searchable.guessed && !c.guessed) {
			searchable = c
		}
	}
	if searchable != nil && int(f.searches) < len(searchLimits) && f.db.budget.searches > 0 && t.mayExtend(searchable) {
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

// settle tries to find what opens the flow.
func (f *Flow) settle(packet []byte, cut int, position uint64, event seqEvent) (*SA, uint32, error) {
	t := &f.db.trial
	t.gather(f)
	out, ok := t.attempt(f, packet, cut, event != seqDuplicate)
	if ok {
		f.accept(t, &out, position, cut)
		return f.sa, out.high, nil
	}
	f.later(&out)
	return nil, 0, f.fail(t, &out, packet, cut)
}

// accept takes what proved right for the flow's own.
func (f *Flow) accept(t *trial, out *outcome, position uint64, cut int) {
	c := &out.with
	again := f.sa != nil
	f.sa, f.proof, f.tries, f.skip = out.sa, nil, 0, 0
	// From part of a packet nothing is known of the ICV yet.
	f.check = cut > 0 && f.sa.Checks()
	suite := f.sa.Suite()
	if suite.ESN {
		f.win.setHigh(position, out.high)
	}
	s := State{Suite: suite, Verdict: Decrypted, Origin: c.from.origin()}
	if f.sa.Checks() {
		s.Verdict = Verified
	}
	if c.authFrom != nil && c.authFrom != c.from {
		s.Origin += ", " + c.authFrom.origin()
	}
	s.Remark = t.remark(f, c, out, again)
	f.setState(s)
	f.confirm(t, c, s.Origin)
}

// remark says what a person may want to know about a key that fits.
func (t *trial) remark(f *Flow, c *candidate, out *outcome, again bool) string {
	remark := ""
	if again {
		remark = "the SPI came into use again with another key"
	}
	suite := f.sa.Suite()
	if named := t.named().ICVSize(); named >= 0 && named != suite.ICVSize() {
		remark = join(remark, fmt.Sprintf("the integrity check value has %d bits, not the %d of what is named", 8*suite.ICVSize(), 8*named))
	} else if c.guessed {
		remark = join(remark, "algorithms found by trial")
	}
	if suite.ESN && out.high != 0 {
		remark = join(remark, fmt.Sprintf("extended sequence numbers, the high half was %d at the first packet", out.high))
	}
	if !f.sa.Checks() {
		switch known := t.authBytes(); {
		case suite.Auth != nil && suite.Auth.Checked:
			remark = join(remark, fmt.Sprintf("integrity not checked: %d of %d bytes of the authentication key are known", known, suite.Auth.KeyLen))
		case suite.ICVSize() != 0:
			remark = join(remark, fmt.Sprintf("integrity not checked: %d bytes of the authentication key are known", known))
		}
	}
	if out.packets > 1 {
		remark = join(remark, fmt.Sprintf("proved by %d packets together", out.packets))
	}
	for i := range t.sources {
		s := &t.sources[i]
		if s.rank > 1 || s.key.IsZero() && s.auth.IsZero() {
			continue
		}
		switch sameKey, sameAuth := agrees(s, c); {
		case !sameKey:
			remark = join(remark, "another key is given by "+s.origin())
		case !sameAuth:
			remark = join(remark, "another authentication key is given by "+s.origin())
		}
	}
	return remark
}

// authBytes is the most that a source knows of the authentication key.
func (t *trial) authBytes() int {
	n := 0
	for i := range t.sources {
		n = max(n, t.sources[i].auth.Len())
	}
	return n
}

// named is the suite as far as the sources name it.
func (t *trial) named() Suite {
	var suite Suite
	for i := range t.sources {
		s := t.sources[i].suite
		if suite.Cipher == nil {
			suite.Cipher, suite.KeyLen, suite.ICVLen = s.Cipher, s.KeyLen, s.ICVLen
		}
		if suite.Auth == nil {
			suite.Auth = s.Auth
		}
		suite.ESN = suite.ESN || s.ESN
	}
	return suite
}

// agrees compares the keys of a source with those that proved right. The source may have the head of a key, or encryption and
// authentication key in one piece.
func agrees(s *source, c *candidate) (key, auth bool) {
	key = s.key.IsZero() || c.key.HasPrefix(s.key) || s.key.HasPrefix(c.key)
	auth = s.auth.IsZero() || c.auth.IsZero() || c.auth.HasPrefix(s.auth) || s.auth.HasPrefix(c.auth)
	return key, auth
}

// confirm notes which secrets turned out right, and which wrong.
func (f *Flow) confirm(t *trial, c *candidate, origin string) {
	for i := range t.sources {
		s := &t.sources[i]
		if s.entry == nil || s.key.IsZero() && s.auth.IsZero() {
			continue
		}
		switch key, auth := agrees(s, c); {
		case key && auth:
			s.entry.used = true
		case s.rank < 2:
			s.entry.differs = origin
		default:
			s.entry.refused = true
		}
	}
}

// recheck opens a packet of a flow whose key is known but may have been replaced. It returns the packet's position, which
// changes if the high half of its sequence number turns out to be another one.
func (f *Flow) recheck(packet []byte, cut int, position uint64) uint64 {
	if f.skip > 0 {
		f.skip--
		return position
	}
	t := &f.db.trial
	switch p, err := t.open(f.sa, packet, uint32(position>>32), cut); {
	case err == nil:
		f.check, f.tries, f.proof = false, 0, nil
		return position
	case err == ErrTruncated && (p.Evidence > 0 || !f.check):
		return position
	}
	f.check = true
	f.later(&outcome{shaped: true})
	if f.sa.Suite().ESN && f.sa.Checks() && cut == 0 {
		high := uint32(position >> 32)
		for _, h := range [3]uint32{high + 1, high - 1, 0} {
			if h != high && f.sa.CheckICV(packet, h) {
				f.win.setHigh(position, h)
				f.check, f.tries = false, 0
				return uint64(h)<<32 | position&0xffffffff
			}
		}
	}
	t.gather(f)
	if out, ok := t.attempt(f, packet, cut, true); ok {
		f.accept(t, &out, position, cut)
		if f.sa.Suite().ESN {
			position = uint64(out.high)<<32 | position&0xffffffff
		}
	}
	return position
}
