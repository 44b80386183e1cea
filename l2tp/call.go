package l2tp

// call is the session that a control message is about, nil if it is about none.
func (t *Tracker) call(tr tunnelRef, h *Header, c *Control) (s *Session) {
	local, remote := c.number(avpAssignedSession), h.Session
	if h.Version == Version3 {
		local, remote = c.number(avpLocalSession), c.number(avpRemoteSession)
	}
	switch c.kind {
	case ICRQ, OCRQ:
		s = t.requestedCall(tr, h, local)
	case ICRP, OCRP, ICCN, OCCN, CDN, WEN, SLI:
		s = t.called(tr, c, local, remote)
	}
	if s != nil && h.Version == Version3 {
		s.wish(tr.sender, c)
	}
	return s
}

// requestedCall is the session that an ICRQ or OCRQ asks for.
func (t *Tracker) requestedCall(tr tunnelRef, h *Header, local uint32) *Session {
	if local == 0 {
		return nil
	}
	s := t.session(tr.tunnel, tr.sender, local)
	if s == nil || s.closed || s.requested && s.request != h.Ns {
		s = t.newSession(tr.tunnel)
		t.assignSession(s, tr.sender, local)
		s.requested, s.request = true, h.Ns
	}
	return s
}

// called is the session that a control message of a call names, which need not have been seen.
func (t *Tracker) called(tr tunnelRef, c *Control, local, remote uint32) (s *Session) {
	if remote != 0 {
		s = t.session(tr.tunnel, 1-tr.sender, remote)
	}
	if s == nil && local != 0 {
		s = t.session(tr.tunnel, tr.sender, local)
	}
	if s == nil && remote != 0 && c.kind != CDN {
		s = t.lateSession(tr, remote)
	}
	if s != nil && local != 0 && s.IDs[tr.sender] == 0 {
		t.assignSession(s, tr.sender, local)
	}
	return s
}

// wish takes note of what the AVPs of an end say of the data messages that are sent to it.
func (s *Session) wish(end int, c *Control) {
	if p := c.number(avpPseudowireType); p != 0 {
		s.pseudowire = uint16(p)
	}
	switch c.kind {
	case ICRQ, ICRP, OCRQ, OCRP:
		w := wish{known: true, sublayer: c.number(avpSublayer) != 0}
		if cookie := c.value(avpAssignedCookie); len(cookie) <= maxCookie {
			w.size = uint8(copy(w.cookie[:], cookie))
		}
		s.wants[end] = w
	}
}

// frame takes the payload of a data message apart. wrong says that its cookie is another than the
// one that the receiver assigned.
func (s *Session) frame(sender int, payload []byte) (f Frame, wrong bool) {
	if w := &s.wants[1-sender]; w.known && s.pseudowire != 0 {
		f, ok := layout{s.pseudowire, w.size, w.sublayer}.split(payload)
		return f, ok && string(f.Cookie) != string(w.cookie[:w.size])
	}
	l := &s.guessed[sender]
	f, ok := l.split(payload)
	if l.pseudowire == 0 || !ok || !frameFits(l.pseudowire, f.Data) {
		if guess, better := guessLayout(payload); better {
			*l = guess
			f, _ = guess.split(payload)
		}
	}
	return f, false
}

// requested is the tunnel that an SCCRQ asks for, back being what answers to it show. A repeated
// request finds the tunnel that the first one made, until data has flowed in it: then it is a new
// dial with the same ID.
func (t *Tracker) requested(back tunnelKey) tunnelRef {
	if ref, ok := t.tunnels[back.forMap()]; ok && !ref.tunnel.Late && ref.tunnel.State != Closed && !ref.tunnel.data {
		return tunnelRef{ref.tunnel, 1 - ref.sender}
	} else if ok {
		ref.tunnel.replaced = true
		t.remember(ref.tunnel)
	}
	tunnel := t.newTunnel(tunnelKey{back.dst, back.src, back.version, 0})
	t.assignTunnel(tunnel, 0, back.id)
	return tunnelRef{tunnel, 0}
}

// tunnel is the tunnel of a packet; made up if the packets that set it up were not seen.
func (t *Tracker) tunnel(key tunnelKey) tunnelRef {
	if ref := t.known(key); ref.tunnel != nil {
		from, to := &ref.tunnel.Ends[ref.sender], &ref.tunnel.Ends[1-ref.sender]
		if from.Addr != key.src || to.Addr != key.dst {
			// Another port: NAT, or a responder with a port of its own (RFC 2661 section 8.1).
			from.Addr, to.Addr = key.src, key.dst
			t.remember(ref.tunnel)
		}
		return ref
	}
	direction := key
	direction.id = 0
	if ref := t.half.only(direction.forMap()); ref.tunnel != nil { // the other direction of one that was made up
		if key.id != 0 {
			t.assignTunnel(ref.tunnel, 1-ref.sender, key.id)
		}
		return ref
	}
	tunnel := t.newTunnel(direction)
	tunnel.State, tunnel.Late = Established, true
	t.assignTunnel(tunnel, 1, key.id)
	return tunnelRef{tunnel, 0}
}

// unanswered is the tunnel of which the SCCRP was not seen that the SCCCN with this key follows. It
// is none if there are several among the last ones.
func (t *Tracker) unanswered(key tunnelKey) (tr tunnelRef) {
	const most = 64
	e := t.tunnelOrder.back
	for n := 0; e != nil && n < most; n, e = n+1, e.prev {
		tunnel := e.of
		if tunnel.State != Opening || tunnel.Version != key.version || tunnel.Ends[1].Tunnel != 0 ||
			tunnel.Ends[0].Addr != key.src || tunnel.Ends[1].Addr != key.dst {
			continue
		}
		if tr.tunnel != nil {
			return tunnelRef{}
		}
		tr = tunnelRef{tunnel, 0}
	}
	return tr
}

