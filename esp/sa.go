package esp

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"l2tpdump/esp/lanes"
)

// SA is a security association that is ready to decrypt. Any number of goroutines may use it at
// the same time. Of the usual algorithms, AES-CBC with an HMAC of package lanes, it is one small
// piece of memory: round keys are made when they are needed, and openers keep those needed last.
type SA struct {
	spi    uint32
	keyLen uint8 // bytes without the salt
	icvLen uint8
	esn    bool
	mac    bool // the ICV is that of a mac
	cipher *Cipher
	auth   *Auth

	key  aesCBCKey  // of AES-CBC by package lanes
	hmac lanes.HMAC // zero: the mac is none of package lanes
	own  *ownStates // nil: key, and hmac if there is a mac, are all that a call needs
}

// ownStates are those of one SA.
type ownStates struct {
	shared engine // of a cipher that has no use for scratch memory: all that a call needs beside SA.hmac
	cipher cipherKey
	mac    macKey // nil: SA.hmac, or none
	mu     sync.Mutex
	free   []*state
}

// state is what one call of Open needs for itself.
type state struct {
	engine  engine
	mac     mac
	lone    loneMAC // mac, of package lanes
	parts   parts
	aad     [12]byte
	iv      [8]byte // implicit IV
	high    [4]byte // of an extended sequence number
	scratch []byte  // plaintext that nobody wants
}

// Plaintext is what was inside an ESP packet.
type Plaintext struct {
	Data       []byte // payload, without padding and trailer
	NextHeader uint8  // IP protocol number of Data
	Verified   bool   // the ICV was computed with the full key and matches
	PadLen     int    // bytes of padding
	// Evidence is bits of structural evidence (trailer.Bits) for the encryption key; 0 where an AEAD's
	// ICV proves it; too few with ErrStructure and ErrWeak.
	Evidence int
}

// NewSA returns an SA for packets with this SPI. Suite.KeyLen may be 0: then the key's length is
// taken. The key of AES-CTR, GCM, CCM, GMAC and ChaCha20 ends with the salt. Without authKey, and
// where Suite.Auth is "none" or "any-N", the ICV is not checked and the structure of the plaintext
// is the proof.
//
// The error wraps ErrIncomplete if a key is too short; a part of the suite that is not named, or a
// key that is too long, is an error of its own.
func NewSA(spi uint32, s Suite, key, authKey Key) (*SA, error) {
	return newSA(spi, s, key, authKey, func(k lanes.Key) { *k.HMAC = k.Algorithm.HMAC(k.Bytes) })
}

// newSA is NewSA; with gets what the HMAC is to be made of, if it is one of package lanes.
func newSA(spi uint32, s Suite, key, authKey Key, with func(lanes.Key)) (*SA, error) {
	c := s.Cipher
	if c == nil {
		return nil, errors.New("esp: encryption algorithm is not known")
	}
	if s.KeyLen == 0 {
		s.KeyLen = c.naturalKeyLen(key.Len())
	}
	if !c.KeyLenOK(s.KeyLen) {
		return nil, fmt.Errorf("esp: %s takes no key of %d bytes", c.Name, s.KeyLen)
	}
	if err := checkLen(s.CipherName(), key, s.KeyLen+c.SaltLen); err != nil {
		return nil, err
	}
	sa := &SA{spi: spi, keyLen: uint8(s.KeyLen), esn: s.ESN, cipher: c}
	mac, err := sa.authenticate(s.Auth, s.ICVLen, authKey, with)
	if err != nil {
		return nil, err
	}
	var prepared cipherKey
	if c.lanes && lanes.HasCBC() {
		prepared = aesCBCKey{key}
	} else {
		b := key.Bytes()
		if prepared, err = c.prepare(b[:s.KeyLen:s.KeyLen], b[s.KeyLen:], s.ICVLen); err != nil {
			return nil, fmt.Errorf("esp: %s: %w", c.Name, err)
		}
	}
	if k, ok := prepared.(aesCBCKey); ok && mac == nil {
		sa.key = k
		return sa, nil
	}
	sa.own = &ownStates{cipher: prepared, mac: mac}
	switch prepared.(type) {
	case nullEngine, cbcEngine:
		if mac == nil {
			sa.own.shared = prepared.newEngine()
		}
	}
	return sa, nil
}

// checkLen says what is wrong with the length of a key.
func checkLen(algorithm string, key Key, want int) error {
	switch n := key.Len(); {
	case n < want:
		return fmt.Errorf("%w: %s takes %d bytes, %d are known", ErrIncomplete, algorithm, want, n)
	case n > want:
		return fmt.Errorf("esp: %s takes %d bytes of key, not %d", algorithm, want, n)
	}
	return nil
}

