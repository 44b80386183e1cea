package sessions

import (
	"cmp"
	"container/list"
	"hash/maphash"
	"net/netip"
	"slices"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/recent"
	"l2tpdump/ikev1"
)

// Bounds of the sessions that are followed at a time, and how long one is without a packet. Where
// there are many, one that was ended need not be waited for as long.
const (
	maxHeld    = 1 << 13
	maxServers = 1 << 10
	manyHeld   = 1 << 10
	idleAfter  = int64(3600e9)
	endAfter   = int64(40e9)  // where many are held: behind what L2TP repeats at the end, 31 s
	retryTime  = int64(120e9) // between tries that belong together: daemons redial behind 10 to 60 s
)

// Gatherer is a sink that gathers sessions.
type Gatherer struct {
	emit      func(*Session) error
	exchanges map[exchangeKey]*exchange
	cookies   map[ikev1.Cookie]*exchange // the latest of each
	pairs     map[pair][]*association
	flows     map[uint32]*flow // by SPI
	spare     *flow            // that nothing refers to, for the next one

	spareExchange *exchange // likewise
	calls         map[callKey]*call
	changes       uint // of calls
	clock         pipeline.Clock
	uids          uids
	held          list.List // sessions, the one without a packet for longest first
	events        int       // that are kept
	keeps         bool      // details
	seed          maphash.Seed
	psks          []PSK
	others        uint64                         // frames that a filter on the ports of IKE does not let pass
	bounds        [2]place                       // of the capture so far
	current       *Session                       // of the last record
	takes         map[netip.Addr]*ikev1.Offer    // what servers chose in phase 1, up to maxServers
	over          recent.Map[quickKey, struct{}] // of sessions that are over and whose IKE a key opened
}

// NewGatherer returns a sink that calls emit with each session that is over, and at Close with the
// others.
func NewGatherer(emit func(*Session) error) *Gatherer {
	return &Gatherer{
		emit:      emit,
		seed:      maphash.MakeSeed(),
		exchanges: make(map[exchangeKey]*exchange),
		cookies:   make(map[ikev1.Cookie]*exchange),
		takes:     make(map[netip.Addr]*ikev1.Offer),
		pairs:     make(map[pair][]*association),
		flows:     make(map[uint32]*flow),
		calls:     make(map[callKey]*call),
	}
}

// Record takes a record, and sets its Session, by which sinks behind the Gatherer learn what it is
// of. What is said of that session is what is known up to the last record of the Gatherer, which
// may be a later one; its UID is there from its beginning, and does not change.
func (g *Gatherer) Record(r *pipeline.Record) error {
	err := g.take(r)
	if g.current != nil {
		r.Session = g.current
	}
	return err
}

func (g *Gatherer) take(r *pipeline.Record) error {
	at := place{r.Number, r.Packet.Time}
	g.clock.Tick(at.time)
	g.current = nil
	if !g.bounds[0].seen() {
		g.bounds[0] = at
	}
	g.bounds[1] = at
	if r.Merged() || r.Net.Truncated && !r.Cut() { // without its end it proves nothing
		g.bystander(&r.Net)
		return nil
	}
	decrypted := false
	if len(r.Packet.Options) > 0 {
		r, decrypted = asCaptured(r)
	}
	switch r.Kind {
	case pipeline.IKE:
		for _, m := range r.IKE {
			g.isakmp(r, m, at)
		}
		if len(r.IKE) == 0 {
			g.unreadIKE(&r.Net, at)
		}
	case pipeline.ESP:
		g.espPacket(r, at)
	case pipeline.L2TP:
		g.clearL2TP(r, at)
	default:
		g.other(r, at)
	}
	if r.Kind == pipeline.ESP || r.Kind == pipeline.Other && !ofIKE(&r.Net) {
		g.others++
	}
	if g.current != nil {
		g.current.decrypted = g.current.decrypted || decrypted
	}
	return g.expire()
}

// ofIKE says that a filter on the ports of IKE lets a frame pass.
func ofIKE(n *capture.Frame) bool {
	return n.UDP && (n.SrcPort == portIKE || n.DstPort == portIKE || n.SrcPort == portNATT || n.DstPort == portNATT)
}

