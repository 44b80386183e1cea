package ikev1

import (
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"slices"
)

// keyConfig is one way to read the key sources for an SA: a cipher with its key.
type keyConfig struct {
	suite  suite
	block  cipher.Block
	secret *secretState
	note   string // what is unusual about how the key was given
}

// configVersion says from what an SA's configs were made.
type configVersion struct {
	made    bool
	secrets int
}

// maxConfigs bounds how many keys are tried on an SA.
const maxConfigs = 256

// configure lists the keys to try on the SA, once for each change of what is
// known.
func (t *Tracker) configure(sa *SA) {
	v := configVersion{true, t.secrets.version}
	if sa.configured == v {
		return
	}
	sa.configured = v
	sa.secrets = t.secrets.of(sa)
	sa.configs, sa.incomplete, sa.unknown = nil, "", ""
	if len(sa.secrets) == 0 {
		sa.unknown = t.secrets.noKeyReason(sa)
	}
	if len(sa.secrets) == 0 || sa.key != nil {
		return
	}
	suites := sa.suites
	if len(suites) == 0 && sa.foreign == "" {
		suites = trialSuites()
	}
	for _, x := range sa.secrets {
		for _, s := range suites {
			sa.addConfigs(x, s)
		}
	}
	if len(sa.configs) == 0 && sa.incomplete == "" {
		sa.unknown = "the key source has neither SKEYID_e nor Ka for these cookies"
	}
}

// trialSuites is what is tried when the capture does not hold the negotiation:
// each cipher with each of its key lengths.
func trialSuites() []suite {
	var list []suite
	for _, c := range cipherAlgs {
		for _, n := range c.keyLens {
			list = append(list, suite{cipher: c, keyLen: n})
		}
	}
	return list
}

// addConfigs adds the keys that a secret gives for a suite.
func (sa *SA) addConfigs(x *secretState, s suite) {
	if ka := x.Ka.Bytes(); len(ka) > 0 {
		h := s.hash
		if h == nil {
			h = hashBySize(len(ka))
		}
		switch {
		case len(ka) == s.keyLen:
			sa.addConfig(x, s, ka, "")
		case len(ka) > s.keyLen && (s.hash != nil || h != nil):
			sa.addConfig(x, s, ka[:s.keyLen], "the key was given as Ka and is SKEYID_e")
		case h != nil && len(ka) == h.size:
			s.hash = h
			sa.addConfig(x, s, expandKa(h, ka, s.keyLen), "the key was given as Ka and is SKEYID_e")
		case s.hash != nil:
			sa.setIncomplete("Ka", x, len(ka), s.keyLen)
		}
	}
	h := s.hash
	if h == nil {
		h = hashBySize(x.SKEYIDe.Len())
	}
	e := x.SKEYIDe.Bytes()
	if len(e) == 0 && s.hash != nil {
		e = x.derive(sa, s.hash).e
	}
	if len(e) == 0 {
		return
	}
	switch {
	case len(e) >= s.keyLen:
		if s.hash == nil && !x.SKEYIDeHead {
			// Ka may have been given in its place: its length says nothing about the hash.
			sa.addConfig(x, s, e[:s.keyLen], "")
			return
		}
		note := ""
		if s.hash != nil && len(e) == s.keyLen && len(e) > s.hash.size && !x.SKEYIDeHead {
			note = "the key was given as SKEYID_e and is Ka"
		}
		sa.addConfig(x, s, e[:s.keyLen], note)
	case h != nil && len(e) == h.size && !x.SKEYIDeHead:
		s.hash = h
		sa.addConfig(x, s, expandKa(h, e, s.keyLen), "")
	case s.hash != nil:
		sa.setIncomplete("SKEYID_e", x, len(e), s.hash.size)
	}
}

// setIncomplete says what is missing of a key.
func (sa *SA) setIncomplete(name string, x *secretState, have, want int) {
	if x.used && x.InitiatorCookie.IsZero() && x.ResponderCookie.IsZero() {
		return // it is of another SA
	}
	missing := "1 is missing"
	if n := want - have; n != 1 {
		missing = fmt.Sprintf("%d are missing", n)
	}
	sa.incomplete = fmt.Sprintf("%s at %s has %d bytes, %d are needed: %s; take the whole value from its source, a log's rows to the last",
		name, x.OriginOf(name), have, want, missing)
	if have >= want {
		sa.incomplete = fmt.Sprintf("%s at %s is only the head of the value; the whole is needed to expand it", name, x.OriginOf(name))
	}
}

