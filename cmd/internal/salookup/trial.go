package salookup

import (
	"slices"

	"l2tpdump/esp"
)

// Evidence in bits, as package esp counts it.
const (
	// proofBits is the evidence that proves a key of which the ICV can't be checked. One L2TP
	// packet gives more; packets that say little about themselves have to agree.
	proofBits = 40
	// cipherBits is the evidence for the encryption key that has to come with a good ICV, which
	// proves the other key only.
	cipherBits = 16
	// likelyBits is what lets a packet with a good ICV through, though it does not prove the key,
	// as long as none contradicts.
	likelyBits = 12
	// togetherBits is the same where packets have to agree, that each of some has a little being
	// likelier by chance; and for a packet of which the ICV can't be checked.
	togetherBits = 24
	// refusal is what a refused packet takes away from the evidence of those that fit.
	refusal = 8
)

// Packet is an ESP packet, from its SPI to its ICV or Cut bytes less.
type Packet struct {
	Data []byte
	Cut  int
}

// Fit is what one packet says of one candidate.
type Fit struct {
	SA    *esp.SA // nil if the keys make none that the packet could be of
	High  uint32  // half of the sequence number
	Bits  int     // evidence for the encryption key
	ICV   bool    // it matches
	Shape bool    // the length of the packet is possible
}

// Proves reports whether the packet alone proves the candidate.
func (o *Fit) Proves(c *Candidate, cut int) bool {
	switch {
	case o.SA == nil:
		return false
	case cut == 0 && c.Checks():
		return o.ICV && (c.Suite.Cipher.AEAD || o.Bits >= cipherBits)
	}
	return o.Bits >= proofBits
}

// Trial tries candidates on packets. It is only memory that is used again; the zero value is ready.
type Trial struct {
	scratch []byte
	opener  esp.Opener
	// What is expected: a packet and a secret that is likely to open it, and the SA of that.
	packets []Packet
	secrets []*esp.Secret
	sas     []*esp.SA
	next    int // of these, which are tried one after the other
}

// expect says that a packet is likely to be tried with the keys of a secret. After the first packet
// with a secret that mostly is not so: the first has opened the flow.
func (t *Trial) expect(s *esp.Secret, p Packet) {
	if s.Suite.Cipher != nil && s.Suite.Auth != nil && !slices.Contains(t.secrets, s) {
		t.packets, t.secrets = append(t.packets, p), append(t.secrets, s)
	}
}

// prepare does together what trials of the expected packets need, see esp.Opener.Expect.
func (t *Trial) prepare() {
	t.sas = t.opener.NewSAs(t.sas, t.secrets)
	for i, sa := range t.sas {
		if p := t.packets[i]; sa != nil {
			t.opener.Expect(sa, p.Data, 0, p.Cut)
		}
	}
}

// sa makes the SA of a candidate for a packet, if it is not there.
func (t *Trial) sa(spi uint32, suite esp.Suite, c *Candidate, p Packet) (*esp.SA, error) {
	for range t.sas {
		i := t.next
		t.next = (i + 1) % len(t.sas)
		if &t.packets[i].Data[0] != &p.Data[0] {
			continue
		}
		if s, sa := t.secrets[i], t.sas[i]; sa != nil && s.Key == c.Key && s.AuthKey == c.AuthKey && sa.Suite() == suite {
			return sa, nil
		}
	}
	return esp.NewSA(spi, suite, c.Key, c.AuthKey)
}

// release forgets the packets.
func (t *Trial) release() {
	t.opener.Release()
	clear(t.packets)
	clear(t.secrets)
	clear(t.sas)
	t.packets, t.secrets, t.sas, t.next = t.packets[:0], t.secrets[:0], t.sas[:0], 0
}

// room returns memory for a plaintext that nobody reads.
func (t *Trial) room(p Packet) []byte {
	if need := len(p.Data) + esp.OpenOverhead; cap(t.scratch) < need {
		t.scratch = make([]byte, 0, max(need, 2048))
	}
	return t.scratch[:0]
}

