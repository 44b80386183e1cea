package ikev1

import (
	"crypto/rsa"
	"math/big"
)

// maxModulus bounds the bits of an RSA modulus with which a signature is undone.
const maxModulus = 16384

// signed returns what the signature of a phase 1 message signs: HASH_I or HASH_R (RFC 2409 section
// 5.1). Only RSA is done, with the certificate in the same message; a signature that none of the
// certificates made proves nothing.
func (sa *SA) signed(m *Message, h *hashAlg, rb *rebuilt) []byte {
	sig := m.Find(PayloadSignature)
	if m.at.ex != sa.phase1 || sig == nil || rb != nil {
		return nil
	}
	for c := range bodies(m, PayloadCert, parseCertificate) {
		cert := c.x509()
		if cert == nil {
			continue
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok {
			if hash := undoRSA(key, sig.Body, h.size); hash != nil {
				return hash
			}
		}
	}
	return nil
}

// undoRSA returns the last n bytes of what was signed by PKCS #1 (RFC 8017 section 9.2): 00 01 FF
// ... FF 00 and the hash, which IKEv1 signs bare; some peers put its algorithm in front. It is nil
// where the padding does not come out.
func undoRSA(key *rsa.PublicKey, sig []byte, n int) []byte {
	size := key.Size()
	if key.N.BitLen() > maxModulus || key.E < 3 || len(sig) != size || size < n+11 {
		return nil
	}
	s := new(big.Int).SetBytes(sig)
	if s.Cmp(key.N) >= 0 {
		return nil
	}
	em := s.Exp(s, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size))
	if em[0] != 0 || em[1] != 1 {
		return nil
	}
	i := 2
	for i < size && em[i] == 0xff {
		i++
	}
	if i < 10 || i == size || em[i] != 0 || size-i-1 < n {
		return nil
	}
	return em[size-n:]
}
