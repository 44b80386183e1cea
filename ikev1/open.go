package ikev1

import (
	"cmp"
	"errors"
	"hash/maphash"
	"slices"
)

// decryption is a message decrypted with one key.
type decryption struct {
	room    []byte // for a header, and behind it plain
	plain   []byte // with padding
	end     int    // of the payloads
	bits    int    // evidence
	source  ivSource
	rebuilt *rebuilt // nil when the IV is known
	weak    bool     // the evidence is little: it may be forged, and changes nothing
	proven  bool     // by its HASH, though the payloads do not fit
	hash    *hashAlg // known by this message, where the suite does not say
}

// open decrypts an encrypted message as far as what is known now allows, and sets all its fields.
func (t *Tracker) open(m *Message) {
	sa := m.SA
	t.configure(sa)
	again := m.at.tried.changed == sa.changed && m.at.tried.observed >= sa.family.heard // nothing has come since
	if m.Err = nil; !again {
		m.Broken = nil
	}
	m.Decrypted, m.Verified, m.HashTail = false, false, false
	m.at.head, m.at.unproven = false, false
	if again || m.empty() {
		m.Err = sa.refusal(m)
	} else if o, k := sa.unlock(m); k == nil {
		if m.Err = sa.refusal(m); m.Err == ErrAltered {
			m.Broken = sa.beginning(m)
		}
		m.at.tried = attempted{sa.changed, t.observed}
		m.at.unproven = m.at.cut && len(sa.keys) == 0 && len(sa.candidates) > 0
	} else {
		m.at.tried = attempted{}
		k = sa.prove(k, m.at.rec.from, o.hash)
		m.Err = t.accept(m, k, &o)
	}
	if m.at.ex.queued.queue != nil {
		sa.touch(m.at.ex)
	}
	sa.place(m.at.ex)
	m.position()
	m.count()
}

// empty says that an encrypted message has no payload.
func (m *Message) empty() bool {
	return len(m.at.raw) == HeaderLen && !m.at.cut || m.Header.NextPayload == PayloadNone
}

// sureBits is the evidence, in bits, beside which no other key need be tried, where the first block
// is not reconstructed: what another hash makes of the IV shows only there.
const sureBits = 64

// unlock tries the keys that the message can have been encrypted with: that which has opened
// messages of its sender, else that of the other side, which mostly has the same, else all.
func (sa *SA) unlock(m *Message) (best decryption, with *candidate) {
	try := func(list []*candidate, proven bool) {
		for _, k := range list {
			if o, ok := sa.attempt(k, m, proven); ok && (with == nil || o.bits > best.bits) {
				best, with = o, k
			}
			if best.bits >= sureBits && best.rebuilt == nil {
				return
			}
		}
	}
	own := sa.keyOf(m.at.rec.from)
	if own != nil {
		try([]*candidate{own}, true)
		return best, with
	}
	if try(sa.keys, true); with != nil {
		return best, with
	}
	if t, cost := sa.family.tracker, len(sa.candidates); t.affords(cost) {
		if try(sa.candidates, false); with == nil && cost > effortPerMessage {
			t.spent += int64(cost)
		}
	}
	return best, with
}

// keyOf returns the key that has opened messages of a side, nil if there is none.
func (sa *SA) keyOf(from side) *candidate {
	for _, k := range sa.keys {
		if from == sideA && k.opened[0] || from == sideB && k.opened[1] {
			return k
		}
	}
	return nil
}

// attempt decrypts the message with one key, trying the IVs that it can have. fits is false where
// the structure refuses all of them. proven says that other messages have proven the key.
func (sa *SA) attempt(k *candidate, m *Message, proven bool) (o decryption, fits bool) {
	n := k.alg.blockLen
	body := m.at.raw[HeaderLen:]
	if m.at.cut {
		body = body[:len(body)/n*n]
	}
	if len(body) == 0 || len(body)%n != 0 {
		return decryption{}, false
	}
	hashes := hashAlgs
	if k.suite.hash != nil {
		hashes = []*hashAlg{k.suite.hash}
	}
	need := enoughBits
	if proven {
		need = enoughBits / 2
	}
	text := &sa.family.tracker.text
	*text = cbc{block: k.block(), src: body}
	whole := int(m.Header.Length) - HeaderLen
	since, again := int64(0), m.at.tried.changed == sa.changed
	if again {
		since = m.at.tried.observed
	}
	sa.ivs(m.at.ex, m.at.rec, n, hashes, text.reserved(), since, func(s ivSource) bool {
		if !text.begins(&s.iv, whole) {
			return true
		}
		o = decryption{plain: text.with(s.iv[:n]), room: text.room, source: s, hash: cmp.Or(k.suite.hash, s.hash)}
		fits = o.follow(m, n, whole) && o.bits >= need || sa.hashProves(m, k, &o)
		return !fits
	})
	switch {
	case fits:
		return o, true
	case again || m.at.exact:
		return decryption{}, false
	}
	return sa.reconstruct(m, text, hashes, proven)
}