func (sa *SA) addConfig(x *secretState, s suite, key []byte, note string) {
	if len(sa.configs) >= maxConfigs {
		return
	}
	b, err := s.cipher.new(key)
	if err != nil {
		return
	}
	sa.configs = append(sa.configs, &keyConfig{suite: s, block: b, secret: x, note: note})
}

// opened is a message decrypted with one key.
type opened struct {
	plain   []byte // with padding
	end     int    // of the payloads
	bits    int    // evidence
	source  ivSource
	rebuilt *rebuilt // nil when the IV is known
	hash    *hashAlg // known by this message, where the suite does not say
	cut     bool     // only the beginning was captured
}

// attempt decrypts the message with one key, trying the IVs that it can have.
// fits is false where the structure refuses all of them. proven says that other
// messages have proven the key.
func (sa *SA) attempt(c *keyConfig, m *Message, proven bool) (o opened, fits bool) {
	n := c.block.BlockSize()
	body := m.at.raw[HeaderLen:]
	if m.at.cut {
		body = body[:len(body)/n*n]
	}
	if len(body) == 0 || len(body)%n != 0 {
		return opened{}, false
	}
	plain := make([]byte, len(body))
	decryptTail(c.block, plain, body)
	head := slices.Clone(plain[:n])
	hashes := hashAlgs
	if c.suite.hash != nil {
		hashes = []*hashAlg{c.suite.hash}
	}
	r, first := m.at.rec, m.Header.NextPayload
	sources := sa.ivs(m.at.ex, r, n, hashes)
	if len(r.iv) == n {
		sources = append([]ivSource{{iv: r.iv}}, sources...)
	}
	need := enoughBits
	if proven {
		need = enoughBits / 2
	}
	whole := int(m.Header.Length) - HeaderLen
	for _, s := range sources {
		for i := range n {
			plain[i] = head[i] ^ s.iv[i]
		}
		h := c.suite.hash
		if h == nil {
			h = s.hash
		}
		if m.at.cut {
			if bits, ok := walkCut(plain, first, h, whole); ok && bits >= need {
				return opened{plain: plain, end: len(plain), bits: bits, source: s, hash: h, cut: true}, true
			}
			continue
		}
		if end, bits, ok := walk(plain, 0, first, h, n); ok && bits >= need {
			if h == nil && first == PayloadHash {
				h = hashBySize(int(plain[2])<<8 + int(plain[3]) - payloadHeaderLen)
			}
			return opened{plain: plain, end: end, bits: bits, source: s, hash: h}, true
		}
	}
	if m.at.cut {
		b := rebuildCut(m.Header.Exchange, first, plain, hashes, whole)
		b.fill(plain, n)
		return opened{plain: plain, end: len(plain), cut: true, rebuilt: &b}, proven
	}
	b, ok := rebuild(m.Header.Exchange, first, plain, n, hashes)
	switch {
	case !ok:
		return opened{}, false
	case b.bits >= enoughBits:
	case !proven || sa.certain(m):
		return opened{}, false
	case b.rank >= fewBits, b.end == len(plain), first == PayloadHash && b.second == PayloadNone:
	default:
		return opened{}, false
	}
	b.fill(plain, n)
	o = opened{plain: plain, end: b.end, bits: b.bits, rebuilt: &b}
	if first == PayloadHash && b.bits >= enoughBits {
		o.hash = b.hash
	}
	return o, true
}

// certain says that the IV of a message is known for sure, so that a message
// which it does not fit is rather damaged than one whose predecessor is missing.
func (sa *SA) certain(m *Message) bool {
	r := m.at.rec
	switch {
	case m.at.ex == sa.phase1 && r.number == 6:
		for _, o := range sa.phase1.records {
			if o.number == 5 && o.encrypted && o.whole {
				return true
			}
		}
	case m.at.ex == sa.phase1 && r.number <= 5:
		return value(sa.ke, fromInitiator) != nil && value(sa.ke, fromResponder) != nil && len(sa.suites) == 1
	case m.Header.Exchange == ExchangeInformational:
		return sa.phase1Whole() && len(sa.suites) == 1
	}
	return false
}

