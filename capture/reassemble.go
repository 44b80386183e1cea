package capture

import (
	"bytes"
	"container/list"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sort"
)

// Errors of Reassembler.Add. The first comes with a datagram, all others with none.
var (
	// ErrDuplicate: the fragment repeats bytes of a datagram that is complete; Add returns that
	// datagram again.
	ErrDuplicate = errors.New("ip: fragment of a datagram that is complete already")
	// errOverlap: fragments contradict each other, and the datagram was given up (RFC 5722).
	errOverlap = errors.New("ip: fragments overlap")
	// ErrFragmentTruncated: the capture holds only part of the fragment.
	ErrFragmentTruncated = errors.New("ip: fragment is truncated")

	errNotFragment    = errors.New("ip: not a fragment")
	errFragmentLength = errors.New("ip: fragment has an impossible length or offset")
	errFragmentRoom   = errors.New("ip: no room to put fragments together")
)

// Datagram is an IP datagram that arrived in fragments.
type Datagram struct {
	// Data, once Complete: the IP header of the first fragment, without a fragment header and with
	// its length, fragment fields and checksum mended, and the whole payload. The caller may keep
	// it; it must not change it.
	Data      []byte
	Complete  bool
	Fragments int // fragments seen, duplicates included
	Value     any // the caller's

	key        fragmentKey
	time       int64 // of the fragment that came first; when complete, of the last
	refused    bool  // given up for an overlap: its later fragments are refused too
	header     []byte
	nextHeader int // IPv6: offset in header of the byte that announces the fragment header
	next       uint8
	store      []byte  // the payload bytes in the order of their arrival
	pieces     []piece // in the order of their offset, without overlap
	have       int     // payload bytes in pieces
	total      int     // payload bytes of the datagram; -1 until the last fragment came
	size       int     // what it counts for in Reassembler.bytes
	element    *list.Element
}

// piece is a run of payload bytes: from off to end, in store from at on.
type piece struct{ off, end, at int }

// fragmentKey is what makes fragments belong together: RFC 791 section 3.2, RFC 8200 section 4.5
// (protocol 0 there).
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	protocol uint8
}

// datagramOverhead is what a datagram counts for beside its bytes, so that a bound in bytes bounds
// their number too.
const datagramOverhead = 512

// Reassembler puts IPv4 and IPv6 fragments together. It is not safe for concurrent use.
type Reassembler struct {
	maxBytes int
	timeout  int64
	onGiveUp func(*Datagram)

	known   map[fragmentKey]*Datagram
	pending *list.List // incomplete datagrams, oldest first
	done    *list.List // complete or refused ones, kept to recognise late fragments
	bytes   int
}

// NewReassembler makes a Reassembler that holds at most about maxBytes bytes (the oldest datagrams
// are given up for newer ones) and gives a datagram up when one comes timeout nanoseconds of
// capture time after its first fragment.
func NewReassembler(maxBytes int, timeout int64) *Reassembler {
	return &Reassembler{
		maxBytes: maxBytes,
		timeout:  timeout,
		known:    make(map[fragmentKey]*Datagram),
		pending:  list.New(),
		done:     list.New(),
	}
}

// OnGiveUp has f called, during Add and Abandon, with each datagram that will never be complete:
// for its age, for room, for an overlap. One that Add never returned, because its first fragment
// was one too many, has no Value. f must not call the Reassembler.
func (r *Reassembler) OnGiveUp(f func(*Datagram)) { r.onGiveUp = f }

