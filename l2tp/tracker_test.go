package l2tp

import (
	"net/netip"
	"testing"

	"l2tpdump/testdata/race"
)

var (
	client = netip.MustParseAddrPort("203.0.113.10:1701")
	server = netip.MustParseAddrPort("198.51.100.1:1701")
)

func observation(tr *Tracker, src, dst netip.AddrPort, h *Header, data []byte) (o Observation) {
	tr.Observe(&o, src, dst, h, data)
	return o
}

// observe decodes data and gives it to the tracker.
func observe(t *testing.T, tr *Tracker, src, dst netip.AddrPort, data []byte) (*Session, int) {
	t.Helper()
	var h Header
	if err := h.Decode(data); err != nil {
		t.Fatal(err)
	}
	o := observation(tr, src, dst, &h, data)
	return o.Session, o.Sender
}

func payload(tunnel, session uint16) []byte {
	return []byte{0, 2, byte(tunnel >> 8), byte(tunnel), byte(session >> 8), byte(session), 0xff, 0x03, 0x00, 0x21}
}

// dial sets up a tunnel and a call with the given IDs, and returns the session.
func dial(t *testing.T, tr *Tracker, c, s netip.AddrPort, ct, st, cs, ss uint16) *Session {
	t.Helper()
	host := func(name string) []byte { return avpBytes(0x8000, 0, avpHostName, []byte(name)...) }
	observe(t, tr, c, s, control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, ct), host("phone")))
	observe(t, tr, s, c, control(ct, 0, 0, 1, message(SCCRP), id(avpAssignedTunnel, st), host("router")))
	observe(t, tr, c, s, control(st, 0, 1, 1, message(SCCCN)))
	a, from := observe(t, tr, c, s, control(st, 0, 2, 1, message(ICRQ), id(avpAssignedSession, cs)))
	if a == nil || from != 0 {
		t.Fatalf("ICRQ: session %v from %d", a, from)
	}
	b, from := observe(t, tr, s, c, control(ct, cs, 1, 3, message(ICRP), id(avpAssignedSession, ss)))
	if b != a || from != 1 {
		t.Fatalf("ICRP: session %v from %d", b, from)
	}
	observe(t, tr, c, s, control(st, ss, 3, 2, message(ICCN)))
	return a
}

// same fails unless data in both directions belongs to s.
func same(t *testing.T, tr *Tracker, s *Session, c, srv netip.AddrPort, ct, st, cs, ss uint16) {
	t.Helper()
	if got, from := observe(t, tr, c, srv, payload(st, ss)); got != s || from != 0 {
		t.Errorf("data from the client: session %p from %d, want %p", got, from, s)
	}
	if got, from := observe(t, tr, srv, c, payload(ct, cs)); got != s || from != 1 {
		t.Errorf("data from the server: session %p from %d, want %p", got, from, s)
	}
}

func TestTracker(t *testing.T) {
	tr := NewTracker(nil)
	s := dial(t, tr, client, server, 21, 4711, 7, 815)
	same(t, tr, s, client, server, 21, 4711, 7, 815)
	if s.closed || s.Tunnel.State != Established || s.Tunnel.Late {
		t.Errorf("%+v %+v", s, s.Tunnel)
	}
	if e := s.Tunnel.Ends; e[0] != (End{client, 21, "phone"}) || e[1] != (End{server, 4711, "router"}) {
		t.Errorf("%+v", e)
	}
	if s.IDs != [2]uint32{7, 815} {
		t.Errorf("%+v", s)
	}
	observe(t, tr, client, server, control(4711, 815, 4, 2, message(CDN), id(avpAssignedSession, 7), avpBytes(0x8000, 0, 1, 0, 3)))
	if !s.closed || s.Tunnel.State != Established {
		t.Errorf("after CDN: %v %v", s.closed, s.Tunnel.State)
	}
	observe(t, tr, client, server, control(4711, 0, 5, 2, message(StopCCN), id(avpAssignedTunnel, 21), avpBytes(0x8000, 0, 1, 0, 1)))
	if s.Tunnel.State != Closed {
		t.Errorf("after StopCCN: %v", s.Tunnel.State)
	}
	if n := tr.tunnelOrder.n; n != 1 {
		t.Errorf("%d tunnels", n)
	}
}

func TestTrackerRetransmissions(t *testing.T) {
	tr := NewTracker(nil)
	request := control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, 21))
	observe(t, tr, client, server, request)
	observe(t, tr, client, server, request)
	s := dial(t, tr, client, server, 21, 4711, 7, 815)
	// Late copies of requests change nothing as long as no data has flowed.
	observe(t, tr, client, server, control(4711, 0, 2, 1, message(ICRQ), id(avpAssignedSession, 7)))
	observe(t, tr, client, server, request)
	same(t, tr, s, client, server, 21, 4711, 7, 815)
	if tr.tunnelOrder.n != 1 || s.Tunnel.open.n != 1 {
		t.Errorf("%d tunnels, %d sessions", tr.tunnelOrder.n, s.Tunnel.open.n)
	}
}

