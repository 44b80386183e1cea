package keysrc

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"l2tpdump/esp"
)

// Memory is taken in pieces that grow from minChunk to maxChunk.
const (
	minChunk = 512
	maxChunk = 128 << 10
)

// packed is records of bytes one behind the other, in chunks that hold no pointers.
type packed struct {
	chunks [][]byte
	n      int // records
	last   record
}

// record is the bytes of one secret: written from begin to end, or read.
type record struct{ b []byte }

// begin starts a record, which is valid until end.
func (p *packed) begin() *record {
	p.last.b = p.last.b[:0]
	return &p.last
}

// end puts the record behind the others.
func (p *packed) end() {
	b := p.last.b
	size, full := minChunk, true
	if n := len(p.chunks); n > 0 {
		last := p.chunks[n-1]
		size, full = min(2*cap(last), maxChunk), len(last)+len(b) > cap(last)
	}
	if full {
		p.chunks = append(p.chunks, make([]byte, 0, max(size, len(b))))
	}
	last := &p.chunks[len(p.chunks)-1]
	*last = append(*last, b...)
	p.n++
	clear(b) // key bytes
}

// each calls f with each record until it returns false. f reads a record to its end.
func (p *packed) each(f func(*record) bool) {
	for _, c := range p.chunks {
		for r := (record{b: c}); len(r.b) > 0; {
			if !f(&r) {
				return
			}
		}
	}
}

func (r *record) byte(c byte)     { r.b = append(r.b, c) }
func (r *record) bytes(b []byte)  { r.b = append(r.b, b...) }
func (r *record) uint32(n uint32) { r.b = binary.BigEndian.AppendUint32(r.b, n) }
func (r *record) number(n int)    { r.b = binary.AppendUvarint(r.b, uint64(n)) }

func (r *record) key(k esp.Key) {
	r.number(k.Len())
	r.bytes(k.Bytes())
}

func (r *record) take(n int) []byte {
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *record) takeByte() byte     { return r.take(1)[0] }
func (r *record) takeUint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

func (r *record) takeNumber() int {
	v, n := binary.Uvarint(r.b)
	r.b = r.b[n:]
	return int(v)
}

func (r *record) takeKey(blank bool) esp.Key {
	b := r.take(r.takeNumber())
	if blank && len(b) < len(blankKeys) {
		return blankKeys[len(b)]
	}
	return esp.NewKey(b)
}

// blankKeys are keys of zeros of all usual lengths.
var blankKeys = func() (keys [65]esp.Key) {
	for n := range keys {
		keys[n] = esp.NewKey(make([]byte, n))
	}
	return keys
}()

// The kinds of a pattern: any address, an address of that many bytes, or a number in a list.
const (
	patternAny    = 0
	patternListed = 1
)

func (st *Store) putPattern(r *record, p esp.AddrPattern) {
	if p.IsAny() {
		r.byte(patternAny)
		return
	}
	if p == st.lastAddr.pattern {
		r.bytes(st.lastAddr.packed)
		return
	}
	start := len(r.b)
	a, whole := p.Addr()
	switch {
	case !whole:
		r.byte(patternListed)
		r.number(st.patterns.number(p))
	case a.Is4():
		b := a.As4()
		r.byte(byte(len(b)))
		r.bytes(b[:])
	default:
		b := a.As16()
		r.byte(byte(len(b)))
		r.bytes(b[:])
	}
	st.lastAddr = packedAddr{p, append(st.lastAddr.packed[:0], r.b[start:]...)}
}

// packedAddr is a pattern and how it is packed. In a log the same comes again and again.
type packedAddr struct {
	pattern esp.AddrPattern
	packed  []byte
}

func (st *Store) getPattern(r *record) esp.AddrPattern {
	switch n := r.takeByte(); n {
	case patternAny:
		return esp.AddrPattern{}
	case patternListed:
		return st.patterns.list[r.takeNumber()]
	default:
		packed := r.take(int(n))
		if st.space != nil && bytes.Equal(packed, st.space.addr.packed) {
			return st.space.addr.pattern
		}
		a, _ := netip.AddrFromSlice(packed)
		p := esp.AddrPatternFrom(a)
		if st.space != nil {
			st.space.addr = packedAddr{p, packed}
		}
		return p
	}
}

func (st *Store) putOrigin(r *record, o esp.Origin) {
	r.number(st.names.number(o.File))
	r.number(o.Line)
}

func (st *Store) getOrigin(r *record) esp.Origin {
	return esp.Origin{File: st.names.list[r.takeNumber()], Line: r.takeNumber()}
}

// interned numbers values that come again and again.
type interned[T comparable] struct {
	list    []T
	numbers map[T]int
}

func (in *interned[T]) number(v T) int {
	n := len(in.list)
	if n > 0 && in.list[n-1] == v {
		return n - 1
	}
	if i, ok := in.numbers[v]; ok {
		return i
	}
	if in.numbers == nil {
		in.numbers = make(map[T]int)
	}
	in.list = append(in.list, v)
	in.numbers[v] = n
	return n
}

// hashSet is a set of hashes, which are spread evenly by themselves. A slot that is free has 0.
type hashSet struct {
	slots []uint64 // a power of two of them
	n     int
}

// add reports whether the hash was not in the set.
func (h *hashSet) add(v uint64) bool {
	if v == 0 {
		v = 1
	}
	if h.n >= len(h.slots)/4*3 {
		old := h.slots
		h.slots = make([]uint64, max(64, 2*len(old)))
		for _, v := range old {
			if v != 0 {
				h.slots[h.find(v)] = v
			}
		}
	}
	i := h.find(v)
	if h.slots[i] == v {
		return false
	}
	h.slots[i] = v
	h.n++
	return true
}

// find returns the slot of a hash, or the free one where it belongs.
func (h *hashSet) find(v uint64) int {
	mask := len(h.slots) - 1
	i := int(v) & mask
	for h.slots[i] != 0 && h.slots[i] != v {
		i = (i + 1) & mask
	}
	return i
}
