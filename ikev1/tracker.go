package ikev1

import (
	"bytes"
	"cmp"
	"errors"
	"hash/maphash"
	"net/netip"
	"slices"
)

// Datagram is one UDP payload on an IKE port.
type Datagram struct {
	Src, Dst  netip.AddrPort
	Time      int64  // nanoseconds since the Unix epoch
	Data      []byte // ISAKMP, the non-ESP marker removed; not kept
	Truncated bool   // the capture holds less than was on the wire
}

// Tracker follows the ISAKMP SAs of a capture. It remembers what the IVs of the messages depend on,
// whether a key is known yet or not, so that a key may come at any time. It is bounded in memory
// whatever it is given. It is not safe for concurrent use.
type Tracker struct {
	secrets   secretStore
	sas       map[saKey]*SA
	families  map[Cookie]*family // by initiator cookie
	silent    silence[SA]
	begun     int64 // SAs
	observed  int64 // messages of SAs
	putOff    putOff
	fragments *reassembler
	exchanges int     // of all SAs, without phase 1
	claimed   int     // bytes of the claims that are kept
	absence   Absence // the last that was asked for
	alone     int     // messages on which keys were tried in vain before another with their cookies came
	spent     int64   // tries in vain where no key is proven
	trials    trials
	text      cbc // that is at hand
}

type saKey struct{ initiator, responder Cookie }

// Bounds of what a Tracker remembers, and for how long.
const (
	maxSAs         = 2048
	maxOpenedSAs   = 1792    // of these, SAs that a key opened: others have room beside them
	maxPerCookie   = 64      // SAs with one initiator cookie
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
		secrets:   newSecretStore(),
		sas:       make(map[saKey]*SA),
		families:  make(map[Cookie]*family),
		putOff:    putOff{at: make(map[Cookie]int32)},
		fragments: newReassembler(fragmentBytes, fragmentIdle),
	}
}

// Knows reports whether a message with this initiator cookie has been seen.
func (t *Tracker) Knows(c Cookie) bool {
	_, begun := t.putOff.at[c]
	return begun || t.families[c] != nil
}

// AddSecret gives the Tracker a key. The Secret must not be changed afterwards. It is tried on the
// messages that follow, and on those given to Decrypt.
func (t *Tracker) AddSecret(s *Secret) {
	if t.takeUp(s.InitiatorCookie); s.InitiatorCookie.IsZero() {
		t.takeUpAll()
	}
	t.secrets.add(s)
}

// LimitSecrets has the Tracker forget the oldest secrets when there are more than about n.
func (t *Tracker) LimitSecrets(n int) { t.secrets.limit = n }

// Observe takes the next datagram and returns its messages: usually one, several where a datagram
// holds several, none for a NAT keepalive (RFC 3948 section 2.3). An IKE fragment gives a Message
// with Fragment set; the one that completes a message gives the whole of it instead. What it keeps,
// and what the messages refer to, is copied from d.Data.
//
// A message's SA is nil where it belongs to none that is known: IKEv2, broken headers, a
// notification in clear with unknown cookies; and of the first with its cookies before others, or a
// key, join it.
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
			list[len(list)-1].Trailing = int32(len(data))
			return list
		}
		list = append(list, t.observe(d, data, 0))
	}
}

// follows reports whether data, behind the message of header h in one datagram, begins with another
// message: one of the same SA, or any whose header is whole.
func follows(h *Header, data []byte) bool {
	next, err := ParseHeader(data)
	switch {
	case err != nil || !next.isV1() || next.Length < HeaderLen || next.InitiatorCookie.IsZero():
		return false
	case next.InitiatorCookie == h.InitiatorCookie:
		return true
	}
	_, known := exchangeNames[next.Exchange]
	return known && next.MinorVersion == 0 && next.Flags&^(FlagEncryption|FlagCommit|FlagAuthOnly) == 0 &&
		int64(next.Length) <= int64(len(data))
}

