package pipeline

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"unsafe"

	"l2tpdump/capture"
	"l2tpdump/ikev1"
	"l2tpdump/l2tp/ppp"
)

// TestStreamsBounded: of more streams, segments and bytes than there is room for, the newest stay.
func TestStreamsBounded(t *testing.T) {
	var s streams
	key := func(i int) streamKey { return streamKey{srcPort: uint16(i)} }
	for i := range maxStreams + 100 {
		s.of(key(i), true)
	}
	if len(s.known) != maxStreams || s.order.Len() != maxStreams || s.known[key(100)] == nil || s.known[key(99)] != nil {
		t.Errorf("%d streams, %d in order", len(s.known), s.order.Len())
	}
	begins := func([]byte) certainty { return none }
	for i := range maxStreams {
		st := s.of(key(i), true)
		st.restart(0)
		for j := range uint32(maxStreamSegments + 10) {
			st.add(1000*j+1, make([]byte, 500), begins)
			s.settle(st)
		}
		if len(st.waiting) != maxStreamSegments || s.bytes > maxStreamBytes || s.bytes < min(i, 200)*st.size {
			t.Fatalf("stream %d: %d segments wait, %d bytes of all", i, len(st.waiting), s.bytes)
		}
	}
}

// TestLateBounded: of one exchange, and of all, no more IKE frames wait than the bounds say.
func TestLateBounded(t *testing.T) {
	for _, c := range []struct {
		closed             bool
		most, ofAnExchange int
	}{{true, maxLate, maxLateExchange}, {false, maxUnnumbered, maxUnnumberedExchange}} {
		for _, same := range []bool{true, false} {
			f := newFramer(nil)
			q, want := &f.late.unnumbered, c.most
			if c.closed {
				q = &f.late.closed
			}
			if same {
				want = c.ofAnExchange
			}
			for i := range uint32(2 * c.most) {
				m := &ikev1.Message{}
				if m.Header.InitiatorCookie[0] = 1; !same {
					m.Header.MessageID = i
				}
				f.wait(&Record{Kind: IKE, IKE: []*Message{{Message: m}}}, c.closed)
			}
			if n := q.frames.Len(); n != want {
				t.Errorf("to be opened %v, of one exchange %v: %d wait, want %d", c.closed, same, n, want)
			}
		}
	}
}

// TestIKEGroupsBounded: when too many IKE messages in fragments wait, those before are given up.
func TestIKEGroupsBounded(t *testing.T) {
	f := newFramer(nil)
	var first *Record
	for i := range 3 * maxIKEGroups {
		m := &ikev1.Message{Fragment: &ikev1.Fragment{}, FragmentOf: &ikev1.FragmentKey{ID: uint16(i)}}
		r := &Record{Kind: IKE, IKE: []*Message{{Message: m}}}
		if f.ikeFragments(r); first == nil {
			first = r
		}
		if n := len(f.ikeGroups); n > maxIKEGroups {
			t.Fatalf("%d wait", n)
		}
		if settled := first.group.isSettled(); settled != (i >= maxIKEGroups) {
			t.Fatalf("the first is given up at the fragments of message %d: %v", i+1, settled)
		}
	}
}

// TestLinesBounded: no more lines are followed than the bound says.
func TestLinesBounded(t *testing.T) {
	var l lines
	x := ppp.NewExpander(nil)
	for i := range 2 * maxLines {
		r := &Record{}
		r.Packet.Interface, r.Net.Direction = i, capture.DirectionIn
		if link, _ := l.of(r, x); link == nil {
			t.Fatal("no link")
		}
	}
	if len(l.links) != maxLines {
		t.Errorf("%d lines", len(l.links))
	}
}

