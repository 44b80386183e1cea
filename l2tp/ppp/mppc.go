package ppp

import (
	"errors"
	"math/bits"
)

// mppcSize is the size of the history in bytes (RFC 2118 section 2).
const mppcSize = 8192

var errMPPC = errors.New("ppp: damaged MPPC data")

// mppcHistory expands Microsoft's Point-to-Point Compression (RFC 2118).
type mppcHistory struct {
	data [mppcSize]byte
	next int // where the next byte goes
}

// flush begins a new history.
func (m *mppcHistory) flush() { *m = mppcHistory{} }

// restart moves to the front of the history, what is in it being kept.
func (m *mppcHistory) restart() { m.next = 0 }

// expand appends what a compressed packet holds. After an error the history is of no use.
func (m *mppcHistory) expand(dst, data []byte) ([]byte, error) {
	at := m.next
	r := bitReader{data: data}
	for r.left() >= 8 { // no symbol is shorter
		offset, length := 0, 1
		switch kind := r.ones(4); kind {
		case 0, 1: // a literal byte
			if m.next < mppcSize {
				m.data[m.next] = byte(kind<<7 | r.bits(7))
			}
		case 2:
			offset, length = 320+r.bits(13), mppcLength(&r)
		case 3:
			offset, length = 64+r.bits(8), mppcLength(&r)
		case 4:
			offset, length = r.bits(6), mppcLength(&r)
		}
		if r.short || m.next+length > mppcSize || length > 1 && offset == 0 {
			return dst, errMPPC
		}
		for i := m.next; offset > 0 && i < m.next+length; i++ {
			m.data[i] = m.data[(i-offset)&(mppcSize-1)]
		}
		m.next += length
	}
	return append(dst, m.data[at:m.next]...), nil
}

// mppcLength reads the length of a copy: 3 to 8191 bytes (RFC 2118 section 4.1.4).
func mppcLength(r *bitReader) int {
	const most = 12
	switch n := r.ones(most); n {
	case 0:
		return 3
	case most:
		r.short = true
		return 0
	default:
		return 2<<n | r.bits(n+1)
	}
}

// bitReader reads numbers from their highest bit on.
type bitReader struct {
	data  []byte
	acc   uint64 // the bits read ahead, at its high end
	have  int
	short bool // there were not enough bits
}

func (r *bitReader) fill() {
	for ; r.have <= 56 && len(r.data) > 0; r.data = r.data[1:] {
		r.acc |= uint64(r.data[0]) << (56 - r.have)
		r.have += 8
	}
}

// left is the number of bits that have not been read.
func (r *bitReader) left() int { return r.have + 8*len(r.data) }

func (r *bitReader) bits(n int) int {
	if r.fill(); r.have < n {
		r.acc, r.have, r.short = 0, 0, true
		return 0
	}
	v := r.acc >> (64 - n)
	r.acc <<= n
	r.have -= n
	return int(v)
}

// ones reads ones up to a zero, which is read too, or up to most of them.
func (r *bitReader) ones(most int) int {
	r.fill()
	n := min(bits.LeadingZeros64(^r.acc), most)
	r.bits(min(n+1, most))
	return n
}
