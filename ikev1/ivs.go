package ikev1

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
)

// maxBlockLen is the largest block size of a phase 1 cipher, in bytes.
const maxBlockLen = 16

// phase1IV returns the head of hash(g^xi | g^xr), of which the IV of the first encrypted message of
// phase 1 is made (RFC 2409 appendix B). The KE values are the payload bodies.
func phase1IV(h *hashAlg, kei, ker []byte) [maxBlockLen]byte {
	var room [2 * maxClaimBody]byte
	return h.head(append(append(room[:0], kei...), ker...))
}

// phase2IV returns what the first IV of an exchange after phase 1 is the head of: hash(last block |
// message ID).
func phase2IV(h *hashAlg, last []byte, messageID uint32) [maxBlockLen]byte {
	var room [maxBlockLen + 4]byte
	return h.head(binary.BigEndian.AppendUint32(append(room[:0], last...), messageID))
}

// ivSource is a possible IV, and where it comes from.
type ivSource struct {
	iv    [maxBlockLen]byte // its head, of the cipher's block size
	since int64             // number of the message that made it known, of all
	known bool              // an earlier decryption has found it
	after *record           // the message whose last block it is; nil for the first of the exchange
	hash  *hashAlg          // it was made with
	last  *record           // of phase 1, whose last block it was made from
	gx    [2]*claim         // it was made from: the initiator's, the responder's
}

// next is the IV of n bytes that the end of the message is for the one behind it.
func (r *record) next(n int) ivSource {
	s := ivSource{since: r.since, after: r}
	copy(s.iv[:], r.lastBlock[maxBlockLen-n:])
	return s
}

// ivs calls yield with the possible IVs for the message r of the exchange, the likeliest first,
// until it returns false: for r the IV that it is known to have, the chain, the IV of a first
// message, the last blocks of the messages that came later: those that begin with a byte of which
// the second one is reserved, and became known behind message number since. hashes are those that
// may have been negotiated.
func (sa *SA) ivs(ex *exchange, r *record, n int, hashes []*hashAlg, reserved byte, since int64,
	yield func(ivSource) bool) {
	at := len(ex.records)
	if i := slices.Index(ex.records, r); i >= 0 {
		at = i
	}
	fits := func(s ivSource) bool { return s.iv[1] != reserved || s.since <= since || yield(s) }
	_ = (int(r.ivLen) != n || fits(ivSource{iv: r.iv, since: math.MaxInt64, known: true})) &&
		backward(ex.records[:at], n, reserved, fits) &&
		sa.firstIVs(ex, n, hashes, reserved, since, fits) &&
		forward(ex.records[min(at+1, len(ex.records)):], n, reserved, fits) &&
		sa.connectedIVs(ex, n, reserved, fits)
}

// backward and forward yield the last blocks of messages, as far as they have the second byte.
func backward(records []*record, n int, second byte, yield func(ivSource) bool) bool {
	for _, o := range slices.Backward(records) {
		if o.whole && o.lastBlock[maxBlockLen-n+1] == second && !yield(o.next(n)) {
			return false
		}
	}
	return true
}

func forward(records []*record, n int, second byte, yield func(ivSource) bool) bool {
	for _, o := range records {
		if o.whole && o.lastBlock[maxBlockLen-n+1] == second && !yield(o.next(n)) {
			return false
		}
	}
	return true
}

// connectedIVs yields the IVs of a CONNECTED that is encrypted as if it were of its Quick Mode.
func (sa *SA) connectedIVs(ex *exchange, n int, second byte, yield func(ivSource) bool) bool {
	quick := sa.exchanges[exchangeKey{ExchangeQuick, ex.key.id}]
	if quick == nil || ex.key.exchange != ExchangeInformational {
		return true
	}
	return backward(quick.records, n, second, func(s ivSource) bool {
		return yield(ivSource{iv: s.iv, since: s.since, known: true})
	})
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
		var more bool
		if ex == sa.phase1 {
			more = sa.initialIVs(h).with(reserved, func(s ivSource) bool { return s.since <= since || yield(s) })
		} else {
			more = sa.lastBlocks(ex, n, h, func(s ivSource) bool {
				if s.since <= since {
					return true
				}
				s.iv = phase2IV(h, s.iv[:n], ex.key.id)
				return yield(s)
			})
		}
		if !more {
			return false
		}
	}
	return true
}