// Flush has nothing to do: sessions are told when they are over.
func (g *Gatherer) Flush() error { return nil }

// Open is how many sessions are not over.
func (g *Gatherer) Open() int { return g.held.Len() }

// Close tells of all sessions that are left, in the order of their beginnings.
func (g *Gatherer) Close() error {
	var all []*Session
	for e := g.held.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*Session))
	}
	for _, s := range all {
		g.decide(s, g.bounds[1].time, true)
	}
	all = slices.DeleteFunc(all, func(s *Session) bool { return s.element == nil })
	slices.SortFunc(all, func(a, b *Session) int { return cmp.Compare(a.first.frame, b.first.frame) })
	for _, s := range all {
		if err := g.finish(s); err != nil {
			return err
		}
	}
	return nil
}

// expire tells of sessions that had no packet for long, and of the oldest where there are too many.
func (g *Gatherer) expire() error {
	for e := g.held.Front(); e != nil; e = g.held.Front() {
		s := e.Value.(*Session)
		n, idle := g.held.Len(), g.clock.Now-s.touched
		over := idle >= idleAfter || n > manyHeld && idle >= endAfter && (s.ended() || s.parted())
		if n <= maxHeld && !over {
			break
		}
		if err := g.finish(s); err != nil {
			return err
		}
	}
	return nil
}

// finish judges a session and tells of it.
func (g *Gatherer) finish(s *Session) error {
	if g.decide(s, g.bounds[1].time, false); s.element == nil {
		return nil // it is one with another
	}
	if s.beside != nil {
		s.beside.beside, s.beside = nil, nil
	}
	g.held.Remove(s.element)
	s.element = nil
	g.events -= len(s.events.list)
	g.prepare(s)
	if s.wentBare() {
		s.adoptBare()
	}
	s.finding = judge(s)
	g.forget(s)
	return g.emit(s)
}

// prepare gives a session what it is judged by beside its own packets.
func (g *Gatherer) prepare(s *Session) {
	s.bounds, s.others = g.bounds, g.others
	s.psks, s.taken = g.psks, g.takes[s.ends[server].Addr()]
}

// forget lets go what leads to a session, and to its association if it was the last of it.
func (g *Gatherer) forget(s *Session) {
	g.changes++
	for _, c := range s.calls {
		for _, k := range c.keys {
			delete(g.calls, k)
		}
	}
	a := s.assoc
	for a.oldest != nil && a.oldest.element == nil {
		a.oldest = a.oldest.next
	}
	if a.sessions--; a.sessions > 0 {
		return
	}
	g.unindex(a)
	for _, f := range a.flows {
		g.forgetFlow(f)
	}
	for _, x := range a.exchanges {
		g.forgetExchange(x)
	}
}

// KeepDetails has the events of sessions kept, their traffic over time and their conversations. It
// is called before the first record.
func (g *Gatherer) KeepDetails() { g.keeps = true }

// keep reports whether an event of s is wanted, and there is room for it.
func (g *Gatherer) keep(s *Session) bool {
	if g.keeps && g.events >= allEvents {
		s.events.refused++
		return false
	}
	return g.keeps
}

// note keeps an event of a session.
func (g *Gatherer) note(s *Session, e Event) {
	e.Retransmission = e.Retransmission || e.Layer == "ppp" && s.events.repeated(&e)
	if s.events.add(e) {
		g.events++
	}
}