// observe takes one message at the beginning of data, put together from so many fragments.
func (t *Tracker) observe(d *Datagram, data []byte, reassembled int) *Message {
	m := &Message{Reassembled: int32(reassembled)}
	raw := m.read(d, data, reassembled > 0)
	if raw == nil {
		return m
	}
	if p := m.Find(PayloadFragment); p != nil && m.Err == nil && reassembled == 0 {
		return t.fragment(d, m, p.Body)
	}
	t.takeUp(m.Header.InitiatorCookie)
	if t.postpone(m, d, raw) {
		return m
	}
	first := t.families[m.Header.InitiatorCookie] == nil
	if t.follow(m, d, raw); first && m.Encrypted && !m.Decrypted {
		t.alone++
	}
	return m
}

// follow finds out the SA of a message, its place there, and what it says.
func (t *Tracker) follow(m *Message, d *Datagram, raw []byte) {
	digest := maphash.Bytes(seed, raw)
	sa := t.find(m, d, digest)
	if sa == nil {
		if m.Encrypted {
			m.Err = ErrNoKey
		}
		m.at.raw = nil
		return
	}
	m.SA = sa
	sa.Last = max(sa.Last, d.Time)
	sa.Messages++
	t.observed++
	sa.family.heard = t.observed
	t.touch(sa)
	ex := t.exchange(sa, &m.Header, d.Time)
	m.at.ex = ex
	r := ex.find(digest)
	if m.Retransmission = r != nil; r == nil {
		r = sa.newRecord(m, d, raw)
		r.digest, r.since = digest, t.observed
		ex.add(r)
	}
	m.at.rec = r
	sa.place(ex)
	if m.Encrypted {
		t.open(m)
		if m.Decrypted {
			t.touch(sa)
		}
	} else {
		t.observeClear(m)
	}
	m.position()
	m.keep()
}

// keep copies an encrypted message as it was captured, if it may be decrypted again.
func (m *Message) keep() {
	if m.Decrypted && !m.Open() {
		m.at.raw = nil
	} else {
		m.at.raw = bytes.Clone(m.at.raw)
	}
}

// read reads the header of a message, and its payloads where they are in clear. It returns the
// message without what is behind it, nil where it is none of version 1 that was sent in whole. own
// says that data stays as it is; else a message in clear refers to a copy.
func (m *Message) read(d *Datagram, data []byte, own bool) (raw []byte) {
	var err error
	if m.Header, err = ParseHeader(data); err != nil {
		m.Err = err
		if d.Truncated {
			m.Err = ErrTruncated
		}
		return nil
	}
	h := &m.Header
	m.Encrypted = h.encrypted()
	switch {
	case !h.isV1():
		return nil
	case h.Length < HeaderLen:
		m.Err = malformedf("the header says a length of %d bytes", h.Length)
		return nil
	}
	m.at.cut = int64(h.Length) > int64(len(data))
	raw = data[:min(int64(h.Length), int64(len(data)))]
	if !m.Encrypted {
		if !own {
			raw = bytes.Clone(raw)
		}
		m.Plain = raw
		m.Payloads, err = parsePayloads(h.NextPayload, raw[HeaderLen:])
	}
	switch {
	case m.at.cut && !d.Truncated:
		m.Err = malformedf("the header says %d bytes, the datagram has %d", h.Length, len(data))
		return nil
	case m.Encrypted:
		m.at.raw = raw
	case m.at.cut:
		m.Err = ErrTruncated
	default:
		m.Err = err
	}
	return raw
}

