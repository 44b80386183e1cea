package capture

import (
	"bytes"
	"container/list"
	"encoding/binary"
	"slices"
	"sort"
)

const (
	// maxCopies is how many fragments at one offset are kept that contradict each other.
	maxCopies = 8
	// maxJoins is how many fragments are tried behind each other, and maxProofs how many datagrams
	// for a proof, when a fragment has come, the newest first, and again the oldest first.
	maxJoins  = 1 << 12
	maxProofs = 16
	// maxLookBack is how many fragments in front of a place may overlap it.
	maxLookBack = 16
)

// Datagram is an IP datagram that arrived in fragments.
type Datagram struct {
	// Data, once Complete: the IP header of the first fragment, without a fragment header and with
	// its length, fragment fields and checksum mended, and the whole payload. The caller may keep
	// it; it must not change it.
	Data      []byte
	Complete  bool
	Doubtful  bool      // some fragments contradict others, and nothing proves those that were put together
	Fragments int       // that were put together; of one that is not Complete those that were seen
	After     *Datagram // the one of the same addresses and identification that was complete before; nil: none was
	Value     any       // the caller's
}

// assembly is the fragments that have one key.
type assembly struct {
	key     fragmentKey
	now     *Datagram // that is being put together; nil: none is
	last    *Datagram // the last complete one, nil: none was; its header has headerLen bytes
	time    int64     // of now's first fragment; if now is nil, of last's last
	pieces  []piece   // in the order of their offset; of equal ones the newest first
	have    int       // bytes in the parts of now
	total   int       // bytes up to the end of its last piece; -1: that has not come
	overlap bool      // some parts of now overlap, or contradict each other
	doubt   bool      // some contradict each other
	size    int       // what it counts for in Reassembler.bytes
	element *list.Element

	headerLen int
}

// piece is a fragment.
type piece struct {
	off, end   int
	more       bool   // others follow
	used       bool   // in a datagram before
	header     []byte // of the first fragment
	nextHeader int    // IPv6: offset in header of the byte that announces the fragment header
	next       uint8
	data       []byte
}

func newPiece(f *Frame, data, payload []byte) piece {
	p := piece{off: f.FragOffset, end: f.FragOffset + len(payload), more: f.MoreFragments, data: slices.Clone(payload)}
	switch {
	case p.off != 0:
	case f.IPVersion == 4:
		size := int(data[f.LinkLen]&15) * 4
		p.header = slices.Clone(data[f.LinkLen : f.LinkLen+size])
	default: // the headers before the fragment header
		p.header = slices.Clone(data[f.LinkLen:f.fragmentAt])
		p.nextHeader = f.fragmentNextAt - f.LinkLen
		p.next = data[f.fragmentAt]
	}
	return p
}

// add keeps a piece. It returns its index, or -1 if it repeats one of the same datagram.
func (a *assembly) add(p piece) int {
	at := a.firstAt(p.off)
	copies := 0
	for i := at; i < len(a.pieces) && a.pieces[i].off < p.end; i++ {
		q := &a.pieces[i]
		if q.off == p.off {
			copies++
			if q.end == p.end && q.more == p.more && !q.used && bytes.Equal(q.data, p.data) {
				return -1
			}
		}
		a.compare(&p, q)
	}
	for i := at - 1; i >= max(at-maxLookBack, 0); i-- {
		a.compare(&p, &a.pieces[i])
	}
	switch {
	case !p.more:
		a.doubt = a.doubt || a.total >= 0 && a.total != p.end || a.reach() > p.end
		a.total = p.end
	case a.total >= 0 && p.end > a.total:
		a.doubt = true
	}
	if copies >= maxCopies {
		a.pieces = slices.Delete(a.pieces, at+copies-1, at+copies) // the oldest
	}
	a.have += len(p.data)
	a.pieces = slices.Insert(a.pieces, at, p)
	return at
}

// firstAt is the index of the first piece that begins at an offset or behind it.
func (a *assembly) firstAt(off int) int {
	return sort.Search(len(a.pieces), func(i int) bool { return a.pieces[i].off >= off })
}

// compare notes what two parts have to do with each other.
func (a *assembly) compare(p, q *piece) {
	from, to := max(p.off, q.off), min(p.end, q.end)
	if from >= to {
		return
	}
	a.overlap = a.overlap || !q.used
	a.doubt = a.doubt || !bytes.Equal(p.data[from-p.off:to-p.off], q.data[from-q.off:to-q.off])
}

// reach is where the piece ends that reaches furthest.
func (a *assembly) reach() (end int) {
	for i := range a.pieces {
		if !a.pieces[i].used {
			end = max(end, a.pieces[i].end)
		}
	}
	return end
}

// begin starts a datagram, of which the parts so far are none.
func (a *assembly) begin(time int64) {
	if a.last != nil {
		a.last.After = nil // no more than one is kept
	}
	a.now, a.time = &Datagram{After: a.last}, time
	if a.pieces == nil {
		a.pieces = make([]piece, 0, 2)
	}
	a.have, a.total, a.overlap, a.doubt = 0, -1, false, len(a.pieces) > 0
	for i := range a.pieces {
		a.pieces[i].used = true
	}
}

// join looks for parts, the one at index fresh among them, that follow each other from the
// beginning to an end. Where some contradict each other that is what proves finds proved, or else
// the newest that have not been used before. nil: there are none.
func (a *assembly) join(fresh int, proves func(ip []byte) bool) (path []int, proved bool) {
	if !a.doubt && (a.have < a.total || a.total < 0) {
		return nil, false
	}
	if !a.doubt && !a.overlap {
		return a.all(), false
	}
	var found []int
	for _, oldest := range [...]bool{false, true} {
		j := joiner{a: a, fresh: fresh, proves: proves, oldest: oldest}
		j.from(0)
		if j.proved {
			return j.path, true
		}
		if found == nil {
			found = j.found
		}
	}
	return found, false
}