// TestFragmentsBounded: IP fragments wait for others in bounds of bytes and of time, outside of ESP
// and inside.
func TestFragmentsBounded(t *testing.T) {
	var inside insideFragments
	verified := &Record{}
	verified.Plain.Verified = true
	for name, c := range map[string]struct {
		r     *capture.Reassembler
		bytes int
	}{
		"outside":              {newFramer(nil).reassembly, reassemblyBytes},
		"inside":               {inside.of(verified), insideBytes},
		"inside, not verified": {inside.of(&Record{}), insideBytes},
	} {
		gone := 0
		c.r.OnGiveUp(func(*capture.Datagram) { gone++ })
		const size = 1400
		add := func(id int, time int64) {
			b := make([]byte, 20+size)
			b[0], b[6], b[8], b[9] = 0x45, 0x20, 64, 50
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
			binary.BigEndian.PutUint16(b[4:], uint16(id))
			copy(b[12:], netip.MustParseAddr("192.0.2.1").AsSlice())
			copy(b[16:], netip.MustParseAddr("192.0.2.2").AsSlice())
			var n capture.Frame
			if err := n.Decode(capture.Raw, b); err != nil {
				t.Fatal(err)
			}
			if _, err := c.r.Add(nil, &n, b, time); err != nil {
				t.Fatal(err)
			}
		}
		n := 2 * c.bytes / size
		for id := range n {
			add(id, 0)
		}
		if left := n - gone; left*size > c.bytes || left*size < c.bytes/2 {
			t.Errorf("%s: %d bytes of fragments wait", name, left*size)
		}
		add(n, reassemblyTimeout)
		if gone > n*3/4 {
			t.Errorf("%s: %d of %d are given up before their time", name, gone, n)
		}
		if add(n, reassemblyTimeout+1); gone != n {
			t.Errorf("%s: %d of %d are given up after their time", name, gone, n)
		}
	}
}

// TestBatchesBounded: batches on their way hold less than 20 MiB; then the reader waits, or gives
// up what the first of them waits for.
func TestBatchesBounded(t *testing.T) {
	l, g := newLine(), newGroup(0)
	l.stuck = g
	bytes := 0
	for n := 1; ; n++ {
		b, given := l.take()
		if given != nil {
			if given != g || n <= 16 {
				t.Errorf("given up with %d batches on their way", n-1)
			}
			return
		}
		l.add(b)
		bytes += cap(b.records)*int(unsafe.Sizeof(Record{})) + 2*(batchBytes+batchBytes/8)
		if bytes >= 20<<20 {
			t.Fatalf("%d batches of %d bytes are on their way", n, bytes)
		}
	}
}

// TestTriesBounded: an IKE message that waits to be opened is tried 3 times for messages that are
// not decrypted themselves, and once more when it goes.
func TestTriesBounded(t *testing.T) {
	f := newFramer(nil)
	initiator, responder := netip.MustParseAddrPort("192.0.2.1:500"), netip.MustParseAddrPort("192.0.2.2:500")
	message := func(i uint32) *Record {
		h := ikev1.Header{InitiatorCookie: ikev1.Cookie{1}, ResponderCookie: ikev1.Cookie{2}, MajorVersion: 1, Exchange: ikev1.ExchangeQuick,
			NextPayload: ikev1.PayloadHash, Flags: ikev1.FlagEncryption, MessageID: 7, Length: ikev1.HeaderLen + 64}
		d := binary.BigEndian.AppendUint32(h.Append(nil), i)
		m := f.ike.Observe(&ikev1.Datagram{Src: initiator, Dst: responder, Data: append(d, make([]byte, 60)...)})[0]
		return &Record{Kind: IKE, IKE: []*Message{{Message: m}}}
	}
	message(0)
	r := message(1)
	f.wait(r, true)
	untouched := errors.New("not tried")
	tried := func(f func()) bool {
		r.IKE[0].Err = untouched
		f()
		return r.IKE[0].Err != untouched
	}
	times := 0
	for i := range uint32(200) {
		other := message(i + 2)
		if tried(func() { f.retry(other.IKE) }) {
			times++
		}
	}
	if times != 3 {
		t.Errorf("it is tried %d times", times)
	}
	if !tried(func() { f.let(&f.late.closed, f.late.closed.oldest()) }) {
		t.Error("it goes without another try")
	}
}
