package salookup

import (
	"slices"

	"l2tpdump/esp"
)

const (
	maxSources    = 256 // of one SPI
	maxCandidates = 512 // of those whose ICV is checked, and of the others
	maxCombined   = 8   // sources beyond which the whole keys of one are not combined with those of another
)

// Candidate is a complete guess of what opens a flow.
type Candidate struct {
	Suite    esp.Suite
	Key      esp.Key
	AuthKey  esp.Key // empty: the ICV is not checked
	From     *Source // of Key
	AuthFrom *Source // of AuthKey, nil: From
	Guessed  bool    // no source names all of the algorithms
}

// Checks reports whether the ICV is checked.
func (c *Candidate) Checks() bool { return c.Suite.Cipher.AEAD || !c.AuthKey.IsZero() }

// whole reports whether one source has both keys and names the algorithms.
func (c *Candidate) whole() bool {
	return !c.Guessed && (c.AuthFrom == nil || c.AuthFrom == c.From) && !c.From.KeyHead && !c.From.AuthKeyHead
}

// Place names the sources of the keys for a person.
func (c *Candidate) Place() string {
	if c.AuthFrom != nil && c.AuthFrom != c.From {
		return c.From.Place() + ", " + c.AuthFrom.Place()
	}
	return c.From.Place()
}

// rivals reports whether the two can't both be the same SA's.
func (c *Candidate) rivals(o *Candidate) bool {
	return !c.Key.Equal(o.Key) || c.Key.IsZero() && !c.AuthKey.Equal(o.AuthKey)
}

// Shortage is a key that a cipher would need more of.
type Shortage struct {
	From       *Source
	Suite      esp.Suite // cipher and key length
	Have, Want int       // bytes, with the salt
	Named      bool      // a source names the cipher
}

// Set is the candidates of a flow, in the order in which they are tried: those whose ICV is checked
// first, and of these those that are named most fully.
type Set struct {
	Sources    []Source
	Candidates []Candidate
	Checked    int // how many of them check the ICV
	Short      []Shortage

	plain   []Candidate
	ciphers []esp.Suite // what the sources name, each once: the cipher with its lengths
	auths   []*esp.Auth // and the authentication
	named   []*esp.Auth // memory of namedAuths
}

// Candidates makes the candidates of sources. It depends on nothing else.
func Candidates(sources []Source) *Set {
	t := new(Set)
	t.of(sources)
	return t
}

