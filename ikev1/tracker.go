package ikev1

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
)

// Datagram is one UDP payload on an IKE port.
type Datagram struct {
	Src, Dst  netip.AddrPort
	Time      int64  // nanoseconds since the Unix epoch
	Frame     uint64 // number of the frame, for messages
	Data      []byte // ISAKMP, the non-ESP marker removed; not kept
	Truncated bool   // the capture holds less than was on the wire
	NATT      bool   // it came with a non-ESP marker (RFC 3948)
}

// Tracker follows the ISAKMP SAs of a capture. It remembers what the IVs of the
// messages depend on, whether a key is known yet or not, so that a key may come
// at any time. It is bounded in memory whatever it is given. It is not safe for
// concurrent use.
type Tracker struct {
	secrets     secretStore
	sas         map[saKey]*SA
	byInitiator map[Cookie][]*SA // the oldest first
	order       []*SA            // in the order of their first message
	fragments   *reassembler
	exchanges   int // of all SAs, without phase 1
}

type saKey struct{ initiator, responder Cookie }

// Bounds of what a Tracker remembers, and for how long.
const (
	maxSAs         = 2048
	maxExchanges   = 4096    // of all SAs
	maxPerSA       = 256     // exchanges of one SA
	maxMessages    = 8       // in one datagram
	fragmentBytes  = 4 << 20 // of fragments under way
	second         = int64(1e9)
	fragmentIdle   = 60 * second
	exchangeIdle   = 900 * second       // longer than any peer repeats a message
	exchangeLasts  = 30 * second        // from the first to the last message of most
	saIdle         = 50 * 3600 * second // longer than the usual lifetimes of phase 1
	minCipherBlock = 8
)

// NewTracker returns a Tracker that has seen nothing.
func NewTracker() *Tracker {
	return &Tracker{
		secrets:     newSecretStore(),
		sas:         make(map[saKey]*SA),
		byInitiator: make(map[Cookie][]*SA),
		fragments:   newReassembler(fragmentBytes, fragmentIdle),
	}
}

// AddSecret gives the Tracker a key. The Secret must not be changed afterwards.
// It is tried on the messages that follow, and on those given to Decrypt.
func (t *Tracker) AddSecret(s *Secret) { t.secrets.add(s) }

// position is where the Tracker has a message, and what it needs to decrypt it
// later.
type position struct {
	ex  *exchange
	rec *record
	raw []byte // the message as captured; nil unless it is encrypted
	cut bool   // it is not whole

	counted         bool // in the SA's counters, as the rest says
	was             error
	decrypted, hash bool
	reconstructed   bool
	mismatch        bool

	head     bool // it is cut, and what there is of it is decrypted
	unproven bool // it is cut, and proves none of the keys known, as a later message may
	badHash  bool // its HASH does not match
	hashOpen bool // its HASH waits for another message
}

// LimitSecrets has the Tracker forget the oldest secrets when there are more than about n. Without it all are kept.
func (t *Tracker) LimitSecrets(n int) { t.secrets.limit = n }

// Observe takes the next datagram and returns its messages: usually one, several
// where a datagram holds several, none for a NAT keepalive (RFC 3948 section
// 2.3). An IKE fragment gives a Message with Fragment set; the one that completes
// a message gives the whole of it instead. What it keeps, and what the messages
// refer to, is copied from d.Data.
//
// A message's SA is nil where it belongs to none that is known: IKEv2, broken
// headers, a notification in clear with unknown cookies.
func (t *Tracker) Observe(d *Datagram) []*Message {
	data := d.Data
	if len(data) == 1 && data[0] == 0xff {
		return nil
	}
	list := []*Message{t.observe(d, data, 0)}
	for {
		h, err := ParseHeader(data)
		if err != nil || !h.isV1() || h.Length < HeaderLen || int64(h.Length) >= int64(len(data)) {
			return list
		}
		data = data[h.Length:]
		if len(list) == maxMessages || !follows(&h, data) {
			list[len(list)-1].Trailing = len(data)
			return list
		}
		list = append(list, t.observe(d, data, 0))
	}
}

// follows reports whether data, behind the message of header h in one datagram,
// begins with another message: one of the same SA, or any whose header is whole.
func follows(h *Header, data []byte) bool {
	next, err := ParseHeader(data)
	switch {
	case err != nil || !next.isV1() || next.Length < HeaderLen || next.InitiatorCookie.IsZero():
		return false
	case next.InitiatorCookie == h.InitiatorCookie:
		return true
	}
	_, known := exchangeNames[next.Exchange]
	return known && next.MinorVersion == 0 && next.Flags&^(FlagEncryption|FlagCommit|FlagAuthOnly) == 0 && int64(next.Length) <= int64(len(data))
}

