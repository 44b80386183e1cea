package sessions

import (
	"net/netip"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/l2tp"
)

// record is an L2TP message in clear from one address to another.
func record(number uint64, src, dst string, message []byte) *pipeline.Record {
	r := &pipeline.Record{Number: number, Kind: pipeline.L2TP, Verdict: why.Clear}
	r.Packet.Time = int64(number) * 1e6
	a, b := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	r.Net.IPVersion, r.Net.UDP = 4, true
	r.Net.Src, r.Net.SrcPort, r.Net.Dst, r.Net.DstPort = a.Addr(), a.Port(), b.Addr(), b.Port()
	p := &r.Payload
	p.HasL2TP, p.Message = p.L2TP.Decode(message) == nil, message
	l2tp.NewTracker(nil).Observe(&p.Tunnel, a, b, &p.L2TP, message)
	return r
}

// control is a control message with one more AVP of two bytes than its type.
func control(tunnel, session, kind, avp, value uint16) []byte {
	m := []byte{0xc8, 2, 0, 28, byte(tunnel >> 8), byte(tunnel), byte(session >> 8), byte(session), 0, 0, 0, 0}
	for _, a := range [][2]uint16{{0, kind}, {avp, value}} {
		m = append(m, 0x80, 8, 0, 0, byte(a[0]>>8), byte(a[0]), byte(a[1]>>8), byte(a[1]))
	}
	return m
}

const clientEnd, serverEnd = "192.0.2.7:1701", "192.0.2.1:1701"

func collect(list *[]*Session) *Gatherer {
	return NewGatherer(func(s *Session) error {
		*list = append(*list, s)
		return nil
	})
}

