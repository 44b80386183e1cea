package ikev1

import (
	"cmp"
	"crypto/hmac"
	"encoding/binary"
	"iter"
	"slices"

	"l2tpdump/esp"
)

// hashResult is the outcome of checking a HASH payload.
type hashResult uint8

const (
	hashUnchecked hashResult = iota // no HASH, no key for it, or another message is needed
	hashGood                        // computed, and equal
	hashTail                        // equal as far as it is known: the first block is not
	hashBad                         // computed, and different
)

// minTail is how many bytes of a HASH must be known to compare it in part.
const minTail = 4

// derived is what one secret gives for an SA, by itself or derived.
type derived struct {
	skeyid, d, a, e []byte
}

// derive completes the keys of a secret (RFC 2409 section 5), as far as it goes.
func (x *Secret) derive(sa *SA, h *hashAlg) derived {
	k := derived{x.SKEYID.Bytes(), x.SKEYIDd.Bytes(), x.SKEYIDa.Bytes(), x.SKEYIDe.Bytes()}
	if x.SharedSecret.IsZero() || h == nil {
		return k
	}
	gxy := x.SharedSecret.Bytes()
	if k.skeyid == nil && signs(sa.AuthMethod) {
		ni, nr := sa.saidBy(PayloadNonce, sa.initiator), sa.saidBy(PayloadNonce, -sa.initiator)
		if len(ni) > 0 && len(nr) > 0 {
			k.skeyid = skeyidOfSignature(h, ni[0].body, nr[0].body, gxy)
		}
	}
	if k.skeyid == nil {
		return k
	}
	d, a, e := skeyids(h, k.skeyid, gxy, sa.InitiatorCookie, sa.ResponderCookie)
	if k.d == nil {
		k.d = d
	}
	if k.a == nil {
		k.a = a
	}
	if k.e == nil {
		k.e = e
	}
	return k
}

// signs says that signatures authenticate, or hybrid does: SKEYID is made from the nonces and g^xy.
func signs(method uint16) bool {
	switch method {
	case 2, 3, 9, 10, 11: // DSS, RSA, ECDSA
		return true
	}
	return method >= 64221 && method <= 64226 || method >= 65003 && method <= 65010 && method%2 == 1
}

// keysFor calls f with what each secret of the SA gives, the opener's first, until f returns true.
func (sa *SA) keysFor(opener *candidate, f func(x *secretState, k derived) bool) {
	h := sa.hash()
	if opener != nil && f(opener.secret, opener.secret.derive(sa, h)) {
		return
	}
	for _, x := range sa.secrets {
		switch {
		case opener != nil && x == opener.secret:
		case x.anonymous(): // nothing says that it belongs to this SA
		case f(x, x.derive(sa, h)):
			return
		}
	}
}

// checks says that a key for HASH payloads is known.
func (sa *SA) checks(opener *candidate) bool {
	found := false
	sa.keysFor(opener, func(_ *secretState, k derived) bool {
		found = k.a != nil || k.skeyid != nil
		return found
	})
	return found
}

// hash returns the SA's hash algorithm, nil while it is unknown.
func (sa *SA) hash() *hashAlg {
	switch {
	case len(sa.keys) > 0:
		return sa.keys[0].suite.hash
	case len(sa.suites) == 1:
		return sa.suites[0].hash
	}
	return nil
}

// hashCheck is the check of one HASH, or of a signature of one.
type hashCheck struct {
	m        *Message
	h        *hashAlg
	payloads []byte
	rebuilt  *rebuilt
	got      []byte // the HASH that was sent
	hidden   int    // bytes of it that the first block hides

	match []byte // that it is equal to
	tried int    // HASHes compared
}

// maxTries bounds the HASHes that are computed for a message: a flood of claims may have many.
// maxClearHashes does so for all messages of an SA in clear whose HASH does not match.
const (
	maxTries       = 64
	maxClearHashes = 64 * maxTries
)

// try compares a HASH that it could be, made by f.
func (c *hashCheck) try(f func() []byte) bool {
	if c.tried++; c.done() {
		return c.match != nil
	}
	if want := f(); hmac.Equal(want[c.hidden:], c.got[c.hidden:]) {
		c.match = want
	}
	return c.match != nil
}

// done says that no other HASH is to be tried.
func (c *hashCheck) done() bool { return c.match != nil || c.tried > maxTries }