// open decrypts an encrypted message as far as what is known now allows, and
// sets all its fields.
func (t *Tracker) open(m *Message) {
	sa := m.SA
	t.configure(sa)
	m.Err, m.Reason = nil, ""
	m.Decrypted, m.Verified, m.at.badHash = false, false, false
	m.at.head, m.at.unproven = false, false
	if len(m.at.raw) == HeaderLen && !m.at.cut || m.Header.NextPayload == PayloadNone {
		t.fail(m, ErrMalformed, "flagged as encrypted, and has no payload")
		return
	}
	var best opened
	var with *keyConfig
	configs := sa.configs
	if sa.key != nil {
		configs = []*keyConfig{sa.key}
	}
	for _, c := range configs {
		if o, ok := sa.attempt(c, m, sa.key != nil); ok && (with == nil || o.bits > best.bits) {
			best, with = o, c
		}
	}
	if with == nil {
		t.refuse(m)
		return
	}
	if sa.key == nil {
		sa.prove(with)
	}
	if sa.key.suite.hash == nil && best.hash != nil {
		sa.key.suite.hash = best.hash
		sa.setSuite(sa.key.suite)
	}
	t.accept(m, &best)
}

// prove settles the key of the SA.
func (sa *SA) prove(c *keyConfig) {
	c.secret.used = true
	sa.key = &keyConfig{suite: c.suite, block: c.block, secret: c.secret, note: c.note}
	sa.configs = nil
	sa.KeyOrigin, sa.note = c.secret.Origin.String(), c.note
	sa.setSuite(c.suite)
}

// refuse says why a message could not be decrypted.
func (t *Tracker) refuse(m *Message) {
	sa := m.SA
	body := len(m.at.raw) - HeaderLen
	switch {
	case m.at.cut:
		m.at.unproven = sa.key == nil && len(sa.configs) > 0
		t.fail(m, ErrTruncated, "the packet was not captured in whole: capture with a snaplen of 0")
	case sa.key != nil && body%sa.key.block.BlockSize() != 0,
		len(sa.suites) == 1 && body%sa.suites[0].cipher.blockLen != 0, body%8 != 0:
		t.fail(m, ErrMalformed, fmt.Sprintf("%d encrypted bytes are no multiple of the cipher's block", body))
	case sa.key != nil:
		t.fail(m, ErrMalformed, "does not decrypt with the key that fits the other messages: it was altered, or is of another SA")
	case len(sa.configs) > 0 && sa.foreignKeys():
		t.fail(m, ErrNoKey, "no key names its cookie, and those without a cookie are of other SAs")
	case len(sa.configs) > 0:
		reason := fmt.Sprintf("the key at %s does not fit: it is of another connection, or mistyped", sa.configs[0].secret.Origin)
		if len(sa.initialIVs(hashAlgs[0], 8)) == 0 {
			reason = fmt.Sprintf("the key at %s does not fit, or this message alone, without those before it, can't prove it", sa.configs[0].secret.Origin)
		}
		t.fail(m, ErrWrongKey, reason)
	case sa.incomplete != "":
		t.fail(m, ErrIncomplete, sa.incomplete)
	default:
		t.fail(m, ErrNoKey, sa.reasonNoKey())
	}
}

// foreignKeys says that all keys that were tried name no cookie and have opened
// other SAs.
func (sa *SA) foreignKeys() bool {
	for _, c := range sa.configs {
		if x := c.secret; !x.used || !x.InitiatorCookie.IsZero() || !x.ResponderCookie.IsZero() {
			return false
		}
	}
	return true
}

// fail sets a message's error and counts it.
func (t *Tracker) fail(m *Message, err error, reason string) {
	m.Err, m.Reason = err, reason
	m.Decrypted, m.Verified = false, false
	m.count()
}

