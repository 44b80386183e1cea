package ikev1

// After phase 1 a HASH covers all that is behind it: a message with a right one is its sender's,
// and rightly decrypted, whatever is in it. Where the chain of its payloads breaks it is read up to
// there.

// parseChain is parsePayloads for the whole of what a HASH covers. Where the chain breaks it
// returns the payload that is damaged as well, and an error that names the place.
func parseChain(first PayloadType, data []byte) ([]Payload, error) {
	list, err := parsePayloads(first, data)
	at, next := 0, first
	if n := len(list); n > 0 {
		at, next = list[n-1].end(), list[n-1].Next
	}
	switch {
	case err == nil && at < len(data):
		err = malformedf("%d bytes behind the last payload", len(data)-at)
	case err != nil:
		body := data[min(at+payloadHeaderLen, len(data)):]
		list = append(list, Payload{Type: next, Offset: int32(at), Body: body, Damaged: true})
	}
	return list, err
}

// hashProves reports whether the HASH of a message behind phase 1 is right though its payloads do
// not fit. How much of the last block is padding is not known then: all is tried, but only where a
// payload header stands in front, which a wrong key gives once in 2^18.
func (sa *SA) hashProves(m *Message, k *candidate, o *decryption) bool {
	if m.at.cut || m.at.ex == m.SA.phase1 || m.Header.NextPayload != PayloadHash || len(o.plain) < payloadHeaderLen {
		return false
	}
	if _, _, ok := payloadHeader(o.plain, len(o.plain)); !ok {
		return false
	}
	before := m.Payloads
	for pad := range k.alg.blockLen + 1 {
		end := len(o.plain) - pad
		m.Payloads, _ = parseChain(m.Header.NextPayload, o.plain[:end])
		if sa.checkHash(m, k, o.plain[:end], nil) == hashGood {
			o.end, o.proven = end, true
			return true
		}
	}
	m.Payloads = before
	return false
}

// beginning reads a message behind phase 1 that was refused, where no key is known that its HASH
// can be checked with: with the key that opens the others it begins with a HASH of the right size,
// which a wrong key or IV gives once in 2^27. That shows the payloads up to where the chain breaks,
// and proves nothing of them.
func (sa *SA) beginning(m *Message) error {
	k, body := sa.keyOf(m.at.rec.from), m.at.raw[HeaderLen:]
	if k == nil || k.suite.hash == nil || m.Phase1() || m.Header.NextPayload != PayloadHash {
		return nil
	}
	altered := false
	sa.keysFor(k, func(_ *secretState, known derived) bool {
		altered = known.a != nil // its HASH was checked, and is wrong
		return altered
	})
	if altered {
		return nil
	}
	text := &sa.family.tracker.text
	*text = cbc{block: k.block(), src: body}
	var broken error
	sa.ivs(m.at.ex, m.at.rec, k.alg.blockLen, []*hashAlg{k.suite.hash}, text.reserved(), 0, func(s ivSource) bool {
		plain := text.with(s.iv[:k.alg.blockLen])
		next, n, ok := payloadHeader(plain, len(plain))
		if ok && next != PayloadNone && n == payloadHeaderLen+k.suite.hash.size {
			if list, err := parseChain(PayloadHash, plain); err != nil {
				broken = &alteredError{err, list}
			}
		}
		return broken == nil
	})
	return broken
}

// alteredError is where the chain of a message breaks that was refused.
type alteredError struct {
	error
	before []Payload // up to that place
}

// beginning returns the payloads of a message that was refused up to the place that is broken.
func (m *Message) beginning() []Payload {
	if e, ok := m.Broken.(*alteredError); ok {
		return e.before
	}
	return nil
}
