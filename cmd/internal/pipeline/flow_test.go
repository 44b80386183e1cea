package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"l2tpdump/capture"
)

// scripted is a source of frames that next makes, from 0 on.
type scripted struct {
	ready bool
	n     int
	next  func(n int) ([]byte, error)
}

func (s *scripted) Interfaces() []capture.Interface {
	return []capture.Interface{{LinkType: capture.Raw, Resolution: 1e9}}
}
func (s *scripted) Close() error { return nil }
func (s *scripted) Ready() bool  { return s.ready }

func (s *scripted) Next(p *capture.Packet) error {
	data, err := s.next(s.n)
	s.n++
	*p = capture.Packet{Time: 1.7e18 + int64(s.n), Length: len(data), Data: data}
	return err
}

// counter is a sink that counts. What it has flushed any goroutine may read.
type counter struct {
	numbers []uint64
	flushed atomic.Int64
}

func (c *counter) Record(r *Record) error { c.numbers = append(c.numbers, r.Number); return nil }
func (c *counter) Flush() error           { c.flushed.Store(int64(len(c.numbers))); return nil }

// packetOf is an IPv4 packet; the fragment at offset if more or that is not 0.
func packetOf(protocol byte, id uint16, offset int, more bool, payload []byte) []byte {
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(payload)))
	binary.BigEndian.PutUint16(ip[4:], id)
	binary.BigEndian.PutUint16(ip[6:], uint16(offset/8))
	if more {
		ip[6] |= 0x20
	}
	return append(ip, payload...)
}

const protoICMP = 1

// espOf is the payload of an ESP packet without a key.
func espOf(seq uint32) []byte {
	b := make([]byte, 80)
	binary.BigEndian.PutUint32(b, 0x12345678)
	binary.BigEndian.PutUint32(b[4:], seq)
	return b
}

// comes waits until n records are flushed; false if that does not happen. The limit is only so that
// a test that hangs ends.
func (c *counter) comes(n int64) bool {
	for limit := time.Now().Add(2 * time.Minute); c.flushed.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			return false
		}
	}
	return true
}

// TestFlushBeforeHeld: what fills batches becomes visible when the input pauses, though the frame
// behind it waits for its key.
func TestFlushBeforeHeld(t *testing.T) {
	for n := batchRecords - 1; n <= batchRecords+1; n++ {
		sink := &counter{}
		visible := false
		idle := 0
		src := &scripted{ready: true}
		src.next = func(i int) ([]byte, error) {
			switch {
			case i < n:
				return packetOf(protoICMP, 0, 0, false, make([]byte, 64)), nil
			case i == n:
				return packetOf(protoESP, 0, 0, false, espOf(1)), nil
			}
			if idle++; idle < 5 {
				return nil, capture.ErrIdle
			}
			visible = sink.comes(int64(n))
			return nil, io.EOF
		}
		p := New(Config{Source: src, HoldBytes: 1 << 20, HoldTime: 1 << 62, Workers: 2})
		p.AddSink(sink)
		if _, err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !visible {
			t.Errorf("%d frames before one that waits are not flushed", n)
		}
	}
}

// TestLineGoesOn: a frame behind a fragment comes out when the fate of the fragment is known, also
// while all further frames wait for their key.
func TestLineGoesOn(t *testing.T) {
	for _, workers := range []int{1, 2} {
		sink := &counter{}
		visible := false
		packet := espOf(1)
		src := &scripted{}
		src.next = func(i int) ([]byte, error) {
			switch {
			case i == 0:
				return packetOf(protoESP, 1, 0, true, packet[:40]), nil
			case i == 1:
				return packetOf(protoICMP, 0, 0, false, make([]byte, 64)), nil
			case i == 2: // it is withheld from here on
				return packetOf(protoESP, 1, 40, false, packet[40:]), nil
			case i < 6:
				return packetOf(protoESP, 0, 0, false, espOf(uint32(i))), nil
			}
			visible = sink.comes(1)
			return nil, io.EOF
		}
		p := New(Config{Source: src, HoldBytes: 1 << 20, HoldTime: 1 << 62, Workers: workers})
		p.AddSink(sink)
		stats, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !visible {
			t.Errorf("%d goroutines: the frame behind the fragment does not come out", workers)
		}
		if got := fmt.Sprint(sink.numbers); got != "[2 1 3 4 5 6]" || stats.Held != 5 {
			t.Errorf("%d goroutines: frames %s, %d held", workers, got, stats.Held)
		}
	}
}

// TestHeldTakeNoRoom: frames that wait for their key take no room in a batch.
func TestHeldTakeNoRoom(t *testing.T) {
	b := newBatch()
	kept := b.add(&capture.Packet{Data: make([]byte, 100), Options: make([]byte, 4)}, 1, false)
	kept.Packet.Data[99] = 1
	p := &capture.Packet{Data: make([]byte, 1400), Options: make([]byte, 8)}
	for i := range uint64(1000) {
		if !b.fits(p) {
			t.Fatalf("no room after %d frames that were dropped", i)
		}
		b.add(p, i, false)
		b.drop()
	}
	if len(b.records) != 1 || len(b.data) != 104 || kept.Packet.Data[99] != 1 {
		t.Errorf("%d records in %d bytes", len(b.records), len(b.data))
	}
}

// ikePart is an ISAKMP message that is fragment number of the message id, whose data is part.
func ikePart(id, number byte, last bool, part []byte) []byte {
	m := make([]byte, 28, 36+len(part))
	m[0], m[16], m[17], m[18] = 0xc0, 132, 0x10, 2
	binary.BigEndian.PutUint32(m[24:], uint32(36+len(part)))
	m = append(m, 0, 0, 0, byte(8+len(part)), 0, id, number, 0)
	if last {
		m[35] = 1
	}
	return append(m, part...)
}

// TestFragmentsInFragments: a frame may complete more than one thing, and all that waits for one of
// them comes out.
func TestFragmentsInFragments(t *testing.T) {
	whole := make([]byte, 32) // Main Mode with an empty payload
	whole[0], whole[16], whole[17], whole[18], whole[27] = 0xc0, 13, 0x10, 2, 32
	whole[31] = 4
	udp := func(messages ...[]byte) []byte {
		b := []byte{1, 0xf4, 1, 0xf4, 0, 0, 0, 0}
		for _, m := range messages {
			b = append(b, m...)
		}
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
		return b
	}
	first, last := ikePart(1, 1, false, whole[:16]), ikePart(1, 2, true, whole[16:])
	cut := udp(last)
	for name, frames := range map[string][][]byte{
		"IKE in IP": {
			packetOf(protoUDP, 0, 0, false, udp(first)),
			packetOf(protoUDP, 1, 0, true, cut[:40]),
			packetOf(protoUDP, 1, 40, false, cut[40:]),
			packetOf(protoICMP, 0, 0, false, make([]byte, 64)),
		},
		"two messages": {
			packetOf(protoUDP, 0, 0, false, udp(first)),
			packetOf(protoUDP, 0, 0, false, udp(last, ikePart(2, 1, true, whole))),
			packetOf(protoICMP, 0, 0, false, make([]byte, 64)),
		},
	} {
		sink := &counter{}
		src := &scripted{ready: true, next: func(i int) ([]byte, error) {
			if i == len(frames) {
				return nil, io.EOF
			}
			return frames[i], nil
		}}
		p := New(Config{Source: src})
		p.AddSink(sink)
		if _, err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(sink.numbers) != len(frames) {
			t.Errorf("%s: frames %d of %d came out", name, sink.numbers, len(frames))
		}
	}
}
