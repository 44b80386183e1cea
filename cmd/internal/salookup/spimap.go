package salookup

import (
	"iter"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"l2tpdump/esp/lanes"
)

// spiMap finds values by their SPI: open addressing with linear probing, so that a look mostly
// touches one line of memory, however many there are. The hash has a secret factor, as who sends
// packets chooses the SPIs. The zero value is empty.
type spiMap[V any] struct {
	slots  []spiSlot[V] // a power of two, a fifth of them free at least
	len    int
	factor uint64
	shift  int
}

type spiSlot[V any] struct {
	value V
	spi   uint32
	taken bool
}

// at is where the SPI is, or the free slot where it would be.
func (m *spiMap[V]) at(spi uint32) int {
	i := m.home(spi)
	for s := &m.slots[i]; s.taken && s.spi != spi; s = &m.slots[i] {
		i = (i + 1) & (len(m.slots) - 1)
	}
	return i
}

// home is where the search for an SPI begins.
func (m *spiMap[V]) home(spi uint32) int { return int(uint64(spi) * m.factor >> m.shift) }

// prefetch has the memory fetched that a search for the SPI begins with, see lanes.Prefetch.
func (m *spiMap[V]) prefetch(spi uint32) {
	s := &m.slots[m.home(spi)]
	lanes.Prefetch(unsafe.Pointer(s), unsafe.Sizeof(*s))
}

// get returns the value, the zero value if there is none.
func (m *spiMap[V]) get(spi uint32) (v V) {
	if m.len == 0 {
		return v
	}
	return m.slots[m.at(spi)].value
}

// of returns the place of the value, which is the zero value if there was none. It is valid until
// the next call.
func (m *spiMap[V]) of(spi uint32) *V {
	m.reserve(1)
	s := &m.slots[m.at(spi)]
	if !s.taken {
		m.len++
		s.spi, s.taken = spi, true
	}
	return &s.value
}

// reserve makes room for n more.
func (m *spiMap[V]) reserve(n int) {
	if 5*(m.len+n) <= 4*len(m.slots) {
		return
	}
	old := m.slots
	m.slots = make([]spiSlot[V], max(8, 1<<bits.Len(uint(5*(m.len+n)-1)/4)))
	m.shift = 65 - bits.Len(uint(len(m.slots)))
	m.factor = rand.Uint64() | 1
	for _, s := range old {
		if s.taken {
			m.slots[m.at(s.spi)] = s
		}
	}
}

// remove takes an SPI out. What was put behind its slot because of it moves up.
func (m *spiMap[V]) remove(spi uint32) {
	if m.len == 0 {
		return
	}
	free := m.at(spi)
	if !m.slots[free].taken {
		return
	}
	m.len--
	mask := len(m.slots) - 1
	for i := (free + 1) & mask; m.slots[i].taken; i = (i + 1) & mask {
		if way := (i - m.home(m.slots[i].spi)) & mask; way >= (i-free)&mask {
			m.slots[free] = m.slots[i]
			free = i
		}
	}
	m.slots[free] = spiSlot[V]{}
}

// all yields each SPI with its value, in no order.
func (m *spiMap[V]) all() iter.Seq2[uint32, V] {
	return func(yield func(uint32, V) bool) {
		for i := range m.slots {
			if s := &m.slots[i]; s.taken && !yield(s.spi, s.value) {
				return
			}
		}
	}
}
