package esp

import (
	"cmp"
	"fmt"
	"slices"
)

const (
	maxCandidates = 256 // of each kind
	maxSources    = 96
	maxCombined   = 8 // sources beyond which the whole keys of one are not combined with those of another
)

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
	if s.neg != nil && !s.neg.Origin.IsZero() {
		return fmt.Sprintf("%s (KEYMAT of Quick Mode 0x%08x)", s.neg.Origin, s.neg.MessageID)
	}
	if s.neg != nil {
		return fmt.Sprintf("KEYMAT of Quick Mode 0x%08x of %x", s.neg.MessageID, s.neg.Cookie)
	}
	return s.entry.Origin.String()
}

// uncertain reports whether the source gives the keys as some of several that may be the SPI's.
func (s *source) uncertain() bool { return s.entry != nil && s.entry.Uncertain }

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

// spent is 1 if the source has opened packets, else 0.
func (s *source) spent() int {
	if s.entry != nil && s.entry.used {
		return 1
	}
	return 0
}

// whole reports whether the source has all of both keys.
func (s *source) whole() bool { return s.complete() == 3 }

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

// whole reports whether one source has both keys and names the algorithms.
func (c *candidate) whole() bool {
	return !c.guessed && (c.authFrom == nil || c.authFrom == c.from) && !c.from.keyHead && !c.from.authHead
}

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
	ciphers []Suite // what the sources name, each once: the cipher with its lengths
	auths   []*Auth // and the authentication
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
	for _, e := range db.named(f.spi) {
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
	if len(t.sources) > maxSources {
		// The SPI was in use very often: those that had their time make room.
		slices.SortStableFunc(t.sources, func(a, b source) int { return cmp.Compare(a.spent(), b.spent()) })
		t.sources = t.sources[:maxSources]
	}
	t.combine()
}

func (t *trial) reset() {
	t.sources, t.ciphers, t.auths = t.sources[:0], t.ciphers[:0], t.auths[:0]
	t.checked, t.plain, t.short = t.checked[:0], t.plain[:0], t.short[:0]
}

func sourceOf(e *entry) source {
	return source{entry: e, suite: e.Suite, key: e.Key, auth: e.AuthKey, keyHead: e.KeyHead, authHead: e.AuthKeyHead,
		esnKnown: e.ESNKnown, seqHigh: e.SeqHigh, pair: e.PairSPI}
}

// combine makes the candidates of the sources.
func (t *trial) combine() {
	for i := range t.sources {
		if s := cipherOf(t.sources[i].suite); s.Cipher != nil && !slices.Contains(t.ciphers, s) {
			t.ciphers = append(t.ciphers, s)
		}
		if a := t.sources[i].suite.Auth; a != nil && !slices.Contains(t.auths, a) {
			t.auths = append(t.auths, a)
		}
	}
	for i := range t.sources {
		s := &t.sources[i]
		own := cipherOf(s.suite)
		keyless := s.key.IsZero()
		switch {
		case keyless && (own.Cipher == nil || !own.Cipher.KeyLenOK(0)):
			continue
		case len(t.ciphers) == 0:
			t.guessCipher(s)
			continue
		case own.Cipher != nil:
			t.withCipher(s, own)
		}
		for _, c := range t.ciphers {
			if c != own && (!keyless || c.Cipher.KeyLenOK(0)) {
				t.withCipher(s, c)
			}
		}
	}
}

// cipherOf is the part of a suite that is about the cipher.
func cipherOf(s Suite) Suite { return Suite{Cipher: s.Cipher, KeyLen: s.KeyLen, ICVLen: s.ICVLen} }

// withCipher adds what the key of s gives with the cipher that is named, the lengths of which may be 0.
func (t *trial) withCipher(s *source, named Suite) {
	c := named.Cipher
	have := s.key.Len() - c.SaltLen
	lens := c.KeyLens[:min(len(c.KeyLens), 3)]
	switch {
	case named.KeyLen != 0:
		lens = []int{named.KeyLen}
	case !s.keyHead && c.KeyLenOK(have):
		lens = []int{have}
	}
	for _, n := range lens {
		if have < n {
			t.short = append(t.short, shortage{s, c, n, s.key.Len(), n + c.SaltLen, true})
			continue
		}
		t.withKey(s, Suite{Cipher: c, KeyLen: n}, named.ICVLen, n+c.SaltLen, false)
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
		if o := &t.sources[i]; o != s && !o.auth.IsZero() && !(len(t.sources) > maxCombined && s.whole() && o.whole()) {
			any := t.withAuthKey(c, o, o.auth, o.authHead)
			full = full || any && !o.authHead && o.key.HasPrefix(key) && o.auth.HasPrefix(s.auth)
		}
	}
	// A source that has the authentication key, or whose keys another source completes, is judged by it: where
	// it does not fit, structure alone proves no more than that the other key does.
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
	if a := o.suite.Auth; a != nil && a != s.suite.Auth {
		f(a)
	}
	for _, a := range t.auths {
		if a != s.suite.Auth && a != o.suite.Auth {
			f(a)
		}
	}
}

var truncations = [...][2]*Auth{
	{AuthByName("hmac-sha2-256-128"), AuthByName("hmac-sha2-256-96")},
	{AuthByName("hmac-sha2-384-192"), AuthByName("hmac-sha2-384-96")},
	{AuthByName("hmac-sha2-512-256"), AuthByName("hmac-sha2-512-96")},
}

// otherTruncation returns the same algorithm with its ICV cut differently, as old peers do; nil if there is none.
func otherTruncation(a *Auth) *Auth {
	for _, t := range truncations {
		switch a {
		case t[0]:
			return t[1]
		case t[1]:
			return t[0]
		}
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

// authBytes is the most that a source knows of the authentication key.
func (t *trial) authBytes() int {
	n := 0
	for i := range t.sources {
		n = max(n, t.sources[i].auth.Len())
	}
	return n
}

// namedBy is the suite as far as the sources of the candidate name it, or else any source does.
func (t *trial) namedBy(c *candidate) Suite {
	for _, s := range [2]*source{c.authFrom, c.from} {
		if s != nil && s.suite.ICVSize() >= 0 {
			return s.suite
		}
	}
	return t.named()
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