// known is the tunnel of a packet, found by addresses and ID if no other has them.
func (t *Tracker) known(key tunnelKey) tunnelRef {
	k := key.forMap()
	if ref, ok := t.tunnels[k]; ok || key.id == 0 {
		return ref
	}
	return t.moved.only(k.anyPort())
}

// lateSession is the session of a packet whose Session ID is not known yet: the one session of
// which this direction has not been seen, or a new one.
func (t *Tracker) lateSession(tr tunnelRef, id uint32) *Session {
	s := tr.tunnel.unpaired[1-tr.sender].only()
	if s == nil {
		s = t.newSession(tr.tunnel)
	}
	t.assignSession(s, 1-tr.sender, id)
	return s
}

func (t *Tracker) newTunnel(key tunnelKey) *Tunnel {
	if t.tunnelOrder.n >= maxTunnels {
		t.drop(t.tunnelOrder.front.of)
	}
	tunnel := &Tunnel{Version: key.version, Ends: [2]End{{Addr: key.src}, {Addr: key.dst}}}
	t.tunnelOrder.pushBack(&tunnel.order, tunnel)
	return tunnel
}

func (t *Tracker) newSession(tunnel *Tunnel) *Session {
	if t.sessionOrder.n >= maxSessions {
		t.dropSession(t.sessionOrder.front.of)
	}
	s := &Session{Tunnel: tunnel}
	t.sessionOrder.pushBack(&s.order, s)
	tunnel.open.pushBack(&s.among, s)
	for end := range s.IDs {
		tunnel.unpaired[end].add(s)
	}
	return s
}

// close ends a session, which its IDs find until others have them.
func (t *Tracker) close(s *Session) {
	if s.closed {
		return
	}
	s.closed = true
	s.Tunnel.open.remove(&s.among)
	s.Tunnel.closed.pushBack(&s.among, s)
	for end, id := range s.IDs {
		if id == 0 {
			s.Tunnel.unpaired[end].remove(s)
		}
	}
	if t.Ended != nil {
		t.Ended(s)
	}
}

// assignTunnel takes note of the Tunnel ID that an end has assigned, 0 for one that is not known.
func (t *Tracker) assignTunnel(tunnel *Tunnel, end int, id uint32) {
	tunnel.Ends[end].Tunnel = id
	t.remember(tunnel)
}

// key is what packets to the end show.
func (t *Tunnel) key(end int) tunnelKey {
	return tunnelKey{t.Ends[1-end].Addr, t.Ends[end].Addr, t.Version, t.Ends[end].Tunnel}
}

// remember makes a tunnel found by its keys, and no longer by those that it had.
func (t *Tracker) remember(tunnel *Tunnel) {
	t.forget(tunnel)
	for end := range tunnel.Ends {
		p := place{key: tunnel.key(end).forMap()}
		ref := tunnelRef{tunnel, 1 - end}
		switch {
		case tunnel.Ends[end].Tunnel != 0:
			p.in = inTunnels
			t.tunnels[p.key] = ref
			if tunnel.State != Closed && !tunnel.replaced {
				p.in = inMoved
				t.moved.add(p.key.anyPort(), ref)
			}
		case tunnel.Late:
			p.in = inHalf
			t.half.add(p.key, ref)
		}
		tunnel.places[end] = p
	}
}

// forget undoes remember, but for keys that lead to another tunnel by now.
func (t *Tracker) forget(tunnel *Tunnel) {
	t.changes++
	for end, p := range tunnel.places {
		tunnel.places[end] = place{}
		ref := tunnelRef{tunnel, 1 - end}
		switch p.in {
		case inTunnels, inMoved:
			if t.tunnels[p.key].tunnel == tunnel {
				delete(t.tunnels, p.key)
			}
			if p.in == inMoved {
				t.moved.remove(p.key.anyPort(), ref)
			}
		case inHalf:
			t.half.remove(p.key, ref)
		}
	}
}

// assignSession takes note of the Session ID that an end has assigned.
func (t *Tracker) assignSession(s *Session, end int, id uint32) {
	t.changes++
	if !s.closed {
		s.Tunnel.unpaired[end].remove(s)
	}
	s.IDs[end] = id
	t.sessions[sessionID{s.Tunnel, uint32(end), id}] = s
	if s.Tunnel.Version == Version3 {
		key := s.Tunnel.key(end)
		key.id = id
		s.keys[end] = key.forMap()
		ref := sessionRef{s, 1 - end}
		t.sessions3[s.keys[end]], t.sessions3[s.keys[end].anyPort()] = ref, ref
	}
}

// drop forgets a tunnel with its sessions.
func (t *Tracker) drop(tunnel *Tunnel) {
	t.forget(tunnel)
	for _, sessions := range [...]*list[Session]{&tunnel.open, &tunnel.closed} {
		for sessions.n > 0 {
			t.dropSession(sessions.front.of)
		}
	}
	t.tunnelOrder.remove(&tunnel.order)
}

// dropSession forgets a session.
func (t *Tracker) dropSession(s *Session) {
	t.changes++
	t.close(s)
	s.Tunnel.closed.remove(&s.among)
	t.sessionOrder.remove(&s.order)
	for end, id := range s.IDs {
		if t.session(s.Tunnel, end, id) == s {
			delete(t.sessions, sessionID{s.Tunnel, uint32(end), id})
		}
		for _, key := range [...]mapKey{s.keys[end], s.keys[end].anyPort()} {
			if s.Tunnel.Version == Version3 && t.sessions3[key].session == s {
				delete(t.sessions3, key)
			}
		}
	}
}