// Add takes a fragment: f is the decoded frame of data, time its capture time in nanoseconds. It
// returns the datagram that the fragment belongs to, which is Complete if this fragment was the
// last missing one. Add copies what it keeps.
//
// Exact duplicates are counted and ignored; one of a datagram that is complete already comes with
// ErrDuplicate. IPv6 fragments that overlap make the whole datagram refused (RFC 5722, RFC 8200
// section 4.5). IPv4 fragments may overlap with the same bytes; with others the datagram so far is
// given up and the fragment begins a new one, as identifications of 16 bits come round within
// seconds. A refused fragment gives no datagram but an error.
func (r *Reassembler) Add(f *Frame, data []byte, time int64) (d *Datagram, err error) {
	r.expire(time)
	key, payload, err := fragment(f, data)
	if err != nil {
		return nil, err
	}
	d = r.known[key]
	if d != nil && d.refused {
		return nil, errOverlap
	}
	if d != nil && d.Complete {
		if d.repeats(f.FragOffset, payload) {
			d.Fragments++
			return d, ErrDuplicate
		}
		r.forget(d)
		d = nil
	}
	if d != nil && !d.insert(f, payload) {
		if f.IPVersion == 6 {
			r.refuse(d)
			return nil, errOverlap
		}
		r.giveUp(d)
		d = nil
	}
	if d == nil {
		d = &Datagram{key: key, time: time, total: -1}
		d.insert(f, payload)
		d.element = r.pending.PushBack(d)
		r.known[key] = d
	}
	d.Fragments++
	if f.FragOffset == 0 && d.header == nil {
		d.takeHeader(f, data)
	}
	if d.have == d.total && d.header != nil {
		if !d.complete() {
			r.giveUp(d)
			return nil, errFragmentLength
		}
		r.pending.Remove(d.element)
		d.time = time
		d.element = r.done.PushBack(d)
	}
	r.measure(d)
	r.bound()
	if d.element == nil && !d.Complete {
		return nil, errFragmentRoom
	}
	return d, nil
}