// accept fills in a message that was decrypted.
func (t *Tracker) accept(m *Message, o *opened) {
	sa, ex, r := m.SA, m.at.ex, m.at.rec
	first := m.Header.NextPayload
	m.Reconstructed = o.rebuilt != nil
	var check hashResult
	if o.cut {
		m.Plain = clearHead(m.Header, o.plain)
		c, _ := ParsePayloads(first, m.Plain[HeaderLen:])
		m.Payloads, m.at.head = c.Payloads, true
		if m.Reconstructed && o.rebuilt.firstLen == 0 {
			m.Payloads, m.at.head = nil, false
		}
		t.fail(m, ErrTruncated, "the packet was not captured in whole: this is its beginning")
		return
	}
	if o.rebuilt == nil {
		r.iv = o.source.iv
		t.place(m, o)
	}
	payloads := o.plain[:o.end]
	c, err := ParsePayloads(first, payloads)
	if err != nil {
		t.fail(m, ErrMalformed, err.Error())
		return
	}
	m.Payloads = c.Payloads
	check = sa.checkHash(m, payloads, o.rebuilt)
	t.placeByPayloads(m, o)
	m.Plain = clearMessage(m.Header, payloads)
	c, _ = ParsePayloads(first, m.Plain[HeaderLen:])
	m.Payloads = c.Payloads

	m.Verified = check == hashGood && (ex == sa.phase1 || usual(m))
	m.at.hashOpen = check == hashUnchecked && FindPayload(m.Payloads, PayloadHash) != nil && sa.checks()
	if check == hashBad {
		class, key := hashByKeyA, "SKEYID_a"
		if ex == sa.phase1 {
			class, key = hashByAuth, "SKEYID"
		}
		m.at.badHash = true
		if sa.good[class] == 0 {
			t.fail(m, ErrWrongKey, "decrypts, but its HASH does not match: "+key+" is not of this connection, or the message was altered")
		} else {
			t.fail(m, ErrMalformed, "its HASH does not match: the message was altered")
		}
		// What it says is taken all the same: the ICVs of ESP will prove it or not.
		t.learnPlain(m)
		m.number()
		return
	}
	m.Decrypted = true
	switch {
	case m.Reconstructed && check == hashTail:
		m.Reason = "first block reconstructed: the message before it is missing; the rest of its HASH matches"
	case m.Reconstructed:
		m.Reason = "first block reconstructed: the message before it is missing"
	}
	if m.Reconstructed {
		m.remember(sha256.Sum256(payloads[min(len(payloads), maxBlockLen):]))
	} else {
		m.remember(sha256.Sum256(payloads))
	}
	t.learnPlain(m)
	sa.guessRoles(ex)
	m.number()
	m.count()
}

// usual says that the payload behind the HASH of a message after phase 1 is of a
// type that belongs there: the HASH does not cover the field that names it.
func usual(m *Message) bool {
	switch t := m.Payloads[0].Next; m.Header.Exchange {
	case ExchangeQuick:
		return t == PayloadSA || t == PayloadNotify || t == PayloadNone
	case ExchangeInformational:
		return t == PayloadNotify || t == PayloadDelete
	case ExchangeTransaction:
		return t == PayloadConfig
	case ExchangeNewGroup:
		return t == PayloadSA || t == PayloadNotify
	}
	return true
}

// remember notes the plaintext, and finds out whether the message is one sent
// before, encrypted anew.
func (m *Message) remember(sum [sha256.Size]byte) {
	ex, r := m.at.ex, m.at.rec
	r.plainSum, r.decrypted = sum, true
	for _, o := range ex.records {
		if o == r {
			return
		}
		if o.decrypted && o.plainSum == sum && o.dir == r.dir {
			m.Retransmission = true
			r.number, r.proven = o.number, o.proven
			return
		}
	}
}

// place corrects the position of a message in its exchange by the IV that it
// had.
func (t *Tracker) place(m *Message, o *opened) {
	sa, ex, r, s := m.SA, m.at.ex, m.at.rec, o.source
	if s.prev == nil && s.hash == nil {
		return // the IV of an earlier decryption: placed then
	}
	if ex != sa.phase1 {
		switch {
		case s.prev == nil:
			if s.last != nil && m.Header.Exchange != ExchangeInformational { // an error may be reported before phase 1 ends
				sa.provePhase1Last(s.last)
			}
			ex.setNumber(r, 1)
		case s.prev.proven && s.prev.dir != r.dir:
			ex.setNumber(r, s.prev.number+1)
		}
		return
	}
	n := 0
	switch {
	case s.prev != nil && s.prev.dir != r.dir && m.Header.Exchange == ExchangeMain:
		n = 6 // the only one that follows an encrypted message
		s.prev.number, s.prev.proven = 5, true
	case s.prev == nil && m.Header.Exchange == ExchangeMain:
		n = 5
	case s.prev == nil && m.Header.Exchange == ExchangeAggressive:
		n = 3
	}
	if s.roles == fromResponder {
		if sa.roles < rolesProven {
			sa.swapRoles()
		} else {
			for _, x := range sa.ke {
				x.dir = -x.dir
			}
		}
	}
	if n == 0 {
		return
	}
	if sa.roles < rolesProven {
		sa.proveRoles(r.dir != fromUnknown && (n%2 == 1) != (r.dir == fromInitiator), rolesProven)
	}
	r.number, r.proven = n, true
}

