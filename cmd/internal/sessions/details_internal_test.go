package sessions

import (
	"encoding/binary"
	"testing"

	"l2tpdump/l2tp"
)

func total(list []uint64) (n uint64) {
	for _, v := range list {
		n += v
	}
	return n
}

// TestSeries: whatever the times, there are no more buckets than there may be, and nothing is lost.
func TestSeries(t *testing.T) {
	const n = 10_000
	var s series
	now := int64(1_800_000_000e9)
	for i := range int64(n) {
		b := s.at(now + i*i*1e6)
		b.users[client] += 3
		b.rekeys++
		s.miss(server, 2, now+i*i*1e6)
	}
	s.at(now - 5e9).users[client] += 3 // the clock was set back
	s.miss(server, -n, now+n*n*1e6)
	o := s.object(true)
	if len(o.OrigBytes) > maxBuckets || len(o.OrigBytes) < maxBuckets/2-1 {
		t.Errorf("%d buckets", len(o.OrigBytes))
	}
	if total(o.OrigBytes) != 3*(n+1) || total(o.Rekeys) != n || total(o.RespLost) != n || o.OrigLost != nil {
		t.Errorf("%d bytes, %d rekeys, %d lost", total(o.OrigBytes), total(o.Rekeys), total(o.RespLost))
	}
	if last := int64(o.Time) + int64(o.Interval)*int64(len(o.OrigBytes)); last <= now+(n-1)*(n-1)*1e6 {
		t.Error("the series ends before the last packet")
	}
	if (&series{}).object(true) != nil {
		t.Error("a series of nothing")
	}
}

// TestSeriesFarAhead: a time that is absurd costs no memory.
func TestSeriesFarAhead(t *testing.T) {
	var s series
	s.at(0).users[client]++
	s.at(1<<63 - 1).users[client]++
	s.at(-1 << 63).users[client]++
	if o := s.object(true); len(o.OrigBytes) > maxBuckets || total(o.OrigBytes) != 3 {
		t.Errorf("%d buckets of %d", len(o.OrigBytes), total(o.OrigBytes))
	}
}

func udpPacket(port uint16) []byte {
	p := make([]byte, 28)
	p[0], p[3], p[9], p[12], p[16] = 0x45, 28, protoUDP, 10, 11
	binary.BigEndian.PutUint16(p[20:], port)
	binary.BigEndian.PutUint16(p[22:], 53)
	p[25] = 8
	return p
}

// TestConversations: the largest are told, both directions together, and with the others they are
// all that was sent.
func TestConversations(t *testing.T) {
	var c conversations
	answer := udpPacket(0)
	binary.BigEndian.PutUint16(answer[20:], 53)
	binary.BigEndian.PutUint16(answer[22:], 7)
	copy(answer[12:], []byte{11, 0, 0, 0, 10, 0, 0, 0})
	const many = 5000
	for i := range uint16(many) {
		c.add(client, udpPacket(1000+i), 0)
		c.add(client, udpPacket(7), 72)
		c.add(server, answer, 0)
	}
	c.add(server, []byte{1}, 0)
	if len(c.list) > maxConversations || len(c.index) != len(c.list) {
		t.Fatalf("%d conversations, %d known", len(c.list), len(c.index))
	}
	list, others := c.objects()
	first := list[0]
	if len(list) != topConversations || first.Protocol != "udp" || *first.OrigPort != 7 || *first.RespPort != 53 || first.OrigHost != "10.0.0.0" ||
		first.OrigPackets != many || first.OrigBytes != 100*many || first.RespPackets != many || first.RespBytes != 28*many {
		t.Errorf("%d conversations, the first is %+v", len(list), first)
	}
	packets, bytes := others.OrigPackets, others.OrigBytes
	for _, x := range list {
		packets, bytes = packets+x.OrigPackets, bytes+x.OrigBytes
	}
	if packets != 2*many || bytes != 128*many || others.RespPackets != 1 || others.RespBytes != 1 {
		t.Errorf("%d packets, %d bytes; others %+v", packets, bytes, others)
	}
}

// TestEventsTellWhatIsMissing: the message behind a gap says how large it is.
func TestEventsTellWhatIsMissing(t *testing.T) {
	var l events
	for i := range firstEvents + lastEvents + 7 {
		l.add(Event{Frame: uint64(i)})
	}
	for i, e := range l.all() {
		if want := uint64(7); (i == firstEvents) != (e.LeftOut == want) || i != firstEvents && e.LeftOut != 0 {
			t.Errorf("event %d: %d are left out before it", i, e.LeftOut)
		}
	}
}

// TestDetailsAllocations: with its details kept, a users' packet of a known session costs none
// either.
func TestDetailsAllocations(t *testing.T) {
	var list []*Session
	g := collect(&list)
	g.KeepDetails()
	for i, m := range [][]byte{control(0, 0, l2tp.SCCRQ, 9, 5), control(0, 0, l2tp.ICRQ, 14, 6)} {
		r := record(uint64(i+1), clientEnd, serverEnd, m)
		r.Net.FragID = uint32(i)
		if err := g.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	ip := udpPacket(99)
	r := record(3, serverEnd, clientEnd, append([]byte{0, 2, 0, 5, 0, 6, 0x21}, ip...))
	r.Payload.Inner = ip
	if err := g.Record(r); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		r.Net.FragID++ // else it is one that was doubled
		_ = g.Record(r)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	f := list[0].Facts()
	if len(f.Messages) != 2 || f.Traffic == nil || len(f.Conversations) != 1 || f.Conversations[0].Sender != server || f.Conversations[0].OrigPackets < 100 {
		t.Errorf("%d messages, traffic %v, conversations %+v", len(f.Messages), f.Traffic, f.Conversations)
	}
}