// authenticate sets what the ICV is checked with, and its length. It returns the key of a mac that
// is none of package lanes.
func (sa *SA) authenticate(a *Auth, icvLen int, key Key, with func(lanes.Key)) (macKey, error) {
	if c := sa.cipher; c.AEAD {
		if !slices.Contains(c.ICVLens, icvLen) {
			return nil, fmt.Errorf("esp: %s has no integrity check value of %d bytes", c.Name, icvLen)
		}
		sa.icvLen = uint8(icvLen)
		return nil, nil
	}
	if a == nil {
		return nil, errors.New("esp: authentication algorithm is not known")
	}
	sa.auth, sa.icvLen = a, uint8(a.ICVLen)
	if !a.Checked || key.IsZero() {
		return nil, nil
	}
	if err := checkLen(a.Name, key, a.KeyLen); err != nil {
		return nil, err
	}
	sa.mac = true
	if a.lanes != nil {
		with(lanes.Key{Algorithm: a.lanes, Bytes: key.Bytes(), HMAC: &sa.hmac})
		return nil, nil
	}
	mac, err := a.prepare(key.Bytes())
	if err != nil {
		return nil, fmt.Errorf("esp: %s: %w", a.Name, err)
	}
	return mac, nil
}

// naturalKeyLen returns the key length (without salt) for n bytes of key material where nothing
// names it: n without the salt, if the cipher takes that, else the next longer length, so that what
// is missing can be said.
func (c *Cipher) naturalKeyLen(n int) int {
	n -= c.SaltLen
	best := 0
	for i, l := range c.KeyLens {
		if l == n {
			return l
		}
		if i == 0 || l > n && (best < n || l < best) {
			best = l
		}
	}
	return best
}

// Suite returns the algorithms, with the key length.
func (sa *SA) Suite() Suite {
	s := Suite{Cipher: sa.cipher, KeyLen: int(sa.keyLen), Auth: sa.auth, ESN: sa.esn}
	if sa.cipher.AEAD {
		s.ICVLen = int(sa.icvLen)
	}
	return s
}

// Checks reports whether Open checks the ICV.
func (sa *SA) Checks() bool { return sa.mac || sa.cipher.AEAD }

// openers are for calls of one packet.
var openers = sync.Pool{New: func() any { return new(Opener) }}

// get takes a state from the free list, which grows to the number of goroutines that use the SA at
// the same time.
func (o *ownStates) get(sa *SA) *state {
	o.mu.Lock()
	if n := len(o.free); n > 0 {
		st := o.free[n-1]
		o.free = o.free[:n-1]
		o.mu.Unlock()
		return st
	}
	o.mu.Unlock()
	st := &state{engine: o.cipher.newEngine()}
	if o.mac != nil {
		st.mac = o.mac()
	} else {
		st.setHMAC(&sa.hmac)
	}
	return st
}

func (o *ownStates) put(st *state) {
	st.parts = parts{} // the packet is the caller's
	o.mu.Lock()
	o.free = append(o.free, st)
	o.mu.Unlock()
}

func (st *state) setHMAC(m *lanes.HMAC) { st.mac, st.lone.messages[0].Key = &st.lone, m }

// split takes a packet apart, of which truncatedBy bytes are missing at the end.
func (sa *SA) split(st *state, packet []byte, seqHigh uint32, truncatedBy int) error {
	c := sa.cipher
	start := HeaderLen + c.IVLen
	size := len(packet) - start - int(sa.icvLen) // of the ciphertext
	if truncatedBy > 0 {
		if len(packet) <= start {
			return ErrTruncated
		}
		size += truncatedBy
	}
	// At least pad length and next header.
	if size < 2 || size%c.BlockLen != 0 {
		return ErrMalformed
	}
	p := &st.parts
	p.esn = sa.esn
	if c.ImplicitIV {
		clear(st.iv[:4])
		if p.esn {
			binary.BigEndian.PutUint32(st.iv[:], seqHigh)
		}
		copy(st.iv[4:], packet[4:8])
		p.iv = st.iv[:]
	} else {
		p.iv = packet[HeaderLen:start]
	}
	if end := start + size; truncatedBy > 0 {
		p.body = packet[start:min(end, len(packet))]
		p.body = p.body[:len(p.body)-len(p.body)%c.BlockLen]
		return nil
	} else {
		p.body, p.icv, p.covered = packet[start:end], packet[end:], packet[:end]
	}
	if c.AEAD {
		p.aad = append(st.aad[:0], packet[:4]...)
		if p.esn {
			p.aad = binary.BigEndian.AppendUint32(p.aad, seqHigh)
		}
		p.aad = append(p.aad, packet[4:8]...)
	}
	return nil
}

// icvOK computes the ICV, unless sum is what came of that: over all in front of it, and the high
// half of an extended sequence number, which is not on the wire (RFC 4303, 2.2.1).
func (sa *SA) icvOK(st *state, seqHigh uint32, sum []byte) bool {
	if sum == nil {
		sum = st.mac.sum(st.parts.covered, sa.suffix(&st.high, seqHigh))
	}
	return subtle.ConstantTimeCompare(sum[:sa.icvLen], st.parts.icv) == 1
}

// suffix is what the ICV covers behind the packet.
func (sa *SA) suffix(memory *[4]byte, seqHigh uint32) []byte {
	if !sa.esn {
		return nil
	}
	binary.BigEndian.PutUint32(memory[:], seqHigh)
	return memory[:]
}

