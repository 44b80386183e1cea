package ikev1

import (
	"crypto/sha256"
	"net/netip"
)

// direction says who of phase 1 sent a message.
type direction int8

const (
	fromUnknown   direction = 0
	fromInitiator direction = 1
	fromResponder direction = -1
)

// exchangeKey tells the exchanges of an SA apart. All of phase 1 is one.
type exchangeKey struct {
	exchange ExchangeType
	id       uint32
}

// maxRecords bounds the distinct messages that are remembered of an exchange.
const maxRecords = 32

// exchange is what is remembered of one exchange: main or aggressive mode, or
// the messages with one message ID after it.
type exchange struct {
	key       exchangeKey
	records   []*record // in the order observed
	starter   direction // who sent its first message
	sure      bool      // starter was proven, not taken from the order
	last      int64     // time of the last message
	joined    bool      // the capture may have begun within it
	commit    bool      // a message has the commit bit: there may be a fourth
	announced int       // what Quick Mode has reported
	secrets   int       // how many secrets were known then; 0 where the keys were derived
}

// record is what is remembered of a message: enough for the IVs of the messages
// around it, and, once it is decrypted, for their HASH payloads and KEYMAT.
type record struct {
	digest    [sha256.Size]byte // of the whole message: the same for retransmissions
	lastBlock [maxBlockLen]byte // the end of the ciphertext
	encrypted bool
	whole     bool // lastBlock is known
	dir       direction
	base      int  // main and aggressive mode: the number of the message if the initiator sent it
	number    int  // position in the exchange
	proven    bool // number was proven, not taken from the order
	src, dst  netip.AddrPort

	iv        []byte // the one that fits, once known
	plainSum  [sha256.Size]byte
	decrypted bool
	quick     *quickInfo // of a decrypted Quick Mode message with an SA
}

// find returns the record with that digest, or nil.
func (ex *exchange) find(digest *[sha256.Size]byte) *record {
	for _, r := range ex.records {
		if r.digest == *digest {
			return r
		}
	}
	return nil
}

// add remembers a message. The oldest is forgotten where there are too many;
// the first ones, which phase 2 and KEYMAT need, are kept.
func (ex *exchange) add(r *record) {
	if len(ex.records) >= maxRecords {
		const keep = maxRecords / 2
		copy(ex.records[keep:], ex.records[keep+1:])
		ex.records = ex.records[:len(ex.records)-1]
	}
	ex.records = append(ex.records, r)
}

// byNumber returns the decrypted Quick Mode message of that number that has an
// SA payload, or nil.
func (ex *exchange) byNumber(n int) *record {
	for _, r := range ex.records {
		if r.number == n && r.quick != nil {
			return r
		}
	}
	return nil
}

// nextNumber guesses the position of a new message from the order of arrival:
// in exchanges of two parties, messages of the starter are odd.
func (ex *exchange) nextNumber(dir direction) int {
	n := 1
	for _, r := range ex.records {
		n = max(n, r.number+1)
	}
	if len(ex.records) > 0 && dir != fromUnknown && ex.starter != fromUnknown && (n%2 == 1) != (dir == ex.starter) {
		n++
	}
	return n
}

// setNumber corrects a record's position once it is proven, and with it who
// started the exchange.
func (ex *exchange) setNumber(r *record, n int) {
	if r.proven || n < 1 {
		return
	}
	r.number, r.proven = n, true
	if r.dir != fromUnknown && !ex.sure {
		ex.sure = true
		ex.starter = r.dir
		if n%2 == 0 {
			ex.starter = -r.dir
		}
		for _, o := range ex.records { // those that were numbered on a wrong guess
			if !o.proven && o.dir != fromUnknown && (o.number%2 == 1) != (o.dir == ex.starter) {
				o.number++
			}
		}
	}
}

// ivSource is a possible IV, and where it comes from.
type ivSource struct {
	iv    []byte
	prev  *record // the message whose last block it is; nil for the first of the exchange
	hash  *hashAlg
	last  *record   // of phase 1, whose last block the IV was made from
	roles direction // initial IV of phase 1: fromResponder where the KE values had to be swapped
}

// ivs returns the possible IVs for the message r of the exchange, the likeliest
// first: for r the IV that it is known to have, the chain, the IV of a first
// message, the last blocks of the messages that came later. hashes are those
// that may have been negotiated.
func (sa *SA) ivs(ex *exchange, r *record, blockLen int, hashes []*hashAlg) []ivSource {
	var list []ivSource
	at := len(ex.records)
	for i, o := range ex.records {
		if o == r {
			at = i
		}
	}
	chain := func(o *record) {
		if o != r && o.encrypted && o.whole {
			list = append(list, ivSource{iv: o.lastBlock[maxBlockLen-blockLen:], prev: o})
		}
	}
	for i := at - 1; i >= 0; i-- {
		chain(ex.records[i])
	}
	for _, h := range hashes {
		if ex.key.exchange == phase1Exchange {
			list = append(list, sa.initialIVs(h, blockLen)...)
			continue
		}
		for i := len(sa.phase1.records) - 1; i >= 0; i-- {
			if o := sa.phase1.records[i]; o.encrypted && o.whole {
				list = append(list, ivSource{iv: phase2IV(h, o.lastBlock[maxBlockLen-blockLen:], ex.key.id), hash: h, last: o})
			}
		}
		for _, s := range sa.initialIVs(h, blockLen) { // aggressive mode whose last message is in clear
			s.iv = phase2IV(h, s.iv, ex.key.id)
			list = append(list, s)
		}
	}
	for i := at + 1; i < len(ex.records); i++ {
		chain(ex.records[i])
	}
	if ex.key.exchange == ExchangeInformational { // a CONNECTED that some senders encrypt as if it were in the Quick Mode
		if quick := sa.exchanges[exchangeKey{ExchangeQuick, ex.key.id}]; quick != nil {
			for i := len(quick.records) - 1; i >= 0; i-- {
				if o := quick.records[i]; o.encrypted && o.whole {
					list = append(list, ivSource{iv: o.lastBlock[maxBlockLen-blockLen:]})
				}
			}
		}
	}
	return list
}

// initialIVs returns the IVs that phase 1 can have begun with. The KE values of
// both sides are known, but not always whose is whose.
func (sa *SA) initialIVs(h *hashAlg, blockLen int) []ivSource {
	var list []ivSource
	for pass := range 2 {
		for _, a := range sa.ke {
			for _, b := range sa.ke {
				likely := a.dir != fromResponder && b.dir != fromInitiator && a.dir != b.dir
				if a == b || likely != (pass == 0) {
					continue
				}
				roles := fromInitiator
				if a.dir == fromResponder || b.dir == fromInitiator {
					roles = fromResponder
				}
				list = append(list, ivSource{iv: phase1IV(h, a.body, b.body, blockLen), hash: h, roles: roles})
			}
		}
	}
	return list
}