// all are all parts of now; nil if the first is missing.
func (a *assembly) all() (path []int) {
	for i := range a.pieces {
		if !a.pieces[i].used {
			path = append(path, i)
		}
	}
	at := 0
	for _, i := range path {
		if a.pieces[i].off != at {
			return nil
		}
		at = a.pieces[i].end
	}
	if at != a.total {
		return nil
	}
	return path
}

// joiner is a search for parts that follow each other.
type joiner struct {
	a             *assembly
	fresh         int
	proves        func(ip []byte) bool
	oldest        bool // of parts at one offset the oldest is tried first
	path          []int
	found         []int // the first path of parts that were not used before
	proved        bool  // path is
	joins, proofs int
}

// from goes on at an offset. It ends when path is proved, or when too much was tried.
func (j *joiner) from(at int) {
	first := j.a.firstAt(at)
	end := first
	for end < len(j.a.pieces) && j.a.pieces[end].off == at {
		end++
	}
	for i := first; i < end; i++ {
		if n := first + end - 1 - i; j.oldest {
			j.with(n)
		} else {
			j.with(i)
		}
	}
	if j.a.key.v6 {
		return // RFC 5722: they may not overlap
	}
	for i := first - 1; i >= max(first-maxLookBack, 0); i-- {
		if j.a.pieces[i].end > at && j.agrees(i, at) {
			j.with(i)
		}
	}
}

// agrees reports whether the bytes of a piece that are in front of the offset are those of the
// path.
func (j *joiner) agrees(i, at int) bool {
	p := &j.a.pieces[i]
	for _, n := range j.path {
		q := &j.a.pieces[n]
		from, to := max(p.off, q.off), min(at, q.end)
		if from < to && !bytes.Equal(p.data[from-p.off:to-p.off], q.data[from-q.off:to-q.off]) {
			return false
		}
	}
	return true
}

// with puts a piece into the path and goes on behind it.
func (j *joiner) with(i int) {
	p := &j.a.pieces[i]
	switch j.joins++; {
	case j.proved, j.joins > maxJoins, i != j.fresh && p.off == j.a.pieces[j.fresh].off,
		!j.tries() && (j.found != nil || p.used):
		return
	}
	j.path = append(j.path, i)
	if p.more {
		j.from(p.end)
	} else {
		j.end()
	}
	if !j.proved {
		j.path = j.path[:len(j.path)-1]
	}
}

// tries reports whether a path may still be proved.
func (j *joiner) tries() bool { return j.proves != nil && j.a.doubt && j.proofs < maxProofs }

// end looks at a path that is whole.
func (j *joiner) end() {
	if !slices.Contains(j.path, j.fresh) {
		return
	}
	if j.found == nil && !slices.ContainsFunc(j.path, func(i int) bool { return j.a.pieces[i].used }) {
		j.found = slices.Clone(j.path)
	}
	if !j.tries() {
		return
	}
	j.proofs++
	if ip := j.a.assemble(j.path); ip != nil {
		j.proved = j.proves(ip)
	}
}

// assemble puts header and payload together; nil if the datagram is longer than IP allows.
func (a *assembly) assemble(path []int) []byte {
	first, total := &a.pieces[path[0]], a.pieces[path[len(path)-1]].end
	size := len(first.header) + total
	if !a.key.v6 && size > 65535 || a.key.v6 && size-ipv6HeaderLen > 65535 {
		return nil
	}
	out := make([]byte, 0, size)
	out = append(out, first.header...)
	if a.key.v6 {
		binary.BigEndian.PutUint16(out[4:], uint16(size-ipv6HeaderLen))
		out[first.nextHeader] = first.next
	} else {
		binary.BigEndian.PutUint16(out[2:], uint16(size))
		out[6] &= 0x40 // don't fragment
		out[7] = 0
		ipv4Checksum(out)
	}
	for _, i := range path {
		p := &a.pieces[i]
		out = append(out, p.data[len(out)-len(first.header)-p.off:]...)
	}
	return out
}

// complete makes of the parts in path the datagram that is done. If it is proved, all others are
// forgotten.
func (a *assembly) complete(path []int, ip []byte, proved bool, time int64) {
	end := a.pieces[path[len(path)-1]].end
	if proved || !a.doubt {
		kept := make([]piece, 0, len(path))
		for _, i := range path {
			kept = append(kept, a.pieces[i])
		}
		a.pieces = kept
	}
	for i := range a.pieces {
		a.pieces[i].used = true
	}
	a.headerLen = len(ip) - end
	a.now.Fragments = len(path)
	a.now.Data, a.now.Complete, a.now.Doubtful = ip, true, a.doubt && !proved
	a.last, a.now, a.time = a.now, nil, time
}

// repeats reports whether the last complete datagram holds a fragment's bytes.
func (a *assembly) repeats(off int, b []byte) bool {
	if a.last == nil {
		return false
	}
	at := a.headerLen + off
	return at+len(b) <= len(a.last.Data) && bytes.Equal(a.last.Data[at:at+len(b)], b)
}

// measure is about what it takes in bytes.
func (a *assembly) measure() int {
	size := datagramOverhead + pieceOverhead*cap(a.pieces)
	if a.last != nil {
		size += len(a.last.Data)
	}
	for i := range a.pieces {
		size += len(a.pieces[i].data) + len(a.pieces[i].header)
	}
	return size
}
