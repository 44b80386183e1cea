package sessions

func swap[T any](a *[2]T) { a[0], a[1] = a[1], a[0] }

// turned is who sent something, once the client is taken for the server.
func turned(side int) int {
	if side == nobody {
		return nobody
	}
	return 1 - side
}

// turn makes the client of an association its server, in all that is kept of it. Who asked for a
// tunnel or a call is known only where that was read, behind which nothing is turned.
func (g *Gatherer) turn(a *association) {
	swap(&a.ends)
	swap(&a.ports)
	swap(&a.samples)
	a.calls = [2]recentCall{}
	g.changes++
	done := make(map[any]bool) // several things name the same
	for _, f := range a.flows {
		f.turn(done)
	}
	for _, x := range a.exchanges {
		x.turn(done)
	}
	for _, t := range a.tunnels {
		g.turnTunnel(t, done)
	}
	for s := a.oldest; s != nil; s = s.next {
		if s.element == nil {
			continue
		}
		s.turn()
		for _, f := range s.flows {
			f.turn(done)
		}
		for _, x := range s.exchanges {
			x.turn(done)
		}
		for _, t := range s.tunnels {
			g.turnTunnel(t, done)
		}
		for _, c := range s.calls {
			g.turnCall(c, done)
		}
	}
}

// once reports whether x is not done yet, and takes note that it is.
func once(done map[any]bool, x any) bool {
	was := done[x]
	done[x] = true
	return !was
}

func (f *flow) turn(done map[any]bool) {
	if once(done, f) {
		f.sender = turned(f.sender)
	}
}

func (x *exchange) turn(done map[any]bool) {
	if !once(done, x) {
		return
	}
	x.initiator = turned(x.initiator)
	swap(&x.from)
	swap(&x.sent)
	swap(&x.natted)
	x.outside = false
	swap(&x.vendors)
	swap(&x.certs)
	if r := x.rare; r != &common {
		swap(&r.sealed)
		swap(&r.unopened)
		swap(&r.parts)
		swap(&r.dpd)
	}
	swap(&x.opened)
	swap(&x.ids)
	swap(&x.deleted)
	swap(&x.deletedESP)
	for i := range x.notices {
		x.notices[i].sender = turned(x.notices[i].sender)
	}
	for _, q := range x.quicks {
		q.sender = turned(q.sender)
	}
	if p := x.proofs; p != nil {
		swap(&p.nonce)
		swap(&p.ke)
		swap(&p.id)
		swap(&p.hash)
	}
}

// turn turns what a session itself holds. What its traffic shows of the client alone is given up.
func (s *Session) turn() {
	swap(&s.ends)
	swap(&s.pseudowire)
	s.users.turn()
	if s.bare != nil {
		swap(&s.bare.sent)
		swap(&s.bare.bytes)
	}
	swap(&s.spoke)
	swap(&s.protected)
	swap(&s.alone)
	swap(&s.unasked)
	swap(&s.heard)
	s.told.samples = nil
	if s.traffic != nil {
		s.traffic = &traffic{last: s.traffic.last}
	}
	s.moves, s.move, s.misplaced = 0, nil, nil
	if s.orphans != nil {
		s.orphans.sender = turned(s.orphans.sender)
	}
	for i := range s.events.list {
		e := &s.events.list[i]
		e.Sender = Side(turned(int(e.Sender)))
	}
	if s.series == nil {
		return
	}
	for i := range s.series.buckets {
		b := &s.series.buckets[i]
		swap(&b.users)
		swap(&b.bare)
		swap(&b.sealed)
		swap(&b.lost)
	}
	s.talks.others.turn()
	for i := range s.talks.list {
		c := &s.talks.list[i]
		c.sender = turned(c.sender)
		c.volume.turn()
	}
}

func (v *volume) turn() {
	swap(&v.packets)
	swap(&v.bytes)
}

func (g *Gatherer) turnTunnel(t *tunnel, done map[any]bool) {
	if !once(done, t) {
		return
	}
	swap(&t.ids)
	swap(&t.host)
	swap(&t.vendor)
	swap(&t.hello)
	swap(&t.closed)
	t.stop.turn()
	for _, c := range t.calls {
		g.turnCall(c, done)
	}
}

func (g *Gatherer) turnCall(c *call, done map[any]bool) {
	if !once(done, c) {
		return
	}
	swap(&c.ids)
	c.cdn.turn()
	if c.link != &silent {
		c.link.turn()
	}
	for _, k := range c.keys {
		delete(g.calls, k)
	}
	for i := range c.keys {
		k := &c.keys[i]
		k.sender = turned(k.sender)
		g.calls[*k] = c
	}
}

func (e *ending) turn() {
	if e != nil {
		e.sender = turned(e.sender)
	}
}

func (l *link) turn() {
	for _, y := range []*layer{&l.lcp, &l.ipcp, l.ipv6cp, l.ccp, l.ecp} {
		if y == &unasked {
			continue
		}
		swap(&y.requests)
		swap(&y.acked)
		swap(&y.settled)
		swap(&y.naks)
	}
	swap(&l.demands)
	swap(&l.demanded)
	swap(&l.declined)
	swap(&l.echo)
	swap(&l.first)
	swap(&l.asked)
	swap(&l.mru)
	swap(&l.addr)
	for i := range l.terms {
		l.terms[i].sender = turned(l.terms[i].sender)
	}
	for i := range l.rejects {
		l.rejects[i].sender = turned(l.rejects[i].sender)
	}
	l.auth.method = ""
	if l.lcp.acked[server].seen() {
		l.auth.method = l.demands[server]
	}
}