// observe takes one message at the beginning of data. reassembled is the number
// of fragments that it was put together from.
func (t *Tracker) observe(d *Datagram, data []byte, reassembled int) *Message {
	m := &Message{Reassembled: reassembled}
	h, err := ParseHeader(data)
	if err != nil {
		m.Err, m.Reason = ErrMalformed, err.Error()
		if d.Truncated {
			m.Err, m.Reason = ErrTruncated, "the packet was not captured in whole"
		}
		return m
	}
	m.Header = h
	if !h.isV1() {
		return m
	}
	m.Encrypted = h.encrypted()
	if h.Length < HeaderLen {
		m.Err, m.Reason = ErrMalformed, fmt.Sprintf("the header says a length of %d bytes", h.Length)
		return m
	}
	m.at.cut = int64(h.Length) > int64(len(data))
	raw := bytes.Clone(data[:min(int64(h.Length), int64(len(data)))])
	short := ""
	if m.at.cut && !d.Truncated {
		short = fmt.Sprintf("the header says %d bytes, the datagram has %d", h.Length, len(data))
	}
	if m.Encrypted {
		m.at.raw = raw
	} else {
		m.Plain = raw
		var err error
		m.Payloads, err = parsePayloads(h.NextPayload, raw[HeaderLen:])
		switch {
		case short != "":
		case m.at.cut:
			m.Err, m.Reason = ErrTruncated, "the packet was not captured in whole: this is its beginning"
		case err != nil:
			m.Err, m.Reason = ErrMalformed, err.Error()
		}
		if p := FindPayload(m.Payloads, PayloadFragment); p != nil && m.Err == nil && reassembled == 0 {
			return t.fragment(d, m, p.Body)
		}
	}
	if short != "" {
		m.Err, m.Reason = ErrMalformed, short
		return m
	}
	digest := sha256.Sum256(raw)
	sa := t.find(m, d, &digest)
	if sa == nil {
		if m.Encrypted {
			m.Err, m.Reason = ErrNoKey, "encrypted, and of no ISAKMP SA that is known"
		}
		return m
	}
	m.SA = sa
	sa.Last = max(sa.Last, d.Time)
	sa.Messages++
	ex := t.exchange(sa, &h, d.Time)
	m.at.ex = ex
	r := ex.find(&digest)
	if r != nil {
		m.Retransmission = true
	} else {
		r = sa.newRecord(m, ex, d, raw, digest)
		ex.add(r)
	}
	m.at.rec = r
	if m.Encrypted {
		t.open(m)
	} else {
		t.observeClear(m)
	}
	m.number()
	return m
}

// fragment takes an IKE fragment.
func (t *Tracker) fragment(d *Datagram, m *Message, body []byte) *Message {
	h := &m.Header
	m.SA = t.sas[saKey{h.InitiatorCookie, h.ResponderCookie}]
	if m.SA != nil {
		m.FromInitiator = m.SA.side(d.Src, d.Dst) == fromInitiator
	}
	f, err := ParseFragment(body)
	if err != nil {
		m.Err, m.Reason = ErrMalformed, err.Error()
		return m
	}
	m.Fragment = &f
	key := FragmentKey{d.Src, d.Dst, h.InitiatorCookie, h.ResponderCookie, f.ID}
	whole, n, err := t.fragments.add(key, f, d.Time)
	switch {
	case err != nil:
		m.Err, m.Reason = ErrMalformed, err.Error()
	case whole != nil:
		return t.observe(d, whole, n)
	}
	return m
}

