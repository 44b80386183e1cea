package ikev1

import (
	"bytes"
	"cmp"
	"crypto/cipher"
	"slices"

	"l2tpdump/esp"
)

// candidate is one way to read the secrets for an SA: a cipher with its key.
type candidate struct {
	*keyedCipher
	suite  suite
	secret *secretState
	value  string // name of the value that the cipher's key is made from
	form   KeyForm
	opened [2]bool // a message of side A, B
}

// KeyForm says how a source gives the key that opens an SA's messages.
type KeyForm uint8

// The forms of a key.
const (
	KeyAsNamed  KeyForm = iota
	KaIsSKEYIDe         // it is called Ka and is SKEYID_e
	SKEYIDeIsKa         // it is called SKEYID_e and is Ka
)

// maxLogged is the most of a SKEYID_e that a Yamaha router's log shows, in bytes.
const maxLogged = 32

// maxCandidates bounds how many keys are tried on an SA.
const maxCandidates = 256

// ShortKey says that a value is not whole. Where Have is not less than Want the source itself gives
// no more than a head, and the whole is needed to expand it.
type ShortKey struct {
	Value      string // "Ka", "SKEYID_e"
	Origin     esp.Origin
	Have, Want int // bytes
}

// configure lists the keys to try on the SA, once for each change of what is known.
func (t *Tracker) configure(sa *SA) {
	v := t.secrets.version
	if sa.configured == v {
		return
	}
	sa.configured = v
	sa.changed++
	sa.secrets = t.secrets.of(sa)
	sa.candidates, sa.Short = nil, nil
	suites, blind := sa.suites, len(sa.keys) == 0 && sa.LacksPhase1()
	switch {
	case blind && t.trials.version == v && slices.Equal(t.trials.secrets, sa.secrets):
		sa.candidates = t.trials.candidates
		return
	case sa.keyOf(sideA) != nil && sa.keyOf(sideB) != nil:
		sa.dropCiphers()
		return
	case len(sa.keys) > 0: // the other side may have a key of its own
		suites = []suite{sa.keys[0].suite}
	case blind:
		suites = trialSuites
	}
	for _, x := range sa.secrets {
		if len(sa.keys) > 0 && (x.anonymous() || x == sa.keys[0].secret) {
			continue
		}
		for _, s := range suites {
			sa.addCandidates(x, s)
		}
	}
	if blind {
		t.trials = trials{v, sa.secrets, sa.candidates}
	}
}

// trials are the candidates for the last SA whose phase 1 is not known: others may have the same.
type trials struct {
	version    int
	secrets    []*secretState
	candidates []*candidate
}

// trialSuites is what is tried without a negotiation: each cipher with each of its key lengths.
var trialSuites = func() (list []suite) {
	for _, c := range cipherAlgs {
		for _, n := range c.keyLens {
			list = append(list, suite{cipher: c, keyLen: n})
		}
	}
	return list
}()

// addCandidates adds the keys that a secret gives for a suite.
func (sa *SA) addCandidates(x *secretState, s suite) {
	if ka := x.Ka.Bytes(); len(ka) > 0 {
		sa.addKa(x, s, ka)
	}
	e := x.SKEYIDe.Bytes()
	if len(e) == 0 && s.hash != nil {
		e = x.derive(sa, s.hash).e
	}
	if len(e) > 0 {
		sa.addSKEYIDe(x, s, e)
	}
}

func (sa *SA) addKa(x *secretState, s suite, ka []byte) {
	h := cmp.Or(s.hash, hashBySize(len(ka)))
	switch {
	case len(ka) == s.keyLen:
		sa.addCandidate(x, s, ka, "Ka", KeyAsNamed)
	case len(ka) > s.keyLen && h != nil:
		sa.addCandidate(x, s, ka[:s.keyLen], "Ka", KaIsSKEYIDe)
	case h != nil && len(ka) == h.size:
		s.hash = h
		sa.addCandidate(x, s, expandKa(h, ka, s.keyLen), "Ka", KaIsSKEYIDe)
	case s.hash != nil:
		sa.setShort(x, "Ka", len(ka), s.keyLen)
	}
}

func (sa *SA) addSKEYIDe(x *secretState, s suite, e []byte) {
	h := cmp.Or(s.hash, hashBySize(x.SKEYIDe.Len()))
	switch {
	case len(e) >= s.keyLen:
		if s.hash != nil && len(e) < min(s.hash.size, maxLogged) {
			sa.setShort(x, "SKEYID_e", len(e), s.hash.size) // its head would do
		}
		form := KeyAsNamed
		if s.hash != nil && len(e) == s.keyLen && len(e) > s.hash.size && !x.SKEYIDeHead {
			form = SKEYIDeIsKa
		}
		sa.addCandidate(x, s, e[:s.keyLen], "SKEYID_e", form)
	case h != nil && len(e) == h.size && !x.SKEYIDeHead:
		s.hash = h
		sa.addCandidate(x, s, expandKa(h, e, s.keyLen), "SKEYID_e", KeyAsNamed)
	case s.hash != nil:
		sa.setShort(x, "SKEYID_e", len(e), s.hash.size)
	}
}

// setShort says what is missing of a key.
func (sa *SA) setShort(x *secretState, value string, have, want int) {
	if len(sa.keys) == 0 && (!x.used || !x.anonymous()) { // else it is not missed, or of another SA
		sa.Short = &ShortKey{value, x.OriginOf(value), have, want}
	}
}

