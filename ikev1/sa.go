package ikev1

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"

	"l2tpdump/esp"
)

// SA is an ISAKMP SA as it was observed.
type SA struct {
	Number                           int64 // of all SAs of the Tracker, in the order of their first messages
	InitiatorCookie, ResponderCookie Cookie
	Initiator, Responder             netip.AddrPort // of phase 1, as last seen
	Cipher                           string         // "aes-cbc-256", "" while unknown
	Hash                             string         // "sha1", "" while unknown
	Mode                             ExchangeType   // of phase 1: that of a message that was decrypted, else of the first
	AuthMethod, Group                uint16         // RFC 2409 appendix A, 0 while unknown
	First, Last                      int64          // times of the first and last message

	Messages      int    // all, with retransmissions; fragments count as the message they make up
	Encrypted     int    // of them encrypted
	Decrypted     int    // of these decrypted
	Reconstructed int    // of these decrypted but for the first block
	Unopened      int    // encrypted messages that no key known opens
	Malformed     int    // encrypted messages that are broken
	Truncated     int    // encrypted messages that were not captured in whole
	Phase1Hashes  Hashes // made with SKEYID
	Phase2Hashes  Hashes // made with SKEYID_a

	Short       *ShortKey // a key known is too short; nil while none is, or once another opens the messages
	Unsupported string    // what was agreed on, as in "camellia-cbc-256 with sha1", where it can't be decrypted

	ends      ends
	ways      [2]*pair  // of the last messages of side A, B
	sides     [2]Side   // A, B
	initiator side      // place computes it, and the next two
	roles     roleProof // what tells
	claimed   [2]bool   // messages in clear say that side A, B is the initiator
	answered  bool      // suites are what responders have chosen
	family    *family
	claims    claims // in others than the first message
	chosen    []*claim
	suites    []suite   // what may have been negotiated; nil: unknown
	gx        [2]*claim // the KE values of initiator and responder, once they are proven
	initial   *ivTable  // of the hashes that were tried

	phase1      *exchange
	exchanges   map[exchangeKey]*exchange
	silent      silence[exchange]
	keys        []*candidate // that have opened messages
	candidates  []*candidate // to be tried
	configured  int          // the version of the secrets from which candidates were made; 0: they were not
	secrets     []*secretState
	changed     int       // grows with what makes a new try of messages promising: candidates, messages opened, IVs found
	quick       *exchange // the first Quick Mode of which it is proven who began it
	queued      queued[SA]
	hashed      int // HASHes that were computed for messages of phase 1
	clearHashes int // of these, for messages in clear whose HASH does not match
}

// Hashes is what the HASHes of a phase have come to.
type Hashes struct {
	Good, Bad int       // that match the key known, and that do not
	Keys      []esp.Key // that they were made with
}

func (h *Hashes) prove(k esp.Key) {
	if !slices.ContainsFunc(h.Keys, k.Equal) {
		h.Keys = append(h.Keys, k)
	}
}

// Side counts the encrypted messages of one side.
type Side struct {
	Decrypted int
	Unopened  int // that the key of the other side does not open
}

// Sides returns the counts of initiator and responder.
func (sa *SA) Sides() (initiator, responder Side) {
	i := sa.initiator.index()
	return sa.sides[i], sa.sides[1-i]
}

// setSuite fills in the names of the algorithms.
func (sa *SA) setSuite(s suite) {
	sa.Cipher, sa.Hash = s.name(), ""
	if s.hash != nil {
		sa.Hash = s.hash.name
	}
}

// name returns the cipher with its key length: "aes-cbc-256", "3des-cbc".
func (s suite) name() string {
	if len(s.cipher.keyLens) == 1 {
		return s.cipher.name
	}
	return s.cipher.name + "-" + strconv.Itoa(8*s.keyLen)
}

// LacksPhase1 says that the negotiation itself is not in the capture.
func (sa *SA) LacksPhase1() bool { return len(sa.suites) == 0 && sa.Unsupported == "" }

// LacksKE says that KE values are not in the capture, and so not the first IV.
func (sa *SA) LacksKE() bool { return sa.countKE() < 2 }

// Tried returns the secrets whose keys are tried on the SA's messages.
func (sa *SA) Tried() []*Secret {
	var list []*Secret
	for _, k := range sa.candidates {
		if !slices.Contains(list, k.secret.Secret) {
			list = append(list, k.secret.Secret)
		}
	}
	return list
}

// Secrets returns the secrets that belong to the SA or may do so.
func (sa *SA) Secrets() []*Secret {
	var list []*Secret
	for _, x := range sa.secrets {
		list = append(list, x.Secret)
	}
	return list
}

// Names says that a secret names one of the SA's cookies, or opens its messages.
func (sa *SA) Names(x *Secret) bool {
	return !x.anonymous() || slices.ContainsFunc(sa.keys, func(k *candidate) bool { return k.secret.Secret == x })
}

// Derived returns what SKEYID and g^xy of a secret give, if it has both and the hash is known.
func (sa *SA) Derived(x *Secret) (d, a, e esp.Key, ok bool) {
	h := sa.hash()
	if h == nil || x.SKEYID.IsZero() || x.SharedSecret.IsZero() {
		return d, a, e, false
	}
	db, ab, eb := skeyids(h, x.SKEYID.Bytes(), x.SharedSecret.Bytes(), sa.InitiatorCookie, sa.ResponderCookie)
	return esp.NewKey(db), esp.NewKey(ab), esp.NewKey(eb), true
}

// HashesChecked returns how many messages have a HASH that was computed and matches.
func (sa *SA) HashesChecked() int { return sa.Phase1Hashes.Good + sa.Phase2Hashes.Good }

// count brings the SA's counters up to date with a message.
func (m *Message) count() {
	sa := m.SA
	hashes, by := &sa.Phase2Hashes, &sa.sides[m.at.rec.from.index()]
	if m.at.ex == sa.phase1 {
		hashes = &sa.Phase1Hashes
	}
	was := m.at.counted
	m.at.counted = 0
	for i, c := range [...]struct {
		counter *int
		counts  bool
	}{
		{&sa.Encrypted, true},
		{&sa.Decrypted, m.Decrypted},
		{&by.Decrypted, m.Decrypted},
		{&by.Unopened, errors.Is(m.Err, ErrOtherSide)},
		{&sa.Reconstructed, m.Decrypted && m.Reconstructed},
		{&sa.Unopened, errors.Is(m.Err, ErrUnopened)},
		{&sa.Malformed, errors.Is(m.Err, ErrMalformed)},
		{&sa.Truncated, errors.Is(m.Err, ErrTruncated)},
		{&hashes.Good, m.Verified},
		{&hashes.Bad, errors.Is(m.Err, ErrHash)},
	} {
		if c.counts {
			m.at.counted |= 1 << i
		}
		*c.counter += int(m.at.counted>>i&1) - int(was>>i&1)
	}
}
