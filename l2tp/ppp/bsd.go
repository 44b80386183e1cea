package ppp

import "errors"

// Codes of BSD-compress (RFC 1977): each byte stands for itself, then comes CLEAR.
const (
	bsdClear    = 256
	bsdMinBits  = 9
	bsdMaxBits  = 15        // the longest codes in use; RFC 1977 allows 16
	bsdCheckGap = 10000     // input bytes between two looks at the ratio
	bsdRatioMax = 1<<23 - 1 // counts are scaled down at this size
)

var errBSD = errors.New("ppp: damaged BSD-compress data")

// bsdDictionary expands BSD-compress (RFC 1977): LZW whose dictionary lives from packet to packet.
// Packets that are sent as they are build the dictionary too, so the children of an entry have to
// be found.
type bsdDictionary struct {
	entries []bsdEntry // by code, as far as codes were in use
	last    int        // the highest code in use
	bits    int        // of a code
	maxBits int

	in, out    uint // bytes before and after compression
	ratio      uint // of in to out at the last look, times 256
	checkpoint uint // at which to look again
}

type bsdEntry struct {
	prefix      uint16 // the code that this one prolongs
	length      uint16 // bytes that it stands for
	child, next uint16 // the latest code that prolongs it, and the one that prolongs the same code; 0: none
	suffix      byte   // the last of the bytes
}

// newBSDDictionary returns the dictionary at the beginning, for codes of up to maxBits bits.
func newBSDDictionary(maxBits int) *bsdDictionary {
	d := &bsdDictionary{maxBits: maxBits}
	d.drop()
	return d
}

// drop frees the memory that entries take; they are made when a packet comes.
func (d *bsdDictionary) drop() {
	d.entries = nil
	d.clear()
}

func (d *bsdDictionary) need() {
	if d.entries != nil {
		return
	}
	d.entries = make([]bsdEntry, bsdClear+1)
	for i := range bsdClear {
		d.entries[i] = bsdEntry{length: 1, suffix: byte(i)}
	}
}

// clear forgets all but the bytes themselves.
func (d *bsdDictionary) clear() {
	for i := range min(bsdClear, len(d.entries)) {
		d.entries[i].child = 0
	}
	d.last, d.bits = bsdClear, bsdMinBits
	d.in, d.out, d.ratio, d.checkpoint = 0, 0, 0, bsdCheckGap
}

// full reports whether there is no code left.
func (d *bsdDictionary) full() bool { return d.last >= 1<<d.maxBits-1 }

// widen makes codes longer if the next ones need it.
func (d *bsdDictionary) widen() {
	if d.last >= 1<<d.bits-1 && !d.full() {
		d.bits++
	}
}

// add makes a code for what another one stands for with a byte behind it.
func (d *bsdDictionary) add(prefix int, suffix byte) {
	if d.last++; d.last == len(d.entries) {
		d.entries = append(d.entries, bsdEntry{})
	}
	parent := &d.entries[prefix]
	d.entries[d.last] = bsdEntry{prefix: uint16(prefix), length: parent.length + 1, suffix: suffix, next: parent.child}
	parent.child = uint16(d.last)
}

// find is the code for what prefix stands for with a byte behind it, 0 if there is none.
func (d *bsdDictionary) find(prefix int, suffix byte) int {
	code := d.entries[prefix].child
	for code != 0 && d.entries[code].suffix != suffix {
		code = d.entries[code].next
	}
	return int(code)
}

// expand appends what a packet holds, from the low byte of its protocol on. After an error the
// dictionary is of no use.
func (d *bsdDictionary) expand(dst, data []byte) ([]byte, error) {
	at := len(dst)
	r := bitReader{data: data}
	d.out += uint(len(data))
	for before := bsdClear; r.left() >= d.bits; {
		code := r.bits(d.bits)
		if code == bsdClear {
			if r.left() >= 8 {
				return dst[:at], errBSD // it has to be the last
			}
			d.clear()
			return dst, nil
		}
		known := code <= d.last
		if !known && (code > d.last+1 || d.full() || before == bsdClear) {
			return dst[:at], errBSD
		}
		source := code
		if !known { // the code that is about to be made (KwKwK)
			source = before
		}
		d.need()
		first := len(dst)
		dst = d.appendString(dst, source)
		if !known {
			dst = append(dst, dst[first])
		}
		if len(dst)-at > maxExpanded {
			return dst[:at], errExpanded
		}
		if before != bsdClear && !d.full() {
			d.add(before, dst[first])
			d.widen()
		}
		before = code
	}
	d.in += uint(len(dst) - at)
	d.check()
	return dst, nil
}

// bsdClears reports whether a packet of codes of a size ends with CLEAR. What pads it are zeros or
// ones.
func bsdClears(data []byte, size int) bool {
	r := bitReader{data: data}
	code := 0
	for r.left() >= size {
		code = r.bits(size)
	}
	left := r.left()
	padding := r.bits(left)
	return code == bsdClear && left < 8 && (padding == 0 || padding == 1<<left-1)
}

// appendString appends the bytes that a code stands for.
func (d *bsdDictionary) appendString(dst []byte, code int) []byte {
	n := int(d.entries[code].length)
	dst = append(dst, make([]byte, n)...)
	for i := len(dst) - 1; i >= len(dst)-n; i-- {
		dst[i] = d.entries[code].suffix
		code = int(d.entries[code].prefix)
	}
	return dst
}

// pass builds the dictionary with a packet that was sent as it is: protocol, one byte of it, and
// what follows (RFC 1977 section 2.1).
func (d *bsdDictionary) pass(protocol byte, data []byte) {
	d.need()
	code, bits := int(protocol), 0
	for _, b := range data {
		if next := d.find(code, b); next != 0 {
			code = next
			continue
		}
		bits += d.bits
		d.widen()
		if !d.full() {
			d.add(code, b)
		}
		code = int(b)
	}
	bits += d.bits
	d.in += uint(1 + len(data))
	d.out += uint((bits + 7) / 8)
	full := d.full()
	d.check()
	if !full {
		d.widen()
	}
}

// check looks at the ratio from time to time, and clears a full dictionary that has become a bad
// one, as the sender does.
func (d *bsdDictionary) check() {
	if d.in < d.checkpoint {
		return
	}
	if d.in >= bsdRatioMax || d.out >= bsdRatioMax {
		d.in -= d.in / 4
		d.out -= d.out / 4
	}
	d.checkpoint = d.in + bsdCheckGap
	if !d.full() {
		return
	}
	ratio := d.in << 8 / max(d.out, 1)
	if ratio < d.ratio || ratio < 1<<8 {
		d.clear()
		return
	}
	d.ratio = ratio
}
