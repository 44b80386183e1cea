package ppp

import (
	"encoding/binary"
	"slices"
)

const (
	maxFragments    = 1024    // that wait for others
	maxFragmentData = 1 << 20 // bytes of them
	mpReordering    = 6       // numbers that the network may reorder a link's fragments by
	mpWindow        = 512     // numbers that the links of a bundle are apart by, or one has fallen silent
)

// reassembly puts the fragments of one direction of a Multilink bundle together (RFC 1990).
type reassembly struct {
	mask      uint32     // of the sequence numbers: of 24 bits, or of 12
	next      uint32     // the lowest number that is neither done with nor given up
	fragments []fragment // in the order of their numbers, from next on
	data      int        // bytes of them
	losses    uint64     // how often fragments were lost
}

// fragment is a fragment, or, without data, one that is done with.
type fragment struct {
	number     uint32
	begin, end bool
	done       bool
	data       []byte
}

// Header lengths and masks of the two formats (RFC 1990 section 3).
const (
	longMask   = 1<<24 - 1
	shortMask  = 1<<12 - 1
	longBytes  = 4
	shortBytes = 2
)

// readFragment reads the header in front of a fragment; its format is that of the mask.
func readFragment(payload []byte, mask uint32) (f fragment, ok bool) {
	switch {
	case mask == shortMask && len(payload) >= shortBytes:
		f.number, f.data = uint32(binary.BigEndian.Uint16(payload))&mask, payload[shortBytes:]
	case mask != shortMask && len(payload) >= longBytes:
		f.number, f.data = binary.BigEndian.Uint32(payload)&mask, payload[longBytes:]
	default:
		return f, false
	}
	f.begin, f.end = payload[0]&0x80 != 0, payload[0]&0x40 != 0
	return f, true
}

// guessMask finds the format of a first fragment by what is behind its header: the beginning of an
// IP packet, or a compressed or control packet.
func guessMask(payload []byte) uint32 {
	for _, mask := range [...]uint32{longMask, shortMask} {
		f, ok := readFragment(payload, mask)
		var frame Frame
		if !ok || !f.begin || frame.Decode(f.data) != nil || mask == longMask && payload[0]&0x3f != 0 {
			continue
		}
		version := byte(0)
		if frame.PayloadEnd > frame.PayloadStart {
			version = f.data[frame.PayloadStart] >> 4
		}
		switch p := frame.Protocol; {
		case p == ProtocolIP && version == 4, p == ProtocolIPv6 && version == 6, p == protocolCompressed,
			p == protocolIPCP, p == protocolCCP, p == protocolIPV6CP:
			return mask
		}
	}
	return 0
}

// distance is how far a number is from next; negative if it lies before it.
func (r *reassembly) distance(number uint32) int {
	d := (number - r.next) & r.mask
	if d > r.mask/2 {
		return int(d) - int(r.mask) - 1
	}
	return int(d)
}

// receive takes a fragment. passed is the lowest of the last numbers that each link has sent.
// ordered says that packets have to be handed up in order; otherwise each is as soon as it is
// whole.
func (r *reassembly) receive(x *Expander, f fragment, passed uint32, ordered bool, up func([]byte) State) State {
	// First what is missing is given up, and then what may yet have an end.
	for beyond := uint32(0); len(r.fragments) >= maxFragments || r.data+len(f.data) > maxFragmentData; beyond++ {
		last := r.fragments[len(r.fragments)-1].number
		r.advance(x, (last+beyond)&r.mask, up)
	}
	at, found := slices.BinarySearchFunc(r.fragments, f, func(a, b fragment) int {
		return r.distance(a.number) - r.distance(b.number)
	})
	if r.distance(f.number) < 0 || found {
		x.count(Repeated, 1)
		return Repeated
	}
	x.held++
	f.data = slices.Clone(f.data)
	r.fragments = slices.Insert(r.fragments, at, f)
	r.data += len(f.data)
	before := len(x.packets)
	if first, end, found := r.packet(at); found == wholePacket && !ordered {
		r.handUp(x, first, end, up)
	}
	r.advance(x, (passed-mpReordering)&r.mask, up)
	if len(x.packets) > before {
		return Expanded
	}
	return Held
}

