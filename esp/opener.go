package esp

import (
	"slices"
	"unsafe"

	"l2tpdump/esp/lanes"
)

// Opener opens packets for one goroutine: it keeps what the SAs of the last packets needed for the
// next ones, so that goroutines which work on one SA share no memory. The zero value is ready.
type Opener struct {
	kept [4]struct {
		sa *SA
		st *state
	}
	shared  state        // for SAs that have no states of their own
	engines []keptEngine // of the SAs whose round keys were needed last, by the SPI

	hasher   lanes.Hasher
	expected []expectation
	messages []lanes.Message // of expected
	hashed   int             // of messages
	at       int             // in expected: the packet opened last, or before it
}

// maxEngines is of how many SAs an opener keeps the round keys at most, 280 bytes each.
const maxEngines = 512

type keptEngine struct {
	sa *SA
	aesCBCEngine
}

// expectation is a packet with the parameters that it is likely to be opened with.
type expectation struct {
	sa      *SA
	packet  *byte // its first byte
	seqHigh uint32
	high    [4]byte // of the sequence number, as the ICV covers it
}

// Prefetch has the memory of an SA fetched before Expect needs it, see lanes.Prefetch; it may be
// nil.
func (sa *SA) Prefetch() { lanes.Prefetch(unsafe.Pointer(sa), unsafe.Sizeof(*sa)) }

// Expect says that Open will be called with these parameters, for the packets in the order of the
// calls of Expect. The ICVs of all that is expected are computed together, which takes much less
// time than one by one. What is expected holds until Release.
func (o *Opener) Expect(sa *SA, packet []byte, seqHigh uint32, truncatedBy int) {
	if sa.hmac.IsZero() || truncatedBy > 0 || len(packet) < HeaderLen+int(sa.icvLen) {
		return
	}
	n := len(o.expected)
	o.expected, o.messages = slices.Grow(o.expected, 1)[:n+1], slices.Grow(o.messages, 1)[:n+1]
	e, m := &o.expected[n], &o.messages[n] // Release has left them zero
	e.sa, e.packet, e.seqHigh = sa, &packet[0], seqHigh
	m.Key, m.Data = &sa.hmac, packet[:len(packet)-int(sa.icvLen)]
}

// Open is [SA.Open], whose Plaintext it writes to plain.
func (o *Opener) Open(sa *SA, plain *Plaintext, dst, packet []byte, seqHigh uint32, truncatedBy int) error {
	sum := o.sum(sa, packet, seqHigh) // first, as it may put other round keys in the place of this SA's
	return sa.open(o.state(sa), plain, dst, packet, seqHigh, truncatedBy, sum)
}

// sum is the MAC of a packet that was expected, else nil.
func (o *Opener) sum(sa *SA, packet []byte, seqHigh uint32) []byte {
	if o.hashed < len(o.messages) {
		fresh := o.messages[o.hashed:]
		for i := range fresh {
			e := &o.expected[o.hashed+i]
			fresh[i].Suffix = e.sa.suffix(&e.high, e.seqHigh)
			if e.sa.own == nil { // here the keys of many SAs are fetched from memory together
				o.engine(e.sa)
			}
		}
		o.hasher.Sums(fresh)
		o.hashed = len(o.messages)
	}
	for i := o.at; i < min(o.at+2, len(o.expected)); i++ {
		if e := &o.expected[i]; len(packet) > 0 && e.packet == &packet[0] {
			o.at = i
			if e.sa == sa && e.seqHigh == seqHigh && len(o.messages[i].Data) == len(packet)-int(sa.icvLen) {
				return o.messages[i].Sum[:]
			}
			return nil
		}
	}
	return nil
}

func (o *Opener) state(sa *SA) *state {
	if sa.own == nil || sa.own.shared != nil {
		st := &o.shared
		if st.setHMAC(&sa.hmac); sa.own == nil {
			st.engine = o.engine(sa)
		} else {
			st.engine = sa.own.shared
		}
		return st
	}
	kept := &o.kept[sa.spi%uint32(len(o.kept))]
	if kept.sa != sa {
		if kept.sa != nil {
			kept.sa.own.put(kept.st)
		}
		kept.sa, kept.st = sa, sa.own.get(sa)
	}
	return kept.st
}

// engine returns that of an SA with AES-CBC. There are the more places the more SAs compete for
// one.
func (o *Opener) engine(sa *SA) engine {
	n := uint32(len(o.engines))
	if n == 0 || n < maxEngines && o.engines[sa.spi%n].taken(sa) {
		n = max(4, 2*n)
		o.engines = make([]keptEngine, n)
	}
	e := &o.engines[sa.spi%n]
	if e.sa != sa {
		e.sa = sa
		e.of(sa.key)
	}
	return &e.aesCBCEngine
}

// taken reports whether it is another SA's.
func (e *keptEngine) taken(sa *SA) bool { return e.sa != nil && e.sa != sa }

// Release gives back what is kept, and forgets what is expected.
func (o *Opener) Release() {
	for i := range o.kept {
		if k := &o.kept[i]; k.sa != nil {
			k.sa.own.put(k.st)
		}
	}
	clear(o.kept[:])
	o.shared.engine, o.shared.lone.messages[0].Key, o.shared.parts = nil, nil, parts{}
	clear(o.expected)
	clear(o.messages)
	o.expected, o.messages, o.hashed, o.at = o.expected[:0], o.messages[:0], 0, 0
}
