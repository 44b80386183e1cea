package ikev1

import (
	"iter"
	"net/netip"
	"slices"
)

// side is one of the two ends of an SA. They are told apart by their addresses.
type side int8

const (
	sideUnknown side = 0
	sideA       side = 1 // the sender of the first message that was observed
	sideB       side = -1
)

// index is 0 for side A, 1 for side B.
func (s side) index() int { return int(1-s) / 2 }

// exchangeKey tells the exchanges of an SA apart. All of phase 1 is one.
type exchangeKey struct {
	exchange ExchangeType
	id       uint32
}

// phase1Exchange is the exchange type under which all of phase 1 is kept, whatever its mode.
const phase1Exchange = ExchangeMain

// maxRecords bounds the distinct messages that are remembered of an exchange.
const maxRecords = 32

// exchange is what is remembered of one exchange: main or aggressive mode, or the messages with one
// message ID after it.
type exchange struct {
	key       exchangeKey
	records   []*record // in the order observed
	since     int64     // number of the message that began it, of the SA's
	last      int64     // time of the last message
	joined    bool      // the capture may have begun within it
	commit    bool      // a message has the commit bit: there may be a fourth
	announced int       // what Quick Mode has reported
	pending   int       // the version of the secrets with which keys were not derivable; 0: they were

	starter side // who sent its first message; place computes it
	sure    bool // starter is proven, not taken from the order
}

// record is what is remembered of a message: enough for the IVs of the messages around it, and,
// once it is decrypted, for their HASH payloads and KEYMAT.
type record struct {
	digest    uint64            // of the whole message: the same for retransmissions
	lastBlock [maxBlockLen]byte // the end of the ciphertext
	encrypted bool
	whole     bool // lastBlock is known
	from      side
	src, dst  netip.AddrPort

	// In phase 1.
	mode   ExchangeType
	base   int  // main and aggressive mode: the number of the message if the initiator sent it
	begins bool // the responder's cookie is zero

	// What its decryption, or that of others, has shown.
	opened   bool
	iv       []byte  // the one that fits, nil while it is not known
	first    bool    // iv is that of the first encrypted message of the exchange
	after    *record // iv is the last block of this message of the exchange
	ended    bool    // the IV of an exchange after phase 1 was made from its last block
	byHash   int     // its number, as its HASH or that of another message proves it
	asRole   role    // phase 1: whose HASH it has
	shape    shape
	quick    *quickInfo // of a decrypted Quick Mode message with an SA
	plainSum uint64
	copyOf   *record // the same plaintext, encrypted before

	number int  // position in the exchange, from 1; place computes it
	sure   bool // number is proven, not taken from the order
}

// role is that of a side in phase 1.
type role int8

const (
	roleUnknown   role = 0
	roleInitiator role = 1
	roleResponder role = -1
)

// shape is what the payloads of a decrypted message tell of its place in the exchange.
type shape uint8

const (
	shapeOther   shape = iota
	shapeHash          // Quick Mode: nothing but a HASH
	shapeSA            // Quick Mode: with an SA
	shapeSecond        // Quick Mode: with an SA, and its IV is not that of a first message
	shapeRequest       // Transaction: a request, or a set
	shapeReply         // Transaction: what answers them
)

// find returns the record with that digest, or nil.
func (ex *exchange) find(digest uint64) *record {
	for _, r := range ex.records {
		if r.digest == digest {
			return r
		}
	}
	return nil
}

// add remembers a message. Where there are too many, one that no key has opened is forgotten; the
// first ones, which phase 2 and KEYMAT need, are kept.
func (ex *exchange) add(r *record) {
	const keep = maxRecords / 2
	if len(ex.records) >= maxRecords {
		i := max(0, slices.IndexFunc(ex.records[keep:], func(o *record) bool { return !o.opened }))
		ex.records = slices.Delete(ex.records, keep+i, keep+i+1)
	}
	ex.records = append(ex.records, r)
}

// byNumber returns the decrypted Quick Mode message of that number that has an SA payload, or nil.
func (ex *exchange) byNumber(n int) *record {
	for _, r := range ex.records {
		if r.number == n && r.quick != nil {
			return r
		}
	}
	return nil
}

// opened says that a message of the exchange was decrypted.
func (ex *exchange) opened() bool {
	return slices.ContainsFunc(ex.records, func(r *record) bool { return r.opened })
}

// ivSource is a possible IV, and where it comes from.
type ivSource struct {
	iv    []byte
	known bool      // an earlier decryption has found it
	after *record   // the message whose last block it is; nil for the first of the exchange
	hash  *hashAlg  // it was made with
	last  *record   // of phase 1, whose last block it was made from
	gx    [2]*claim // it was made from: the initiator's, the responder's
}

// ivs calls yield with the possible IVs for the message r of the exchange, the likeliest first,
// until it returns false: for r the IV that it is known to have, the chain, the IV of a first
// message, the last blocks of the messages that came later. hashes are those that may have been
// negotiated.
func (sa *SA) ivs(ex *exchange, r *record, n int, hashes []*hashAlg) iter.Seq[ivSource] {
	at := len(ex.records)
	if i := slices.Index(ex.records, r); i >= 0 {
		at = i
	}
	return func(yield func(ivSource) bool) {
		_ = (len(r.iv) != n || yield(ivSource{iv: r.iv, known: true})) &&
			chain(slices.Backward(ex.records[:at]), n, yield) &&
			sa.firstIVs(ex, n, hashes, yield) &&
			chain(slices.All(ex.records[min(at+1, len(ex.records)):]), n, yield) &&
			sa.connectedIVs(ex, n, yield)
	}
}

