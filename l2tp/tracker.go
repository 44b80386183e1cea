package l2tp

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"l2tpdump/l2tp/internal/copies"
)

// Bounds of a Tracker. When one is reached, what was idle for the longest time is forgotten.
const (
	maxTunnels  = 4096
	maxSessions = 16384
	maxName     = 128
	maxFindings = 1000
)

// Tracker follows the tunnels and sessions of L2TPv2 and L2TPv3: which end assigned which ID, and
// what belongs together in the two directions. It is for one goroutine, and bounded: 4096 tunnels,
// 16384 sessions.
type Tracker struct {
	secrets *Secrets

	tunnels   map[mapKey]tunnelRef
	sessions  map[sessionID]*Session // the newest, if there are several
	sessions3 map[mapKey]sessionRef  // of L2TPv3, whose data messages have no other ID
	moved     index[mapKey, tunnelRef]
	half      index[mapKey, tunnelRef]

	// Used least recently first.
	tunnelOrder  list[Tunnel]
	sessionOrder list[Session]

	// Ended, if set, is told of each session that is closed or forgotten.
	Ended func(*Session)

	recent   [recentSessions]recentSession // in front of the maps
	changes  uint                          // of the maps
	numbers  Numbering
	findings map[Finding]uint64
}

// recentSessions is the number of entries of the cache in front of the maps, a power of two.
const recentSessions = 64

type recentSession struct {
	key     tunnelKey
	session uint32
	ref     sessionRef
	changes uint
}

// recently is where the session of a data message may be.
func (t *Tracker) recently(h *Header) *recentSession {
	return &t.recent[(h.Session^h.Tunnel)%recentSessions]
}

// holds reports whether it is that of a data message.
func (c *recentSession) holds(src, dst netip.AddrPort, h *Header, changes uint) bool {
	return c.ref.session != nil && c.changes == changes && c.session == h.Session &&
		c.key.id == h.Tunnel && c.key.version == h.Version && c.key.src == src && c.key.dst == dst
}

// tunnelKey finds a tunnel by what a packet of it shows: who sends it to whom, and the Tunnel ID
// that the receiver assigned. The ports are 0 where they do not matter, the ID where it is not
// known. Of a session of L2TPv3 the ID is the Session ID.
type tunnelKey struct {
	src, dst netip.AddrPort
	version  uint8
	id       uint32
}

// mapKey is a tunnelKey as bytes, of which a map finds one sooner.
type mapKey [16 + 16 + 2 + 2 + 1 + 4]byte

func (k tunnelKey) forMap() (b mapKey) {
	const is4 = 0x80
	src, dst := k.src.Addr().As16(), k.dst.Addr().As16()
	copy(b[:], src[:])
	copy(b[16:], dst[:])
	binary.BigEndian.PutUint16(b[32:], k.src.Port())
	binary.BigEndian.PutUint16(b[34:], k.dst.Port())
	if b[36] = k.version; k.src.Addr().Is4() {
		b[36] |= is4
	}
	binary.BigEndian.PutUint32(b[37:], k.id)
	return b
}

// anyPort is the key of all ports.
func (k mapKey) anyPort() mapKey {
	k[32], k[33], k[34], k[35] = 0, 0, 0, 0
	return k
}

// A ref says also which end is the sender of the packets that its key finds.
type tunnelRef struct {
	tunnel *Tunnel
	sender int
}

type sessionRef struct {
	session *Session
	sender  int
}

// index finds the only element with a key.
type index[K, T comparable] map[K]one[T]

func (x index[K, T]) add(k K, t T) {
	o := x[k]
	o.add(t)
	x[k] = o
}

func (x index[K, T]) remove(k K, t T) {
	o := x[k]
	if o.remove(t); o.n > 0 {
		x[k] = o
	} else {
		delete(x, k)
	}
}

func (x index[K, T]) only(k K) T {
	o := x[k]
	return o.only()
}