// newRecord makes the record of a message that was not seen before, and finds
// out who sent it.
func (sa *SA) newRecord(m *Message, ex *exchange, d *Datagram, raw []byte, digest [sha256.Size]byte) *record {
	r := &record{digest: digest, encrypted: m.Encrypted, src: d.Src, dst: d.Dst}
	h := &m.Header
	phase1 := ex == sa.phase1
	begins := func(t PayloadType) bool { // also when the payload is cut
		return !m.Encrypted && (h.NextPayload == t || FindPayload(m.Payloads, t) != nil)
	}
	hasSA := phase1 && begins(PayloadSA)
	switch {
	case hasSA && h.ResponderCookie.IsZero():
		sa.setRoles(d.Src, d.Dst, rolesProven)
		r.dir = fromInitiator
	case hasSA:
		sa.setRoles(d.Dst, d.Src, rolesProven)
		r.dir = fromResponder
	default:
		if !sa.Initiator.IsValid() {
			sa.setRoles(d.Src, d.Dst, rolesGuessed)
		}
		r.dir = sa.side(d.Src, d.Dst)
		switch {
		case !phase1:
		case h.Exchange == ExchangeMain && m.Encrypted:
			sa.encrypts(r)
		case h.Exchange == ExchangeAggressive && sa.roles < rolesProven: // the responder's only message has an SA
			sa.proveRoles(r.dir == fromResponder, rolesProven)
			r.dir = fromInitiator
		}
		sa.moved(d.Src, d.Dst, r.dir)
	}
	if body := raw[HeaderLen:]; m.Encrypted && !m.at.cut && len(body) >= minCipherBlock {
		n := min(len(body), maxBlockLen)
		copy(r.lastBlock[maxBlockLen-n:], body[len(body)-n:])
		r.whole = true
	}
	if !phase1 {
		if len(ex.records) == 0 {
			ex.starter = r.dir
			ex.joined = h.Exchange != ExchangeInformational && len(sa.phase1.records) == 0 && d.Time-sa.First < exchangeLasts
		}
		ex.commit = ex.commit || h.Flags&FlagCommit != 0
		r.number = ex.nextNumber(r.dir)
		return r
	}
	sa.mode = h.Exchange
	r.base = 3
	switch {
	case hasSA:
		r.base = 1
	case h.Exchange == ExchangeAggressive:
	case h.Exchange == ExchangeMain && begins(PayloadKE):
	case h.Exchange == ExchangeMain:
		r.base = 5
	default:
		r.base, r.number = 0, ex.nextNumber(r.dir)
		return r
	}
	r.renumber()
	return r
}

// observeClear takes what a message in clear says.
func (t *Tracker) observeClear(m *Message) {
	sa, r := m.SA, m.at.rec
	if m.at.ex != sa.phase1 {
		for i := range m.Payloads {
			if p := &m.Payloads[i]; p.Type == PayloadDelete && m.Err == nil {
				if d, err := parseDelete(p.Body); err == nil {
					m.Deleted = append(m.Deleted, d.espSPIs()...)
				}
			}
		}
		return
	}
	if m.Err != nil && !errors.Is(m.Err, ErrTruncated) {
		return
	}
	if !m.Retransmission {
		sa.learn(m, r.dir)
	}
	if FindPayload(m.Payloads, PayloadHash) == nil || m.Err != nil {
		return
	}
	// The second and third message of aggressive mode.
	t.configure(sa)
	switch sa.checkHash(m, m.Plain[HeaderLen:], nil) {
	case hashGood:
		m.Verified = true
		sa.HashesChecked++
		sa.good[hashByAuth]++
	case hashBad:
		sa.bad[hashByAuth]++
		m.Reason = "its HASH does not match: SKEYID is not of this connection, or the message was altered"
	}
}

// find returns the SA of a message, a new one where the message can begin one.
func (t *Tracker) find(m *Message, d *Datagram, digest *[sha256.Size]byte) *SA {
	h := &m.Header
	key := saKey{h.InitiatorCookie, h.ResponderCookie}
	list := t.byInitiator[h.InitiatorCookie]
	newest := func(fits func(*SA) bool) *SA {
		for i := len(list) - 1; i >= 0; i-- {
			if fits(list[i]) {
				return list[i]
			}
		}
		return nil
	}
	if h.ResponderCookie.IsZero() {
		// A first message sent again, or one that comes after its answer.
		if sa := newest(func(sa *SA) bool { return sa.phase1.find(digest) != nil }); sa != nil {
			return sa
		}
		if !h.Phase1() {
			return newest(func(*SA) bool { return true })
		}
		if sa := newest(func(sa *SA) bool { return sa.sai == nil && sa.phase1.starts() == nil }); sa != nil {
			return sa
		}
	}
	if sa := t.sas[key]; sa != nil {
		return sa
	}
	if h.ResponderCookie.IsZero() {
		return t.newSA(key, d.Time)
	}
	if !h.Phase1() && !m.Encrypted {
		return newest(func(*SA) bool { return true })
	}
	if sa := newest(func(sa *SA) bool { return sa.ResponderCookie.IsZero() }); sa != nil {
		delete(t.sas, saKey{sa.InitiatorCookie, Cookie{}})
		sa.ResponderCookie, sa.configured = h.ResponderCookie, configVersion{}
		t.sas[key] = sa
		return sa
	}
	sa := t.newSA(key, d.Time)
	// Another answer to the same first message.
	if from := newest(func(o *SA) bool { return o.phase1.starts() != nil }); from != nil {
		sa.copyOffer(from)
	}
	return sa
}