// follow follows the payloads of a decrypted message, and reports whether they fit.
func (o *decryption) follow(m *Message, blockLen, whole int) (ok bool) {
	first := m.Header.NextPayload
	if m.at.cut {
		o.end = len(o.plain)
		o.bits, ok = walkCut(o.plain, first, o.hash, whole)
		return ok
	}
	o.end, o.bits, ok = walk(o.plain, 0, first, o.hash, blockLen)
	if ok && o.hash == nil && first == PayloadHash {
		o.hash = hashBySize(int(o.plain[2])<<8 + int(o.plain[3]) - payloadHeaderLen)
	}
	return ok
}

// maxFailures bounds the messages of an SA that may fail at much cost while no key is proven.
const maxFailures = 64

// reconstruct decrypts a message whose IV is not known but for its first block.
func (sa *SA) reconstruct(m *Message, text *cbc, hashes []*hashAlg, proven bool) (o decryption, fits bool) {
	exchange, first, whole := m.Header.Exchange, m.Header.NextPayload, int(m.Header.Length)-HeaderLen
	n := text.block.BlockSize()
	if m.at.cut {
		plain := text.with(nil)
		b := rebuildCut(exchange, first, plain, hashes, whole)
		b.fill(plain, n)
		return decryption{room: text.room, plain: plain, end: len(plain), rebuilt: &b}, proven
	}
	if first == PayloadHash {
		var fit []*hashAlg
		for _, h := range hashes {
			if text.continues(payloadHeaderLen+h.size, whole) {
				fit = append(fit, h)
			}
		}
		hashes = fit
	} else if m.at.ex != sa.phase1 {
		return decryption{}, false
	}
	if len(hashes) == 0 || sa.certain(m) ||
		first != PayloadHash && !proven && !sa.family.tracker.affordsGuess(len(text.src), len(hashes)) {
		return decryption{}, false
	}
	plain := text.with(nil)
	b, ok := rebuild(exchange, first, plain, n, hashes)
	weak := b.bits < enoughBits
	likely := len(plain)-b.end <= 2*n && (b.rank >= fewBits || b.end == len(plain) ||
		first == PayloadHash && b.second == PayloadNone)
	if !ok || weak && !(proven && likely && sa.expects(m)) {
		return decryption{}, false
	}
	b.fill(plain, n)
	o = decryption{room: text.room, plain: plain, end: b.end, bits: b.bits, rebuilt: &b, weak: weak}
	if first == PayloadHash && b.bits >= enoughBits {
		o.hash = b.hash
	}
	return o, true
}

// certain says that the IV of a message is known for sure: one that does not fit it is damaged.
func (sa *SA) certain(m *Message) bool {
	ex, r := m.at.ex, m.at.rec
	known := func(number int) bool {
		return slices.ContainsFunc(ex.records, func(o *record) bool {
			return o != r && o.number == number && o.opened && o.whole
		})
	}
	switch m.Header.Exchange {
	case ExchangeMain:
		if r.number == 6 {
			return known(5)
		}
		return len(sa.saidBy(PayloadKE, sideA)) > 0 && len(sa.saidBy(PayloadKE, sideB)) > 0
	case ExchangeAggressive:
		return sa.countKE() > 1
	case ExchangeInformational:
		return sa.phase1Whole()
	case ExchangeQuick:
		return known(1) && known(2)
	}
	return false
}

// expects says that a message of which there is little evidence may be right: it is the first of
// its sender in phase 1, or another message of its exchange was decrypted, or one of phase 1 is
// missing.
func (sa *SA) expects(m *Message) bool {
	own := func(o *record) bool { return o != m.at.rec && o.opened && o.from == m.at.rec.from }
	if m.at.ex == sa.phase1 {
		return m.Header.Exchange == sa.Mode && !slices.ContainsFunc(sa.phase1.records, own)
	}
	return m.at.ex.opened() || !sa.phase1Whole()
}

// prove notes that k opens the messages of a side, and returns the SA's own copy of it.
func (sa *SA) prove(k *candidate, from side, h *hashAlg) *candidate {
	if t := sa.family.tracker; !k.secret.used && k.secret.anonymous() {
		t.spent = max(0, t.spent-maxEffort)
	}
	k.secret.used, k.secret.opened = true, true
	if !slices.Contains(sa.keys, k) {
		own := *k // others may try it, too
		k = &own
		sa.keys = append(sa.keys, k)
		sa.configured = 0
		sa.setSuite(sa.keys[0].suite)
	}
	switch from {
	case sideA:
		k.opened[0] = true
	case sideB:
		k.opened[1] = true
	}
	if k.suite.hash == nil && h != nil {
		k.suite.hash = h
		sa.setSuite(sa.keys[0].suite)
	}
	return k
}