// fragment returns what a fragment belongs to and the bytes that it brings.
func fragment(f *Frame, data []byte) (key fragmentKey, payload []byte, err error) {
	if !f.Fragment {
		return key, nil, errNotFragment
	}
	if f.Truncated {
		return key, nil, ErrFragmentTruncated
	}
	key = fragmentKey{src: f.Src, dst: f.Dst, id: f.FragID}
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

// Abandon gives up all incomplete datagrams but the newest keep.
func (r *Reassembler) Abandon(keep int) {
	for r.pending.Len() > max(keep, 0) {
		r.giveUp(r.pending.Front().Value.(*Datagram))
	}
}

// expire gives up what is too old. Time that goes backwards makes nothing old.
func (r *Reassembler) expire(now int64) {
	for e := r.pending.Front(); e != nil && now-e.Value.(*Datagram).time > r.timeout; e = r.pending.Front() {
		r.giveUp(e.Value.(*Datagram))
	}
	for e := r.done.Front(); e != nil && now-e.Value.(*Datagram).time > r.timeout; e = r.done.Front() {
		r.forget(e.Value.(*Datagram))
	}
}

// bound makes room: first what is only kept to recognise duplicates goes, then the oldest.
func (r *Reassembler) bound() {
	for r.bytes > r.maxBytes {
		if e := r.done.Front(); e != nil {
			r.forget(e.Value.(*Datagram))
		} else if e := r.pending.Front(); e != nil {
			r.giveUp(e.Value.(*Datagram))
		} else {
			return
		}
	}
}

// measure counts what a datagram takes.
func (r *Reassembler) measure(d *Datagram) {
	size := datagramOverhead + cap(d.Data) + cap(d.header) + cap(d.store) + 24*cap(d.pieces)
	r.bytes += size - d.size
	d.size = size
}

// forget removes a datagram.
func (r *Reassembler) forget(d *Datagram) {
	l := r.pending
	if d.Complete || d.refused {
		l = r.done
	}
	l.Remove(d.element)
	d.element = nil
	if r.known[d.key] == d {
		delete(r.known, d.key)
	}
	r.bytes -= d.size
	d.size = 0
}

// giveUp removes an incomplete datagram and says so.
func (r *Reassembler) giveUp(d *Datagram) {
	r.forget(d)
	d.header, d.store, d.pieces = nil, nil, nil
	if r.onGiveUp != nil {
		r.onGiveUp(d)
	}
}

// refuse gives a datagram up and keeps its key, so that later fragments don't begin it anew.
func (r *Reassembler) refuse(d *Datagram) {
	r.giveUp(d)
	mark := &Datagram{key: d.key, time: d.time, refused: true}
	mark.element = r.done.PushBack(mark)
	r.known[d.key] = mark
	r.measure(mark)
	r.bound()
}

// insert adds payload bytes; false if they contradict what is there.
func (d *Datagram) insert(f *Frame, b []byte) bool {
	off, end := f.FragOffset, f.FragOffset+len(b)
	if !f.MoreFragments && d.total >= 0 && d.total != end || d.total >= 0 && end > d.total {
		return false
	}
	if n := len(d.pieces); !f.MoreFragments && n > 0 && d.pieces[n-1].end > end {
		return false
	}
	first := sort.Search(len(d.pieces), func(i int) bool { return d.pieces[i].end > off })
	last := first
	for ; last < len(d.pieces) && d.pieces[last].off < end; last++ {
		p := d.pieces[last]
		if f.IPVersion == 6 && (p.off != off || p.end != end) {
			return false
		}
		from, to := max(off, p.off), min(end, p.end)
		if !bytes.Equal(d.store[p.at+from-p.off:p.at+to-p.off], b[from-off:to-off]) {
			return false
		}
	}
	if !f.MoreFragments {
		d.total = end
	}
	at := off
	for i := first; i <= last; i++ { // the gaps before, between and behind the pieces that overlap
		stop, after := end, end
		if i < last {
			stop, after = d.pieces[i].off, d.pieces[i].end
		}
		if at < stop {
			d.pieces = slices.Insert(d.pieces, i, piece{off: at, end: stop, at: len(d.store)})
			d.store = append(d.store, b[at-off:stop-off]...)
			d.have += stop - at
			i++
			last++
		}
		at = max(at, after)
	}
	return true
}

// takeHeader copies the IP header of the first fragment: for IPv6 the headers before the fragment
// header.
func (d *Datagram) takeHeader(f *Frame, data []byte) {
	if f.IPVersion == 4 {
		size := int(data[f.LinkLen]&15) * 4
		d.header = slices.Clone(data[f.LinkLen : f.LinkLen+size])
		return
	}
	d.header = slices.Clone(data[f.LinkLen:f.fragmentAt])
	d.nextHeader = f.fragmentNextAt - f.LinkLen
	d.next = data[f.fragmentAt]
}

// complete puts header and payload together; false if the datagram is longer than IP allows.
func (d *Datagram) complete() bool {
	size := len(d.header) + d.total
	v4 := d.header[0]>>4 == 4
	if v4 && size > 65535 || !v4 && size-ipv6HeaderLen > 65535 {
		return false
	}
	out := make([]byte, 0, size)
	out = append(out, d.header...)
	if v4 {
		binary.BigEndian.PutUint16(out[2:], uint16(size))
		out[6] &= 0x40 // don't fragment
		out[7] = 0
		ipv4Checksum(out)
	} else {
		binary.BigEndian.PutUint16(out[4:], uint16(size-ipv6HeaderLen))
		out[d.nextHeader] = d.next
	}
	for _, p := range d.pieces {
		out = append(out, d.store[p.at:p.at+p.end-p.off]...)
	}
	d.Data, d.Complete = out, true
	d.nextHeader = len(d.header)
	d.header, d.store, d.pieces = nil, nil, nil
	return true
}

// repeats reports whether a complete datagram holds these bytes at this offset of its payload.
func (d *Datagram) repeats(off int, b []byte) bool {
	at := d.nextHeader + off
	return at+len(b) <= len(d.Data) && bytes.Equal(d.Data[at:at+len(b)], b)
}