// placeByPayloads corrects the position of a message after phase 1, as far as its
// payloads tell: the third of Quick Mode has a HASH only.
func (t *Tracker) placeByPayloads(m *Message, o *opened) {
	ex, r := m.at.ex, m.at.rec
	switch m.Header.Exchange {
	case ExchangeQuick:
	case ExchangeTransaction:
		if p := FindPayload(m.Payloads, PayloadConfig); p != nil && ex.joined && !ex.sure {
			if c, err := ParseConfig(p.Body); err == nil && len(ex.records) <= 2 {
				ex.setNumber(r, 2-int(c.Type)%2) // REQUEST and SET, or REPLY and ACK
			}
		}
		return
	case ExchangeNewGroup:
		if p := o.source.prev; p != nil && p.dir != r.dir {
			ex.setNumber(p, 1)
			ex.setNumber(r, 2)
		}
		return
	default:
		return
	}
	switch {
	case len(m.Payloads) == 1:
		if p := o.source.prev; p != nil && p.dir != r.dir {
			ex.setNumber(p, 2)
		}
		ex.setNumber(r, 3)
	case o.source.prev != nil && o.source.prev.dir != r.dir && FindPayload(m.Payloads, PayloadSA) != nil:
		ex.setNumber(o.source.prev, 1) // of the two with an SA payload this one is behind the other
		ex.setNumber(r, 2)
	case o.rebuilt != nil && FindPayload(m.Payloads, PayloadSA) != nil && m.SA.phase1Whole():
		ex.setNumber(r, 2) // the IV of a first message is known, and it was not that
	}
}

// phase1Whole says that the last message of phase 1 is known, and so the IVs
// of the first messages after it.
func (sa *SA) phase1Whole() bool {
	for _, r := range sa.phase1.records {
		switch {
		case r.encrypted && !(r.whole && r.decrypted):
		case sa.mode == ExchangeMain && r.number == 6 && r.encrypted,
			sa.mode == ExchangeAggressive && r.number == 3 && (r.encrypted || len(sa.ke) == 2):
			return true
		}
	}
	return false
}

// fromStarter says whether a message was sent by the side that began the
// exchange.
func (ex *exchange) fromStarter(r *record) bool {
	if r.dir == fromUnknown || ex.starter == fromUnknown {
		return r.number%2 == 1
	}
	return r.dir == ex.starter
}

// learnPlain takes from a decrypted message what later ones need, and what the
// caller is to be told.
func (t *Tracker) learnPlain(m *Message) {
	sa, r := m.SA, m.at.rec
	m.Deleted = nil
	if m.at.ex == sa.phase1 {
		if m.Decrypted && !m.Reconstructed {
			sa.learn(m, r.dir)
		}
		return
	}
	for i := range m.Payloads {
		if p := &m.Payloads[i]; p.Type == PayloadDelete && m.Decrypted {
			t.deleted(m, p.Body)
		}
	}
	if m.Header.Exchange == ExchangeQuick {
		r.quick = quickOf(m)
		m.Negotiated = sa.negotiate(m.at.ex)
	}
}

// deleted handles a Delete payload.
func (t *Tracker) deleted(m *Message, body []byte) {
	d, err := ParseDelete(body)
	if err != nil {
		return
	}
	m.Deleted = append(m.Deleted, d.ESPSPIs()...)
	if i, r, ok := d.DeletesISAKMP(); ok {
		if sa := t.sas[saKey{i, r}]; sa != nil {
			sa.Deleted = true
		}
	}
}
