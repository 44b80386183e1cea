package keysrc

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strconv"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// checkPhase1 takes those keys out of s that can't be whole, with a note for each. It is for sources that don't say how long a value is, so that
// a lost row goes unseen otherwise. All SKEYIDs of a negotiation have the length of its hash, Ka comes from SKEYID_e (RFC 2409
// appendix B), and so does SKEYID_d from SKEYID and the shared secret (section 5). It reports whether a key is left.
func checkPhase1(out *output, s *ikev1.Secret) bool {
	line := s.Origin.Line
	skeyids := []struct {
		name string
		key  *esp.Key
	}{{"SKEYID", &s.SKEYID}, {"SKEYID_d", &s.SKEYIDd}, {"SKEYID_a", &s.SKEYIDa}, {"SKEYID_e", &s.SKEYIDe}}
	usual, times, tie := 0, 0, false
	for _, v := range skeyids {
		n := v.key.Len()
		if prf, _ := prfOf(n); prf == nil {
			if n != 0 {
				out.note(line, v.name+" of "+byteCount(n)+" has the length of no hash: a part of it is missing")
			}
			*v.key = esp.Key{}
			continue
		}
		same := 0
		for _, w := range skeyids {
			if w.key.Len() == n {
				same++
			}
		}
		switch {
		case n == usual:
		case same > times:
			usual, times, tie = n, same, false
		case same == times:
			usual, tie = max(usual, n), true
		}
	}
	for _, v := range skeyids {
		if n := v.key.Len(); n != 0 && n != usual {
			text := v.name + " has " + byteCount(n) + ", others of the same negotiation " + strconv.Itoa(usual) + ": a part of it is missing"
			if tie {
				text += ", unless the others are of another one"
			}
			out.note(line, text)
			*v.key = esp.Key{}
		}
	}

	if n := s.SKEYIDe.Len(); n%16 == 0 && s.SKEYID.IsZero() && s.SKEYIDd.IsZero() && s.SKEYIDa.IsZero() && s.Ka.IsZero() {
		s.SKEYIDeHead = n != 0 // nothing to compare it with, and it ends with a whole row
	}

	if n := s.Ka.Len(); n != 0 {
		prf, sure := prfOf(s.SKEYIDe.Len())
		switch {
		case n%8 != 0 || n > 56:
			out.note(line, "encryption key of "+byteCount(n)+" is no key of a cipher: a part of it is missing")
			s.Ka = esp.Key{}
		case s.SKEYIDe.IsZero() || n > s.SKEYIDe.Len() && !sure:
		case n <= s.SKEYIDe.Len() && !s.SKEYIDe.HasPrefix(s.Ka), n > s.SKEYIDe.Len() && !expand(prf, s.SKEYIDe, n).Equal(s.Ka):
			if partOf(s.Ka, s.SKEYIDe) || prf != nil && partOf(s.Ka, expand(prf, s.SKEYIDe, 64)) {
				out.note(line, "encryption key of "+byteCount(n)+" is only a part of what SKEYID_e gives: the rest is missing")
				s.Ka = esp.Key{}
				break
			}
			// Both stay: what opens the messages proves the other wrong.
			out.doubt(line, "encryption key of "+byteCount(n)+" doesn't come from SKEYID_e: one of the two is damaged, or of another negotiation")
		}
	}

	if !s.SharedSecret.IsZero() {
		// Of use only where a SKEYID is missing.
		prf, sure := prfOf(s.SKEYID.Len())
		if !sure || s.InitiatorCookie == (ikev1.Cookie{}) || s.ResponderCookie == (ikev1.Cookie{}) || !skeyidD(prf, s).Equal(s.SKEYIDd) {
			s.SharedSecret = esp.Key{}
		}
	}
	return usual != 0 || !s.Ka.IsZero()
}

// partOf reports whether the bytes of a key occur in another one.
func partOf(k, whole esp.Key) bool { return bytes.Contains(whole.Bytes(), k.Bytes()) }

// prfOf returns the hash whose HMAC is the prf of a negotiation with SKEYIDs of n bytes; sure if there is no other.
func prfOf(n int) (h func() hash.Hash, sure bool) {
	switch n {
	case md5.Size: // of AES-XCBC too
		return md5.New, false
	case sha1.Size:
		return sha1.New, true
	case sha256.Size:
		return sha256.New, true
	case sha512.Size384:
		return sha512.New384, true
	case sha512.Size:
		return sha512.New, true
	}
	return nil, false
}

// expand returns the first n bytes of K1 | K2 | …, K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1) (RFC 2409 appendix B).
func expand(prf func() hash.Hash, skeyidE esp.Key, n int) esp.Key {
	k, whole := []byte{0}, []byte(nil)
	for len(whole) < n {
		m := hmac.New(prf, skeyidE.Bytes())
		m.Write(k)
		k = m.Sum(nil)
		whole = append(whole, k...)
	}
	return esp.NewKey(whole[:n])
}

// skeyidD returns prf(SKEYID, g^xy | CKY-I | CKY-R | 0) (RFC 2409 section 5).
func skeyidD(prf func() hash.Hash, s *ikev1.Secret) esp.Key {
	m := hmac.New(prf, s.SKEYID.Bytes())
	m.Write(s.SharedSecret.Bytes())
	m.Write(s.InitiatorCookie[:])
	m.Write(s.ResponderCookie[:])
	m.Write([]byte{0})
	return esp.NewKey(m.Sum(nil))
}