// CheckICV reports whether the ICV of a whole packet is right for this high half of the sequence
// number (of interest with ESN only). It is false where Checks is. For a cipher without AEAD it is
// much cheaper than Open.
func (sa *SA) CheckICV(packet []byte, seqHigh uint32) bool {
	if !sa.Checks() {
		return false
	}
	o := openers.Get().(*Opener)
	defer openers.Put(o)
	defer o.Release()
	st := o.state(sa)
	if sa.split(st, packet, seqHigh, 0) != nil {
		return false
	}
	if sa.mac {
		return sa.icvOK(st, seqHigh, nil)
	}
	out, ok := st.engine.(opener).open(st.scratch[:0], &st.parts)
	st.scratch = out
	return ok
}

// OpenOverhead is how many bytes Open may use of dst beyond the length of the packet.
const OpenOverhead = 16

// Open decrypts a packet that begins with its SPI and ends with its ICV, or truncatedBy bytes
// earlier, and appends the payload to dst; Plaintext.Data is the new part. The packet is not
// changed and must not overlap dst. seqHigh is the high half of the sequence number, of interest
// with ESN only. Nothing is allocated if dst has capacity for len(packet)+OpenOverhead more bytes,
// all of which may be written to.
//
// The error is one of these values, not wrapped:
//   - ErrMalformed: too short for the algorithms, or not whole blocks
//   - ErrPlaintext: the ICV is right and the plaintext impossible
//   - ErrICV: another key, or a damaged packet
//   - ErrStructure: the ICV can't be checked and the plaintext is not the inside of an ESP packet
//   - ErrWeak: the plaintext, which is returned, may be the inside of an ESP packet; the ICV can't
//     be checked, or is right (Verified) and the padding is all that speaks for the encryption key
//   - ErrTruncated: Data is what could be decrypted, to the last whole block, padding included. NextHeader is 0
//     unless the trailer is there, or the head of the payload tells what it is; Evidence says how surely.
func (sa *SA) Open(dst, packet []byte, seqHigh uint32, truncatedBy int) (plain Plaintext, err error) {
	o := openers.Get().(*Opener)
	err = o.Open(sa, &plain, dst, packet, seqHigh, truncatedBy)
	o.Release()
	openers.Put(o)
	return plain, err
}

// open is Open. sum is the MAC of the packet, nil: it is not computed yet.
func (sa *SA) open(st *state, plain *Plaintext, dst, packet []byte, seqHigh uint32, truncatedBy int, sum []byte) error {
	*plain = Plaintext{}
	if err := sa.split(st, packet, seqHigh, truncatedBy); err != nil {
		return err
	}
	p := &st.parts
	if truncatedBy > 0 {
		missing := len(packet) + truncatedBy - int(sa.icvLen) - HeaderLen - sa.cipher.IVLen - len(p.body)
		plain.truncated(st.engine.decrypt(dst, p.iv, p.body)[len(dst):], missing)
		return ErrTruncated
	}
	aead := sa.cipher.AEAD
	var out []byte
	switch {
	case aead:
		var ok bool
		if out, ok = st.engine.(opener).open(dst, p); !ok {
			return ErrICV
		}
	case sa.mac && !sa.icvOK(st, seqHigh, sum):
		return ErrICV
	default:
		out = st.engine.decrypt(dst, p.iv, p.body)
	}
	body := out[len(dst):]
	if sa.Checks() {
		n := len(body)
		padLen := int(body[n-2])
		// With AEAD the ICV proves the plaintext; else it proves the ciphertext only, and
		// the encryption key may still be a wrong one.
		bits := 0
		if !aead {
			bits = plausible(body)
		}
		if padLen > n-2 || !aead && bits == 0 {
			return ErrPlaintext
		}
		plain.Data, plain.NextHeader, plain.PadLen = body[:n-2-padLen:n-2-padLen], body[n-1], padLen
		plain.Verified, plain.Evidence = true, bits
		if !aead && bits < minVerified {
			return ErrWeak
		}
		return nil
	}
	t := structure(body)
	var err error
	switch {
	case t.Bits >= minEvidence:
	case t.familiar():
		err = ErrWeak
	default:
		plain.Evidence = t.Bits
		return ErrStructure
	}
	plain.of(&t, body)
	return err
}

// of sets the parts of what was judged.
func (p *Plaintext) of(t *trailer, body []byte) {
	p.Data, p.NextHeader, p.PadLen, p.Evidence = body[:t.PayloadLen:t.PayloadLen], t.NextHeader, t.PadLen, t.Bits
}

// truncated sets what is known of a packet whose end is missing.
func (p *Plaintext) truncated(data []byte, missing int) {
	if missing == 0 {
		if t := structure(data); t.Bits >= minEvidence {
			p.of(&t, data)
			return
		}
	}
	p.Data = data
	p.NextHeader, p.Evidence = headStructure(data, missing)
}
