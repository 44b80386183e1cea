package ikev1

import (
	"encoding/binary"

	"l2tpdump/esp"
)

// expandKa makes the cipher's key of n bytes from SKEYID_e: its head where it is long enough, else
// the head of K1 | K2 | ... with K1 = prf(SKEYID_e, 0) and Ki = prf(SKEYID_e, Ki-1) (RFC 2409
// appendix B).
func expandKa(h *hashAlg, skeyidE []byte, n int) []byte {
	if len(skeyidE) >= n {
		return skeyidE[:n:n]
	}
	return h.expand(skeyidE, n, false, []byte{0})
}

// skeyids derives SKEYID_d, SKEYID_a and SKEYID_e from SKEYID and g^xy (RFC 2409 section 5).
func skeyids(h *hashAlg, skeyid, gxy []byte, i, r Cookie) (d, a, e []byte) {
	d = h.prf(skeyid, gxy, i[:], r[:], []byte{0})
	a = h.prf(skeyid, d, gxy, i[:], r[:], []byte{1})
	e = h.prf(skeyid, a, gxy, i[:], r[:], []byte{2})
	return d, a, e
}

// skeyidOfSignature derives SKEYID where signatures authenticate: prf(Ni_b | Nr_b, g^xy). With
// pre-shared keys it takes the shared key.
func skeyidOfSignature(h *hashAlg, ni, nr, gxy []byte) []byte {
	return h.prf(append(append([]byte(nil), ni...), nr...), gxy)
}

// keymat returns n bytes of KEYMAT for one SPI (RFC 2409 section 5.5): prf(SKEYID_d, [g(qm)^xy |]
// protocol | SPI | Ni_b | Nr_b), extended.
func keymat(h *hashAlg, skeyidD, gqmxy []byte, protocol protocolID, spi uint32, ni, nr []byte, n int) []byte {
	s := binary.BigEndian.AppendUint32(nil, spi)
	return h.expand(skeyidD, n, true, gqmxy, []byte{byte(protocol)}, s, ni, nr)
}

// ExpandKa returns the key of a phase 1 cipher, made from SKEYID_e as RFC 2409 appendix B has it.
// hash is the negotiated one: "md5", "sha1", "sha256", "sha384" or "sha512"; where it is "" the
// length of SKEYID_e tells it. ok is false for an unknown hash, an empty SKEYID_e or a length over
// 256 bytes.
func ExpandKa(hash string, skeyidE esp.Key, keyLen int) (ka esp.Key, ok bool) {
	if skeyidE.IsZero() || keyLen <= 0 || keyLen > 256 {
		return esp.Key{}, false
	}
	if skeyidE.Len() >= keyLen {
		return skeyidE.Head(keyLen), true
	}
	h := hashBySize(skeyidE.Len())
	if hash != "" {
		h = hashOf(func(a *hashAlg) bool { return a.name == hash })
	}
	if h == nil {
		return esp.Key{}, false
	}
	return esp.NewKey(expandKa(h, skeyidE.Bytes(), keyLen)), true
}
