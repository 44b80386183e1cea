package ikev1

import (
	"iter"
	"net/netip"
	"slices"

	"l2tpdump/esp"
)

// quickInfo is what is kept of a Quick Mode message with an SA payload (RFC 2409 section 5.5).
type quickInfo struct {
	way   *pair // it was sent from a to b
	sas   []saPayload
	nonce []byte
	ke    bool // perfect forward secrecy
}

// src and dst are the addresses of its sender and of its receiver.
func (q *quickInfo) src() netip.Addr { return q.way.a.Addr().Unmap() }
func (q *quickInfo) dst() netip.Addr { return q.way.b.Addr().Unmap() }

// quickOf reads a Quick Mode message; nil where its SA payload or nonce is missing or broken.
func quickOf(m *Message) *quickInfo {
	q := &quickInfo{way: m.at.rec.way}
	for i := range m.Payloads {
		switch p := &m.Payloads[i]; p.Type {
		case PayloadSA:
			sa, err := parseSA(p.Body)
			if err != nil {
				return nil
			}
			q.sas = append(q.sas, sa)
		case PayloadNonce:
			q.nonce = p.Body
		case PayloadKE:
			q.ke = true
		}
	}
	if len(q.sas) == 0 || q.nonce == nil {
		return nil
	}
	return q
}

// What a Quick Mode exchange has reported.
const (
	announcedNothing = iota
	announcedHalf    // one direction, without KEYMAT: the other message is missing
	announcedAll
)

// negotiate returns the SAs that a Quick Mode exchange agreed on, once: as soon as its first two
// messages are known, in whatever order. Where one of the two is missing it returns the direction
// that the other one names.
func (sa *SA) negotiate(ex *exchange) []*esp.Negotiated {
	q1, q2 := ex.byNumber(1), ex.byNumber(2)
	switch {
	case q1 != nil && q2 != nil && ex.announced < announcedAll:
		ex.announced, ex.pending = announcedAll, 0
		list := sa.pairs(ex, q1.quick, q2.quick)
		for _, n := range list {
			if n.KeyReason != "" {
				ex.pending = sa.family.tracker.secrets.version
			}
		}
		return list
	case q1 == nil && q2 != nil && ex.announced == announcedNothing:
		ex.announced = announcedHalf
		return sa.half(ex, q2.quick, "Quick Mode message 1 is missing")
	case q1 != nil && q2 == nil && ex.announced == announcedNothing && ex.accepted() && q1.quick.single():
		ex.announced = announcedHalf
		return sa.half(ex, q1.quick, "Quick Mode message 2 is missing")
	}
	return nil
}

// Derive returns the ESP SAs whose keys the secrets added since have made derivable, each once.
func (t *Tracker) Derive() []*esp.Negotiated {
	var list []*esp.Negotiated
	for _, sa := range t.SAs() {
		for _, ex := range sa.exchanges {
			if ex.pending == 0 || ex.pending == t.secrets.version {
				continue
			}
			t.configure(sa)
			ex.announced = announcedNothing
			for _, n := range sa.negotiate(ex) {
				if n.KeyReason == "" {
					list = append(list, n)
				}
			}
		}
	}
	return list
}

// accepted says that the third message was seen: what was proposed was agreed to.
func (ex *exchange) accepted() bool {
	return slices.ContainsFunc(ex.records, func(r *record) bool { return r.number >= 3 && r.opened })
}

// single says that each SA proposed has but one transform, which must have been chosen.
func (q *quickInfo) single() bool {
	for i := range q.sas {
		s := &q.sas[i]
		for p := range s.proposals() {
			if p.Number != s.number() || p.count != 1 {
				return false
			}
		}
	}
	return true
}

// first yields the ESP proposals that belong together with the first one: strongSwan names the one
// without IPComp behind its choice.
func (sa *saPayload) first() iter.Seq[proposal] {
	return func(yield func(proposal) bool) {
		for p := range sa.proposals() {
			if p.Protocol == protocolESP && len(p.SPI) == 4 && p.count > 0 && p.Number == sa.number() && !yield(p) {
				return
			}
		}
	}
}

// half returns the SAs towards the sender of a message, which chose their SPIs.
func (sa *SA) half(ex *exchange, q *quickInfo, reason string) []*esp.Negotiated {
	var list []*esp.Negotiated
	for i := range q.sas {
		for p := range q.sas[i].first() {
			n := sa.describe(ex, p.first())
			n.SPI, n.Src, n.Dst, n.KeyReason = p.spi32(), q.dst(), q.src(), reason
			list = append(list, n)
		}
	}
	return list
}

// pairs returns the SAs of a complete exchange, both directions of each. SA payload i of the answer
// chooses from SA payload i of the offer.
func (sa *SA) pairs(ex *exchange, q1, q2 *quickInfo) []*esp.Negotiated {
	var list []*esp.Negotiated
	pfs, secrets := q1.ke || q2.ke, []*secretState{nil}
	if pfs {
		secrets = sa.quickSecrets(ex)
	}
	for i := range min(len(q1.sas), len(q2.sas)) {
		for chosen := range q2.sas[i].first() {
			offer := match(&q1.sas[i], &chosen)
			if offer == nil {
				continue
			}
			t := chosen.first()
			for _, secret := range secrets {
				toResponder, toInitiator := sa.describe(ex, t), sa.describe(ex, t)
				toResponder.SPI, toResponder.PairSPI = chosen.spi32(), offer.spi32()
				toInitiator.SPI, toInitiator.PairSPI = offer.spi32(), chosen.spi32()
				toResponder.Src, toResponder.Dst = q2.dst(), q2.src()
				toInitiator.Src, toInitiator.Dst = q2.src(), q2.dst()
				for _, n := range [2]*esp.Negotiated{toInitiator, toResponder} {
					sa.derive(n, pfs, secret, q1, q2)
					list = append(list, n)
				}
			}
		}
	}
	return list
}

