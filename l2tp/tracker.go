package l2tp

import (
	"cmp"
	"net/netip"
	"slices"
)

// Bounds of a Tracker. When one is reached, the eighth that was idle for the longest time is
// forgotten.
const (
	maxTunnels  = 4096
	maxSessions = 16384
	maxName     = 128
)

// Tracker follows the tunnels and sessions of L2TPv2: which end assigned which ID, and what belongs
// together in the two directions. It is for one goroutine, and bounded: 4096 tunnels, 16384
// sessions.
type Tracker struct {
	tunnels  map[tunnelKey]tunnelRef
	sessions map[sessionKey]sessionRef
	all      []*Tunnel // in the order of their first packets
	count    int       // sessions of all tunnels

	// Ended, if set, is told of each session that is closed or forgotten.
	Ended func(*Session)

	recent  [recentSessions]recentSession // in front of the map
	changes uint                          // of the maps
}

// recentSessions is the number of entries of the cache in front of the map of sessions, a power of
// two.
const recentSessions = 64

type recentSession struct {
	key     sessionKey
	ref     sessionRef
	changes uint
}

// tunnelKey finds a tunnel by what a packet of it shows: who sends it to whom, and the Tunnel ID
// that the receiver assigned.
type tunnelKey struct {
	src, dst netip.AddrPort
	id       uint16
}