// refusal says why a message could not be decrypted.
func (sa *SA) refusal(m *Message) error {
	body := len(m.at.raw) - HeaderLen
	switch {
	case m.empty():
		return malformedf("flagged as encrypted, and has no payload")
	case m.at.cut:
		return ErrTruncated
	case len(sa.keys) > 0 && body%sa.keys[0].alg.blockLen != 0,
		len(sa.suites) == 1 && body%sa.suites[0].cipher.blockLen != 0, body%8 != 0:
		return malformedf("%d encrypted bytes are no multiple of the cipher's block", body)
	case len(sa.keys) > 0 && m.at.rec.from != sideUnknown && sa.keyOf(m.at.rec.from) == nil:
		return ErrOtherSide
	case len(sa.keys) > 0:
		return ErrAltered
	case len(sa.candidates) > 0 && sa.foreignKeys():
		return ErrForeignKeys
	case len(sa.candidates) > 0:
		return ErrUnopened
	case sa.Short != nil:
		return ErrShortKey
	}
	return ErrNoKey
}

// foreignKeys says that all keys that were tried name no cookie and have opened other SAs.
func (sa *SA) foreignKeys() bool {
	return !slices.ContainsFunc(sa.candidates, func(k *candidate) bool { return !k.secret.used || !k.secret.anonymous() })
}

// KeysOfOthers says that no key opens a message of the SA, and all that were tried open other SAs.
func (sa *SA) KeysOfOthers() bool {
	return len(sa.keys) == 0 && len(sa.candidates) > 0 &&
		!slices.ContainsFunc(sa.candidates, func(k *candidate) bool { return !k.secret.opened })
}

// accept fills in a message that was decrypted, and returns what is wrong with it nevertheless.
func (t *Tracker) accept(m *Message, k *candidate, o *decryption) error {
	sa, r := m.SA, m.at.rec
	m.Reconstructed = o.rebuilt != nil
	if m.at.cut {
		m.Plain = o.message(m.Header)
		m.Payloads, _ = parsePayloads(m.Header.NextPayload, m.Plain[HeaderLen:])
		if m.at.head = !m.Reconstructed || o.rebuilt.firstLen > 0; !m.at.head {
			m.Payloads = nil
		}
		return ErrTruncated
	}
	clear := m.Header
	clear.Length = uint32(HeaderLen + o.end)
	plain := o.message(clear)
	payloads := plain[HeaderLen:]
	if m.Payloads, m.Broken = parseChain(m.Header.NextPayload, payloads); m.Broken != nil && !o.proven {
		return m.Broken
	}
	if !o.weak {
		sa.trace(m, o, k.alg.blockLen)
	}
	check := sa.checkHash(m, k, payloads, o.rebuilt)
	m.Plain = plain
	m.Verified = check == hashGood && sa.agrees(m)
	m.HashTail = check == hashTail
	m.at.hashOpen = check == hashUnchecked && m.Find(PayloadHash) != nil && sa.checks(k)
	weak := o.weak && check != hashTail
	switch m.Decrypted = check != hashBad; {
	case !m.Decrypted && weak:
		return ErrAltered
	case m.Decrypted && !weak:
		sa.ends.proven.set(r.way.a, r.way.b, r.from)
		if !r.opened {
			r.opened = true
			sa.changed++
		}
	}
	if m.Decrypted {
		m.remember(payloads)
	}
	if !weak && m.Broken == nil {
		t.learnPlain(m)
	}
	if check == hashBad {
		return ErrHash
	}
	return nil
}

// message returns the message as it would have been sent in clear: the header with the encryption
// flag off, then the payloads without padding.
func (o *decryption) message(h Header) []byte {
	h.Flags &^= FlagEncryption
	h.Append(o.room[:0])
	return o.room[: HeaderLen+o.end : HeaderLen+o.end]
}

// trace notes what the IV and the payloads tell of a message's place in its exchange.
func (sa *SA) trace(m *Message, o *decryption, blockLen int) {
	ex, r, s := m.at.ex, m.at.rec, &o.source
	if o.rebuilt == nil {
		if r.ivLen == 0 {
			sa.changed++
		}
		r.iv, r.ivLen = s.iv, uint8(blockLen)
	}
	if o.rebuilt == nil && !s.known {
		r.after, r.first = s.after, s.after == nil
		if s.gx[0] != nil && ex == sa.phase1 {
			sa.gx, sa.initial = s.gx, nil
			sa.choose(s.gx[0], s.gx[1])
		}
		if s.last != nil && m.Header.Exchange != ExchangeInformational { // an error may be reported before phase 1 ends
			s.last.ended = true
		}
	}
	if x := sa.shapeOf(m, o); x != shapeOther {
		r.shape = x
	}
	sa.place(ex)
}