// open is SA.Open into such memory.
func (t *Trial) open(sa *esp.SA, p Packet, high uint32) (plain esp.Plaintext, err error) {
	err = t.opener.Open(sa, &plain, t.room(p), p.Data, high, p.Cut)
	return plain, err
}

// Try opens the packet with a candidate of the set.
func (t *Trial) Try(set *Set, c *Candidate, spi uint32, p Packet) Fit {
	checked := p.Cut == 0 && c.Checks()
	o := Fit{Shape: true}
	if checked {
		t.verify(&o, set, c, spi, p)
		if c.Suite.Cipher.AEAD || o.Bits >= proofBits {
			return o
		}
	}
	// Of a cipher without AEAD the ICV says nothing about the encryption key: the plaintext does.
	auth := c.AuthKey
	if checked {
		auth = esp.Key{}
	}
	sa, err := esp.NewSA(spi, c.Suite, c.Key, auth)
	if err != nil {
		return o
	}
	plain, err := t.open(sa, p, 0)
	if o.Shape = err != esp.ErrMalformed; err == nil || err == esp.ErrWeak || err == esp.ErrTruncated {
		o.Bits = max(o.Bits, plain.Evidence)
	}
	if !checked || !o.Shape {
		o.SA = sa
	}
	return o
}

// verify notes the SA of a candidate that makes the ICV of a packet right, if one does.
func (t *Trial) verify(o *Fit, set *Set, c *Candidate, spi uint32, p Packet) {
	var room [maxWays]extension
	for _, v := range set.ways(room[:0], c) {
		sa, err := t.sa(spi, v.suite, c, p)
		if err != nil {
			continue
		}
		plain, err := t.open(sa, p, v.high)
		if o.ICV = err != esp.ErrICV && err != esp.ErrMalformed; o.ICV {
			o.SA, o.High, o.Bits = sa, v.high, plain.Evidence
			return
		}
	}
}

// extension is a way in which the sequence number may be extended.
type extension struct {
	suite esp.Suite
	high  uint32
}

// maxWays is how many there are for a candidate.
const maxWays = 3

// extended is what the sources, that of a candidate first, say of extended sequence numbers:
// whether there are, where one says it, and the high half.
func (s *Set) extended(c *Candidate) (known, esn bool, high uint32) {
	look := func(s *Source) {
		if high == 0 {
			high = s.SeqHigh
		}
		if !known && s.ESNKnown {
			known, esn = true, s.Suite.ESN
		}
	}
	look(c.From)
	for i := range s.Sources {
		look(&s.Sources[i])
	}
	return known, esn, high
}

// ways appends the ways for a candidate to list, the likely first. Where the ICV is not checked the
// sequence number is of no account.
func (s *Set) ways(list []extension, c *Candidate) []extension {
	if !c.Checks() {
		return append(list, extension{c.Suite, 0})
	}
	known, esn, high := s.extended(c)
	plain, extended := c.Suite, c.Suite
	plain.ESN, extended.ESN = false, true
	first := !(known && esn) && high == 0
	if first {
		list = append(list, extension{plain, 0})
	}
	list = append(list, extension{extended, high})
	if high != 0 {
		list = append(list, extension{extended, 0})
	}
	if !first {
		list = append(list, extension{plain, 0})
	}
	return list
}

// headFits reports whether the head of the plaintext speaks for the key of an AEAD cipher, for
// which nothing else does as long as the high half of the sequence number is not known. With an
// implicit IV, which the high half is part of, there is not even that.
func (t *Trial) headFits(c *Candidate, packet []byte) bool {
	if !c.Suite.Cipher.AEAD || c.Suite.Cipher.ImplicitIV {
		return true
	}
	sa, err := esp.NewSA(0, c.Suite, c.Key, c.AuthKey)
	if err != nil {
		return false
	}
	p, _ := t.open(sa, Packet{packet[:len(packet)-1], 1}, 0)
	return p.Evidence >= cipherBits
}