// What packet finds.
type completeness uint8

const (
	openPacket   completeness = iota // something is missing behind
	brokenPacket                     // it can't become whole
	wholePacket
)

// packet finds the neighbours of a fragment that belong to its packet.
func (r *reassembly) packet(at int) (first, end int, found completeness) {
	follows := func(i int) bool { return r.fragments[i].number == (r.fragments[i-1].number+1)&r.mask }
	for first = at; !r.fragments[first].begin; first-- {
		if first == 0 || !follows(first) {
			return first, at + 1, openPacket
		}
		if r.fragments[first-1].end {
			return first, at + 1, brokenPacket
		}
	}
	for end = at; !r.fragments[end].end; {
		if end++; end == len(r.fragments) || !follows(end) {
			return first, end, openPacket
		}
		if r.fragments[end].begin {
			return first, end, brokenPacket
		}
	}
	return first, end + 1, wholePacket
}

// handUp puts a packet together.
func (r *reassembly) handUp(x *Expander, first, end int, up func([]byte) State) {
	at := len(x.arena)
	for i := first; i < end; i++ {
		f := &r.fragments[i]
		x.arena = append(x.arena, f.data...)
		r.data -= len(f.data)
		f.data, f.done = nil, true
	}
	position := x.position
	x.frames, x.position = end-first, Position{}
	x.settle(max(up(x.arena[at:len(x.arena):len(x.arena)]), Expanded), x.frames)
	x.frames, x.position = 1, position
}

// advance moves next on. What is missing up to the number passed is lost, and with it the packet of
// which it is a part.
func (r *reassembly) advance(x *Expander, passed uint32, up func([]byte) State) {
	for len(r.fragments) > 0 {
		if gap := r.distance(r.fragments[0].number); gap > 0 {
			lost := min(gap, r.distance(passed)+1)
			if lost <= 0 {
				return
			}
			x.counts.Lost += uint64(lost)
			r.losses++
			r.next = (r.next + uint32(lost)) & r.mask
			continue
		}
		if !r.fragments[0].done {
			first, end, found := r.packet(0)
			switch {
			case found == wholePacket:
				r.handUp(x, first, end, up)
			case found == openPacket && r.fragments[0].begin && r.distance(r.fragments[end-1].number)+1 > r.distance(passed):
				return
			default: // another part of its packet is lost
				x.settle(Incomplete, 1)
				r.data -= len(r.fragments[0].data)
			}
		}
		r.fragments = slices.Delete(r.fragments, 0, 1)
		r.next = (r.next + 1) & r.mask
	}
}

// giveUp forgets everything.
func (r *reassembly) giveUp(x *Expander) {
	for _, f := range r.fragments {
		if !f.done {
			x.settle(Incomplete, 1)
		}
	}
	*r = reassembly{mask: r.mask, next: r.next, losses: r.losses + 1}
}

// passed is the lowest of the last sequence numbers that each link has sent in a direction (RFC
// 1990 section 4.1). A link that is far behind has fallen silent, or sends in the other direction
// only.
func (b *bundle) passed(direction int) uint32 {
	r := &b.mp[direction]
	highest := b.links[0].last[direction]
	for _, l := range b.links {
		if r.distance(l.last[direction]) > r.distance(highest) {
			highest = l.last[direction]
		}
	}
	lowest := highest
	for _, l := range b.links {
		if d := r.distance(l.last[direction]); !l.down && d < r.distance(lowest) && d > r.distance(highest)-mpWindow {
			lowest = l.last[direction]
		}
	}
	return lowest
}

// follows reports whether a fragment may be the next of a link that is not in the bundle yet.
func (b *bundle) follows(direction int, fragment []byte) bool {
	r := &b.mp[direction]
	if r.mask == 0 {
		return true
	}
	f, ok := readFragment(fragment, r.mask)
	d := r.distance(f.number)
	return ok && -mpWindow < d && d < mpWindow
}