// shapeOf finds out what the payloads of a message after phase 1 tell of its place.
func (sa *SA) shapeOf(m *Message, o *decryption) shape {
	ex := m.at.ex
	hasSA := m.Find(PayloadSA) != nil
	switch m.Header.Exchange {
	case ExchangeQuick:
		switch {
		case len(m.Payloads) == 1:
			return shapeHash
		case hasSA && o.rebuilt != nil && sa.phase1Whole():
			return shapeSecond
		case hasSA:
			return shapeSA
		}
	case ExchangeNewGroup:
		return shapeSA
	case ExchangeTransaction:
		p := m.Find(PayloadConfig)
		if p == nil || !ex.joined || ex.sure || len(ex.records) > 2 {
			break
		}
		if c, err := parseConfig(p.Body); err == nil && c.Type%2 == 1 {
			return shapeRequest
		} else if err == nil {
			return shapeReply
		}
	}
	return shapeOther
}

// phase1Whole says that the last message of phase 1 is known, and so the IVs after it.
func (sa *SA) phase1Whole() bool {
	return slices.ContainsFunc(sa.phase1.records, func(r *record) bool {
		known := r.opened && r.whole || !r.encrypted && sa.countKE() > 1
		return known && (r.mode == ExchangeMain && r.number == 6 && r.encrypted ||
			sa.Mode == ExchangeAggressive && r.mode == sa.Mode && r.number == 3)
	})
}

// seed is that of the hashes by which messages and plaintexts are known again.
var seed = maphash.MakeSeed()

// remember notes the plaintext, and finds out whether the message was sent before.
func (m *Message) remember(payloads []byte) {
	if m.Reconstructed {
		payloads = payloads[min(len(payloads), maxBlockLen):]
	}
	r := m.at.rec
	r.plainSum = maphash.Bytes(seed, payloads)
	for _, o := range m.at.ex.records {
		if o == r {
			return
		}
		if o.opened && o.plainSum == r.plainSum && o.from == r.from {
			m.Retransmission = true
			r.copyOf = o
			return
		}
	}
}

// learnPlain takes from a decrypted message what later ones need, and what the caller is to be
// told. Of one whose HASH does not match the proposals count all the same: the ICVs of ESP will
// prove them or not.
func (t *Tracker) learnPlain(m *Message) {
	sa, r := m.SA, m.at.rec
	m.Deleted = nil
	if m.at.ex == sa.phase1 {
		if m.Decrypted && !m.Reconstructed {
			sa.learn(m, r)
		}
		return
	}
	if m.Decrypted {
		for d := range bodies(m, PayloadDelete, parseDelete) {
			m.Deleted = append(m.Deleted, d.espSPIs()...)
		}
	}
	if m.Header.Exchange == ExchangeQuick {
		r.quick = quickOf(m)
		sa.place(m.at.ex)
		m.Negotiated = sa.negotiate(m.at.ex)
	}
}

// Decrypt tries again a message that Observe returned earlier: with a key that came later, or with
// what messages that came later tell (an IV, a nonce that a HASH covers). One that is decrypted and
// not Open stays as it is. It returns whether the message is decrypted now.
func (t *Tracker) Decrypt(m *Message) bool {
	m.adopt()
	if m.SA == nil || m.at.raw == nil || m.at.rec == nil {
		return m.Decrypted
	}
	if m.Verified && !m.Reconstructed {
		return true
	}
	negotiated, deleted := m.Negotiated, m.Deleted
	t.open(m)
	if m.Negotiated == nil {
		m.Negotiated = negotiated
	}
	if m.Deleted == nil {
		m.Deleted = deleted
	}
	return m.Decrypted
}

// Open says that a message may yet gain from Decrypt once later messages were observed: its first
// block is missing, or its HASH was not checked though a key for it is known.
func (m *Message) Open() bool {
	return m.at.raw != nil && (m.Reconstructed || m.Decrypted && !m.Verified && m.at.hashOpen ||
		m.Err != nil && (!errors.Is(m.Err, ErrTruncated) || m.at.unproven))
}

// NeedsProof says that too many messages failed for Decrypt to be worth it before a key is proven.
func (m *Message) NeedsProof() bool { return m.Err == ErrUnopened && m.SA.Unopened > maxFailures }