// checkHash checks the HASH payload of a decrypted message with the payloads given, or the
// signature that stands in its place. Of a reconstructed one only what lies behind the first block
// can be compared; where that matches, the missing part is filled in.
func (sa *SA) checkHash(m *Message, opener *candidate, payloads []byte, rb *rebuilt) hashResult {
	c := &hashCheck{m: m, h: sa.hash(), payloads: payloads, rebuilt: rb}
	p := m.Find(PayloadHash)
	if c.h == nil && p != nil && slices.ContainsFunc(sa.suites, func(s suite) bool { return s.hash.size == len(p.Body) }) {
		c.h = hashBySize(len(p.Body))
	}
	if c.h == nil {
		return hashUnchecked
	}
	if p == nil {
		if c.got = sa.signed(m, c.h, rb); c.got == nil {
			return hashUnchecked
		}
		return c.result(sa.compare(c, opener))
	}
	if len(p.Body) != c.h.size {
		return hashUnchecked
	}
	if rb != nil {
		c.hidden = max(0, opener.alg.blockLen-p.bodyAt())
		if len(p.Body)-c.hidden < minTail {
			return hashUnchecked
		}
	}
	c.got = payloads[p.bodyAt():p.end()]
	complete := sa.compare(c, opener)
	if c.hidden > 0 && c.match != nil {
		copy(c.got, c.match)
	}
	return c.result(complete)
}

// result is the outcome of a check. complete says that a mismatch proves the HASH wrong.
func (c *hashCheck) result(complete bool) hashResult {
	switch {
	case c.match != nil && c.hidden > 0:
		return hashTail
	case c.match != nil:
		return hashGood
	case complete && c.tried > 0 && c.tried <= maxTries:
		return hashBad
	}
	return hashUnchecked
}

// compare tries the keys of all secrets.
func (sa *SA) compare(c *hashCheck, opener *candidate) (complete bool) {
	phase1 := c.m.at.ex == sa.phase1
	hashes := &sa.Phase2Hashes
	if phase1 {
		hashes = &sa.Phase1Hashes
	}
	sa.keysFor(opener, func(x *secretState, k derived) bool {
		key := k.a
		if phase1 {
			key = k.skeyid
		}
		switch {
		case key == nil:
			return false
		case phase1:
			complete = sa.compareAuth(c, key) || complete
		default:
			complete = sa.comparePhase2(c, key) || complete
		}
		if c.match != nil {
			x.used = true
			hashes.prove(esp.NewKey(key))
		}
		return c.match != nil
	})
	return complete
}

// compareAuth tries HASH_I or HASH_R (RFC 2409 section 5), with all that was claimed of KE values,
// proposals and identities. complete says that a mismatch proves the HASH wrong.
func (sa *SA) compareAuth(c *hashCheck, skeyid []byte) (complete bool) {
	defer func() { sa.hashed += c.tried }()
	r := c.m.at.rec
	roles := []role{roleInitiator, roleResponder}
	if sa.roles == rolesProven && r.from != sideUnknown {
		roles = []role{sa.roleOf(r.from)}
	}
	offers := sa.offers()
	for _, own := range roles {
		pairs, last := 0, false
		from := cmp.Or(r.from, side(own)*sa.initiator)
		for ke := range sa.kePairs(own, from) {
			pairs++
			last = sa.tryPair(c, own, from, skeyid, ke, offers)
			if c.done() {
				return false
			}
		}
		complete = complete || last && pairs*len(offers) == 1
	}
	return complete
}

// tryPair tries one pair of KE values. complete says that there is no other identity.
func (sa *SA) tryPair(c *hashCheck, own role, from side, skeyid []byte, ke [2]*claim, offers []*claim) (complete bool) {
	i, r := sa.InitiatorCookie, sa.ResponderCookie
	if own == roleResponder {
		i, r = r, i
	}
	for _, offer := range offers {
		before := c.tried
		all, id := sa.tryIDs(c, from, func(id []byte) []byte {
			return c.h.prf(skeyid, ke[0].body, ke[1].body, i[:], r[:], offer.body, id)
		})
		if complete = all; c.match != nil {
			c.m.at.rec.asRole = own
			sa.choose(ke[0], ke[1], offer, id)
		}
		if c.tried == before { // without an identity; looking for one takes time, too
			c.tried++
		}
		if c.done() {
			break
		}
	}
	return complete
}

// kePairs returns the KE values that a side, which has a role, and the other one may have sent.
func (sa *SA) kePairs(own role, from side) iter.Seq[[2]*claim] {
	return func(yield func([2]*claim) bool) {
		if gx := sa.gx; gx[0] != nil {
			if own == roleResponder {
				gx[0], gx[1] = gx[1], gx[0]
			}
			yield(gx)
			return
		}
		for _, a := range sa.saidBy(PayloadKE, from) {
			for _, b := range sa.saidBy(PayloadKE, -from) {
				if !yield([2]*claim{a, b}) {
					return
				}
			}
		}
	}
}