// lastBlocks yields what the IV of the first message after phase 1 is made from: the last block of
// phase 1, for which its first IV stands where it ends in clear, or has not ended yet.
func (sa *SA) lastBlocks(ex *exchange, n int, h *hashAlg, yield func(ivSource) bool) bool {
	proven := slices.ContainsFunc(sa.phase1.records, func(r *record) bool { return r.whole && r.opened && r.ended })
	for _, r := range slices.Backward(sa.phase1.records) { // the likeliest first
		if !r.whole || proven && !r.opened {
			continue
		}
		s := r.next(n)
		s.after, s.last, s.hash = nil, r, h
		if !yield(s) {
			return false
		}
	}
	early := ex.key.exchange == ExchangeInformational && !sa.phase1Whole()
	left := maxEarly
	for _, s := range sa.initialIVs(h).list {
		if !early && (s.gx[0].mode != ExchangeAggressive || s.gx[1].mode != ExchangeAggressive) {
			continue
		}
		if left--; left < 0 {
			return true
		}
		if !yield(s) {
			return false
		}
	}
	return true
}

// ivTable is what the IVs that phase 1 can have begun with are the heads of. Of several KE values
// it is not always known which are right, nor whose is whose: the likely pairs come first.
type ivTable struct {
	hash    *hashAlg
	more    *ivTable // of another hash
	list    []ivSource
	seconds []byte   // the second bytes of their IVs
	fresh   []*claim // KE values that are not in it yet
	stale   bool     // or values that are in it were dropped
}

// with yields the IVs that have this second byte.
func (t *ivTable) with(second byte, yield func(ivSource) bool) bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(t.seconds[at:], second)
		if i < 0 {
			return true
		}
		if at += i; !yield(t.list[at]) {
			return false
		}
	}
}

// initialIVs returns the table of a hash.
func (sa *SA) initialIVs(h *hashAlg) *ivTable {
	t := sa.initial
	for t != nil && t.hash != h {
		t = t.more
	}
	switch {
	case t == nil:
		t = &ivTable{hash: h, more: sa.initial, list: sa.newIVs(h)}
		sa.initial = t
	case t.stale || len(t.fresh) > 0:
		sa.renew(t)
	default:
		return t
	}
	t.fresh, t.stale, t.seconds = nil, false, t.seconds[:0]
	for i := range t.list {
		t.seconds = append(t.seconds, t.list[i].iv[1])
	}
	return t
}

// newIVs returns what a table holds at first.
func (sa *SA) newIVs(h *hashAlg) (list []ivSource) {
	if sa.gx[0] != nil {
		return []ivSource{sa.pair(sa.gx[0], sa.gx[1], h)}
	}
	list = make([]ivSource, 0, sa.countKE())
	for a := range sa.said(PayloadKE) {
		list = sa.pairWith(list, a, h, false)
	}
	if sa.countKE() <= maxUnordered {
		for a := range sa.said(PayloadKE) {
			list = sa.pairWith(list, a, h, true)
		}
	}
	return list
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
func (sa *SA) renew(t *ivTable) {
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
				t.list = append(t.list, sa.pair(o, fresh, t.hash))
			}
			if sa.mayBeOf(fresh, roleInitiator) && sa.mayBeOf(o, roleResponder) {
				t.list = append(t.list, sa.pair(fresh, o, t.hash))
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
	for t := sa.initial; t != nil; t = t.more {
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
