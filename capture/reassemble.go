package capture

import (
	"container/list"
	"errors"
	"net/netip"
)

// Errors of Reassembler.Add. The first comes with a datagram, all others with none.
var (
	// ErrDuplicate: the fragment repeats bytes of a datagram that is complete; Add returns that
	// datagram again.
	ErrDuplicate = errors.New("ip: fragment of a datagram that is complete already")
	// ErrFragmentTruncated: the capture holds only part of the fragment.
	ErrFragmentTruncated = errors.New("ip: fragment is truncated")

	errNotFragment    = errors.New("ip: not a fragment")
	errFragmentLength = errors.New("ip: fragment has an impossible length or offset")
	errFragmentRoom   = errors.New("ip: no room to put fragments together")
)

// fragmentKey is what makes fragments belong together: RFC 791 section 3.2, RFC 8200 section 4.5
// (protocol 0 there).
type fragmentKey struct {
	within   any // what carried them, nil: nothing did
	src, dst netip.Addr
	id       uint32
	protocol uint8 // of IPv4
	v6       bool
}

// datagramOverhead is what a datagram counts for beside its bytes, so that a bound in bytes bounds
// their number too.
const datagramOverhead = 512

// pieceOverhead is what a fragment counts for beside its bytes.
const pieceOverhead = 128

// Reassembler puts IPv4 and IPv6 fragments together. It is not safe for concurrent use.
type Reassembler struct {
	maxBytes int
	timeout  int64
	onGiveUp func(*Datagram)
	proves   func(ip []byte) bool

	known   map[fragmentKey]*assembly
	pending *list.List // incomplete datagrams, oldest first
	done    *list.List // complete ones, kept to recognise late fragments
	bytes   int
}

// NewReassembler makes a Reassembler that holds at most about maxBytes bytes (the oldest datagrams
// are given up for newer ones) and gives a datagram up when one comes timeout nanoseconds of
// capture time after its first fragment.
func NewReassembler(maxBytes int, timeout int64) *Reassembler {
	return &Reassembler{
		maxBytes: maxBytes,
		timeout:  timeout,
		known:    make(map[fragmentKey]*assembly),
		pending:  list.New(),
		done:     list.New(),
	}
}

// OnGiveUp has f called, during Add and Abandon, with each datagram that will never be complete:
// for its age, for room, for an overlap. One that Add never returned, because its first fragment
// was one too many, has no Value. f is called too with each Complete one, when it is forgotten. f
// must not call the Reassembler.
func (r *Reassembler) OnGiveUp(f func(*Datagram)) { r.onGiveUp = f }

// OnDoubt has f called, during Add, with an IP datagram that has fragments which others contradict:
// it reports whether there is proof that they belong together. f must not call the Reassembler.
func (r *Reassembler) OnDoubt(f func(ip []byte) bool) { r.proves = f }

// Add takes a fragment: f is the decoded frame of data, time its capture time in nanoseconds.
// within is what carried it, which is comparable, nil for none: it belongs to others only that the
// same carried. It returns the datagram that the fragment belongs to, which is Complete if this
// fragment was the last missing one. Add copies what it keeps.
//
// Exact duplicates are counted and ignored; one of a datagram that is complete already comes with
// ErrDuplicate. IPv4 fragments may overlap with the same bytes. Fragments that contradict each
// other, as a stranger's do, or those of another datagram when identifications of 16 bits come
// round, are kept side by side: the datagram that is proved is the right one, or else the one that
// began last. A refused fragment gives no datagram but an error.
func (r *Reassembler) Add(within any, f *Frame, data []byte, time int64) (d *Datagram, err error) {
	r.expire(time)
	key, payload, err := fragment(f, data)
	if err != nil {
		return nil, err
	}
	key.within = within
	a := r.known[key]
	if a == nil {
		a = &assembly{key: key}
		r.known[key] = a
		a.begin(time)
		a.element = r.pending.PushBack(a)
	} else if a.repeats(f.FragOffset, payload) {
		return a.last, ErrDuplicate
	} else if a.now == nil {
		a.begin(time)
		r.move(a, r.done, r.pending)
	}
	d = a.now
	d.Fragments++
	fresh := a.add(newPiece(f, data, payload))
	if fresh >= 0 {
		if path, proved := a.join(fresh, r.proves); path != nil {
			ip := a.assemble(path)
			if ip == nil {
				r.drop(a)
				return nil, errFragmentLength
			}
			a.complete(path, ip, proved, time)
			r.move(a, r.pending, r.done)
		}
		size := a.measure()
		r.bytes += size - a.size
		a.size = size
		r.bound()
	}
	if a.element == nil && !d.Complete {
		return nil, errFragmentRoom
	}
	return d, nil
}

// Knows reports whether another fragment of the same datagram has come, see Add.
func (r *Reassembler) Knows(within any, f *Frame, data []byte) bool {
	key, _, err := fragment(f, data)
	key.within = within
	return err == nil && r.known[key] != nil
}

// move puts an assembly at the end of another list.
func (r *Reassembler) move(a *assembly, from, to *list.List) {
	from.Remove(a.element)
	a.element = to.PushBack(a)
}

// fragment returns what a fragment belongs to and the bytes that it brings.
func fragment(f *Frame, data []byte) (key fragmentKey, payload []byte, err error) {
	if !f.Fragment {
		return key, nil, errNotFragment
	}
	if f.Truncated {
		return key, nil, ErrFragmentTruncated
	}
	key = fragmentKey{src: f.Src, dst: f.Dst, id: f.FragID, v6: f.IPVersion == 6}
	start := f.fragmentAt + 8
	if f.IPVersion == 4 {
		start = f.LinkLen + int(data[f.LinkLen]&15)*4
		key.protocol = data[f.LinkLen+9]
	}
	payload = data[start:f.PayloadEnd]
	if len(payload) == 0 || f.MoreFragments && len(payload)%8 != 0 || f.FragOffset+len(payload) > 65535 {
		return key, nil, errFragmentLength
	}
	return key, payload, nil
}

// Abandon gives up all datagrams.
func (r *Reassembler) Abandon() {
	for _, l := range [...]*list.List{r.pending, r.done} {
		for l.Len() > 0 {
			r.drop(l.Front().Value.(*assembly))
		}
	}
}

// expire gives up what is too old. Time that goes backwards makes nothing old.
func (r *Reassembler) expire(now int64) {
	for _, l := range [...]*list.List{r.pending, r.done} {
		for e := l.Front(); e != nil && now-e.Value.(*assembly).time > r.timeout; e = l.Front() {
			r.drop(e.Value.(*assembly))
		}
	}
}

// bound makes room: first what is only kept to recognise duplicates goes, then the oldest.
func (r *Reassembler) bound() {
	for r.bytes > r.maxBytes {
		if e := r.done.Front(); e != nil {
			r.drop(e.Value.(*assembly))
		} else if e := r.pending.Front(); e != nil {
			r.drop(e.Value.(*assembly))
		} else {
			return
		}
	}
}

// drop forgets an assembly, and says so.
func (r *Reassembler) drop(a *assembly) {
	l := r.done
	if a.now != nil {
		l = r.pending
	}
	l.Remove(a.element)
	a.element = nil
	delete(r.known, a.key)
	r.bytes -= a.size
	for _, d := range [...]*Datagram{a.last, a.now} {
		if d != nil && r.onGiveUp != nil {
			r.onGiveUp(d)
		}
	}
}