// TestClearChangesNothing: what is said in clear does not touch a session of which L2TP was read
// inside ESP.
func TestClearChangesNothing(t *testing.T) {
	var list []*Session
	g := collect(&list)
	src, dst := netip.MustParseAddrPort("192.0.2.7:0"), netip.MustParseAddrPort("192.0.2.1:0")
	a := g.newAssociation(src, dst, certain)
	s := g.begin(a, src, dst, place{1, 1})
	a.opened = true
	s.came(place{2, 2})
	for i, m := range [][]byte{
		control(0, 0, l2tp.SCCRQ, 9, 5), control(5, 0, l2tp.StopCCN, 9, 5), control(5, 6, l2tp.CDN, 14, 6),
	} {
		if err := g.Record(record(uint64(3+i), clientEnd, serverEnd, m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].finding.State != Up || list[0].finding.ended || list[0].clear.n != 0 ||
		list[0].stray.n != 3 {
		t.Errorf("%d sessions; %+v, stray %d", len(list), list[0].finding, list[0].stray.n)
	}
}

// TestBounds: however many sessions there are, no more than some are kept.
func TestBounds(t *testing.T) {
	var list []*Session
	g := collect(&list)
	for i := range 3 * maxHeld {
		end := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1701)
		if err := g.Record(record(uint64(i+1), end.String(), serverEnd, control(0, 0, l2tp.SCCRQ, 9, 5))); err != nil {
			t.Fatal(err)
		}
		if g.held.Len() > maxHeld || len(g.pairs) > maxHeld+1 {
			t.Fatalf("%d sessions and %d pairs are kept", g.held.Len(), len(g.pairs))
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if len(list) != 3*maxHeld || len(g.pairs)+len(g.calls)+len(g.flows)+len(g.exchanges)+len(g.cookies) != 0 {
		t.Errorf("%d sessions; left are %d pairs, %d calls, %d flows, %d exchanges", len(list), len(g.pairs),
			len(g.calls), len(g.flows), len(g.exchanges))
	}
}

// TestEvents: the first and the last are kept, in their order.
func TestEvents(t *testing.T) {
	var l events
	const n = firstEvents + 3*lastEvents + 7
	for i := range n {
		l.add(Event{Frame: uint64(i)})
	}
	all := l.all()
	if len(all) != firstEvents+lastEvents || all[firstEvents-1].Frame != firstEvents-1 ||
		all[firstEvents].Frame != n-lastEvents ||
		all[len(all)-1].Frame != n-1 {
		t.Errorf("%d events, from %d over %d to %d", len(all), all[0].Frame, all[firstEvents].Frame,
			all[len(all)-1].Frame)
	}
}

// TestCommunityID: an example of the specification.
func TestCommunityID(t *testing.T) {
	a, b := netip.MustParseAddrPort("192.168.1.52:54585"), netip.MustParseAddrPort("8.8.8.8:53")
	const want = "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
	if got := communityID([2]netip.AddrPort{a, b}); got != want || communityID([2]netip.AddrPort{b, a}) != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestReadPSKs(t *testing.T) {
	list, err := ReadPSKs(strings.NewReader("# a comment\n10.0.0.1 %any : PSK \"two words\"\n0x616263\n0sYWJj\nplain\n'x'\n"), "f")
	want := []string{"two words", "abc", "abc", "plain", "x"}
	if err != nil || len(list) != len(want) {
		t.Fatalf("%d keys, %v", len(list), err)
	}
	for i, w := range want {
		if !list[i].Key.Equal(esp.NewKey([]byte(w))) {
			t.Errorf("key %d of %v is another", i, list[i].Origin)
		}
	}
	for _, bad := range []string{"", "# nothing", "0xzz", "0s!!"} {
		if _, err := ReadPSKs(strings.NewReader(bad), "f"); err == nil || strings.Contains(err.Error(), "zz") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestErrorText: the codes of MS-CHAP in words.
func TestErrorText(t *testing.T) {
	for reason, want := range map[string]string{
		"E=691 R=1 C=... V=3 M=denied": "wrong name or password (E=691 R=1 C=... V=3 M=denied)",
		"E=648 R=0":                    "the password has expired (E=648 R=0)",
		"Login incorrect":              "Login incorrect",
		"E=999":                        "E=999",
	} {
		if got := errorText(reason); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}

// TestAllocations: a users' packet of a known session costs none.
func TestAllocations(t *testing.T) {
	var list []*Session
	g := collect(&list)
	steps := [][]byte{control(0, 0, l2tp.SCCRQ, 9, 5), control(0, 0, l2tp.ICRQ, 14, 6)}
	for i, m := range steps {
		if err := g.Record(record(uint64(i+1), clientEnd, serverEnd, m)); err != nil {
			t.Fatal(err)
		}
	}
	ip := make([]byte, 40)
	ip[0], ip[3], ip[9] = 0x45, 40, protoTCP
	r := record(3, serverEnd, clientEnd, append([]byte{0, 2, 0, 5, 0, 6, 0x21}, ip...))
	r.Payload.Inner = ip
	if err := g.Record(r); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = g.Record(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestFlowsBeyondTheBound: of many SPIs between two ends the newest are known, each that no session
// names takes the place of one that is forgotten, and those that one names stay what they are.
func TestFlowsBeyondTheBound(t *testing.T) {
	g := NewGatherer(func(*Session) error { return nil })
	src, dst := netip.MustParseAddrPort("192.0.2.7:0"), netip.MustParseAddrPort("192.0.2.1:0")
	a := g.newAssociation(src, dst, certain)
	s := g.begin(a, src, dst, place{1, 1})
	spi := uint32(0)
	packet := func() {
		spi++
		f := g.newFlow(a, spi, src.Addr(), dst.Addr())
		s.addESP(f, 100, place{uint64(spi), int64(spi)})
	}
	for range 8 * maxFlows {
		packet()
	}
	known := func(spi uint32) bool {
		f, _ := g.flow(spi, src.Addr(), dst.Addr())
		return f != nil
	}
	if len(g.flows) != 4*maxFlows || !known(spi) || !known(spi-4*maxFlows+1) || known(spi-4*maxFlows) {
		t.Errorf("%d flows are known, not the %d newest", len(g.flows), 4*maxFlows)
	}
	for i, f := range s.flows {
		if f.spi != uint32(i+1) {
			t.Fatalf("flow %d of the session has become 0x%x", i, f.spi)
		}
	}
	if n := testing.AllocsPerRun(10*maxFlows, packet); n > 0 {
		t.Errorf("%v allocations for a further one", n)
	}
}

// TestEventsMove: events of which the middle was dropped stay in their order when some are another
// session's.
func TestEventsMove(t *testing.T) {
	const many = 2*(firstEvents+lastEvents) + 7
	for name, theirs := range map[string]func(e *Event) bool{
		"every third": func(e *Event) bool { return e.Frame%3 == 0 },
		"most":        func(e *Event) bool { return e.Frame > 3 },
		"all":         func(*Event) bool { return true },
	} {
		var l, others events
		for i := range uint64(many) {
			l.add(Event{Frame: i + 1})
		}
		l.move(&others, theirs)
		l.add(Event{Frame: many + 1})
		for _, list := range [][]Event{l.all(), others.all()} {
			for i := 1; i < len(list); i++ {
				if list[i].Frame <= list[i-1].Frame {
					t.Errorf("%s: frame %d behind %d", name, list[i].Frame, list[i-1].Frame)
				}
			}
		}
		if n := len(l.all()) + len(others.all()); n != firstEvents+lastEvents+1 || l.all()[len(l.all())-1].Frame != many+1 {
			t.Errorf("%s: %d events, the last %+v", name, n, l.all()[len(l.all())-1])
		}
	}
}

// TestManyIDs: data of ever other tunnels and sessions, whose beginning was not captured, takes no
// more memory.
func TestManyIDs(t *testing.T) {
	var list []*Session
	g := collect(&list)
	for i := range uint64(1000) {
		data := []byte{0, 2, byte(i >> 8), byte(i) | 1, byte(i), 1, 0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0}
		if err := g.Record(record(1+200*i, clientEnd, serverEnd, data)); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.calls) != maxKeys || g.Open() != 1 {
		t.Errorf("%d IDs, %d sessions", len(g.calls), g.Open())
	}
}
