package ikev1

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
)

// maxBlockLen is the largest block size of a phase 1 cipher, in bytes.
const maxBlockLen = 16

// phase1IV returns hash(g^xi | g^xr), whose head is the IV of the first encrypted message of phase
// 1 (RFC 2409 appendix B). The KE values are the payload bodies.
func phase1IV(h *hashAlg, kei, ker []byte) []byte { return h.sum(kei, ker) }

// phase2IV returns the first IV of an exchange after phase 1: hash(last block | message ID).
func phase2IV(h *hashAlg, last []byte, messageID uint32) []byte {
	return h.sum(last, binary.BigEndian.AppendUint32(nil, messageID))[:len(last)]
}

// ivSource is a possible IV, and where it comes from.
type ivSource struct {
	iv    []byte
	since int64     // number of the message that made it known, of all
	known bool      // an earlier decryption has found it
	after *record   // the message whose last block it is; nil for the first of the exchange
	hash  *hashAlg  // it was made with
	last  *record   // of phase 1, whose last block it was made from
	gx    [2]*claim // it was made from: the initiator's, the responder's
}

// ivs calls yield with the possible IVs for the message r of the exchange, the likeliest first,
// until it returns false: for r the IV that it is known to have, the chain, the IV of a first
// message, the last blocks of the messages that came later: those that begin with a byte of which
// the second one is reserved, and became known behind message number since. hashes are those that
// may have been negotiated.
func (sa *SA) ivs(ex *exchange, r *record, n int, hashes []*hashAlg, reserved byte, since int64) iter.Seq[ivSource] {
	at := len(ex.records)
	if i := slices.Index(ex.records, r); i >= 0 {
		at = i
	}
	return func(all func(ivSource) bool) {
		yield := func(s ivSource) bool { return s.iv[1] != reserved || s.since <= since || all(s) }
		_ = (len(r.iv) != n || yield(ivSource{iv: r.iv, since: math.MaxInt64, known: true})) &&
			chain(slices.Backward(ex.records[:at]), n, yield) &&
			sa.firstIVs(ex, n, hashes, reserved, since, yield) &&
			chain(slices.All(ex.records[min(at+1, len(ex.records)):]), n, yield) &&
			sa.connectedIVs(ex, n, yield)
	}
}

// chain yields the last blocks of messages.
func chain(records iter.Seq2[int, *record], n int, yield func(ivSource) bool) bool {
	for _, o := range records {
		if o.whole && !yield(ivSource{iv: o.lastBlock[maxBlockLen-n:], since: o.since, after: o}) {
			return false
		}
	}
	return true
}

// maxEarly bounds the pairs of KE values that IVs after phase 1 are made from.
const maxEarly = 32

// firstIVs yields the IVs of the first encrypted message of an exchange.
func (sa *SA) firstIVs(ex *exchange, n int, hashes []*hashAlg, reserved byte, since int64,
	yield func(ivSource) bool) bool {
	if ex != sa.phase1 && len(sa.phase1.records) == 0 && sa.gx[0] == nil && sa.countKE() < 2 {
		return true // there is nothing to make them from
	}
	for _, h := range hashes {
		blocks := sa.lastBlocks(ex, n, h)
		if ex == sa.phase1 {
			blocks = sa.initialIVs(h).with(reserved)
		}
		for s := range blocks {
			if s.since <= since {
				continue
			}
			if s.iv = s.iv[:n]; ex != sa.phase1 {
				s.iv = phase2IV(h, s.iv, ex.key.id)
			}
			if !yield(s) {
				return false
			}
		}
	}
	return true
}

// lastBlocks returns what the IV of the first message after phase 1 is made from: the last block of
// phase 1, for which its first IV stands where it ends in clear, or has not ended yet.
func (sa *SA) lastBlocks(ex *exchange, n int, h *hashAlg) iter.Seq[ivSource] {
	return func(yield func(ivSource) bool) {
		for _, o := range sa.phase1Ends() {
			if !yield(ivSource{iv: o.lastBlock[maxBlockLen-n:], since: o.since, hash: h, last: o}) {
				return
			}
		}
		early := ex.key.exchange == ExchangeInformational && !sa.phase1Whole()
		left := maxEarly
		for _, s := range sa.initialIVs(h).list {
			if !early && (s.gx[0].mode != ExchangeAggressive || s.gx[1].mode != ExchangeAggressive) {
				continue
			}
			if left--; left < 0 || !yield(s) {
				return
			}
		}
	}
}

// phase1Ends returns the messages that may be the last of phase 1, the likeliest first.
func (sa *SA) phase1Ends() []*record {
	var all, opened []*record
	proven := false
	for _, r := range slices.Backward(sa.phase1.records) {
		if !r.whole {
			continue
		}
		all = append(all, r)
		if r.opened {
			opened = append(opened, r)
			proven = proven || r.ended
		}
	}
	if proven {
		return opened
	}
	return all
}

