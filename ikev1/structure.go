package ikev1

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The proof that a decryption is right where no HASH can be checked is its structure. It is counted
// in bits: how improbable it is that random bytes, such as a wrong key gives, look the same.
const (
	// enoughBits prove a key that nothing has proven yet.
	enoughBits = 30
	// fewBits are enough for a message whose first block is unknown, under a key that other
	// messages have proven.
	fewBits = 7
)

// walk follows a chain of payloads in plain from offset off, whose first payload is of type t
// (PayloadNone: of an unknown type). It returns where the chain ends and how many bits of structure
// it saw, the padding included. h is the hash whose size HASH payloads have, nil where it is
// unknown.
func walk(plain []byte, off int, t PayloadType, h *hashAlg, blockLen int) (end, evidence int, ok bool) {
	for {
		rest := plain[off:]
		if len(rest) < payloadHeaderLen {
			return 0, 0, false
		}
		next, n, ok := payloadHeader(rest, len(rest))
		if !ok {
			return 0, 0, false
		}
		evidence += headerBits(next, len(rest))
		b, ok := bodyBits(t, rest[payloadHeaderLen:n], h, len(rest))
		if !ok {
			return 0, 0, false
		}
		evidence += b
		off += n
		if next == PayloadNone {
			break
		}
		t = next
	}
	b, ok := paddingBits(plain[off:], blockLen)
	return off, evidence + b, ok
}

// payloadHeader reads a generic header, of which and behind which there are rest bytes. ok is false
// where it can't be one of a message's own chain.
func payloadHeader(b []byte, rest int) (next PayloadType, n int, ok bool) {
	next, n = PayloadType(b[0]), int(binary.BigEndian.Uint16(b[2:]))
	return next, n, b[1] == 0 && (next == PayloadNone || next.topLevel()) && n >= payloadHeaderLen && n <= rest
}

// headerBits is the evidence of a generic header that fits, of which rest bytes were left.
func headerBits(next PayloadType, rest int) int {
	n := 8 + 16 - bits.Len(uint(rest)) // reserved byte, length
	if next == PayloadNone {
		return n + 8
	}
	return n + 3 // one of about 25 known types
}

// bodyBits is the evidence of a payload's body, beyond that of its header, of which rest bytes were
// left. ok is false where the body can't be of that type.
func bodyBits(t PayloadType, body []byte, h *hashAlg, rest int) (n int, ok bool) {
	fits := func(bits int, ok bool) int {
		if ok {
			return bits
		}
		return 0
	}
	switch t {
	case PayloadNone: // unknown
		return anyBits(body, h, rest), true
	case PayloadHash:
		if h != nil {
			return bits.Len(uint(rest)), len(body) == h.size
		}
		return max(0, bits.Len(uint(rest))-3), hashBySize(len(body)) != nil
	case PayloadSA:
		_, err := parseSA(body)
		return fits(32, err == nil), true
	case PayloadID:
		return fits(4, len(body) >= 4), len(body) >= 4 && body[0] != 0 && body[0] <= 12
	case PayloadNonce:
		return 0, len(body) >= 4 && len(body) <= 1024
	case PayloadNotify:
		x, err := parseNotification(body)
		return fits(28, err == nil && x.DOI <= doiGDOI), true
	case PayloadDelete:
		x, err := parseDelete(body)
		return fits(32, err == nil && x.DOI <= doiGDOI), true
	case PayloadConfig:
		return fits(12, len(body) >= 4 && body[0] >= 1 && body[0] <= 4 && body[1] == 0), true
	}
	return 0, true
}

// anyBits is the evidence of the body of a payload of an unknown type: of what it can be, at the
// price of several tries.
func anyBits(body []byte, h *hashAlg, rest int) (n int) {
	if h != nil && len(body) == h.size {
		return bits.Len(uint(rest))
	}
	for _, t := range [...]PayloadType{PayloadSA, PayloadNotify, PayloadDelete, PayloadConfig} {
		b, _ := bodyBits(t, body, h, rest)
		n = max(n, b-2)
	}
	return n
}

// paddingBits is the evidence of what stands behind the payloads: zeros (RFC 2409 appendix B), up
// to a whole block of them, or bytes of which the last counts the padding with or without itself,
// or less than a block of anything.
func paddingBits(pad []byte, blockLen int) (n int, ok bool) {
	if len(pad) == 0 {
		return 0, true
	}
	if len(pad) > maxPadding {
		return 0, false
	}
	last := len(pad) - 1
	zeros := !slices.ContainsFunc(pad[:last], func(b byte) bool { return b != 0 })
	switch {
	case zeros && pad[last] == 0:
		return 8 * len(pad), true
	case int(pad[last]) == len(pad) || int(pad[last]) == last:
		switch {
		case zeros:
			return 8*len(pad) - 1, true
		case !slices.ContainsFunc(pad[:last], func(b byte) bool { return b < 0x80 }): // racoon's random bytes
			return 7 + last, true
		}
		return 7, true
	}
	return 0, len(pad) < blockLen
}

// walkCut is walk for a message of which only the beginning was captured.
func walkCut(plain []byte, t PayloadType, h *hashAlg, whole int) (evidence int, ok bool) {
	for off := 0; ; {
		rest := plain[min(off, len(plain)):]
		if len(rest) < payloadHeaderLen {
			return evidence, true
		}
		next, n, ok := payloadHeader(rest, whole-off)
		if !ok {
			return 0, false
		}
		evidence += headerBits(next, whole-off)
		if n <= len(rest) {
			b, ok := bodyBits(t, rest[payloadHeaderLen:n], h, whole-off)
			if !ok {
				return 0, false
			}
			evidence += b
		} else if t == PayloadHash && h != nil {
			if n != payloadHeaderLen+h.size {
				return 0, false
			}
			evidence += bits.Len(uint(whole - off))
		}
		off += n
		if next == PayloadNone {
			return evidence, true
		}
		t = next
	}
}