// NewTracker returns a Tracker that knows no tunnel, and these secrets, nil for none.
func NewTracker(secrets *Secrets) *Tracker {
	return &Tracker{
		secrets:   secrets,
		tunnels:   make(map[mapKey]tunnelRef),
		sessions:  make(map[sessionID]*Session),
		sessions3: make(map[mapKey]sessionRef),
		moved:     make(index[mapKey, tunnelRef]),
		half:      make(index[mapKey, tunnelRef]),
		findings:  make(map[Finding]uint64),
	}
}

// Observation is what a Tracker says of a message.
type Observation struct {
	Tunnel      *Tunnel  // nil if the message belongs to none
	Session     *Session // nil if the message belongs to none
	Sender      int      // the index in Tunnel.Ends of the end that sent it
	Control     *Control // nil: it is a data message
	Order       Order    // of a numbered data message
	Frame       Frame    // of a data message; but for the data, L2TPv3 only
	WrongCookie bool     // the cookie is not that of the session: the message is not of it

	control Control // what Control mostly points to
}

// Observe takes note of a packet that was sent from src to dst, h having been decoded from data,
// and writes to o what it says of it.
//
// src and dst must tell peers apart: for L2TP inside UDP-encapsulated ESP they are the outer
// addresses and ports, since clients behind one NAT have the same address, and often the same inner
// port and IDs. When ports change in the life of a tunnel, it is found by addresses and IDs. A
// session whose beginning was not seen is made up from its data; the two directions of it are taken
// together if there is only one possibility.
//
// For a data message of a known session it does not allocate.
func (t *Tracker) Observe(o *Observation, src, dst netip.AddrPort, h *Header, data []byte) {
	*o = Observation{}
	if h.PayloadStart > h.PayloadEnd || h.PayloadEnd > len(data) {
		return
	}
	payload := data[h.PayloadStart:h.PayloadEnd]
	switch {
	case h.Version == versionL2F:
		return
	case h.Control:
		o.Control = &o.control
		o.Control.read(payload)
		var ref tunnelRef
		o.Session, ref = t.control(src, dst, h, o.Control, data)
		o.Tunnel, o.Sender = ref.tunnel, ref.sender
		return
	case h.Session == 0 || h.Tunnel == 0 && h.Version == Version2:
		return // RFC 2661 section 3.1: 0 is never assigned
	}
	slot := t.recently(h)
	if !slot.holds(src, dst, h, t.changes) {
		key := tunnelKey{src, dst, h.Version, h.Tunnel}
		ref := t.dataSession(key, h.Session)
		*slot = recentSession{key, h.Session, ref, t.changes}
	}
	s, sender := slot.ref.session, slot.ref.sender
	s.Tunnel.data = true
	t.touch(s)
	o.Tunnel, o.Session, o.Sender = s.Tunnel, s, sender
	if h.Version == Version2 {
		o.Frame.Data = payload
		o.Frame.Numbered, o.Frame.Number = h.HasSequence, uint32(h.Ns)
	} else {
		o.Frame, o.WrongCookie = s.frame(sender, payload)
	}
	if o.Frame.Numbered && !o.WrongCookie {
		o.Order = t.number(s, sender, h.Version, o.Frame.Number)
	}
}

// number takes note of the number of a data message.
func (t *Tracker) number(s *Session, sender int, version uint8, number uint32) Order {
	mask := uint32(0xffff)
	if version == Version3 {
		mask = maskSublayer
	}
	order, missing := s.numbers[sender].take(number, mask)
	s.Numbers[sender].count(order, missing)
	t.numbers.count(order, missing)
	return order
}

// Numbers counts the numbered data messages of all sessions.
func (t *Tracker) Numbers() Numbering { return t.numbers }

// Knows reports whether a message from src to dst can belong to a tunnel or a session that is
// known.
func (t *Tracker) Knows(src, dst netip.AddrPort, h Header) bool {
	switch {
	case h.Version == Version3 && !h.Control:
		return t.session3(src, dst, h.Session).session != nil
	case h.Tunnel == 0:
		return false
	}
	return !h.Control && t.recently(&h).holds(src, dst, &h, t.changes) ||
		t.known(tunnelKey{src, dst, h.Version, h.Tunnel}).tunnel != nil
}