// connectedIVs yields the IVs of a CONNECTED that is encrypted as if it were of its Quick Mode.
func (sa *SA) connectedIVs(ex *exchange, n int, yield func(ivSource) bool) bool {
	quick := sa.exchanges[exchangeKey{ExchangeQuick, ex.key.id}]
	if quick == nil || ex.key.exchange != ExchangeInformational {
		return true
	}
	return chain(slices.Backward(quick.records), n, func(s ivSource) bool {
		return yield(ivSource{iv: s.iv, since: s.since, known: true})
	})
}

// ivTable is what the IVs that phase 1 can have begun with are the heads of. Of several KE values
// it is not always known which are right, nor whose is whose: the likely pairs come first.
type ivTable struct {
	list  []ivSource
	first [256]uint16 // by the second byte of the IV: the place of the first such in list, from 1
	next  []uint16    // by the place in list, from 0: that of the next such, from 1
	fresh []*claim    // KE values that are not in it yet
	stale bool        // or values that are in it were dropped
}

// with yields the IVs that have this second byte.
func (t *ivTable) with(second byte) iter.Seq[ivSource] {
	return func(yield func(ivSource) bool) {
		for i := t.first[second]; i > 0; i = t.next[i-1] {
			if !yield(t.list[i-1]) {
				return
			}
		}
	}
}

// index brings first and next up to date.
func (t *ivTable) index() {
	t.first, t.next = [256]uint16{}, slices.Grow(t.next[:0], len(t.list))[:len(t.list)]
	for i := len(t.list) - 1; i >= 0; i-- {
		second := t.list[i].iv[1]
		t.next[i], t.first[second] = t.first[second], uint16(i+1)
	}
}

// initialIVs returns the table of a hash.
func (sa *SA) initialIVs(h *hashAlg) *ivTable {
	t := sa.initial[h]
	switch {
	case t == nil:
		t = sa.newIVTable(h)
	case t.stale || len(t.fresh) > 0:
		sa.renew(t, h)
	default:
		return t
	}
	t.fresh, t.stale = nil, false
	t.index()
	if sa.initial == nil {
		sa.initial = make(map[*hashAlg]*ivTable)
	}
	sa.initial[h] = t
	return t
}

func (sa *SA) newIVTable(h *hashAlg) *ivTable {
	if sa.gx[0] != nil {
		return &ivTable{list: []ivSource{sa.pair(sa.gx[0], sa.gx[1], h)}}
	}
	var list, others []ivSource
	for a := range sa.said(PayloadKE) {
		list = sa.pairWith(list, a, h, false)
		if sa.countKE() <= maxUnordered {
			others = sa.pairWith(others, a, h, true)
		}
	}
	return &ivTable{list: append(list, others...)}
}

// pairWith appends the IVs of a as the initiator's KE value with others: with those that are likely
// the responder's, or with those that are not.
func (sa *SA) pairWith(list []ivSource, a *claim, h *hashAlg, unlikely bool) []ivSource {
	for b := range sa.said(PayloadKE) {
		likely := sa.mayBeOf(a, roleInitiator) && sa.mayBeOf(b, roleResponder) && a.from != b.from
		if a != b && likely != unlikely {
			list = append(list, sa.pair(a, b, h))
		}
	}
	return list
}

// maxPartners bounds the KE values, the last before it, of which a new one may be the answer.
const maxPartners = 16

// renew takes the KE values into account that are new, and drops those that were.
func (sa *SA) renew(t *ivTable, h *hashAlg) {
	t.list = slices.DeleteFunc(t.list, func(s ivSource) bool { return s.gx[0].dropped || s.gx[1].dropped })
	all := slices.Collect(sa.said(PayloadKE))
	for _, fresh := range t.fresh {
		partners := 0
		for _, o := range slices.Backward(all) {
			if fresh.dropped || o.since >= fresh.since || o.from == fresh.from {
				continue
			}
			if partners++; partners > maxPartners {
				break
			}
			if sa.mayBeOf(o, roleInitiator) && sa.mayBeOf(fresh, roleResponder) {
				t.list = append(t.list, sa.pair(o, fresh, h))
			}
			if sa.mayBeOf(fresh, roleInitiator) && sa.mayBeOf(o, roleResponder) {
				t.list = append(t.list, sa.pair(fresh, o, h))
			}
		}
	}
}

// renewIVs has the tables take a new KE value, and one dropped, into account at their next use.
func (sa *SA) renewIVs(fresh, dropped *claim) {
	if sa.gx[0] != nil || sa.countKE() <= maxUnordered+1 {
		sa.initial = nil
		return
	}
	for _, t := range sa.initial {
		t.stale = t.stale || dropped != nil
		if len(t.fresh) >= maxClaims {
			t.fresh = slices.DeleteFunc(t.fresh, func(c *claim) bool { return c.dropped })
		}
		t.fresh = append(t.fresh, fresh)
	}
}

// pair returns the IV of the initiator's KE value with one of the responder.
func (sa *SA) pair(initiator, responder *claim, h *hashAlg) ivSource {
	return ivSource{
		iv: phase1IV(h, initiator.body, responder.body), since: sa.family.tracker.observed, hash: h,
		gx: [2]*claim{initiator, responder},
	}
}
