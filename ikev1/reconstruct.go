package ikev1

import "encoding/binary"

// rebuilt is what can be said of a message whose IV is unknown: all but its first block is
// decrypted exactly (CBC), and the payloads behind it tell what stood in it.
type rebuilt struct {
	firstLen  int         // length of the first payload, generic header included
	second    PayloadType // type of the payload behind it
	secondLen int         // its length where its header was in the first block too, else 0
	third     PayloadType // type of the one behind that, where secondLen is not 0
	end       int         // where the chain ends
	hash      *hashAlg    // the hash whose size was assumed, nil where none was
	bits      int         // evidence
	rank      int         // evidence, and how usual it is
}

// reading is a way to read a message whose first block is unknown: with the size of one hash.
type reading struct {
	exchange ExchangeType
	first    PayloadType
	plain    []byte
	blockLen int
	h        *hashAlg
	found    func(rebuilt) // is told of what fits
}

// rebuild finds the payload chain of a message whose first block in plain is unknown. first is the
// type of the first payload, which the ISAKMP header tells in clear. In phase 2 it is a HASH of
// known size; in phase 1 an ID whose length is the one with which the chain closes. hashes are
// those that may have been negotiated. ok is false where nothing fits.
func rebuild(exchange ExchangeType, first PayloadType, plain []byte, blockLen int,
	hashes []*hashAlg) (best rebuilt, ok bool) {
	consider := func(r rebuilt, bonus int) {
		if r.rank = r.bits + bonus; !ok || r.rank > best.rank {
			best, ok = r, true
		}
	}
	// Several lengths are tried: what each proves is worth less.
	const trials = 6
	for _, h := range hashes {
		x := reading{exchange: exchange, first: first, plain: plain, blockLen: blockLen, h: h}
		if first == PayloadHash {
			x.found = func(r rebuilt) { consider(r, 0) }
			x.at(payloadHeaderLen + h.size)
			continue
		}
		x.found = func(r rebuilt) {
			r.bits -= trials
			if first != PayloadID {
				consider(r, 0)
			} else {
				consider(r, idBonus(&r, plain, blockLen, h))
			}
		}
		shortest := payloadHeaderLen
		if first == PayloadID {
			shortest = 8
		}
		for n := shortest; n <= len(plain); n++ {
			x.at(n)
		}
	}
	return best, ok
}

// idBonus ranks the guesses of an ID payload's length where several fit.
func idBonus(r *rebuilt, plain []byte, blockLen int, h *hashAlg) int {
	switch r.firstLen {
	case ipv4IDLen: // a HASH can end in a zero byte that looks like padding
		if r.secondLen == 0 || r.second == PayloadCert || r.secondLen == payloadHeaderLen+h.size {
			return 20
		}
		return 0
	case ipv4IDLen + 12: // an IPv6 address
		return 10
	}
	if r.firstLen <= blockLen+32 {
		return 0
	}
	high := 0 // a name is text for the most part, a signature is not
	for _, b := range plain[blockLen:r.firstLen] {
		high += int(b >> 7)
	}
	if high*4 > r.firstLen-blockLen {
		return -30
	}
	return 0
}

// at tries the chain with a first payload of n bytes.
func (x *reading) at(n int) {
	if n > len(x.plain) {
		return
	}
	if x.first != PayloadID && n >= x.blockLen { // nothing but this payload
		if b, ok := paddingBits(x.plain[n:], x.blockLen); ok {
			x.found(rebuilt{firstLen: n, end: n, hash: x.h, bits: b})
		}
	}
	switch {
	case n+payloadHeaderLen > len(x.plain):
	case n >= x.blockLen: // the header of the second payload is there, only its type is not
		if end, b, ok := walk(x.plain, n, PayloadNone, x.h, x.blockLen); ok {
			size := int(binary.BigEndian.Uint16(x.plain[n+2:]))
			t := guessType(x.exchange, x.first, x.plain[n+payloadHeaderLen:n+size], PayloadType(x.plain[n]), x.h)
			x.found(rebuilt{firstLen: n, second: t, end: end, hash: x.h, bits: b})
		}
	case n+payloadHeaderLen > x.blockLen: // a part of the header is there
		x.behind(n)
	default: // all of the header lies in the first block
		x.hidden(n)
	}
}

// behind tries a second payload at n with the end of its header behind the first block.
func (x *reading) behind(n int) {
	size, b := int(x.plain[n+3]), 0
	if n+2 >= x.blockLen {
		size |= int(x.plain[n+2]) << 8
		b += 8
	}
	if n+1 >= x.blockLen {
		if x.plain[n+1] != 0 {
			return
		}
		b += 8
	}
	if size >= payloadHeaderLen {
		x.second(n, size, b)
	}
}

