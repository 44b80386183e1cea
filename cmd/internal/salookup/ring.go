package salookup

import (
	"encoding/binary"
	"slices"
	"sync/atomic"

	"l2tpdump/esp"
)

// SA is a candidate with which packets may be opened. Any number of goroutines may use it. Each
// packet needs what comes first, to ESN of Suite.
type SA struct {
	ready     atomic.Pointer[esp.SA] // nil: not made yet, or no longer
	seq       *sequence              // of its packets
	whole     bool                   // it was proved by a whole packet
	keeps     bool                   // what is made ready is kept before it is proved
	sure      atomic.Bool            // it has opened a packet of which there is no doubt
	High      uint32                 // half of the sequence number of the packet that proved it
	Packets   int                    // that had to agree to prove it, 0: it is not proved
	Candidate                        // Suite as it proved right, with the key length and ESN
	newest    atomic.Uint64          // position of the last packet that it opened, with ESN
	spi       uint32
}

// begin makes s the SA of a candidate with these algorithms.
func (s *SA) begin(spi uint32, c *Candidate, suite esp.Suite, high uint32, seq *sequence) *SA {
	s.Candidate, s.High, s.spi, s.whole, s.seq = *c, high, spi, true, seq
	s.Suite = suite
	s.newest.Store(uint64(high) << 32)
	return s
}

// opening is one piece of memory for all that the packets of a flow need.
type opening struct {
	ring Ring
	seq  sequence
	sa   SA
	from Source
}

// provedSA returns the SA of what proved right by a number of packets, and memory for its Ring;
// with 0 it is not proved.
func provedSA(spi uint32, c *Candidate, o *Fit, packets int) (*SA, *Ring) {
	m := new(opening)
	s := m.sa.begin(spi, c, o.SA.Suite(), o.High, &m.seq)
	m.from = *c.From
	if s.From = &m.from; c.AuthFrom == c.From {
		s.AuthFrom = s.From
	} else if c.AuthFrom != nil {
		auth := *c.AuthFrom
		s.AuthFrom = &auth
	}
	s.Packets = packets
	s.ready.Store(o.SA)
	return s, &m.ring
}

// CipherName is the name of the encryption algorithm, as in "aes-cbc-128".
func (s *SA) CipherName() string { return s.Suite.CipherName() }

// AuthName is the name of the authentication algorithm, as in "hmac-sha1-96".
func (s *SA) AuthName() string { return s.Suite.AuthName() }

// maxRing is how many SAs may be tried on a packet of one flow.
const maxRing = 1024

// maxReady is how many SAs of keys that do not fit so far a table keeps ready. Further ones are
// made anew for each packet.
const maxReady = 1 << 14

// Ring is the SAs that may open the packets of a flow, the first being the one that proved right
// first. Packets go from goroutine to goroutine with it, so that what is decrypted does not depend
// on what others have found out so far.
type Ring struct {
	sas  []*SA
	last atomic.Int32 // index of the one that opened a packet last, the likeliest for the next one
	one  [1]*SA       // memory of sas, which mostly is enough
}

func (r *Ring) first() *SA { return r.sas[0] }

// ring makes r what opens an SPI's packets: first, if it is not nil, and what else of the set and
// of an older ring may. SAs of the older ring stay what they are.
func (t *Table) ring(r *Ring, spi uint32, first *SA, old *Ring, set *Set) *Ring {
	if first != nil {
		r.sas = append(r.one[:0], first)
	}
	if old != nil {
		for _, s := range old.sas {
			switch {
			case s == first:
			case !s.rivals(&first.Candidate):
				first.seq = s.seq // the same SA, of which more is known by now
			case s.Proved():
				r.sas = append(r.sas, s)
			}
		}
	}
	var room [maxWays]extension
	for i := range set.Candidates {
		c := &set.Candidates[i]
		if first != nil && !c.rivals(&first.Candidate) {
			continue
		}
		for _, v := range set.ways(room[:0], c) {
			if len(r.sas) < maxRing && !r.has(c, v.suite) {
				s := new(SA).begin(spi, c, v.suite, v.high, new(sequence))
				if s.keeps = t.kept < maxReady; s.keeps {
					t.kept++
				}
				r.sas = append(r.sas, s)
			}
		}
	}
	return r
}

// has reports whether the candidate is in the ring.
func (r *Ring) has(c *Candidate, suite esp.Suite) bool {
	return slices.ContainsFunc(r.sas, func(s *SA) bool {
		return (s.Packets > 0 || s.Suite == suite) && s.Key.Equal(c.Key) && s.AuthKey.Equal(c.AuthKey)
	})
}