func TestTrackerRedial(t *testing.T) {
	tr := NewTracker(nil)
	first := dial(t, tr, client, server, 1, 4711, 1, 815)
	same(t, tr, first, client, server, 1, 4711, 1, 815)
	first.Value = "state of the first call"
	// A client without memory dials again with the same IDs, having said no goodbye.
	second := dial(t, tr, client, server, 1, 4712, 1, 816)
	if second == first || second.Value != nil || second.Tunnel == first.Tunnel {
		t.Fatal("the second dial found the state of the first")
	}
	same(t, tr, second, client, server, 1, 4712, 1, 816)
	// A second call in the same tunnel, with the ID of the first.
	observe(t, tr, client, server, control(4712, 816, 4, 2, message(CDN), id(avpAssignedSession, 1)))
	third, _ := observe(t, tr, client, server, control(4712, 0, 5, 2, message(ICRQ), id(avpAssignedSession, 1)))
	if third == second || third.Tunnel != second.Tunnel {
		t.Fatal("the new call found the old one")
	}
	observe(t, tr, server, client, control(1, 1, 2, 6, message(ICRP), id(avpAssignedSession, 817)))
	same(t, tr, third, client, server, 1, 4712, 1, 817)
}

func TestTrackerBehindOneNAT(t *testing.T) {
	// Two clients with one address and the same IDs: the ports tell them apart.
	tr := NewTracker(nil)
	nat1, nat2 := netip.MustParseAddrPort("203.0.113.10:27795"), netip.MustParseAddrPort("203.0.113.10:4500")
	s1 := dial(t, tr, nat1, server, 1, 100, 1, 200)
	s2 := dial(t, tr, nat2, server, 1, 101, 1, 201)
	if s1 == s2 {
		t.Fatal("two clients share a session")
	}
	same(t, tr, s1, nat1, server, 1, 100, 1, 200)
	same(t, tr, s2, nat2, server, 1, 101, 1, 201)
	// The NAT gives the second client another port.
	moved := netip.MustParseAddrPort("203.0.113.10:61000")
	same(t, tr, s2, moved, server, 1, 101, 1, 201)
	same(t, tr, s1, nat1, server, 1, 100, 1, 200)
	if s2.Tunnel.Ends[0].Addr != moved || tr.tunnelOrder.n != 2 {
		t.Errorf("%v, %d tunnels", s2.Tunnel.Ends[0].Addr, tr.tunnelOrder.n)
	}
}

func TestTrackerResponderPort(t *testing.T) {
	// RFC 2661 section 8.1: the responder may answer from a port of its own.
	tr := NewTracker(nil)
	other := netip.MustParseAddrPort("198.51.100.1:50000")
	observe(t, tr, client, server, control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, 21)))
	observe(t, tr, other, client, control(21, 0, 0, 1, message(SCCRP), id(avpAssignedTunnel, 22)))
	if n := tr.tunnelOrder.n; n != 1 {
		t.Fatalf("%d tunnels", n)
	}
	if e := tr.tunnelOrder.front.of.Ends; e[1].Addr != other || e[0].Tunnel != 21 || e[1].Tunnel != 22 {
		t.Errorf("%+v", e)
	}
}

func TestTrackerLate(t *testing.T) {
	tr := NewTracker(nil)
	a, from := observe(t, tr, client, server, payload(4711, 815))
	if a == nil || from != 0 || !a.Tunnel.Late {
		t.Fatalf("%+v from %d", a, from)
	}
	same(t, tr, a, client, server, 21, 4711, 7, 815)
	if tr.tunnelOrder.n != 1 || a.IDs != [2]uint32{7, 815} {
		t.Errorf("%d tunnels, IDs %v", tr.tunnelOrder.n, a.IDs)
	}
	// Two calls of which nothing is known cannot be paired by guessing.
	b, _ := observe(t, tr, client, server, payload(4711, 816))
	c, _ := observe(t, tr, client, server, payload(4711, 817))
	d, from := observe(t, tr, server, client, payload(21, 8))
	if b == a || c == a || c == b || d == a || d == b || d == c || from != 1 {
		t.Error("sessions were mixed up")
	}
}

func TestTrackerIgnores(t *testing.T) {
	tr := NewTracker(nil)
	for _, data := range [][]byte{
		payload(0, 1), payload(1, 0),
		control(0, 0, 0, 0), control(0, 0, 0, 0, message(SCCRQ)), control(0, 0, 0, 0, message(Hello)),
		control(0, 0, 0, 0, message(StopCCN), id(avpAssignedTunnel, 9)),
		{0, 3, 0, 0, 0, 0, 0, 0, 2, 3},
	} {
		if s, _ := observe(t, tr, client, server, data); s != nil {
			t.Errorf("%x made a session", data)
		}
	}
	if tr.tunnelOrder.n != 0 {
		t.Errorf("%d tunnels", tr.tunnelOrder.n)
	}
}