// newRecord makes the record of a message that was not seen before, and finds out who sent it.
func (sa *SA) newRecord(m *Message, d *Datagram, raw []byte) *record {
	h, ex := &m.Header, m.at.ex
	r := &record{encrypted: m.Encrypted, from: sa.ends.sender(d.Src, d.Dst)}
	r.way = sa.way(r.from, d.Src, d.Dst)
	sa.ends.note(d.Src, d.Dst, r.from)
	if body := raw[HeaderLen:]; m.Encrypted && !m.at.cut && len(body) >= minCipherBlock {
		n := min(len(body), maxBlockLen)
		copy(r.lastBlock[maxBlockLen-n:], body[len(body)-n:])
		r.whole = true
	}
	if ex != sa.phase1 {
		if len(ex.records) == 0 {
			ex.joined = h.Exchange != ExchangeInformational && len(sa.phase1.records) == 0 && d.Time-sa.First < exchangeLasts
		}
		ex.commit = ex.commit || h.Flags&FlagCommit != 0
		return r
	}
	r.mode, r.begins = h.Exchange, h.ResponderCookie.IsZero()
	holds := func(t PayloadType) bool { // also when the payload is cut
		return !m.Encrypted && (h.NextPayload == t || m.Find(t) != nil)
	}
	switch {
	case holds(PayloadSA):
		r.base = 1
	case h.Exchange == ExchangeAggressive, h.Exchange == ExchangeMain && holds(PayloadKE):
		r.base = 3
	case h.Exchange == ExchangeMain:
		r.base = 5
	}
	sa.claimInitiator(side(r.claimedRole()) * r.from)
	return r
}

// way returns addresses between which a message of a side was sent: where they are those of its
// message before, the same.
func (sa *SA) way(from side, src, dst netip.AddrPort) *pair {
	last := &sa.ways[from.index()]
	if *last == nil || **last != (pair{src, dst}) {
		*last = &pair{src, dst}
	}
	return *last
}

// observeClear takes what a message of phase 1 in clear says.
func (t *Tracker) observeClear(m *Message) {
	sa := m.SA
	if m.at.ex != sa.phase1 || m.Err != nil && !errors.Is(m.Err, ErrTruncated) {
		return
	}
	if !m.Retransmission {
		sa.learn(m, m.at.rec)
	}
	if m.Find(PayloadHash) == nil || m.Err != nil || sa.clearHashes >= maxClearHashes {
		return
	}
	// The second and third message of aggressive mode.
	t.configure(sa)
	before := sa.hashed
	check := sa.checkHash(m, nil, m.Plain[HeaderLen:], nil)
	if m.Verified, m.HashWrong = check == hashGood, check == hashBad; !m.Verified {
		sa.clearHashes += sa.hashed - before
		return
	}
	sa.Phase1Hashes.Good++
	sa.place(m.at.ex)
}

// find returns the SA of a message, a new one where the message can begin one.
func (t *Tracker) find(m *Message, d *Datagram, digest uint64) *SA {
	h := &m.Header
	key := saKey{h.InitiatorCookie, h.ResponderCookie}
	newest := func(fits func(*SA) bool) *SA {
		if f := t.families[h.InitiatorCookie]; f != nil {
			for _, sa := range slices.Backward(f.sas) {
				if fits(sa) {
					return sa
				}
			}
		}
		return nil
	}
	if h.ResponderCookie.IsZero() {
		// A first message sent again, or one that comes after its answer.
		if sa := newest(func(sa *SA) bool { return sa.phase1.find(digest) != nil }); sa != nil {
			return sa
		}
		if sa := newest(func(sa *SA) bool { return !h.Phase1() || !sa.phase1.begun() }); sa != nil || !h.Phase1() {
			return sa
		}
	}
	if sa := t.sas[key]; sa != nil {
		return sa
	}
	if !h.Phase1() && !m.Encrypted {
		return newest(func(*SA) bool { return true })
	}
	sa := newest(func(sa *SA) bool { return sa.ResponderCookie.IsZero() })
	if sa == nil { // or another answer to the same first message
		return t.newSA(key, d.Time)
	}
	delete(t.sas, saKey{sa.InitiatorCookie, Cookie{}})
	sa.ResponderCookie, sa.configured = h.ResponderCookie, 0
	t.sas[key] = sa
	return sa
}

// begun says that a first message is among the records.
func (ex *exchange) begun() bool {
	return slices.ContainsFunc(ex.records, func(r *record) bool { return r.begins })
}

