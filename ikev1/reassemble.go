package ikev1

import (
	"bytes"
	"container/list"
	"errors"
	"net/netip"
	"slices"
)

// Bounds of reassembly.
const (
	maxReassembled  = 1 << 17 // bytes of a message
	maxFragmentSets = 1024    // messages under way at once
	maxCopies       = 8       // that differ, of one fragment
	maxPuzzles      = 32      // ways to put the copies together that are tried
)

// FragmentKey tells apart the messages whose fragments are under way. Many senders give every
// message the same fragment ID, so a key can be used again by the next message.
type FragmentKey struct {
	Src, Dst                         netip.AddrPort
	InitiatorCookie, ResponderCookie Cookie
	ID                               uint16
}

// reassembler puts ISAKMP messages together from IKE fragments. It copies what it keeps, in bounds
// of bytes, number and time: the message untouched for longest is given up first. It is not safe
// for concurrent use.
type reassembler struct {
	maxBytes int
	timeout  int64
	bytes    int
	sets     map[FragmentKey]*list.Element
	order    *list.List // of *fragmentSet, the one touched last at the back
}

// fragmentSet is the fragments of one key. Copies that differ are kept side by side: one may be
// forged, or of the next message.
type fragmentSet struct {
	key    FragmentKey
	time   int64
	copies map[uint8][]*fragmentCopy // by number, the oldest first
	size   int                       // bytes of them
	done   []*fragmentCopy           // the message before, which was completed: number 1 first
	kept   int                       // bytes of it
}

type fragmentCopy struct {
	Fragment
	repeat bool // equal to the same fragment of the message before, or to one that is used
	used   bool // a message was made from it that nothing has proved
}

// newReassembler returns a reassembler that keeps at most maxBytes of fragments, and none for
// longer than timeout nanoseconds after its message's newest one.
func newReassembler(maxBytes int, timeout int64) *reassembler {
	return &reassembler{maxBytes: maxBytes, timeout: timeout, sets: map[FragmentKey]*list.Element{}, order: list.New()}
}

var errFragmentBounds = errors.New("ikev1: fragment exceeds the bounds of reassembly")

// add takes a fragment at time, in nanoseconds. Once the last one that was missing comes, in
// whatever order, it returns the whole ISAKMP message, which the caller owns, and the number of its
// fragments. What was put together is a message only if its header says the same length: else the
// result is an error that wraps ErrMalformed. Where copies of a fragment differ, fits tells which
// message is right: it returns a positive number for one that is, and a negative one for one that
// can't be. Of those of which nothing is known the newest counts, and its fragments stay for one
// that is right. A message sent again in whole is returned again.
func (r *reassembler) add(key FragmentKey, f Fragment, time int64,
	fits func([]byte) int) (message []byte, fragments int, err error) {
	switch {
	case f.Number == 0:
		return nil, 0, malformedf("fragment number 0")
	case len(f.Data) > maxReassembled || len(f.Data) > r.maxBytes:
		return nil, 0, errFragmentBounds
	}
	set := r.set(key, time)
	c := set.put(r, f)
	if c == nil {
		return nil, 0, nil
	}
	if set.size > maxReassembled && !set.makeRoom(r) {
		r.remove(set)
		return nil, 0, errFragmentBounds
	}
	defer r.shrink(set)
	message, chosen, proved, err := set.solve(c, fits)
	if proved {
		set.finish(r, chosen)
	}
	for _, p := range chosen {
		if p.used = true; p.repeat && !proved {
			set.drop(r, p)
		}
	}
	return message, len(chosen), err
}

// solve makes the message of c that fits best. The error is that of the only one that it can be of.
func (s *fragmentSet) solve(c *fragmentCopy, fits func([]byte) int) (
	message []byte, chosen []*fragmentCopy, proved bool, err error) {
	puzzles := s.puzzles(c)
	best := -1
	for _, parts := range puzzles {
		var whole []byte
		for _, p := range parts {
			whole = append(whole, p.Data...)
		}
		h, e := ParseHeader(whole)
		isMessage := e == nil && int64(h.Length) == int64(len(whole)) &&
			h.InitiatorCookie == s.key.InitiatorCookie && h.NextPayload != PayloadFragment
		switch {
		case isMessage:
			if n := fits(whole); n > best && (n > 0 || !anyUsed(parts)) {
				best, message, chosen = n, whole, parts
			}
		case len(puzzles) == 1 && !anyUsed(parts): // else the right ones may be yet to come
			err = malformedf("%d fragments of %d bytes are no message: its header says %d bytes",
				len(parts), len(whole), h.Length)
		}
	}
	return message, chosen, best > 0, err
}