// hidden tries a second payload at n whose header is lost: a HASH of known size, a
// certificate whose DER says its size, or else any size, where the first payload is the ID of an
// IPv4 address and nothing else explains the rest.
func (x *reading) hidden(n int) {
	x.second(n, payloadHeaderLen+x.h.size, 0)
	if x.first != PayloadID || n != ipv4IDLen {
		return
	}
	if n+payloadHeaderLen == x.blockLen {
		if body := x.plain[x.blockLen:]; len(body) > 5 && body[1] == 0x30 && body[2] == 0x82 {
			size := payloadHeaderLen + 5 + int(binary.BigEndian.Uint16(body[3:]))
			x.second(n, size, 24)
		}
	}
	const sizes = 10 // many are tried: what each proves is worth less
	for size := x.blockLen - n; n+size <= len(x.plain); size++ {
		x.second(n, size, -sizes)
	}
}

// second tries a second payload of this size at n, with a third that begins behind the first block.
func (x *reading) second(n, size, b int) {
	next := n + size
	if next > len(x.plain) || next < x.blockLen {
		return
	}
	t := PayloadHash
	if size != payloadHeaderLen+x.h.size {
		t = guessType(x.exchange, x.first, x.plain[min(max(n+payloadHeaderLen, x.blockLen), next):next], PayloadNone, x.h)
	}
	if p, ok := paddingBits(x.plain[next:], x.blockLen); ok {
		x.found(rebuilt{firstLen: n, second: t, secondLen: size, end: next, hash: x.h, bits: b + p})
	}
	if end, w, ok := walk(x.plain, next, PayloadNone, x.h, x.blockLen); ok {
		body := x.plain[next+payloadHeaderLen : next+int(binary.BigEndian.Uint16(x.plain[next+2:]))]
		if t == PayloadHash && len(body) == x.h.size {
			b -= 24 // rather the HASH itself, behind a longer ID
		}
		third := PayloadSignature
		if t != PayloadCert {
			third = guessType(ExchangeInformational, t, body, PayloadNone, x.h)
		}
		x.found(rebuilt{firstLen: n, second: t, secondLen: size, third: third, end: end, hash: x.h, bits: b + w})
	}
}

// ipv4IDLen is the size of an ID payload of an IPv4 address.
const ipv4IDLen = 12

// guessType infers the type of a payload that the lost block named, from what stands around it.
func guessType(exchange ExchangeType, before PayloadType, body []byte, next PayloadType, h *hashAlg) PayloadType {
	switch exchange {
	case ExchangeTransaction:
		return PayloadConfig
	case ExchangeNewGroup:
		return PayloadSA
	case ExchangeInformational:
		if d, err := parseDelete(body); err == nil && d.DOI <= doiGDOI && d.count > 0 {
			return PayloadDelete
		}
		if n, err := parseNotification(body); err == nil && n.DOI <= doiGDOI {
			return PayloadNotify
		}
		return PayloadVendorID
	case ExchangeQuick:
		if _, err := parseSA(body); err == nil {
			return PayloadSA
		}
		if n, err := parseNotification(body); err == nil && n.DOI <= doiGDOI {
			return PayloadNotify
		}
		return PayloadNonce
	}
	switch {
	case len(body) == h.size && before == PayloadHash: // the third message of aggressive mode
		if next == PayloadNATDDraft {
			return next
		}
		return PayloadNATD
	case len(body) == h.size:
		return PayloadHash
	case len(body) > 2 && body[0] >= 1 && body[0] <= 10 && body[1] == 0x30: // a DER sequence
		return PayloadCert
	}
	return PayloadSignature
}

// rebuildCut is rebuild for a message of which only the beginning was captured; whole is the length
// of its payloads. Only one that begins with a HASH can be read; firstLen is 0 where nothing fits.
func rebuildCut(exchange ExchangeType, first PayloadType, plain []byte, hashes []*hashAlg, whole int) (best rebuilt) {
	if first != PayloadHash {
		return best
	}
	for _, h := range hashes {
		n := payloadHeaderLen + h.size // the header behind it is never in the first block
		if n+payloadHeaderLen > len(plain) {
			continue
		}
		bits, ok := walkCut(plain[n:], PayloadNone, h, whole-n)
		if !ok || bits <= best.bits {
			continue
		}
		size := int(binary.BigEndian.Uint16(plain[n+2:]))
		body := plain[n+payloadHeaderLen : min(n+size, len(plain))]
		t := guessType(exchange, first, body, PayloadType(plain[n]), h)
		if exchange == ExchangeQuick && PayloadType(plain[n]) == PayloadNonce {
			t = PayloadSA // its end is missing; the nonce is what follows it
		}
		best = rebuilt{firstLen: n, second: t, end: len(plain), hash: h, bits: bits}
	}
	return best
}

// fill writes the headers of the payloads in the unknown first block, which is zero else.
func (r *rebuilt) fill(plain []byte, blockLen int) {
	clear(plain[:blockLen])
	put := func(off int, next PayloadType, size int) {
		var h [payloadHeaderLen]byte
		h[0] = byte(next)
		binary.BigEndian.PutUint16(h[2:], uint16(size))
		for i, b := range h {
			if off+i < blockLen {
				plain[off+i] = b
			}
		}
	}
	if r.firstLen > 0 {
		put(0, r.second, r.firstLen)
	}
	if r.secondLen > 0 {
		put(r.firstLen, r.third, r.secondLen)
	}
}
