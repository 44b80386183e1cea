package ikev1

import "encoding/binary"

// maxBlockLen is the largest block size of a phase 1 cipher, in bytes.
const maxBlockLen = 16

// phase1IV returns hash(g^xi | g^xr), whose head is the IV of the first encrypted message of phase
// 1 (RFC 2409 appendix B). The KE values are the payload bodies.
func phase1IV(h *hashAlg, kei, ker []byte) []byte { return h.sum(kei, ker) }

// phase2IV returns the IV of the first message of an exchange after phase 1: the head of hash(last
// block of phase 1 | message ID).
func phase2IV(h *hashAlg, last []byte, messageID uint32) []byte {
	return h.sum(last, binary.BigEndian.AppendUint32(nil, messageID))[:len(last)]
}