type sessionKey struct {
	tunnelKey
	session uint16
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

// NewTracker returns a Tracker that knows no tunnel.
func NewTracker() *Tracker {
	return &Tracker{tunnels: make(map[tunnelKey]tunnelRef), sessions: make(map[sessionKey]sessionRef)}
}

// Observe takes note of a packet that was sent from src to dst at time (nanoseconds since the Unix
// epoch), h having been decoded from data. It returns the packet's session, nil if it belongs to
// none (or is no L2TPv2), and the index in Tunnel.Ends of the end that sent it.
//
// src and dst must tell peers apart: for L2TP inside UDP-encapsulated ESP they are the outer
// addresses and ports, since clients behind one NAT have the same address, and often the same inner
// port and IDs. When ports change in the life of a tunnel, it is found by addresses and IDs. A
// session whose beginning was not seen is made up from its data; the two directions of it are taken
// together if there is only one possibility.
//
// For a data message of a known session it does not allocate.
func (t *Tracker) Observe(src, dst netip.AddrPort, time int64, h *Header, data []byte) (s *Session, sender int) {
	if h.Version != Version2 || h.PayloadStart > h.PayloadEnd || h.PayloadEnd > len(data) {
		return nil, 0
	}
	payload := data[h.PayloadStart:h.PayloadEnd]
	if h.Control {
		return t.control(src, dst, time, h, payload)
	}
	if h.Tunnel == 0 || h.Session == 0 {
		return nil, 0 // RFC 2661 section 3.1: 0 is never assigned
	}
	key := sessionKey{tunnelKey{src, dst, h.Tunnel}, h.Session}
	slot := &t.recent[(h.Session^h.Tunnel)%recentSessions]
	if slot.ref.session == nil || slot.changes != t.changes || slot.key != key {
		ref := t.dataSession(key, time)
		*slot = recentSession{key, ref, t.changes}
	}
	s, sender = slot.ref.session, slot.ref.sender
	if s.State == Opening {
		s.State = Established
	}
	s.Tunnel.data = true
	s.touch(time)
	s.Packets[sender]++
	s.Bytes[sender] += uint64(len(payload))
	return s, sender
}

// Find is Observe for a packet that was there before: it takes note of nothing.
func (t *Tracker) Find(src, dst netip.AddrPort, h *Header) (s *Session, sender int) {
	key := tunnelKey{src, dst, h.Tunnel}
	if ref, ok := t.sessions[sessionKey{key, h.Session}]; ok && !h.Control {
		return ref.session, ref.sender
	}
	return nil, t.tunnels[key].sender
}

// dataSession returns the session of a data message, made up if need be.
func (t *Tracker) dataSession(key sessionKey, time int64) sessionRef {
	if ref, ok := t.sessions[key]; ok {
		return ref
	}
	tr := t.tunnel(key.src, key.dst, key.id, time)
	if ref, ok := t.sessions[key]; ok { // tunnel may have moved it
		return ref
	}
	return sessionRef{t.lateSession(tr, key.session, time), tr.sender}
}

func (s *Session) touch(time int64) {
	s.Last = max(s.Last, time)
	s.Tunnel.Last = max(s.Tunnel.Last, time)
}

// control follows a control message.
func (t *Tracker) control(src, dst netip.AddrPort, time int64, h *Header, payload []byte) (*Session, int) {
	m := readControl(payload)
	tr := t.controlTunnel(src, dst, time, h, &m)
	if tr.tunnel == nil {
		return nil, 0
	}
	tr.tunnel.Last = max(tr.tunnel.Last, time)
	end := &tr.tunnel.Ends[tr.sender]
	if m.tunnel != 0 && end.Tunnel != m.tunnel && (end.Tunnel == 0 || m.kind == messageSCCRP) {
		t.assignTunnel(tr.tunnel, tr.sender, m.tunnel)
	}
	end.Host, end.Vendor = cmp.Or(m.host, end.Host), cmp.Or(m.vendor, end.Vendor)
	switch m.kind {
	case messageSCCCN:
		if tr.tunnel.State == Opening {
			tr.tunnel.State = Established
		}
		return nil, tr.sender
	case messageStopCCN:
		tr.tunnel.State = Closed
		for _, s := range tr.tunnel.Sessions {
			t.close(s)
		}
		return nil, tr.sender
	}
	s := t.call(tr, h, &m, time)
	if s == nil {
		return nil, tr.sender
	}
	switch {
	case m.kind == messageCDN:
		t.close(s)
	case s.State == Opening && (m.kind == messageICCN || m.kind == messageOCCN):
		s.State = Established
	}
	s.touch(time)
	return s, tr.sender
}

func (t *Tracker) close(s *Session) {
	s.State = Closed
	t.ended(s)
}

func (t *Tracker) ended(s *Session) {
	if t.Ended != nil {
		t.Ended(s)
	}
}

// controlMessage is what the Tracker reads of a control message; 0 and "" for what is not there.
type controlMessage struct {
	kind            uint16
	tunnel, session uint16 // assigned by the sender
	host, vendor    string
}

func readControl(payload []byte) (m controlMessage) {
	m.kind, _ = MessageType(payload)
	for a, err := range walkAVPs(payload) {
		if err != nil {
			break
		}
		if a.Vendor != 0 || a.Hidden {
			continue
		}
		switch a.Type {
		case avpAssignedTunnel:
			m.tunnel = a.uint16()
		case avpAssignedSession:
			m.session = a.uint16()
		case avpHostName:
			m.host = string(a.Value[:min(len(a.Value), maxName)])
		case avpVendorName:
			m.vendor = string(a.Value[:min(len(a.Value), maxName)])
		}
	}
	if m.kind != messageSCCRQ && m.kind != messageSCCRP {
		m.host, m.vendor = "", ""
	}
	return m
}

// controlTunnel is the tunnel of a control message; its tunnel is nil if the message belongs to
// none.
func (t *Tracker) controlTunnel(src, dst netip.AddrPort, time int64, h *Header, m *controlMessage) tunnelRef {
	switch {
	case m.kind == messageSCCRQ && m.tunnel != 0:
		return t.requested(src, dst, m.tunnel, time)
	case m.kind == messageSCCRQ:
	case h.Tunnel != 0:
		return t.tunnel(src, dst, h.Tunnel, time)
	case m.kind == messageStopCCN && m.tunnel != 0:
		// Sent before the peer's ID was known: found by the sender's own.
		if ref, ok := t.tunnels[tunnelKey{dst, src, m.tunnel}]; ok {
			return tunnelRef{ref.tunnel, 1 - ref.sender}
		}
	}
	return tunnelRef{}
}

// call is the session that a control message is about, nil if it is about none.
func (t *Tracker) call(tr tunnelRef, h *Header, m *controlMessage, time int64) *Session {
	switch m.kind {
	case messageICRQ, messageOCRQ:
		if m.session == 0 {
			return nil
		}
		s := tr.tunnel.find(tr.sender, m.session)
		if s == nil || s.State == Closed || s.requested && s.request != h.Ns {
			s = t.newSession(tr.tunnel, time)
			t.assignSession(s, tr.sender, m.session)
			s.requested, s.request = true, h.Ns
		}
		return s
	case messageICRP, messageOCRP, messageICCN, messageOCCN, messageCDN, messageWEN, messageSLI:
		return t.called(tr, h, m, time)
	}
	return nil
}

// called is the session that a control message of a call names, which need not have been seen.
func (t *Tracker) called(tr tunnelRef, h *Header, m *controlMessage, time int64) (s *Session) {
	if h.Session != 0 {
		s = tr.tunnel.find(1-tr.sender, h.Session)
	}
	if s == nil && m.session != 0 {
		s = tr.tunnel.find(tr.sender, m.session)
	}
	if s == nil && h.Session != 0 && m.kind != messageCDN {
		s = t.lateSession(tr, h.Session, time)
	}
	if s != nil && m.session != 0 && s.IDs[tr.sender] == 0 {
		t.assignSession(s, tr.sender, m.session)
	}
	return s
}

// find is the newest session of the tunnel in which the end has assigned the ID.
func (t *Tunnel) find(end int, id uint16) *Session {
	for _, s := range slices.Backward(t.Sessions) {
		if s.IDs[end] == id {
			return s
		}
	}
	return nil
}

// requested is the tunnel that an SCCRQ from src asks for. A repeated request finds the tunnel
// that the first one made, until data has flowed in it: then it is a new dial with the same ID.
func (t *Tracker) requested(src, dst netip.AddrPort, id uint16, time int64) tunnelRef {
	if ref, ok := t.tunnels[tunnelKey{dst, src, id}]; ok && !ref.tunnel.Late && ref.tunnel.State != Closed && !ref.tunnel.data {
		return tunnelRef{ref.tunnel, 1 - ref.sender}
	}
	tunnel := t.newTunnel(src, dst, time)
	t.assignTunnel(tunnel, 0, id)
	return tunnelRef{tunnel, 0}
}

// tunnel is the tunnel of a packet from src to dst with the Tunnel ID that dst assigned; made up
// if the packets that set it up were not seen.
func (t *Tracker) tunnel(src, dst netip.AddrPort, id uint16, time int64) tunnelRef {
	if ref, ok := t.tunnels[tunnelKey{src, dst, id}]; ok {
		return ref
	}
	// The slow way, for the first packet of an unknown tunnel only.
	var moved, half []tunnelRef
	for _, tunnel := range t.all {
		for i := range 2 {
			from, to := &tunnel.Ends[i], &tunnel.Ends[1-i]
			switch {
			case tunnel.State == Closed || from.Addr.Addr() != src.Addr() || to.Addr.Addr() != dst.Addr():
			case to.Tunnel == id:
				moved = append(moved, tunnelRef{tunnel, i})
			case to.Tunnel == 0 && tunnel.Late && from.Addr == src && to.Addr == dst:
				half = append(half, tunnelRef{tunnel, i})
			}
		}
	}
	if len(moved) == 1 { // another port: NAT, or a responder with a port of its own (RFC 2661 section 8.1)
		t.move(moved[0], src, dst)
		return moved[0]
	}
	if len(moved) == 0 && len(half) == 1 { // the other direction of one that was made up
		t.assignTunnel(half[0].tunnel, 1-half[0].sender, id)
		return half[0]
	}
	tunnel := t.newTunnel(src, dst, time)
	tunnel.State, tunnel.Late = Established, true
	t.assignTunnel(tunnel, 1, id)
	return tunnelRef{tunnel, 0}
}

// lateSession is the session of a packet whose Session ID is not known yet: the one session of
// which this direction has not been seen, or a new one.
func (t *Tracker) lateSession(tr tunnelRef, id uint16, time int64) *Session {
	var half *Session
	n := 0
	for _, s := range tr.tunnel.Sessions {
		if s.IDs[1-tr.sender] == 0 && s.State != Closed {
			half = s
			n++
		}
	}
	if n != 1 {
		half = t.newSession(tr.tunnel, time)
		half.Late = true
	}
	t.assignSession(half, 1-tr.sender, id)
	return half
}

func (t *Tracker) newTunnel(src, dst netip.AddrPort, time int64) *Tunnel {
	if len(t.all) >= maxTunnels {
		byLast := slices.SortedFunc(slices.Values(t.all), func(a, b *Tunnel) int { return cmp.Compare(a.Last, b.Last) })
		t.drop(byLast[:maxTunnels/8])
	}
	tunnel := &Tunnel{Ends: [2]End{{Addr: src}, {Addr: dst}}, Start: time, Last: time}
	t.all = append(t.all, tunnel)
	return tunnel
}

func (t *Tracker) newSession(tunnel *Tunnel, time int64) *Session {
	if t.count >= maxSessions {
		var sessions []*Session
		for _, tunnel := range t.all {
			sessions = append(sessions, tunnel.Sessions...)
		}
		slices.SortFunc(sessions, func(a, b *Session) int { return cmp.Compare(a.Last, b.Last) })
		t.dropSessions(sessions[:maxSessions/8])
	}
	s := &Session{Tunnel: tunnel, Start: time, Last: time}
	tunnel.Sessions = append(tunnel.Sessions, s)
	t.count++
	return s
}

// assignTunnel takes note of the Tunnel ID that an end has assigned.
func (t *Tracker) assignTunnel(tunnel *Tunnel, end int, id uint16) {
	t.forget(tunnel)
	tunnel.Ends[end].Tunnel = id
	t.remember(tunnel)
}

// assignSession takes note of the Session ID that an end has assigned.
func (t *Tracker) assignSession(s *Session, end int, id uint16) {
	s.IDs[end] = id
	if k, ok := s.key(end); ok {
		t.changes++
		t.sessions[k] = sessionRef{s, 1 - end}
	}
}

// move takes note of new addresses of a tunnel.
func (t *Tracker) move(tr tunnelRef, src, dst netip.AddrPort) {
	t.forget(tr.tunnel)
	tr.tunnel.Ends[tr.sender].Addr = src
	tr.tunnel.Ends[1-tr.sender].Addr = dst
	t.remember(tr.tunnel)
}

// key is what packets to the end show; false as long as the end's ID is not known.
func (t *Tunnel) key(end int) (tunnelKey, bool) {
	return tunnelKey{t.Ends[1-end].Addr, t.Ends[end].Addr, t.Ends[end].Tunnel}, t.Ends[end].Tunnel != 0
}

func (s *Session) key(end int) (sessionKey, bool) {
	k, ok := s.Tunnel.key(end)
	return sessionKey{k, s.IDs[end]}, ok && s.IDs[end] != 0
}

// remember makes a tunnel and its sessions found by their keys.
func (t *Tracker) remember(tunnel *Tunnel) {
	for end := range 2 {
		if k, ok := tunnel.key(end); ok {
			t.changes++
			t.tunnels[k] = tunnelRef{tunnel, 1 - end}
		}
		for _, s := range tunnel.Sessions {
			if k, ok := s.key(end); ok {
				t.changes++
				t.sessions[k] = sessionRef{s, 1 - end}
			}
		}
	}
}

// forget undoes remember, but for keys that lead to another tunnel by now.
func (t *Tracker) forget(tunnel *Tunnel) {
	for end := range 2 {
		if k, ok := tunnel.key(end); ok && t.tunnels[k].tunnel == tunnel {
			t.changes++
			delete(t.tunnels, k)
		}
		for _, s := range tunnel.Sessions {
			t.forgetSession(s, end)
		}
	}
}

func (t *Tracker) forgetSession(s *Session, end int) {
	if k, ok := s.key(end); ok && t.sessions[k].session == s {
		t.changes++
		delete(t.sessions, k)
	}
}

// drop removes tunnels with their sessions.
func (t *Tracker) drop(tunnels []*Tunnel) {
	gone := make(map[*Tunnel]bool, len(tunnels))
	for _, tunnel := range tunnels {
		t.forget(tunnel)
		t.count -= len(tunnel.Sessions)
		gone[tunnel] = true
		for _, s := range tunnel.Sessions {
			t.ended(s)
		}
	}
	t.all = slices.DeleteFunc(t.all, func(tunnel *Tunnel) bool { return gone[tunnel] })
}

// dropSessions removes sessions.
func (t *Tracker) dropSessions(sessions []*Session) {
	gone := make(map[*Session]bool, len(sessions))
	touched := make(map[*Tunnel]bool)
	for _, s := range sessions {
		t.forgetSession(s, 0)
		t.forgetSession(s, 1)
		gone[s] = true
		t.ended(s)
		touched[s.Tunnel] = true
	}
	for tunnel := range touched {
		tunnel.Sessions = slices.DeleteFunc(tunnel.Sessions, func(s *Session) bool { return gone[s] })
	}
	t.count -= len(sessions)
}