// exchange returns the ISAKMP SA of an initiator cookie; nil: the message belongs to none.
func (g *Gatherer) exchange(cookie ikev1.Cookie, src, dst netip.AddrPort, m *ikev1.Message, at place) *exchange {
	begins := m.Header.Phase1() && m.Header.ResponderCookie.IsZero()
	if x := g.exchanges[exchangeKey{cookie, pairOf(src.Addr(), dst.Addr())}]; x != nil {
		x.assoc.addPorts(src, dst)
		return x
	}
	switch x := g.cookies[cookie]; {
	case x != nil && m.Decrypted && m.Verified && !m.Retransmission:
		sender := x.initiator
		if !m.FromInitiator {
			sender = 1 - sender
		}
		g.moved(x.assoc, src, dst, sender)
		return x
	case x != nil && !begins:
		return nil
	case x == nil && (m.Retransmission || g.isOver(m)):
		return nil
	case !m.Header.Phase1() && m.SA == nil && !m.Encrypted:
		return nil // a notification about an SA that is not known
	}
	x := g.spareExchange
	if g.spareExchange = nil; x == nil {
		x = new(exchange)
	}
	*x = exchange{rare: &common, cookies: [2]ikev1.Cookie{cookie}, kind: m.Header.Exchange, first: at, late: !begins}
	if sa := m.Find(ikev1.PayloadSA); sa != nil && begins {
		x.request = maphash.Bytes(g.seed, sa.Body)
	}
	a := g.associationOf(x, src, dst, m, at)
	side := a.side(src, dst)
	x.initiator, x.from[side], x.from[1-side] = side, src, dst
	if !begins && !m.FromInitiator {
		x.initiator = 1 - x.initiator
	}
	if g.psks != nil {
		x.proofs = new(proofs)
	}
	x.session = g.sessionOf(x, src, dst, at)
	a.addPorts(src, dst)
	x.session.twin = x.session.twin || x.session.first == at && g.cookies[cookie] != nil
	dropped := x.session.addExchange(x)
	if a.exchanges = append(a.exchanges, x); len(a.exchanges) > maxExchanges {
		dropped = leastKnown(&a.exchanges, 0)
		g.forgetExchange(dropped)
	}
	if dropped != nil && !dropped.inherited && !slices.Contains(dropped.session.exchanges, dropped) &&
		!slices.Contains(dropped.assoc.exchanges, dropped) {
		g.spareExchange = dropped
	}
	g.exchanges[x.key()] = x
	g.cookies[cookie] = x
	return x
}

// associationOf finds or begins the association of a new ISAKMP SA.
func (g *Gatherer) associationOf(x *exchange, src, dst netip.AddrPort, m *ikev1.Message, at place) *association {
	a := g.find(src, dst, false, func(a *association) bool { return !a.clear || len(a.exchanges) > 0 })
	if a == nil { // ESP that was captured from its middle shows no port of IKE
		a = g.find(src, dst, true, func(a *association) bool {
			return a.late && len(a.exchanges) == 0 && (x.late || !a.clear && !a.natt)
		})
	}
	if a == nil || !g.takesIn(a, x, src, dst, m, at) {
		if x.late && !m.FromInitiator {
			src, dst = dst, src
		}
		roles := guessed
		switch {
		case !x.late:
			roles = certain
		case m.Header.Phase1() && m.Number > 0:
			roles = likely
		}
		a = g.newAssociation(src, dst, roles)
		a.late = x.late
	}
	x.assoc = a
	return a
}

// takesIn reports whether a new ISAKMP SA may be of an association between its ends.
func (g *Gatherer) takesIn(a *association, x *exchange, src, dst netip.AddrPort, m *ikev1.Message, at place) bool {
	switch side := a.side(src, dst); {
	case x.late: // what no key opens is none of those that one does
		return m.Decrypted || !a.authentic() && !slices.ContainsFunc(a.exchanges, (*exchange).read)
	case a.roles == certain, a.authentic() && side == client, !a.authentic() && g.settle(a, side, likely):
		return true
	}
	return a.session != nil && a.session.goesOn(x, at.time) // else the client may be a guess
}

// addExchange adds an ISAKMP SA to the session. It returns the one that makes room for it, nil if
// none has to; the first stays.
func (s *Session) addExchange(x *exchange) (dropped *exchange) {
	if s.isDialling() {
		s.tries++
	}
	if s.exchanges = append(s.exchanges, x); len(s.exchanges) > maxExchanges {
		dropped = leastKnown(&s.exchanges, 1)
	}
	s.renewals++
	return dropped
}

