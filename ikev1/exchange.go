package ikev1

import "slices"

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

// exchange is what is remembered of phase 1, or of the messages with one message ID after it.
type exchange struct {
	key       exchangeKey
	records   []*record // in the order observed
	since     int64     // number of the message that began it, of the SA's
	last      int64     // time of the last message
	joined    bool      // the capture may have begun within it
	commit    bool      // a message has the commit bit: there may be a fourth
	announced int       // what Quick Mode has reported
	pending   int       // the version of the secrets with which keys were not derivable; 0: they were

	queued queued[exchange] // of the SA; in none: of phase 1, or forgotten

	starter side // who sent its first message; place computes it
	sure    bool // starter is proven, not taken from the order
}

// record is what is remembered of a message: enough for the IVs of the messages around it, and,
// once it is decrypted, for their HASH payloads and KEYMAT.
type record struct {
	digest    uint64            // of the whole message: the same for retransmissions
	since     int64             // number of the message, of all
	way       *pair             // it was sent from a to b
	lastBlock [maxBlockLen]byte // the end of the ciphertext
	whole     bool              // lastBlock is known
	encrypted bool
	from      side

	// In phase 1.
	begins bool // the responder's cookie is zero
	mode   ExchangeType
	base   int8 // main and aggressive mode: the number of the message if the initiator sent it

	// What its decryption, or that of others, has shown.
	opened   bool
	first    bool  // iv is that of the first encrypted message of the exchange
	ended    bool  // the IV of an exchange after phase 1 was made from its last block
	ivLen    uint8 // 0 while the IV is not known
	byHash   int8  // its number, as its HASH or that of another message proves it
	asRole   role  // phase 1: whose HASH it has
	shape    shape
	sure     bool              // number is proven, not taken from the order
	number   int               // position in the exchange, from 1; place computes it
	iv       [maxBlockLen]byte // the one that fits
	after    *record           // iv is the last block of this message of the exchange
	quick    *quickInfo        // of a decrypted Quick Mode message with an SA
	plainSum uint64
	copyOf   *record // the same plaintext, encrypted before
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
