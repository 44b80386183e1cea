package ikev1

import "encoding/binary"

// rebuilt is what can be said of a message whose IV is unknown: all but its
// first block is decrypted exactly (CBC), and the payloads behind it tell what
// stood in it.
type rebuilt struct {
	firstLen  int         // length of the first payload, generic header included
	second    PayloadType // type of the payload behind it
	secondLen int         // its length where its header was in the first block too, else 0
	third     PayloadType // type of the one behind that, where secondLen is not 0
	end       int         // where the chain ends
	hash      *hashAlg    // the hash whose size was assumed, nil where none was
	bits      int         // evidence
}

// rebuild finds the payload chain of a message whose first block in plain is
// unknown. first is the type of the first payload, which the ISAKMP header
// tells in clear. In phase 2 it is a HASH of known size; in phase 1 an ID whose
// length is the one with which the chain closes. hashes are those that may have
// been negotiated. ok is false where nothing fits.
func rebuild(exchange ExchangeType, first PayloadType, plain []byte, blockLen int, hashes []*hashAlg) (best rebuilt, ok bool) {
	rank := 0
	consider := func(r rebuilt, bonus int) {
		if x := r.bits + bonus; !ok || x > rank {
			best, rank, ok = r, x, true
		}
	}
	if first == PayloadHash {
		for _, h := range hashes {
			rebuildAt(exchange, payloadHeaderLen+h.size, true, plain, blockLen, h, func(r rebuilt) { consider(r, 0) })
		}
		return best, ok
	}
	// Several lengths are tried: what each proves is worth less.
	const trials = 6
	for _, h := range hashes {
		for n := payloadHeaderLen; n <= len(plain); n++ {
			if first == PayloadID && n < 8 {
				continue
			}
			bonus := 0
			if first == PayloadID {
				switch n { // a HASH can end in a zero byte that looks like padding
				case 12: // IPv4 address
					bonus = 20
				case 24: // IPv6 address
					bonus = 10
				}
			}
			rebuildAt(exchange, n, first != PayloadID, plain, blockLen, h, func(r rebuilt) {
				r.bits -= trials
				consider(r, bonus)
			})
		}
	}
	return best, ok
}

// rebuildAt tries the chain with a first payload of n bytes. alone says that the
// chain may end behind it.
func rebuildAt(exchange ExchangeType, n int, alone bool, plain []byte, blockLen int, h *hashAlg, found func(rebuilt)) {
	if n > len(plain) {
		return
	}
	if alone && n >= blockLen {
		if b, ok := paddingBits(plain[n:], blockLen); ok {
			found(rebuilt{firstLen: n, end: n, hash: h, bits: b})
		}
	}
	if n+payloadHeaderLen > len(plain) {
		return
	}
	if n >= blockLen { // the header of the second payload is there, only its type is not
		end, b, ok := walk(plain, n, PayloadNone, h, blockLen)
		if !ok {
			return
		}
		size := int(binary.BigEndian.Uint16(plain[n+2:]))
		t := guessType(exchange, plain[n+payloadHeaderLen:n+size], h)
		if t == PayloadHash && len(plain[n:])-payloadHeaderLen < h.size {
			return
		}
		found(rebuilt{firstLen: n, second: t, end: end, hash: h, bits: b})
		return
	}
	// The header of the second payload lies in the first block, in whole or in part.
	size, b := payloadHeaderLen+h.size, 0
	if n+3 >= blockLen {
		size = int(plain[n+3])
		if n+2 >= blockLen {
			size |= int(plain[n+2]) << 8
			b += 8
		}
		if n+1 >= blockLen {
			if plain[n+1] != 0 {
				return
			}
			b += 8
		}
		if size < payloadHeaderLen {
			return
		}
	}
	next := n + size
	if next > len(plain) || next < blockLen {
		return
	}
	t := guessType(exchange, plain[min(max(n+payloadHeaderLen, blockLen), next):next], h)
	if size == payloadHeaderLen+h.size {
		t = PayloadHash
	}
	if p, ok := paddingBits(plain[next:], blockLen); ok {
		found(rebuilt{firstLen: n, second: t, secondLen: size, end: next, hash: h, bits: b + p})
	}
	if end, w, ok := walk(plain, next, PayloadNone, h, blockLen); ok {
		size := int(binary.BigEndian.Uint16(plain[next+2:]))
		third := guessType(ExchangeInformational, plain[next+payloadHeaderLen:next+size], h)
		found(rebuilt{firstLen: n, second: t, secondLen: len(plain[n:next]), third: third, end: end, hash: h, bits: b + w})
	}
}

// guessType infers the type of a payload whose generic header lost its next
// payload field, from the exchange and the body.
func guessType(exchange ExchangeType, body []byte, h *hashAlg) PayloadType {
	switch exchange {
	case ExchangeTransaction:
		return PayloadConfig
	case ExchangeNewGroup:
		return PayloadSA
	case ExchangeInformational:
		if d, err := ParseDelete(body); err == nil && d.DOI <= DOIGDOI && len(d.SPIs) > 0 {
			return PayloadDelete
		}
		if n, err := ParseNotification(body); err == nil && n.DOI <= DOIGDOI {
			return PayloadNotify
		}
		return PayloadVendorID
	case ExchangeQuick:
		if _, err := ParseSA(body); err == nil {
			return PayloadSA
		}
		if n, err := ParseNotification(body); err == nil && n.DOI <= DOIGDOI {
			return PayloadNotify
		}
		return PayloadNonce
	}
	switch {
	case len(body) == h.size:
		return PayloadHash
	case len(body) > 2 && body[0] >= 1 && body[0] <= 10 && body[1] == 0x30: // a DER sequence
		return PayloadCert
	}
	return PayloadSignature
}

// fill writes into the unknown first block what is known of it: the headers of
// the payloads in it. What it does not know becomes zero.
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
	put(0, r.second, r.firstLen)
	if r.secondLen > 0 {
		put(r.firstLen, r.third, r.secondLen)
	}
}