// Open decrypts a packet as esp.Opener.Open does, with the SA that opens it, which it returns with
// the high half of the sequence number. Where none does, the SA and the error are those of the
// first.
func (r *Ring) Open(o *esp.Opener, plain *esp.Plaintext, dst []byte, p Packet) (sa *SA, high uint32, err error) {
	last := int(r.last.Load())
	sa = r.sas[last]
	high, err = sa.open(o, plain, dst, p)
	if len(r.sas) == 1 || sa.certain(plain, err) {
		return sa, high, err
	}
	best := -1 // of those that leave a doubt, the one with the most evidence
	bits := 0
	if err == nil || err == esp.ErrTruncated && plain.Evidence > 0 {
		best, bits = last, plain.Evidence
	}
	for i, s := range r.sas {
		if i == last {
			continue
		}
		high, err = s.open(o, plain, dst, p)
		switch {
		case s.certain(plain, err):
			r.last.Store(int32(i))
			return s, high, err
		case (err == nil && (i == 0 || s.sure.Load()) || err == esp.ErrTruncated) &&
			(plain.Evidence > bits || plain.Evidence == bits && i < best):
			best, bits = i, plain.Evidence
		}
	}
	sa = r.sas[max(best, 0)]
	high, err = sa.open(o, plain, dst, p)
	return sa, high, err
}

// Likely is the SA that Open tries first, as things are.
func (r *Ring) Likely() *SA { return r.sas[r.last.Load()] }

// Expect says that Open will be called for the packet of a ring whose likely SA it is, see
// esp.Opener.Expect.
func (s *SA) Expect(o *esp.Opener, p Packet) {
	if sa := s.ready.Load(); sa != nil {
		o.Expect(sa, p.Data, s.high(p), p.Cut)
	}
}

// certain reports whether what an SA made of a packet proves that it is the packet's own.
func (s *SA) certain(plain *esp.Plaintext, err error) bool {
	switch {
	case err == esp.ErrTruncated:
		return plain.Evidence >= proofBits
	case err != nil:
		return false
	case s.Checks():
		return s.Suite.Cipher.AEAD || plain.Evidence >= cipherBits || s.Proved()
	}
	return plain.Evidence >= proofBits
}

// Verifies reports whether the ICV of a whole packet is right.
func (s *SA) Verifies(packet []byte) bool {
	var o esp.Opener
	var plain esp.Plaintext
	_, err := s.open(&o, &plain, nil, Packet{Data: packet})
	return err == nil && plain.Verified
}

// Proved reports whether there is no doubt that the SA is what opens the flow's packets.
func (s *SA) Proved() bool { return s.Packets > 0 || s.sure.Load() }

// open opens a packet. With ESN the high half of its sequence number is near the last
// packet's, or it is a step further on or back, or the count has begun anew.
func (s *SA) open(o *esp.Opener, plain *esp.Plaintext, dst []byte, p Packet) (high uint32, err error) {
	sa := s.ready.Load()
	if sa == nil {
		if sa, err = esp.NewSA(s.spi, s.Suite, s.Key, s.AuthKey); err != nil {
			*plain = esp.Plaintext{}
			return 0, err
		}
		if s.keeps || s.Proved() {
			s.ready.Store(sa)
		}
	}
	high = s.high(p)
	if err = o.Open(sa, plain, dst, p.Data, high, p.Cut); err == esp.ErrICV && s.Suite.ESN {
		for _, h := range [3]uint32{high + 1, high - 1, s.High} {
			if err = o.Open(sa, plain, dst, p.Data, h, p.Cut); err != esp.ErrICV {
				high = h
				break
			}
		}
	}
	if err == esp.ErrWeak {
		return high, s.weak(plain)
	}
	return high, err
}

// weak says what becomes of a packet of which little more than the padding is right: enough only
// where others proved the key.
func (s *SA) weak(plain *esp.Plaintext) error {
	err := esp.ErrStructure
	switch {
	case s.Proved():
		return nil
	case plain.Verified:
		err = esp.ErrPlaintext
	}
	*plain = esp.Plaintext{Evidence: plain.Evidence}
	return err
}

// high is the half of a packet's sequence number that is nearest to the last packet's.
func (s *SA) high(p Packet) uint32 {
	if !s.Suite.ESN {
		return 0
	}
	return uint32(esp.Nearest(s.newest.Load(), binary.BigEndian.Uint32(p.Data[4:])) >> 32)
}
