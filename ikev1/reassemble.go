package ikev1

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"net/netip"
)

// MaxReassembled is the largest message that a Reassembler puts together, in bytes.
const maxReassembled = 1 << 17

// FragmentKey tells apart the messages whose fragments are under way. Many senders give every
// message the same fragment ID, so a key can be used again by the next message.
type FragmentKey struct {
	Src, Dst                         netip.AddrPort
	InitiatorCookie, ResponderCookie Cookie
	ID                               uint16
}

// Reassembler puts ISAKMP messages together from IKE fragments. It copies what it keeps, in bounds
// of bytes, number and time: the message untouched for longest is given up first. It is not safe
// for concurrent use.
type reassembler struct {
	maxBytes int
	timeout  int64
	bytes    int
	sets     map[FragmentKey]*list.Element
	order    *list.List // of *fragmentSet, the one touched last at the back
}

// maxFragmentSets bounds how many messages are under way at once.
const maxFragmentSets = 1024

// fragmentSet is the fragments of one key.
type fragmentSet struct {
	key   FragmentKey
	time  int64
	last  int // number of the last fragment, 0 not known
	have  int
	parts map[uint8]fragmentPart
	size  int

	done [][]byte // fragments of the message before, which was completed: number 1 first
	kept int      // bytes of them
}

type fragmentPart struct {
	data   []byte
	repeat bool // equal to the same fragment of the message before
}

// NewReassembler returns a Reassembler that keeps at most maxBytes of fragments, and none for
// longer than timeout nanoseconds after its message's newest one.
func newReassembler(maxBytes int, timeout int64) *reassembler {
	return &reassembler{maxBytes: maxBytes, timeout: timeout, sets: map[FragmentKey]*list.Element{}, order: list.New()}
}

var errFragmentBounds = errors.New("ikev1: fragment exceeds the bounds of reassembly")

// Add takes a fragment at time, in nanoseconds. Once the last one that was missing comes, in
// whatever order, it returns the whole ISAKMP message, which the caller owns, and the number of its
// fragments.
//
// A fragment that comes twice counts once; where two of the same number differ the newer one
// counts. A message sent again in whole is returned again. What was put together is a message only
// if its header says the same length: else the result is an error that wraps ErrMalformed, and all
// but this fragment are forgotten.
func (r *reassembler) add(key FragmentKey, f Fragment, time int64) (message []byte, fragments int, err error) {
	if f.Number == 0 {
		return nil, 0, fmt.Errorf("ikev1: fragment number 0: %w", ErrMalformed)
	}
	if len(f.Data) > maxReassembled || len(f.Data) > r.maxBytes {
		return nil, 0, errFragmentBounds
	}
	set := r.set(key, time)
	if !set.put(r, f) {
		return nil, 0, nil
	}
	if set.size > maxReassembled {
		r.remove(set)
		return nil, 0, errFragmentBounds
	}
	if set.last == 0 || set.have < set.last {
		r.shrink(set)
		return nil, 0, nil
	}
	message = make([]byte, 0, set.size)
	done := make([][]byte, 0, set.last)
	for i := 1; i <= set.last; i++ {
		p := set.parts[uint8(i)].data
		message = append(message, p...)
		done = append(done, p)
	}
	h, err := ParseHeader(message)
	if err == nil && (int64(h.Length) != int64(len(message)) ||
		h.InitiatorCookie != key.InitiatorCookie || h.NextPayload == PayloadFragment) {
		err = fmt.Errorf("ikev1: %d fragments of %d bytes are no message: its header says %d bytes: %w",
			len(done), len(message), h.Length, ErrMalformed)
	}
	if err != nil {
		for i := range set.parts {
			if i != f.Number {
				set.drop(r, i)
			}
		}
		if len(done) == 1 {
			set.drop(r, f.Number)
		}
		r.shrink(set)
		return nil, 0, err
	}
	r.bytes -= set.kept
	set.done, set.kept = done, set.size
	set.clear()
	r.shrink(set)
	return message, len(done), nil
}

// set returns the set of a key, new or known, as the one touched last.
func (r *reassembler) set(key FragmentKey, time int64) *fragmentSet {
	r.expire(time)
	if e := r.sets[key]; e != nil {
		r.order.MoveToBack(e)
		s := e.Value.(*fragmentSet)
		s.time = time
		return s
	}
	s := &fragmentSet{key: key, time: time, parts: map[uint8]fragmentPart{}}
	r.sets[key] = r.order.PushBack(s)
	if r.order.Len() > maxFragmentSets {
		r.remove(r.order.Front().Value.(*fragmentSet))
	}
	return s
}

// put adds a fragment and says whether that changed anything.
func (s *fragmentSet) put(r *reassembler, f Fragment) bool {
	n := int(f.Number)
	repeat := n <= len(s.done) && (n == len(s.done)) == f.Last && bytes.Equal(s.done[n-1], f.Data)
	old, known := s.parts[f.Number]
	switch {
	case known && bytes.Equal(old.data, f.Data) && f.Last == (s.last == n):
		return false
	case repeat && s.hasNew():
		return false // a late copy from the message before
	case !repeat:
		// The next message begins: copies from the one before don't belong to it.
		for i, p := range s.parts {
			if p.repeat {
				s.drop(r, i)
			}
		}
	}
	s.drop(r, f.Number)
	if s.last != 0 && (f.Last || n > s.last) {
		s.drop(r, uint8(s.last)) // it was the last one of another message
	}
	if f.Last {
		for i := range s.parts {
			if i > f.Number {
				s.drop(r, i)
			}
		}
		s.last = n
	}
	s.parts[f.Number] = fragmentPart{data: bytes.Clone(f.Data), repeat: repeat}
	s.have++
	s.size += len(f.Data)
	r.bytes += len(f.Data)
	return true
}

// hasNew says whether a fragment is there that the message before had not.
func (s *fragmentSet) hasNew() bool {
	for _, p := range s.parts {
		if !p.repeat {
			return true
		}
	}
	return false
}

// drop forgets one fragment, if it is there.
func (s *fragmentSet) drop(r *reassembler, number uint8) {
	p, ok := s.parts[number]
	if !ok {
		return
	}
	delete(s.parts, number)
	s.have--
	s.size -= len(p.data)
	r.bytes -= len(p.data)
	if s.last == int(number) {
		s.last = 0
	}
}

// clear forgets the fragments without counting their bytes.
func (s *fragmentSet) clear() {
	clear(s.parts)
	s.have, s.size, s.last = 0, 0, 0
}

// shrink gives up the oldest sets, the given one last, until the bounds hold.
func (r *reassembler) shrink(keep *fragmentSet) {
	for r.bytes > r.maxBytes {
		oldest := r.order.Front().Value.(*fragmentSet)
		r.remove(oldest)
		if oldest == keep {
			return
		}
	}
}

func (r *reassembler) remove(s *fragmentSet) {
	if e := r.sets[s.key]; e != nil {
		r.order.Remove(e)
		delete(r.sets, s.key)
		r.bytes -= s.size + s.kept
	}
}

// Expire gives up the messages whose newest fragment is older than the timeout at the time now, in
// nanoseconds.
func (r *reassembler) expire(now int64) {
	for e := r.order.Front(); e != nil; e = r.order.Front() {
		s := e.Value.(*fragmentSet)
		if now-s.time <= r.timeout {
			return
		}
		r.remove(s)
	}
}

// Pending returns how many messages have fragments under way.
func (r *reassembler) pending() int {
	n := 0
	for e := r.order.Front(); e != nil; e = e.Next() {
		if e.Value.(*fragmentSet).have > 0 {
			n++
		}
	}
	return n
}
