package why

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/esp"
)

// What a diagnosis may cost, however many flows and secrets there are.
const (
	foreignLimit = 64      // other secrets whose keys are tried on one flow
	foreignTries = 1 << 14 // candidates made of other SPIs' keys, of all flows
	compareTries = 1 << 26 // SPIs compared, likewise
	nearDigits   = 2       // hex digits in which a misread SPI may differ
)

// trials opens packets with keys that are not given for them. What fits is a cause, and opens
// nothing: under a wrong SPI nothing is decrypted.
type trials struct {
	memory   salookup.Trial
	left     int
	compares int
}

// try returns the fit of the first candidate that ok accepts, as far as the budget goes.
func (t *trials) try(set *salookup.Set, list []salookup.Candidate, spi uint32, packet []byte,
	ok func(*salookup.Fit, *salookup.Candidate) bool) (fit salookup.Fit, found bool) {
	for i := range list {
		if t.left--; t.left < 0 {
			break
		}
		if fit = t.memory.Try(set, &list[i], spi, salookup.Packet{Data: packet}); ok(&fit, &list[i]) {
			return fit, true
		}
	}
	return salookup.Fit{}, false
}

func proves(fit *salookup.Fit, c *salookup.Candidate) bool { return fit.Proves(c, 0) }

// keyPart is which of the keys that are given for another SPI are tried on a flow.
type keyPart int

const (
	wholeKeys         keyPart = iota
	encryptionKey             // without the ICV
	authenticationKey         // with the flow's own encryption key
)

// opens looks for another SPI's secret whose keys, or that part of them, open a packet of the flow;
// nil if there is none.
func (c *closed) opens(part keyPart) *salookup.Known {
	if c.packet == nil || c.left < 0 {
		return nil
	}
	own := slices.Clone(c.set.Sources) // these name the algorithms
	for i := range own {
		s := *own[i].Secret
		if s.AuthKey = (esp.Key{}); part != authenticationKey {
			s.Key = esp.Key{}
		}
		own[i].Secret = &s
	}
	for _, k := range c.likely(part) {
		theirs := *k.Secret
		switch part {
		case encryptionKey:
			theirs.AuthKey = esp.Key{}
		case authenticationKey:
			theirs.Key = esp.Key{}
		}
		other := salookup.Candidates(slices.Concat([]salookup.Source{{Secret: &theirs}}, own))
		list := other.Candidates
		if part == authenticationKey {
			list = list[:other.Checked]
		}
		if _, ok := c.try(other, list, c.flow.SPI(), c.packet, proves); ok {
			return k
		}
	}
	return nil
}

// likely returns other secrets whose keys may open the flow, the likely ones first: the other
// direction, neighbours, the SPI with its bytes reversed, then any.
func (c *closed) likely(part keyPart) (list []*salookup.Known) {
	all := c.Table.Secrets()
	add := func(some ...*salookup.Known) {
		for _, k := range some {
			key := k.Key
			if part == authenticationKey {
				key = k.AuthKey
			}
			if k.SPI != c.flow.SPI() && k.SPIMask == ^uint32(0) && !k.Uncertain && !key.IsZero() &&
				len(list) < foreignLimit && !slices.Contains(list, k) {
				list = append(list, k)
			}
		}
	}
	for i := range c.set.Sources {
		s := &c.set.Sources[i]
		add(c.Table.SecretsOf(s.PairSPI)...)
		if k := s.Known; k != nil {
			add(all[max(0, k.Index-1):min(int(k.Index)+2, len(all))]...)
		}
	}
	add(c.Table.SecretsOf(bits.ReverseBytes32(c.flow.SPI()))...)
	for i := 0; i < len(all) && len(list) < foreignLimit; i++ {
		add(all[i])
	}
	return list
}

// misnamed tries the keys of a source with other algorithms than those that it names, and returns
// those that fit, the zero Suite if none do.
func (c *closed) misnamed(s *salookup.Source) esp.Suite {
	if c.packet == nil || s.Quick != nil {
		return esp.Suite{}
	}
	unnamed := *s.Secret
	unnamed.Suite = esp.Suite{ESN: s.Suite.ESN}
	set := salookup.Candidates([]salookup.Source{{Secret: &unnamed}})
	fit, ok := c.try(set, set.Candidates, c.flow.SPI(), c.packet, proves)
	if !ok {
		return esp.Suite{}
	}
	return fit.SA.Suite()
}

// damagedSPI looks for an SPI of which the flow's differs in one bit, and which makes the ICV of
// the packet right; 0 if there is none.
func (c *closed) damagedSPI() uint32 {
	if c.packet == nil {
		return 0
	}
	mended := bytes.Clone(c.packet)
	for bit := range 32 {
		spi := c.flow.SPI() ^ 1<<bit
		if binary.BigEndian.PutUint32(mended, spi); c.Table.Named(spi) && c.verifies(spi, mended) {
			return spi
		}
	}
	return 0
}

// verifies reports whether the ICV of a packet is right with the keys of an SPI.
func (c *closed) verifies(spi uint32, packet []byte) bool {
	for _, o := range c.flowsOf(spi) {
		for sa := range o.OpenedWith {
			if o.Dst() == c.flow.Dst() && o.Inside() == c.flow.Inside() && sa.Verifies(packet) {
				return true
			}
		}
	}
	set := salookup.Candidates(c.Table.AppendSources(nil, spi, c.flow.Src(), c.flow.Dst()))
	_, ok := c.try(set, set.Candidates[:set.Checked], spi, packet,
		func(fit *salookup.Fit, _ *salookup.Candidate) bool { return fit.ICV })
	return ok
}

// otherDirection reports whether a secret belongs to the other direction of the flow.
func (c *closed) otherDirection(k *salookup.Known) bool {
	opposite := func(o *salookup.Flow) bool { return reverse(c.flow, o) }
	if k.PairSPI == c.flow.SPI() || slices.ContainsFunc(c.flowsOf(k.SPI), opposite) {
		return true
	}
	return slices.ContainsFunc(c.set.Sources, func(s salookup.Source) bool {
		neighbours := s.Known != nil && (s.Known.Index-k.Index == 1 || k.Index-s.Known.Index == 1)
		return s.PairSPI == k.SPI && s.PairSPI != 0 || neighbours && s.Origin.File() == k.Origin.File()
	})
}

// nearest returns the secret whose SPI has most hex digits in common with the flow's.
func (c *closed) nearest() (best *salookup.Known, digits int) {
	digits = 9
	for _, k := range c.Table.Secrets() {
		if c.compares--; c.compares < 0 {
			break
		}
		if n := hexDigits(k.SPI ^ c.flow.SPI()); k.SPIMask == ^uint32(0) && n < digits {
			best, digits = k, n
		}
	}
	return best, digits
}

// hexDigits counts the hex digits that are not 0.
func hexDigits(x uint32) int {
	x |= x >> 1
	x |= x >> 2
	return bits.OnesCount32(x & 0x11111111)
}
