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

// skeyidOfSignature derives SKEYID where signatures authenticate: prf(Ni_b | Nr_b, g^xy).
func skeyidOfSignature(h *hashAlg, ni, nr, gxy []byte) []byte {
	return h.prf(append(append([]byte(nil), ni...), nr...), gxy)
}

// keymat returns n bytes of KEYMAT for one SPI (RFC 2409 section 5.5): prf(SKEYID_d, [g(qm)^xy |]
// protocol | SPI | Ni_b | Nr_b), extended.
func keymat(h *hashAlg, skeyidD, gqmxy []byte, protocol protocolID, spi uint32, ni, nr []byte, n int) []byte {
	s := binary.BigEndian.AppendUint32(nil, spi)
	return h.expand(skeyidD, n, true, gqmxy, []byte{byte(protocol)}, s, ni, nr)
}

// ExpandKa returns the key of keyLen bytes of a phase 1 cipher, made from SKEYID_e as RFC 2409
// appendix B has it. The length of SKEYID_e tells the hash. It is empty where it tells none, or for
// more than 256 bytes.
func ExpandKa(skeyidE esp.Key, keyLen int) esp.Key {
	h := hashBySize(skeyidE.Len())
	if keyLen > 256 || h == nil && skeyidE.Len() < keyLen {
		return esp.Key{}
	}
	return esp.NewKey(expandKa(h, skeyidE.Bytes(), keyLen))
}

// GivesSKEYIDd reports whether SKEYID_d is what SKEYID and g^xy give with the cookies (RFC 2409
// section 5). The length of SKEYID tells the hash.
func (s *Secret) GivesSKEYIDd() bool {
	h := hashBySize(s.SKEYID.Len())
	if h == nil || s.SharedSecret.IsZero() {
		return false
	}
	d, _, _ := skeyids(h, s.SKEYID.Bytes(), s.SharedSecret.Bytes(), s.InitiatorCookie, s.ResponderCookie)
	return s.SKEYIDd.Equal(esp.NewKey(d))
}