// leastKnown takes the oldest exchange off a list, from its index from on, that no key opens, or
// else the oldest.
func leastKnown(list *[]*exchange, from int) *exchange {
	all := *list
	i := from + max(0, slices.IndexFunc(all[from:len(all)-1], func(x *exchange) bool { return !x.read() }))
	x := all[i]
	*list = slices.Delete(all, i, i+1)
	return x
}

// exchangeKey finds an ISAKMP SA. Who copies a connection, or captures it twice, has the same
// cookies between other ends.
type exchangeKey struct {
	initiator ikev1.Cookie
	ends      pair
}

func (x *exchange) key() exchangeKey {
	return exchangeKey{x.cookies[0], x.assoc.pair()}
}

// quickKey finds a Quick Mode; ID 0: its ISAKMP SA.
type quickKey struct {
	initiator ikev1.Cookie
	id        uint32
}

// isOver says that a message is a Quick Mode's of a session that is over, or that it is of its
// ISAKMP SA and begins nothing.
func (g *Gatherer) isOver(m *ikev1.Message) bool {
	k := quickKey{initiator: m.Header.InitiatorCookie}
	if m.Header.Exchange == ikev1.ExchangeQuick {
		k.id = m.Header.MessageID
	}
	_, ok := g.over.Get(k)
	return ok
}

func (g *Gatherer) forgetExchange(x *exchange) {
	if x.read() {
		g.over.Set(quickKey{initiator: x.cookies[0]}, struct{}{})
		for _, q := range x.quicks {
			g.over.Set(quickKey{x.cookies[0], q.id}, struct{}{})
		}
	}
	if g.exchanges[x.key()] == x {
		delete(g.exchanges, x.key())
	}
	if g.cookies[x.cookies[0]] == x {
		delete(g.cookies, x.cookies[0])
	}
}

// sessionOf decides which session a new ISAKMP SA is of: it renews the keys of the present one, or
// tries again what was not answered; otherwise it begins another.
func (g *Gatherer) sessionOf(x *exchange, src, dst netip.AddrPort, at place) *Session {
	switch s := x.assoc.session; {
	case s == nil:
	case s.goesOn(x, at.time):
		return s
	default:
		x.assoc.late = x.assoc.late && x.late
	}
	return g.begin(x.assoc, src, dst, at)
}

// isDialling says that neither ESP nor L2TP has come of its IKE yet.
func (s *Session) isDialling() bool {
	return s.espPackets() == 0 && !s.clear.seen() && !s.agreed()
}

// goesOn reports whether an ISAKMP SA that begins at the time now is of the same session.
func (s *Session) goesOn(x *exchange, now int64) bool {
	// keepalives and echoes come more often: whoever begins anew behind it has lost the old
	// connection
	const quiet = int64(60e9)
	p := s.exchange()
	switch {
	case s.element == nil:
		return false
	case p != nil && p.request == x.request && s.isDialling(): // the same again
		return now-s.last.time < retryTime
	case x.late && x.kind == ikev1.ExchangeInformational && s.late: // it begins nothing
		return true
	case s.ended():
		return false
	case s.espPackets() > 0:
		last := s.lastESP()
		return now-last < quiet && !(p != nil && p.parted(last) && now-last > int64(2e9))
	case s.clear.seen():
		return false
	case p != nil && p.agreed(): // its ESP was not captured
		return now-s.last.time < retryTime
	case p == nil:
		return now-s.last.time < quiet
	}
	return p.unanswered() && now-s.last.time < retryTime
}

// parted says that an Informational message which could not be read came after a time: perhaps a
// Delete.
func (x *exchange) parted(after int64) bool {
	return x.sealed[client].last.time > after || x.sealed[server].last.time > after
}

// parted says that its ESP was followed by what is perhaps a Delete.
func (s *Session) parted() bool {
	x, last := s.exchange(), s.lastESP()
	return x != nil && last > 0 && x.parted(last)
}

// unanswered says that nobody refused anything: the exchange just stopped.
func (x *exchange) unanswered() bool {
	return len(x.notices) == 0 && !x.sealed[client].seen() && !x.sealed[server].seen() && len(x.quicks) == 0
}