// of makes the set that of sources. Its memory is used again.
func (t *Set) of(sources []Source) {
	*t = Set{sources, t.Candidates[:0], 0, t.Short[:0], t.plain[:0], t.ciphers[:0], t.auths[:0], t.named[:0]}
	for i := range sources {
		if s := cipherOf(sources[i].Suite); s.Cipher != nil && !slices.Contains(t.ciphers, s) {
			t.ciphers = append(t.ciphers, s)
		}
		if a := sources[i].Suite.Auth; a != nil && !slices.Contains(t.auths, a) {
			t.auths = append(t.auths, a)
		}
	}
	for i := range sources {
		s := &sources[i]
		own := cipherOf(s.Suite)
		keyless := s.Key.IsZero()
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
	t.Checked = len(t.Candidates)
	t.Candidates = append(t.Candidates, t.plain...)
}

// cipherOf is the part of a suite that is about the cipher.
func cipherOf(s esp.Suite) esp.Suite {
	return esp.Suite{Cipher: s.Cipher, KeyLen: s.KeyLen, ICVLen: s.ICVLen}
}

// withCipher adds what the key of s gives with the cipher that is named, the lengths of which may
// be 0.
func (t *Set) withCipher(s *Source, named esp.Suite) {
	c := named.Cipher
	have := s.Key.Len() - c.SaltLen
	lens := c.KeyLens[:min(len(c.KeyLens), 3)]
	switch {
	case named.KeyLen != 0:
		lens = []int{named.KeyLen}
	case !s.KeyHead && c.KeyLenOK(have):
		lens = []int{have}
	}
	for _, n := range lens {
		suite := esp.Suite{Cipher: c, KeyLen: n}
		if have < n {
			t.Short = append(t.Short, Shortage{s, suite, s.Key.Len(), n + c.SaltLen, true})
			continue
		}
		t.withKey(s, suite, named.ICVLen, n+c.SaltLen, false)
	}
}

// guessCipher adds what a key may be that nobody names an algorithm for, by its length.
func (t *Set) guessCipher(s *Source) {
	n := s.Key.Len()
	for _, c := range esp.Ciphers {
		if !c.Common {
			continue
		}
		for _, l := range c.KeyLens {
			suite, total := esp.Suite{Cipher: c, KeyLen: l}, l+c.SaltLen
			switch unsalted := c.SaltLen == 0; {
			case total == n && !s.KeyHead, total <= n && s.KeyHead && unsalted:
			case total > n && s.KeyHead && unsalted:
				t.Short = append(t.Short, Shortage{s, suite, n, total, false})
				continue
			case total < n && !s.KeyHead && unsalted && s.AuthKey.IsZero() && authOfLen(n-total):
				// Encryption and authentication key in one piece, as KEYMAT is cut up.
			default:
				continue
			}
			t.withKey(s, suite, 0, total, true)
		}
	}
}

func authOfLen(n int) bool {
	return slices.ContainsFunc(esp.Auths, func(a *esp.Auth) bool { return a.Checked && a.KeyLen == n })
}

// withKey adds the candidates of the first n bytes of the key of s with each authentication that is
// possible.
func (t *Set) withKey(s *Source, suite esp.Suite, icvLen, n int, guessed bool) {
	c := Candidate{Suite: suite, Key: s.Key.Head(n), From: s, Guessed: guessed}
	if suite.Cipher.AEAD {
		for _, l := range namedFirst(suite.Cipher.ICVLens, icvLen) {
			c.Suite.ICVLen = l
			t.add(&c)
		}
		return
	}
	full := false
	if rest := s.Key.Len() - n; rest > 0 && !s.KeyHead && s.AuthKey.IsZero() && authOfLen(rest) {
		full = t.withAuthKey(c, s, esp.NewKey(s.Key.Bytes()[n:]), false)
	}
	if !s.AuthKey.IsZero() {
		full = t.withAuthKey(c, s, s.AuthKey, s.AuthKeyHead) && !s.AuthKeyHead
	}
	for i := range t.Sources {
		o := &t.Sources[i]
		if o == s || o.AuthKey.IsZero() || len(t.Sources) > maxCombined && s.complete() == 3 && o.complete() == 3 {
			continue
		}
		any := t.withAuthKey(c, o, o.AuthKey, o.AuthKeyHead)
		full = full || any && !o.AuthKeyHead && o.Key.HasPrefix(c.Key) && o.AuthKey.HasPrefix(s.AuthKey)
	}
	// A source that has the authentication key, or whose keys another source completes, is judged
	// by it: where it does not fit, structure alone proves no more than that the other key does.
	if !full {
		t.withoutAuthKey(c)
	}
}

// namedFirst returns the lengths, the named one first.
func namedFirst(lens []int, named int) []int {
	if i := slices.Index(lens, named); i > 0 {
		lens = slices.Concat(lens[i:i+1], lens[:i], lens[i+1:])
	}
	return lens
}

// withAuthKey adds the candidate with an authentication key of the source o: under the algorithms
// that are named, under the other truncation of the same, and under those that take a key of its
// length. It reports whether there was one.
func (t *Set) withAuthKey(c Candidate, o *Source, auth esp.Key, head bool) (any bool) {
	add := func(a *esp.Auth, guessed bool) {
		if a == nil || !a.Checked || auth.Len() < a.KeyLen {
			return
		}
		d := c
		d.Suite.Auth, d.AuthKey, d.AuthFrom, d.Guessed = a, auth.Head(a.KeyLen), o, c.Guessed || guessed
		t.add(&d)
		any = true
	}
	named, all := false, t.namedAuths(c.From, o)
	for _, a := range all {
		named = named || a.Checked
		add(a, false)
		add(otherTruncation(a), true)
	}
	for _, a := range esp.Auths {
		fits := a.KeyLen == auth.Len() || !named && head && a.KeyLen < auth.Len()
		if a.Checked && fits && !slices.Contains(all, a) {
			add(a, true)
		}
	}
	return any
}

// namedAuths returns each algorithm that a source names, those of s and o first. It is valid until
// the next call.
func (t *Set) namedAuths(s, o *Source) []*esp.Auth {
	t.named = t.named[:0]
	add := func(a *esp.Auth) {
		if a != nil && !slices.Contains(t.named, a) {
			t.named = append(t.named, a)
		}
	}
	add(s.Suite.Auth)
	add(o.Suite.Auth)
	for _, a := range t.auths {
		add(a)
	}
	return t.named
}

var truncations = [...][2]*esp.Auth{
	{esp.AuthByName("hmac-sha2-256-128"), esp.AuthByName("hmac-sha2-256-96")},
	{esp.AuthByName("hmac-sha2-384-192"), esp.AuthByName("hmac-sha2-384-96")},
	{esp.AuthByName("hmac-sha2-512-256"), esp.AuthByName("hmac-sha2-512-96")},
}

// otherTruncation returns the same algorithm with its ICV cut differently, as old peers do; nil if
// there is none.
func otherTruncation(a *esp.Auth) *esp.Auth {
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
var uncheckedAuths = []*esp.Auth{esp.AuthByName("any-96"), esp.AuthByName("any-128"), esp.AuthByName("any-192"), esp.AuthByName("any-256"), esp.AuthByName("none")}

// withoutAuthKey adds the candidate without a check of the ICV, which has to be cut off all the
// same.
func (t *Set) withoutAuthKey(c Candidate) {
	var lens [64]bool
	add := func(a *esp.Auth, guessed bool) {
		if a == nil || lens[a.ICVLen] {
			return
		}
		lens[a.ICVLen] = true
		d := c
		d.Suite.Auth, d.Guessed = a, c.Guessed || guessed
		t.add(&d)
	}
	for _, a := range t.namedAuths(c.From, c.From) {
		add(a, false)
		add(otherTruncation(a), true)
	}
	for _, a := range uncheckedAuths {
		if a.ICVLen > 0 || c.From.AuthKey.IsZero() {
			add(a, true)
		}
	}
}

// add appends the candidate, once.
func (t *Set) add(c *Candidate) {
	list := &t.plain
	if c.Checks() {
		list = &t.Candidates
	}
	if len(*list) == maxCandidates {
		return
	}
	for i := range *list {
		o := &(*list)[i]
		if o.Suite.Auth == c.Suite.Auth && o.Suite == c.Suite && o.Key.Equal(c.Key) && o.AuthKey.Equal(c.AuthKey) {
			return
		}
	}
	*list = append(*list, *c)
}

// Named is the suite as far as the sources name it.
func (t *Set) Named() esp.Suite {
	var suite esp.Suite
	for i := range t.Sources {
		s := t.Sources[i].Suite
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

// Keyed returns the first source that gives an encryption key, nil if none does.
func (t *Set) Keyed() *Source {
	for i := range t.Sources {
		if s := &t.Sources[i]; !s.Key.IsZero() {
			return s
		}
	}
	return nil
}

// ForAny reports whether all keys are given for any SPI: that one does not fit says nothing of it.
func (t *Set) ForAny() bool {
	other := func(s Source) bool { return s.SPIMask != 0 && !s.Key.IsZero() }
	return t.Keyed() != nil && !slices.ContainsFunc(t.Sources, other)
}

// Uncertain reports whether all keys are given as some of several that may be the SPI's.
func (t *Set) Uncertain() bool {
	any := false
	for i := range t.Sources {
		if s := &t.Sources[i]; s.HasKey() {
			if !s.Uncertain {
				return false
			}
			any = true
		}
	}
	return any
}

// short reports whether a key is known, but nothing that could be tried is more than the head of
// one. A key of another length than the Quick Mode agreed on counts as whole, whatever its source
// says.
func (t *Set) short() bool {
	if len(t.Candidates) == 0 {
		return true
	}
	agreed := 0
	for i := range t.Sources {
		if s := &t.Sources[i]; s.Quick != nil && agreed == 0 {
			agreed = s.Suite.KeyLen
		}
	}
	whole := func(c Candidate) bool {
		return !c.From.KeyHead && c.Suite.KeyLen > 0 && (agreed == 0 || agreed == c.Suite.KeyLen)
	}
	return len(t.Short) > 0 && !slices.ContainsFunc(t.Candidates, whole)
}