func (sa *SA) addCandidate(x *secretState, s suite, key []byte, value string, form KeyForm) {
	if len(sa.candidates) >= maxCandidates {
		return
	}
	c := x.cipher(s.cipher, key)
	sa.candidates = append(sa.candidates, &candidate{keyedCipher: c, suite: s, secret: x, value: value, form: form})
}

// maxCiphers bounds the ciphers that are kept of a secret: of the key lengths of all, and of the
// hashes by which a key is expanded.
const maxCiphers = 64

// keyedCipher is a cipher with a key, of a length that it takes.
type keyedCipher struct {
	alg  *cipherAlg
	key  esp.Key
	made cipher.Block // when it is first asked for: making it can take longer than to decrypt a message
}

// block returns the cipher.
func (c *keyedCipher) block() cipher.Block {
	if c.made == nil {
		made, err := c.alg.new(c.key.Bytes())
		if err != nil {
			panic(err) // of a key length that is none of the algorithm's
		}
		c.made = made
	}
	return c.made
}

// cipher returns a cipher with a key that the secret gives.
func (x *secretState) cipher(alg *cipherAlg, key []byte) *keyedCipher {
	for _, c := range x.ciphers {
		if c.alg == alg && bytes.Equal(c.key.Bytes(), key) {
			return c
		}
	}
	c := &keyedCipher{alg: alg, key: esp.NewKey(key)}
	if len(x.ciphers) < maxCiphers {
		x.ciphers = append(x.ciphers, c)
	}
	return c
}

// dropCiphers forgets the ciphers that are tried on no other SA.
func (sa *SA) dropCiphers() {
	for _, x := range sa.secrets {
		if !x.anonymous() {
			x.ciphers = nil
		}
	}
}

// Opener is the value of a secret that opens the messages of an SA.
type Opener struct {
	Secret *Secret
	Value  string // "Ka", "SKEYID_e"
	Form   KeyForm
	Ka     esp.Key // the cipher's key, expanded, of the cipher's length
}

// Openers returns what opens the SA's messages: none, one, or one of each side.
func (sa *SA) Openers() []Opener {
	var list []Opener
	for _, k := range sa.keys {
		list = append(list, Opener{Secret: k.secret.Secret, Value: k.value, Form: k.form, Ka: k.key})
	}
	return list
}

// Opening returns the secrets that open messages of the initiator and of the responder, or nil.
func (sa *SA) Opening() (list [2]*Secret) {
	i := sa.initiator.index()
	for _, k := range slices.Backward(sa.keys) {
		for n := range list {
			if k.opened[i^n] {
				list[n] = k.secret.Secret
			}
		}
	}
	return list
}

// Ka returns the key of the first of the Openers; it is empty while there is none.
func (sa *SA) Ka() esp.Key {
	if len(sa.keys) == 0 {
		return esp.Key{}
	}
	return sa.keys[0].key
}

// Value is a value of a secret by its name in RFC 2409, and where it was found.
type Value struct {
	Name   string
	Key    esp.Key
	Origin esp.Origin
}

// CipherValues returns what a secret has for the SA's cipher, SKEYID_e derived if not given.
func (sa *SA) CipherValues(x *Secret) []Value {
	var list []Value
	add := func(name string, k esp.Key) {
		if !k.IsZero() {
			list = append(list, Value{name, k, x.OriginOf(name)})
		}
	}
	add("Ka", x.Ka)
	if add("SKEYID_e", x.SKEYIDe); x.SKEYIDe.IsZero() {
		add("SKEYID_e", esp.NewKey(x.derive(sa, sa.hash()).e))
	}
	return list
}

// expansions returns the cipher's keys that a value may stand for.
func expansions(value []byte, s suite) [][]byte {
	var list [][]byte
	if len(value) >= s.keyLen {
		list = append(list, value[:s.keyLen:s.keyLen])
	}
	if h := cmp.Or(s.hash, hashBySize(len(value))); h != nil && len(value) < s.keyLen {
		list = append(list, expandKa(h, value, s.keyLen))
	}
	return list
}

// is reports whether ka is the key.
func (k *candidate) is(ka []byte) bool {
	b, err := k.suite.cipher.new(ka)
	if err != nil {
		return false
	}
	var x, y [maxBlockLen]byte
	n := b.BlockSize()
	b.Encrypt(x[:n], x[:n])
	k.block().Encrypt(y[:n], y[:n])
	return x == y
}

// Opens returns which of the SA's openers a value for the cipher stands for: it is that, what that
// is made from, or too short to be told from it. It is -1 where it is none. head: the value may be
// the head of another.
func (sa *SA) Opens(value esp.Key, head bool) int {
	v := value.Bytes()
	for i, k := range sa.keys {
		s := k.suite
		for _, ka := range expansions(v, s) {
			if k.is(ka) {
				return i
			}
		}
		if len(v) < s.keyLen && (head || s.hash != nil && len(v) != s.hash.size) {
			// It stands for the key's head, or can't be compared at all.
			expands := s.hash == nil || s.hash.size < s.keyLen
			if expands || bytes.HasPrefix(k.key.Bytes(), v) {
				return i
			}
		}
	}
	return -1
}