func anyUsed(parts []*fragmentCopy) bool {
	return slices.ContainsFunc(parts, func(p *fragmentCopy) bool { return p.used })
}

// makeRoom drops the used fragments, and reports whether the set is then within its bounds.
func (s *fragmentSet) makeRoom(r *reassembler) bool {
	for _, copies := range s.copies {
		for _, p := range slices.Clone(copies) {
			if p.used {
				s.drop(r, p)
			}
		}
	}
	return s.size <= maxReassembled
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
	s := &fragmentSet{key: key, time: time, copies: map[uint8][]*fragmentCopy{}}
	r.sets[key] = r.order.PushBack(s)
	if r.order.Len() > maxFragmentSets {
		r.remove(r.order.Front().Value.(*fragmentSet))
	}
	return s
}

// put adds a fragment and returns it, nil for one that is there.
func (s *fragmentSet) put(r *reassembler, f Fragment) *fragmentCopy {
	same := func(o *fragmentCopy) bool { return o.Last == f.Last && bytes.Equal(o.Data, f.Data) }
	copies := s.copies[f.Number]
	if slices.ContainsFunc(copies, func(o *fragmentCopy) bool { return !o.used && same(o) }) {
		return nil
	}
	c := &fragmentCopy{Fragment: f, repeat: slices.ContainsFunc(copies, same)}
	if len(copies) >= maxCopies {
		s.drop(r, copies[0])
	}
	c.Data = bytes.Clone(f.Data)
	if n := int(f.Number); n <= len(s.done) {
		c.repeat = c.repeat || same(s.done[n-1])
	}
	s.copies[f.Number] = append(s.copies[f.Number], c)
	s.size += len(c.Data)
	r.bytes += len(c.Data)
	return c
}

// drop forgets one fragment.
func (s *fragmentSet) drop(r *reassembler, c *fragmentCopy) {
	s.copies[c.Number] = slices.DeleteFunc(s.copies[c.Number], func(o *fragmentCopy) bool { return o == c })
	s.size -= len(c.Data)
	r.bytes -= len(c.Data)
}

// finish remembers the message that was completed, to know late copies of its fragments.
func (s *fragmentSet) finish(r *reassembler, parts []*fragmentCopy) {
	r.bytes -= s.kept
	s.done, s.kept = parts, 0
	for _, p := range parts {
		s.drop(r, p)
		s.kept += len(p.Data)
	}
	r.bytes += s.kept
}

// puzzles returns the ways in which c and other fragments can make a message, those of the newest
// first. Copies from the message before go together only with each other.
func (s *fragmentSet) puzzles(c *fragmentCopy) (list [][]*fragmentCopy) {
	for last, copies := range s.copies {
		if last < c.Number || !slices.ContainsFunc(copies, func(p *fragmentCopy) bool { return p.Last }) {
			continue
		}
		choice := make([][]*fragmentCopy, last) // by number
		for n := range choice {
			for _, p := range slices.Backward(s.copies[uint8(n+1)]) {
				if p.Last == (n+1 == int(last)) && p.repeat == c.repeat && (p == c || p.Number != c.Number) {
					choice[n] = append(choice[n], p)
				}
			}
		}
		if slices.ContainsFunc(choice, func(of []*fragmentCopy) bool { return len(of) == 0 }) {
			continue
		}
		list = append(list, combine(choice)...)
	}
	return list
}

// combine returns the ways to take one of each choice, at most maxPuzzles.
func combine(choice [][]*fragmentCopy) (list [][]*fragmentCopy) {
	at := make([]int, len(choice))
	for len(list) < maxPuzzles {
		parts := make([]*fragmentCopy, len(choice))
		for n, i := range at {
			parts[n] = choice[n][i]
		}
		list = append(list, parts)
		n := 0
		for ; n < len(at); n++ { // as one counts up
			if at[n]++; at[n] < len(choice[n]) {
				break
			}
			at[n] = 0
		}
		if n == len(at) {
			return list
		}
	}
	return list
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

// expire gives up the messages whose newest fragment is older than the timeout.
func (r *reassembler) expire(now int64) {
	for e := r.order.Front(); e != nil; e = r.order.Front() {
		s := e.Value.(*fragmentSet)
		if now-s.time <= r.timeout {
			return
		}
		r.remove(s)
	}
}