// match finds the proposal that was chosen: by its number and protocol, which a responder has to
// keep (RFC 2408 section 4.2), else the one that offers the same transform.
func match(offer *saPayload, chosen *proposal) *proposal {
	var same, like, only *proposal
	count := 0
	want := chosen.first().terms()
	for p := range offer.proposals() {
		if p.Protocol != chosen.Protocol || len(p.SPI) != 4 {
			continue
		}
		count++
		only = &p
		offers := p.offers(&want)
		if p.Number == chosen.Number && (same == nil || offers) {
			same = &p
		}
		if offers && (like == nil || same == &p) {
			like = &p
		}
	}
	switch {
	case like != nil:
		return like
	case same == nil && count == 1:
		return only
	}
	return same
}

// offers says that a proposal has a transform with the algorithms that are wanted.
func (p *proposal) offers(want *terms) bool {
	for t := range p.transforms() {
		x := t.terms()
		if x.Cipher == want.Cipher && x.Auth == want.Auth && x.KeyBits == want.KeyBits && x.ESN == want.ESN {
			return true
		}
	}
	return false
}

// describe fills in what a chosen transform says.
func (sa *SA) describe(ex *exchange, t transform) *esp.Negotiated {
	n := t.negotiated()
	n.Cookie, n.MessageID = sa.InitiatorCookie, ex.key.id
	return n
}

func (t transform) negotiated() *esp.Negotiated {
	p := t.terms()
	return &esp.Negotiated{Suite: p.suite(), UDPEncap: p.udpEncap(), LifeSeconds: p.LifeSeconds, Group: p.Group}
}

// Named returns the ESP SA that a message of Quick Mode names, which was sent from src to dst: the
// one towards its sender, without keys. Its algorithms are said where it names no others. It is nil
// where the message names none, or could not be read.
func (m *Message) Named(src, dst netip.Addr) *esp.Negotiated {
	p := m.Find(PayloadSA)
	if p == nil || m.Header.Exchange != ExchangeQuick {
		return nil
	}
	sa, err := parseSA(p.Body)
	if err != nil {
		return nil
	}
	for p := range sa.proposals() {
		if p.Protocol != protocolESP || p.spi32() == 0 || p.count == 0 {
			continue
		}
		n := new(esp.Negotiated)
		if len(m.Offers()) == 1 {
			n = p.first().negotiated()
		}
		n.SPI, n.Src, n.Dst, n.Cookie, n.MessageID = p.spi32(), dst, src, m.Header.InitiatorCookie, m.Header.MessageID
		return n
	}
	return nil
}

// maxQuickSecrets bounds the secrets that are tried where the source does not say whose they are.
const maxQuickSecrets = 8

// quickSecrets returns the secrets whose g(qm)^xy an exchange with perfect forward secrecy can have
// had: just nil where none is known.
func (sa *SA) quickSecrets(ex *exchange) []*secretState {
	var others []*secretState
	for _, x := range sa.secrets {
		switch {
		case x.QuickSecret.IsZero():
		case x.MessageID == ex.key.id:
			return []*secretState{x}
		case x.MessageID == 0:
			others = append(others, x)
		}
	}
	if others == nil {
		return []*secretState{nil}
	}
	return others[max(0, len(others)-maxQuickSecrets):]
}

// derive fills in the keys from KEYMAT (RFC 2409 section 5.5), or why they can't be known.
func (sa *SA) derive(n *esp.Negotiated, pfs bool, secret *secretState, q1, q2 *quickInfo) {
	if pfs && secret == nil {
		n.KeyReason = "PFS: not derivable"
		return
	}
	s := n.Suite
	if s.Cipher == nil || s.KeyLen == 0 && s.Cipher.Name != "null" {
		n.KeyReason = "the cipher is not supported"
		return
	}
	h := sa.hash()
	if h == nil {
		n.KeyReason = "the hash of phase 1 is not known"
		return
	}
	n.KeyReason = "SKEYID_d not known"
	var opener *candidate
	if len(sa.keys) > 0 {
		opener = sa.keys[0]
	}
	sa.keysFor(opener, func(x *secretState, k derived) bool {
		if k.d == nil {
			return false
		}
		var g []byte
		if pfs {
			g = secret.QuickSecret.Bytes()
			secret.used = true
		}
		x.used = true
		key, auth := s.KeyLen+s.Cipher.SaltLen, 0
		if s.Auth != nil {
			auth = s.Auth.KeyLen
		}
		b := keymat(h, k.d, g, protocolESP, n.SPI, q1.nonce, q2.nonce, key+auth)
		n.Key, n.AuthKey, n.KeyReason, n.Origin = esp.NewKey(b[:key]), esp.NewKey(b[key:]), "", x.OriginOf("SKEYID_d")
		return true
	})
}
