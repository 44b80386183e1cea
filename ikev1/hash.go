package ikev1

import (
	"crypto/hmac"
	"encoding/binary"

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
func (x *secretState) derive(sa *SA, h *hashAlg) derived {
	k := derived{x.SKEYID.Bytes(), x.SKEYIDd.Bytes(), x.SKEYIDa.Bytes(), x.SKEYIDe.Bytes()}
	if x.SharedSecret.IsZero() || h == nil {
		return k
	}
	gxy := x.SharedSecret.Bytes()
	if k.skeyid == nil && signs(sa.AuthMethod) {
		if ni, nr := value(sa.nonces, fromInitiator), value(sa.nonces, fromResponder); ni != nil && nr != nil {
			k.skeyid = skeyidOfSignature(h, ni, nr, gxy)
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

// signs says that an authentication method is one of signatures, or hybrid: the
// peers then make SKEYID from the nonces and g^xy.
func signs(method uint16) bool {
	switch method {
	case 2, 3, 9, 10, 11: // DSS, RSA, ECDSA
		return true
	}
	return method >= 64221 && method <= 64226 || method >= 65003 && method <= 65010 && method%2 == 1
}

// keysFor calls f with what each secret of the SA gives, that of its cipher's
// key first, until f returns true.
func (sa *SA) keysFor(f func(x *secretState, k derived) bool) {
	h := sa.hash()
	if sa.key != nil && f(sa.key.secret, sa.key.secret.derive(sa, h)) {
		return
	}
	for _, x := range sa.secrets {
		if sa.key != nil && x == sa.key.secret {
			continue
		}
		if x.InitiatorCookie.IsZero() && x.ResponderCookie.IsZero() {
			continue // nothing says that it belongs to this SA
		}
		if f(x, x.derive(sa, h)) {
			return
		}
	}
}

// checks says that a key for HASH payloads is known.
func (sa *SA) checks() bool {
	found := false
	sa.keysFor(func(_ *secretState, k derived) bool {
		found = k.a != nil || k.skeyid != nil
		return found
	})
	return found
}

// hash returns the SA's hash algorithm, nil while it is unknown.
func (sa *SA) hash() *hashAlg {
	switch {
	case sa.key != nil:
		return sa.key.suite.hash
	case len(sa.suites) == 1:
		return sa.suites[0].hash
	}
	return nil
}

// checkHash checks the HASH payload of a decrypted message with the payloads
// given. Of a reconstructed one only what lies behind the first block can be
// compared; where that matches, the missing part is filled in.
func (sa *SA) checkHash(m *Message, payloads []byte, rb *rebuilt) hashResult {
	h := sa.hash()
	p := FindPayload(m.Payloads, PayloadHash)
	if h != nil && p == nil && m.at.ex == sa.phase1 {
		return sa.checkSignature(m, h, payloads, rb)
	}
	if h == nil || p == nil || len(p.Body) != h.size {
		return hashUnchecked
	}
	known := 0 // bytes of the HASH that the first block hides
	if rb != nil {
		if known = sa.blockLen() - p.Offset - payloadHeaderLen; known < 0 {
			known = 0
		}
		if len(p.Body)-known < minTail {
			return hashUnchecked
		}
	}
	got := payloads[p.Offset+payloadHeaderLen : p.end()]
	complete, tried := false, false
	var match []byte
	var number int
	sa.keysFor(func(x *secretState, k derived) bool {
		class, key := hashByKeyA, k.a
		if m.at.ex == sa.phase1 {
			class, key = hashByAuth, k.skeyid
		}
		compare := func(want []byte, n int) bool {
			tried = true
			if hmac.Equal(want[known:], got[known:]) {
				match, number, x.used = want, n, true
				sa.proven[class] = esp.NewKey(key)
				return true
			}
			return false
		}
		var c bool
		if m.at.ex == sa.phase1 {
			c = sa.compareAuth(m, k, h, rb, payloads, compare)
		} else {
			c = sa.comparePhase2(m, k, h, payloads, compare)
		}
		complete = complete || c
		return match != nil
	})
	switch {
	case match != nil:
		if number > 0 { // a better proof than any before
			ex, r := m.at.ex, m.at.rec
			r.proven, ex.sure = false, false
			ex.setNumber(r, number)
		}
		if known > 0 {
			copy(got, match)
			return hashTail
		}
		return hashGood
	case tried && complete:
		return hashBad
	}
	return hashUnchecked
}

// blockLen returns the block size of the SA's cipher.
func (sa *SA) blockLen() int {
	if sa.key == nil {
		return 0
	}
	return sa.key.block.BlockSize()
}

// compareAuth offers HASH_I or HASH_R (RFC 2409 section 5). complete says that
// a mismatch proves the HASH wrong.
func (sa *SA) compareAuth(m *Message, k derived, h *hashAlg, rb *rebuilt, payloads []byte, compare func([]byte, int) bool) (complete bool) {
	kei, ker := value(sa.ke, fromInitiator), value(sa.ke, fromResponder)
	if k.skeyid == nil || kei == nil || ker == nil || sa.sai == nil {
		return false
	}
	i, r := sa.InitiatorCookie, sa.ResponderCookie
	offer := func(dir direction, id []byte) bool {
		if dir == fromInitiator {
			return compare(h.prf(k.skeyid, kei, ker, i[:], r[:], sa.sai, id), 0)
		}
		return compare(h.prf(k.skeyid, ker, kei, r[:], i[:], sa.sai, id), 0)
	}
	dir := m.at.rec.dir
	p := FindPayload(m.Payloads, PayloadID)
	switch {
	case rb != nil && p != nil && p.Offset == 0:
		if id := guessID(m, rb, func(id []byte) bool { return offer(dir, id) }); id != nil {
			copy(payloads[payloadHeaderLen:], id)
		}
		return false
	case p != nil:
		return !offer(dir, p.Body)
	case dir == fromInitiator && sa.idi != nil:
		return !offer(dir, sa.idi)
	case dir == fromResponder && sa.idr != nil:
		return !offer(dir, sa.idr)
	}
	return false
}

// guessID looks for the lost body of an ID payload of an IPv4 address: that of
// the sender, with the protocols and ports that are used. The HASH proves it.
func guessID(m *Message, rb *rebuilt, fits func([]byte) bool) []byte {
	if rb.firstLen != 12 {
		return nil
	}
	src := m.at.rec.src.Addr().Unmap()
	if !src.Is4() {
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

// comparePhase2 offers the HASHes of the exchanges after phase 1 (RFC 2409
// sections 5.5 to 5.7). complete says that a mismatch proves the HASH wrong.
func (sa *SA) comparePhase2(m *Message, k derived, h *hashAlg, payloads []byte, compare func([]byte, int) bool) (complete bool) {
	if k.a == nil || m.Payloads[0].Type != PayloadHash {
		return false
	}
	ex, r := m.at.ex, m.at.rec
	id := binary.BigEndian.AppendUint32(nil, ex.key.id)
	rest := payloads[m.Payloads[0].end():]
	if ex.key.exchange != ExchangeQuick {
		return !compare(h.prf(k.a, id, rest), 0)
	}
	if FindPayload(m.Payloads, PayloadSA) != nil {
		if compare(h.prf(k.a, id, rest), 1) {
			return false
		}
		other := false
		for _, o := range ex.records {
			if o != r && o.quick != nil && o.dir != r.dir {
				other = true
				if compare(h.prf(k.a, id, o.quick.nonce, rest), 2) {
					o.number, o.proven = 1, true
					return false
				}
			}
		}
		return other || r.proven && r.number == 1
	}
	q1, q2 := ex.byNumber(1), ex.byNumber(2)
	if q1 == nil || q2 == nil {
		return false
	}
	ni, nr := q1.quick.nonce, q2.quick.nonce
	if compare(h.prf(k.a, []byte{0}, id, ni, nr), 3) {
		return false
	}
	if len(rest) == 0 {
		return true
	}
	// The CONNECTED notification after a commit bit: no RFC says what its HASH covers.
	_ = compare(h.prf(k.a, id, rest), 4) || compare(h.prf(k.a, id, ni, nr, rest), 4) || compare(h.prf(k.a, []byte{0}, id, ni, nr, rest), 4)
	return false
}