// starts returns the first message of phase 1, or nil.
func (ex *exchange) starts() *record {
	for _, r := range ex.records {
		if r.number == 1 {
			return r
		}
	}
	return nil
}

// copyOffer takes over what the initiator offered to several responders.
func (sa *SA) copyOffer(from *SA) {
	r := *from.phase1.starts()
	sa.phase1.records = append(sa.phase1.records, &r)
	sa.sai, sa.idi = from.sai, from.idi
	if !from.chosen {
		sa.suites = from.suites
	} else if from.sai != nil {
		sa.learnSA(from.sai, fromInitiator)
	}
	for _, x := range from.ke {
		if x.dir == fromInitiator && sa.mode == ExchangeAggressive {
			sa.ke = append(sa.ke, x)
		}
	}
	sa.Initiator, sa.Responder, sa.roles = from.Initiator, from.Responder, from.roles
}

// newSA remembers a new SA, and forgets one if there are too many.
func (t *Tracker) newSA(key saKey, time int64) *SA {
	if len(t.order) >= maxSAs {
		t.evict()
	}
	sa := &SA{
		InitiatorCookie: key.initiator,
		ResponderCookie: key.responder,
		First:           time,
		Last:            time,
		phase1:          &exchange{key: exchangeKey{phase1Exchange, 0}, starter: fromInitiator, sure: true},
	}
	t.sas[key] = sa
	t.byInitiator[key.initiator] = append(t.byInitiator[key.initiator], sa)
	t.order = append(t.order, sa)
	return sa
}

// evict forgets the SA that was silent for longest, preferably one that nothing
// was decrypted of.
func (t *Tracker) evict() {
	worst := -1
	for i, sa := range t.order {
		if worst < 0 {
			worst = i
			continue
		}
		w := t.order[worst]
		if useless := sa.Decrypted == 0; useless != (w.Decrypted == 0) {
			if useless {
				worst = i
			}
		} else if sa.Last < w.Last {
			worst = i
		}
	}
	sa := t.order[worst]
	t.order = slices.Delete(t.order, worst, worst+1)
	t.forget(sa)
}

// forget drops all but the report of an SA.
func (t *Tracker) forget(sa *SA) {
	key := saKey{sa.InitiatorCookie, sa.ResponderCookie}
	if t.sas[key] != sa {
		return
	}
	delete(t.sas, key)
	list := t.byInitiator[sa.InitiatorCookie]
	list = slices.DeleteFunc(list, func(x *SA) bool { return x == sa })
	if len(list) == 0 {
		delete(t.byInitiator, sa.InitiatorCookie)
	} else {
		t.byInitiator[sa.InitiatorCookie] = list
	}
	t.exchanges -= len(sa.exchanges)
	sa.exchanges, sa.configs = nil, nil
	sa.phase1.records = nil
	sa.sai, sa.idi, sa.idr, sa.ke, sa.nonces = nil, nil, nil, nil, nil
}

// exchange returns the exchange of a message, a new one if need be.
func (t *Tracker) exchange(sa *SA, h *Header, time int64) *exchange {
	if h.Phase1() {
		return sa.phase1
	}
	key := exchangeKey{h.Exchange, h.MessageID}
	ex := sa.exchanges[key]
	if ex == nil {
		if len(sa.exchanges) >= maxPerSA {
			t.dropOldest(sa)
		}
		if t.exchanges >= maxExchanges {
			t.shrink()
		}
		ex = &exchange{key: key}
		if sa.exchanges == nil {
			sa.exchanges = make(map[exchangeKey]*exchange)
		}
		sa.exchanges[key] = ex
		t.exchanges++
	}
	ex.last = max(ex.last, time)
	return ex
}

// dropOldest forgets the exchange of an SA that was silent for longest.
func (t *Tracker) dropOldest(sa *SA) {
	var oldest *exchange
	for _, ex := range sa.exchanges {
		if oldest == nil || ex.last < oldest.last {
			oldest = ex
		}
	}
	if oldest != nil {
		delete(sa.exchanges, oldest.key)
		t.exchanges--
	}
}

// shrink makes room among all exchanges: the older half of each SA's go.
func (t *Tracker) shrink() {
	for _, sa := range t.order {
		for n := (len(sa.exchanges) + 1) / 2; n > 0; n-- {
			t.dropOldest(sa)
		}
	}
}