func TestTrackerBounds(t *testing.T) {
	tr := NewTracker(nil)
	for i := range 3 * maxTunnels {
		observe(t, tr, client, server, payload(uint16(i+1), 1))
	}
	if n := tr.tunnelOrder.n; n > maxTunnels || n < maxTunnels/2 {
		t.Errorf("%d tunnels", n)
	}
	for i := range 2 * maxSessions {
		observe(t, tr, client, server, payload(60000, uint16(i+1)))
	}
	if tr.sessionOrder.n > maxSessions || len(tr.sessions3) > 2*maxSessions || len(tr.tunnels) > 2*maxTunnels {
		t.Errorf("%d sessions, %d and %d keys", tr.sessionOrder.n, len(tr.sessions3), len(tr.tunnels))
	}
}

func TestTrackerNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	tr := NewTracker(nil)
	s := dial(t, tr, client, server, 21, 4711, 7, 815)
	data := payload(4711, 815)
	var h Header
	if err := h.Decode(data); err != nil {
		t.Fatal(err)
	}
	var o Observation
	if n := testing.AllocsPerRun(1000, func() {
		if tr.Observe(&o, client, server, &h, data); o.Session != s {
			t.Error("another session")
		}
	}); n != 0 {
		t.Errorf("%v allocations for a data message", n)
	}
}

// TestTrackerEnded: who keeps something for a session is told when it is closed, and when it is
// forgotten.
func TestTrackerEnded(t *testing.T) {
	tr := NewTracker(nil)
	ended := make(map[*Session]int)
	tr.Ended = func(s *Session) { ended[s]++ }
	a := dial(t, tr, client, server, 21, 4711, 7, 815)
	b, _ := observe(t, tr, client, server, control(4711, 0, 4, 2, message(ICRQ), id(avpAssignedSession, 8)))
	observe(t, tr, client, server, control(4711, 815, 5, 2, message(CDN), id(avpAssignedSession, 7)))
	if ended[a] != 1 || ended[b] != 0 {
		t.Errorf("after the CDN: %d, %d", ended[a], ended[b])
	}
	observe(t, tr, client, server, control(4711, 0, 6, 2, message(StopCCN), id(avpAssignedTunnel, 21)))
	if ended[b] != 1 {
		t.Errorf("after the StopCCN: %d", ended[b])
	}
	kept := 0
	for i := range 3 * maxSessions {
		observe(t, tr, client, server, payload(uint16(1+i>>15), uint16(1+i&0x7fff)))
		kept++
	}
	if told := len(ended) - 2; told < kept-maxSessions || told != kept-tr.sessionOrder.n {
		t.Errorf("%d sessions, %d kept, %d told to have ended", kept, tr.sessionOrder.n, told)
	}
}

// TestSCCRPLost: the SCCCN shows the Tunnel ID that the SCCRP assigned, if there is one tunnel that
// it can be of.
func TestSCCRPLost(t *testing.T) {
	for requests := range 3 {
		tr := NewTracker(nil)
		for i := range requests {
			observe(t, tr, client, server, control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, uint16(21+i))))
		}
		observe(t, tr, client, server, control(9, 0, 1, 1, message(SCCCN)))
		a, _ := observe(t, tr, client, server, control(9, 0, 2, 1, message(ICRQ), id(avpAssignedSession, 7)))
		b, _ := observe(t, tr, server, client, control(21, 7, 1, 3, message(ICRP), id(avpAssignedSession, 8)))
		if same := a == b; same != (requests < 2) {
			t.Errorf("%d requests: one session: %v", requests, same)
		}
	}
}

// TestDamaged: a message of a tunnel that is known is recognised without its version, and of it
// nothing else.
func TestDamaged(t *testing.T) {
	tr := NewTracker(nil)
	dial(t, tr, client, server, 11, 22, 33, 44)
	hello := control(22, 0, 4, 2, message(Hello))
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"data":            {payload(22, 44), true},
		"control":         {hello, true},
		"another tunnel":  {payload(23, 44), false},
		"another session": {payload(22, 45), false},
		"reserved bits":   {append([]byte{0x10}, payload(22, 44)[1:]...), false},
		"more behind it":  {append(hello, 0), false},
		"control alone":   {append([]byte{0x80}, payload(22, 0)[1:]...), false},
		"short":           {payload(22, 44)[:5], false},
	} {
		for _, version := range []byte{0, 2, 3, 5, 6, 10, 15} {
			c.data[1] = version
			exists := version == 2 || version == 3
			if got := tr.Damaged(client, server, c.data); got != (c.want && !exists) {
				t.Errorf("%s, version %d: %v", name, version, got)
			}
		}
	}
}