// Find is Observe for a message that was there before, and that its receiver drops: it takes note
// of nothing.
func (t *Tracker) Find(src, dst netip.AddrPort, h *Header, data []byte) (o Observation) {
	if h.PayloadStart > h.PayloadEnd || h.PayloadEnd > len(data) || h.Version == versionL2F {
		return o
	}
	payload := data[h.PayloadStart:h.PayloadEnd]
	ref := t.known(tunnelKey{src, dst, h.Version, h.Tunnel})
	o.Tunnel, o.Sender = ref.tunnel, ref.sender
	if h.Control {
		o.Control = readControl(payload)
		o.Control.Retransmission = !o.Control.acknowledges()
		return o
	}
	o.Frame.Data = payload
	if h.Version == Version3 {
		of := t.session3(src, dst, h.Session)
		if o.Session, o.Sender = of.session, of.sender; o.Session != nil {
			o.Tunnel = o.Session.Tunnel
			o.Frame, o.WrongCookie = o.Session.frame(o.Sender, payload)
		}
	} else if ref.tunnel != nil {
		o.Session = t.session(ref.tunnel, 1-ref.sender, h.Session)
	}
	return o
}

// dataSession returns the session of a data message, made up if need be.
func (t *Tracker) dataSession(key tunnelKey, id uint32) sessionRef {
	if key.version == Version3 {
		if ref := t.session3(key.src, key.dst, id); ref.session != nil {
			return ref
		}
	}
	tr := t.tunnel(key)
	if s := t.session(tr.tunnel, 1-tr.sender, id); s != nil {
		return sessionRef{s, tr.sender}
	}
	return sessionRef{t.lateSession(tr, id), tr.sender}
}

// session3 is the session of L2TPv3 with the ID that dst assigned.
func (t *Tracker) session3(src, dst netip.AddrPort, id uint32) sessionRef {
	key := tunnelKey{src, dst, Version3, id}.forMap()
	if ref, ok := t.sessions3[key]; ok {
		return ref
	}
	return t.sessions3[key.anyPort()]
}

// session is the session with the ID that an end of a tunnel assigned, nil for none.
func (t *Tracker) session(tunnel *Tunnel, end int, id uint32) *Session {
	return t.sessions[sessionID{tunnel, uint32(end), id}]
}

// touch says that a session is not the one that was idle for longest.
func (t *Tracker) touch(s *Session) {
	t.sessionOrder.moveToBack(&s.order)
	t.tunnelOrder.moveToBack(&s.Tunnel.order)
}

// control follows a control message.
func (t *Tracker) control(src, dst netip.AddrPort, h *Header, c *Control, data []byte) (*Session, tunnelRef) {
	if slices.ContainsFunc(c.avps, func(a avp) bool { return a.Hidden }) {
		proof, place := c.uncover(h.Version, t.secrets)
		t.tell(Finding{proof, HiddenAVPs, "", place})
	}
	assigned := c.number(avpAssignedTunnel)
	if h.Version == Version3 {
		assigned = c.number(avpAssignedConnection)
	}
	tr := t.controlTunnel(src, dst, h, c, assigned)
	if tr.tunnel == nil {
		return nil, tr
	}
	t.tunnelOrder.moveToBack(&tr.tunnel.order)
	if !c.acknowledges() {
		sent := &tr.tunnel.sent[tr.sender]
		if *sent == nil {
			*sent = new([16]uint64)
		}
		c.Retransmission = copies.Among((*sent)[:], data[h.PayloadStart:h.PayloadEnd], uint64(h.Ns))
	}
	end := &tr.tunnel.Ends[tr.sender]
	if assigned != 0 && end.Tunnel != assigned && (end.Tunnel == 0 || c.kind == SCCRP) {
		t.assignTunnel(tr.tunnel, tr.sender, assigned)
	}
	if c.kind == SCCRQ || c.kind == SCCRP {
		end.Host = cmp.Or(c.text(avpHostName), end.Host)
	}
	t.authenticate(tr, h, c, data)
	switch c.kind {
	case SCCCN:
		if tr.tunnel.State == Opening {
			tr.tunnel.State = Established
		}
		return nil, tr
	case StopCCN:
		tr.tunnel.State = Closed
		t.remember(tr.tunnel)
		for tr.tunnel.open.n > 0 {
			t.close(tr.tunnel.open.front.of)
		}
		return nil, tr
	}
	s := t.call(tr, h, c)
	if s == nil {
		return nil, tr
	}
	if c.kind == CDN {
		t.close(s)
	}
	t.touch(s)
	return s, tr
}