// Decrypt tries again a message that Observe returned earlier: with a key that
// came later, or with what messages that came later tell (an IV, a nonce that a
// HASH covers). It returns whether the message is decrypted now.
func (t *Tracker) Decrypt(m *Message) bool {
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

// Open says that a message may yet gain from Decrypt once later messages were
// observed: its first block is missing, or its HASH was not checked though a key
// for it is known.
func (m *Message) Open() bool {
	return m.at.raw != nil && (m.Reconstructed || m.Decrypted && !m.Verified && m.at.hashOpen || m.Err != nil && (!errors.Is(m.Err, ErrTruncated) || m.at.unproven))
}

// count brings the SA's counters up to date with a message.
func (m *Message) count() {
	sa, p := m.SA, &m.at
	if !p.counted {
		p.counted = true
		sa.Encrypted++
	} else {
		tally(sa, p, -1)
	}
	p.was, p.decrypted, p.hash, p.reconstructed = m.Err, m.Decrypted, m.Verified, m.Decrypted && m.Reconstructed
	p.mismatch = p.badHash
	tally(sa, p, 1)
}

// tally adds a message, as it was counted, to the counters n times.
func tally(sa *SA, p *position, n int) {
	add := func(c *int, ok bool) {
		if ok {
			*c += n
		}
	}
	add(&sa.Decrypted, p.decrypted)
	add(&sa.HashesChecked, p.hash)
	add(&sa.Reconstructed, p.reconstructed)
	add(&sa.Wrong, errors.Is(p.was, ErrWrongKey))
	add(&sa.Malformed, errors.Is(p.was, ErrMalformed))
	add(&sa.Truncated, errors.Is(p.was, ErrTruncated))
	class := hashByKeyA
	if p.ex == sa.phase1 {
		class = hashByAuth
	}
	add(&sa.good[class], p.hash)
	add(&sa.bad[class], p.mismatch)
}

// SAs returns the ISAKMP SAs in the order of their first message, at most the
// 2048 that were last active.
func (t *Tracker) SAs() []*SA {
	for _, sa := range t.order {
		t.configure(sa)
	}
	return slices.Clone(t.order)
}

// Unused returns the secrets that fit no SA of the capture, and why.
func (t *Tracker) Unused() iter.Seq[Unused] {
	return func(yield func(Unused) bool) {
		for _, x := range t.secrets.all {
			if !x.used && !t.confirmed(x) && !yield(Unused{x.Secret, t.unusedReason(x)}) {
				return
			}
		}
	}
}

func (t *Tracker) unusedReason(x *secretState) string {
	if x.seen {
		for _, sa := range t.byInitiator[x.InitiatorCookie] {
			if sa.Encrypted == 0 {
				return "no encrypted message of this SA was captured"
			}
			if sa.key != nil && x.Ka.IsZero() && x.SKEYIDe.IsZero() {
				return "not needed"
			}
			if sa.key == nil && sa.Truncated > 0 {
				return "the messages of this SA were not captured in whole"
			}
			if sa.key != nil {
				return "another key of the same cookie fits"
			}
			if sa.incomplete != "" {
				return "incomplete"
			}
		}
		return "it fits no message with this cookie: mistyped, or of another attempt"
	}
	if x.InitiatorCookie.IsZero() {
		return "it names no cookie and fits no SA"
	}
	var near *SA
	distance := 65
	for _, sa := range t.order {
		if sa.InitiatorCookie == x.InitiatorCookie {
			return fmt.Sprintf("the capture has this initiator cookie with responder cookie %s only", sa.ResponderCookie)
		}
		if sa.ResponderCookie == x.InitiatorCookie {
			return fmt.Sprintf("the cookie is the responder's of the SA with initiator cookie %s", sa.InitiatorCookie)
		}
		if d := cookieDistance(sa.InitiatorCookie, x.InitiatorCookie); d < distance {
			near, distance = sa, d
		}
	}
	switch {
	case near == nil:
		return "cookie never seen: the capture has no IKE, so it begins after the negotiation, or leaves out UDP 500 and 4500"
	case distance <= similarCookie:
		return fmt.Sprintf("cookie never seen; the nearest is %s, which differs in %d bits: mistyped or damaged?", near.InitiatorCookie, distance)
	}
	return fmt.Sprintf("cookie never seen: of another connection (nearest in the capture: %s)", near.InitiatorCookie)
}

// Expire forgets what is too old at the time now, in nanoseconds since the Unix
// epoch: fragments after a minute, exchanges after a quarter of an hour, Quick Modes
// whose keys could not be derived and SAs after two days. SAs that were forgotten
// stay in the report.
func (t *Tracker) Expire(now int64) {
	t.fragments.expire(now)
	for _, sa := range t.order {
		for key, ex := range sa.exchanges {
			if now-ex.last > exchangeIdle && ex.secrets == 0 {
				delete(sa.exchanges, key)
				t.exchanges--
			}
		}
		if now-sa.Last > saIdle {
			t.forget(sa)
		}
	}
}