// newSA remembers a new SA, and forgets one if there are too many.
func (t *Tracker) newSA(key saKey, time int64) *SA {
	if t.silent.len() >= maxSAs {
		if q := t.silent.first(); q != nil {
			t.evict(q.of)
		}
	}
	f := t.families[key.initiator]
	if f != nil && len(f.sas) >= maxPerCookie {
		t.evict(f.sas[max(0, slices.IndexFunc(f.sas, func(sa *SA) bool { return sa.Decrypted == 0 }))])
	}
	if f = t.families[key.initiator]; f == nil {
		f = &family{tracker: t}
		t.families[key.initiator] = f
	}
	t.begun++
	sa := &SA{
		InitiatorCookie: key.initiator,
		ResponderCookie: key.responder,
		First:           time,
		Last:            time,
		initiator:       sideA,
		family:          f,
		Number:          t.begun,
		phase1:          &exchange{key: exchangeKey{phase1Exchange, 0}},
	}
	for _, p := range f.began {
		sa.claimInitiator(sa.ends.add(p.a, p.b))
	}
	for _, c := range *f.claims.of(PayloadSA) {
		sa.readProposals(c)
	}
	t.sas[key] = sa
	f.sas = append(f.sas, sa)
	t.touch(sa)
	return sa
}

// touch notes that an SA is not silent.
func (t *Tracker) touch(sa *SA) {
	sa.queued.heard(&t.silent, sa.Decrypted > 0, sa)
	if opened := &t.silent[1]; opened.len > maxOpenedSAs {
		t.evict(opened.head.of)
	}
}

// evict takes an SA out of the report.
func (t *Tracker) evict(sa *SA) {
	t.forget(sa)
	sa.queued.leave()
}

// forget drops all but the report of an SA.
func (t *Tracker) forget(sa *SA) {
	key := saKey{sa.InitiatorCookie, sa.ResponderCookie}
	if t.sas[key] != sa {
		return
	}
	delete(t.sas, key)
	f := sa.family
	if f.sas = slices.DeleteFunc(f.sas, func(x *SA) bool { return x == sa }); len(f.sas) == 0 {
		delete(t.families, sa.InitiatorCookie)
		t.claimed -= f.claims.bytes()
	}
	t.claimed -= sa.claims.bytes()
	for _, ex := range sa.exchanges {
		t.drop(sa, ex)
	}
	if sa.Decrypted > 0 {
		sa.dropCiphers()
	}
	sa.candidates, sa.phase1.records = nil, nil
	sa.claims, sa.chosen, sa.initial, sa.quick = claims{}, nil, nil, nil
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
			t.drop(sa, sa.silent.first().of)
		}
		if t.exchanges >= maxExchanges {
			t.shrink()
		}
		ex = &exchange{key: key, since: int64(sa.Messages)}
		if sa.exchanges == nil {
			sa.exchanges = make(map[exchangeKey]*exchange)
		}
		sa.exchanges[key] = ex
		t.exchanges++
	}
	ex.last = max(ex.last, time)
	sa.touch(ex)
	return ex
}

// SAs returns the ISAKMP SAs, at most the 2048 last active, in the order of their first message.
func (t *Tracker) SAs() []*SA {
	t.takeUpAll()
	var all []*SA
	for i := range t.silent {
		for q := t.silent[i].head; q != nil; q = q.behind {
			t.configure(q.of)
			all = append(all, q.of)
		}
	}
	slices.SortFunc(all, func(a, b *SA) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// Expire forgets what is too old at the time now, in nanoseconds since the Unix epoch: fragments
// after a minute, exchanges after a quarter of an hour, Quick Modes whose keys could not be derived
// and SAs after two days. SAs that were forgotten stay in the report.
func (t *Tracker) Expire(now int64) {
	t.fragments.expire(now)
	for _, sa := range t.sas {
		for _, ex := range sa.exchanges {
			if now-ex.last > exchangeIdle && ex.pending == 0 {
				t.drop(sa, ex)
			}
		}
		if now-sa.Last > saIdle {
			t.forget(sa)
		}
	}
}