// authenticate checks the proof of a shared secret that a message holds, and keeps what the next
// one answers.
func (t *Tracker) authenticate(tr tunnelRef, h *Header, c *Control, data []byte) {
	tunnel, end := tr.tunnel, &tr.tunnel.Ends[tr.sender]
	keep(&tunnel.challenges[tr.sender], c.value(avpChallenge))
	keep(&tunnel.nonces[tr.sender], c.value(avpNonce))
	f := Finding{Host: end.Host}
	start := h.PayloadStart - controlSize3
	challenge, answer := tunnel.challenges[1-tr.sender], c.value(avpChallengeResponse)
	switch {
	case answer != nil && (c.kind == SCCRP || c.kind == SCCCN):
		f.Made = ChallengeResponse
		f.Proof, f.Place = t.secrets.prove(func(secret []byte) bool {
			want := response(c.kind, secret, challenge)
			return bytes.Equal(want[:], answer)
		})
		f.unchecked(challenge == nil)
	case h.Version == Version3 && c.value(avpMessageDigest) != nil && h.PayloadEnd-start == int(h.Length):
		f.Made = MessageDigest
		nonces := [2][]byte{tunnel.nonces[tr.sender], tunnel.nonces[1-tr.sender]}
		if c.kind == SCCRQ {
			nonces = [2][]byte{}
		}
		f.Proof, f.Place = t.secrets.prove(func(secret []byte) bool {
			return digestFits(secret, data[start:h.PayloadEnd], nonces)
		})
		f.unchecked(c.kind != SCCRQ && (nonces[0] == nil || nonces[1] == nil))
	}
	if c.Authentication = f.Proof; f.Proof != Unproved {
		t.tell(f)
	}
}

// unchecked makes of a proof that secrets are wrong none, where what else the proof is made of was
// not captured.
func (f *Finding) unchecked(missing bool) {
	if missing && f.Proof == Wrong {
		f.Proof, f.Place = Unchecked, ""
	}
}

// keep keeps a value of an AVP, if it is there.
func keep(to *[]byte, value []byte) {
	if value != nil && !bytes.Equal(*to, value) {
		*to = bytes.Clone(value)
	}
}

// controlTunnel is the tunnel of a control message; its tunnel is nil if the message belongs to
// none.
func (t *Tracker) controlTunnel(src, dst netip.AddrPort, h *Header, c *Control, assigned uint32) tunnelRef {
	key := tunnelKey{src, dst, h.Version, h.Tunnel}
	back := tunnelKey{dst, src, h.Version, assigned}
	switch {
	case c.kind == SCCRQ && assigned != 0:
		return t.requested(back)
	case c.kind == SCCRQ:
	case h.Tunnel != 0:
		if c.kind == SCCCN && t.known(key).tunnel == nil {
			if tr := t.unanswered(key); tr.tunnel != nil {
				t.assignTunnel(tr.tunnel, 1, h.Tunnel)
			}
		}
		return t.tunnel(key)
	case c.kind == StopCCN && assigned != 0:
		// Sent before the peer's ID was known: found by the sender's own.
		if ref, ok := t.tunnels[back.forMap()]; ok {
			return tunnelRef{ref.tunnel, 1 - ref.sender}
		}
	}
	return tunnelRef{}
}