// tryIDs tries the identity in the message, or what it can have been. complete: there is no other.
func (sa *SA) tryIDs(c *hashCheck, from side, hash func(id []byte) []byte) (complete bool, proven *claim) {
	p := c.m.Find(PayloadID)
	try := func(id []byte) bool { return c.try(func() []byte { return hash(id) }) }
	switch {
	case c.rebuilt != nil && p != nil && p.Offset == 0:
		if id := guessID(c.m, c.rebuilt, try); id != nil {
			copy(c.payloads[payloadHeaderLen:], id)
		}
		return false, nil
	case p != nil:
		return !try(p.Body), nil
	}
	for _, id := range sa.saidBy(PayloadID, from) {
		if complete = true; try(id.body) {
			return true, id
		}
	}
	return complete, nil
}

// guessID looks for the lost ID of the sender's IPv4 address, with the usual protocols and ports.
func guessID(m *Message, rb *rebuilt, fits func([]byte) bool) []byte {
	src := m.at.rec.way.a.Addr().Unmap()
	if rb.firstLen != ipv4IDLen || !src.Is4() {
		return nil
	}
	ip := src.As4()
	for _, port := range [][3]byte{{0, 0, 0}, {17, 500 >> 8, 500 & 0xff}, {17, 0, 0}, {17, 4500 >> 8, 4500 & 0xff}} {
		id := append([]byte{1, port[0], port[1], port[2]}, ip[:]...)
		if fits(id) {
			return id
		}
	}
	return nil
}

// comparePhase2 is compareAuth for the exchanges after phase 1 (RFC 2409 sections 5.5 to 5.7).
func (sa *SA) comparePhase2(c *hashCheck, skeyidA []byte) (complete bool) {
	m, ex, r := c.m, c.m.at.ex, c.m.at.rec
	if m.Payloads[0].Type != PayloadHash {
		return false
	}
	id := binary.BigEndian.AppendUint32(nil, ex.key.id)
	rest := c.payloads[m.Payloads[0].end():]
	try := func(parts ...[]byte) bool { return c.try(func() []byte { return c.h.prf(skeyidA, parts...) }) }
	if ex.key.exchange != ExchangeQuick {
		return !try(id, rest)
	}
	if m.Find(PayloadSA) != nil {
		if try(id, rest) {
			r.byHash = 1
			return false
		}
		other := false
		for _, o := range ex.records {
			if o == r || o.quick == nil || o.from == r.from {
				continue
			}
			if other = true; try(id, o.quick.nonce, rest) {
				r.byHash, o.byHash = 2, 1
				return false
			}
		}
		return other || r.sure && r.number == 1
	}
	q1, q2 := ex.byNumber(1), ex.byNumber(2)
	if q1 == nil || q2 == nil {
		return false
	}
	ni, nr := q1.quick.nonce, q2.quick.nonce
	switch {
	case try([]byte{0}, id, ni, nr):
		r.byHash = 3
	case len(rest) == 0:
		return true
	// The CONNECTED notification after a commit bit: no RFC says what its HASH covers.
	case try(id, rest), try(id, ni, nr, rest), try([]byte{0}, id, ni, nr, rest):
		r.byHash = 4
	}
	return false
}

// agrees says that what the HASH of a message does not cover, its header and the type of the
// payload behind the HASH, does not contradict the exchange.
func (sa *SA) agrees(m *Message) bool {
	h := &m.Header
	if h.MinorVersion != 0 || h.Flags&^(FlagEncryption|FlagCommit) != 0 || h.Phase1() != (h.MessageID == 0) {
		return false
	}
	if h.Phase1() {
		return sa.gx[0] == nil || sa.gx[0].mode == h.Exchange && sa.gx[1].mode == h.Exchange
	}
	next := m.Payloads[0].Next
	switch h.Exchange {
	case ExchangeQuick:
		return next == PayloadNotify || next == PayloadNone || next == PayloadSA && !isakmpOnly(m)
	case ExchangeInformational:
		return next == PayloadNotify || next == PayloadDelete
	case ExchangeTransaction:
		return next == PayloadConfig
	case ExchangeNewGroup:
		return next == PayloadSA && isakmpOnly(m)
	}
	return false
}

// isakmpOnly says that the message proposes nothing but parameters of phase 1.
func isakmpOnly(m *Message) bool {
	sa, err := parseSA(m.Find(PayloadSA).Body)
	for p := range sa.proposals() {
		if p.Protocol != protocolISAKMP {
			return false
		}
	}
	return err == nil
}

// Uncovered returns the names of the payloads of a verified message that its HASH does not prove.
// In phase 1 it proves the identity, the key exchange values and, as SKEYID is made from them, the
// nonces (RFC 2409 section 5); later it proves all.
func (m *Message) Uncovered() []string {
	var names []string
	for i := range m.Payloads {
		switch p := &m.Payloads[i]; p.Type {
		case PayloadID, PayloadHash, PayloadSignature, PayloadKE, PayloadNonce:
		default:
			if m.Verified && m.Phase1() {
				names = append(names, p.name())
			}
		}
	}
	return names
}