// chain yields the last blocks of messages.
func chain(records iter.Seq2[int, *record], n int, yield func(ivSource) bool) bool {
	for _, o := range records {
		if o.whole && !yield(ivSource{iv: o.lastBlock[maxBlockLen-n:], after: o}) {
			return false
		}
	}
	return true
}

// maxEarly bounds the pairs of KE values that IVs after phase 1 are made from.
const maxEarly = 32

// firstIVs yields the IVs of the first encrypted message of an exchange.
func (sa *SA) firstIVs(ex *exchange, n int, hashes []*hashAlg, yield func(ivSource) bool) bool {
	for _, h := range hashes {
		for s := range sa.lastBlocks(ex, n, h) {
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

// lastBlocks returns what the IV of the first message is, or is made from after phase 1: the last
// block of phase 1, for which its first IV stands where it ends in clear, or has not ended yet.
func (sa *SA) lastBlocks(ex *exchange, n int, h *hashAlg) iter.Seq[ivSource] {
	if ex == sa.phase1 {
		return slices.Values(sa.initialIVs(h))
	}
	return func(yield func(ivSource) bool) {
		for _, o := range sa.phase1Ends() {
			if !yield(ivSource{iv: o.lastBlock[maxBlockLen-n:], hash: h, last: o}) {
				return
			}
		}
		early := ex.key.exchange == ExchangeInformational && !sa.phase1Whole()
		left := maxEarly
		for _, s := range sa.initialIVs(h) {
			if !early && (s.gx[0].mode != ExchangeAggressive || s.gx[1].mode != ExchangeAggressive) {
				continue
			}
			if left--; left < 0 || !yield(s) {
				return
			}
		}
	}
}

// phase1Ends returns the messages that may be the last of phase 1, the likeliest first: those that
// were decrypted, where one of them is proven to be.
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

// connectedIVs yields the IVs of an Informational exchange that some senders encrypt as if it were
// in the Quick Mode with its message ID: a CONNECTED.
func (sa *SA) connectedIVs(ex *exchange, n int, yield func(ivSource) bool) bool {
	quick := sa.exchanges[exchangeKey{ExchangeQuick, ex.key.id}]
	if quick == nil || ex.key.exchange != ExchangeInformational {
		return true
	}
	return chain(slices.Backward(quick.records), n, func(s ivSource) bool {
		return yield(ivSource{iv: s.iv, known: true})
	})
}

// initialIVs returns what the IVs that phase 1 can have begun with are the heads of. Of several KE
// values it is not always known which are right, nor whose is whose: the likely pairs come first.
func (sa *SA) initialIVs(h *hashAlg) []ivSource {
	list, ok := sa.initial[h]
	if ok {
		return list
	}
	if sa.gx[0] != nil {
		list = []ivSource{sa.gx[0].before(sa.gx[1], h)}
	} else {
		var others []ivSource
		for a := range sa.said(PayloadKE) {
			list = sa.pairWith(list, a, h, false)
			if sa.count(PayloadKE) <= maxUnordered {
				others = sa.pairWith(others, a, h, true)
			}
		}
		list = append(list, others...)
	}
	if sa.initial == nil {
		sa.initial = make(map[*hashAlg][]ivSource)
	}
	sa.initial[h] = list
	return list
}

// pairWith appends the IVs of a as the initiator's KE value with others: with those that are likely
// the responder's, or with those that are not.
func (sa *SA) pairWith(list []ivSource, a *claim, h *hashAlg, unlikely bool) []ivSource {
	for b := range sa.said(PayloadKE) {
		likely := sa.mayBeOf(a, roleInitiator) && sa.mayBeOf(b, roleResponder) && a.from != b.from
		if a != b && likely != unlikely {
			list = append(list, a.before(b, h))
		}
	}
	return list
}

// renewIVs takes a new KE value into account, and one that was dropped.
func (sa *SA) renewIVs(fresh, dropped *claim) {
	if sa.gx[0] != nil || sa.count(PayloadKE) <= maxUnordered+1 {
		sa.initial = nil
		return
	}
	for h, list := range sa.initial {
		list = slices.DeleteFunc(list, func(s ivSource) bool { return s.gx[0] == dropped || s.gx[1] == dropped })
		for o := range sa.said(PayloadKE) {
			if o.from == fresh.from {
				continue
			}
			if sa.mayBeOf(o, roleInitiator) && sa.mayBeOf(fresh, roleResponder) {
				list = append(list, o.before(fresh, h))
			}
			if sa.mayBeOf(fresh, roleInitiator) && sa.mayBeOf(o, roleResponder) {
				list = append(list, fresh.before(o, h))
			}
		}
		sa.initial[h] = list
	}
}

// before returns the IV of the initiator's KE value a with one of the responder.
func (c *claim) before(responder *claim, h *hashAlg) ivSource {
	return ivSource{iv: phase1IV(h, c.body, responder.body), hash: h, gx: [2]*claim{c, responder}}
}
