package keysrc

import (
	"bytes"
	"crypto/md5"
	"strconv"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// phase1Names are the keys of phase 1 as RFC 2409 names them, and Ka.
var phase1Names = [...]string{"SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "Ka"}

// phase1Keys returns where the keys of phase1Names are.
func phase1Keys(s *ikev1.Secret) [len(phase1Names)]*esp.Key {
	return [...]*esp.Key{&s.SKEYID, &s.SKEYIDd, &s.SKEYIDa, &s.SKEYIDe, &s.Ka}
}

// phase1Count returns how many of them there are.
func phase1Count(s *ikev1.Secret) (n int) {
	for _, key := range phase1Keys(s) {
		n += min(1, key.Len())
	}
	return n
}

// phase1Seen is which values of a phase 1 a log has named: g^xy is bit 0, those of phase1Names
// follow, and the IV, with which they end.
type phase1Seen uint8

const (
	seenShared phase1Seen = 1
	seenIV                = seenShared << (len(phase1Names) + 1)
)

// name takes a value of phase1Names.
func (seen *phase1Seen) name(i int) { *seen |= 2 << i }

// has reports whether a value of phase1Names was named.
func (seen phase1Seen) has(i int) bool { return seen&(2<<i) != 0 }

// checkGaps tells which values are not named between others, and begins anew: a log that writes one
// of them writes all, one after the other.
func (seen *phase1Seen) checkGaps(out *output, line int) {
	all := *seen
	for i, name := range phase1Names {
		if bit := phase1Seen(2) << i; all&^(seenShared|seenIV) != 0 && all&bit == 0 && all&(bit-1) != 0 && all > bit {
			out.note(line, name+" is missing among the others: a line of the log is lost")
		}
	}
	*seen = 0
}

// checkPhase1 takes those keys out of s that can't be whole, with a note for each. It is for
// sources that don't say how long a value is, so that a lost row goes unseen otherwise. It reports
// whether a key is left.
func checkPhase1(out *output, s *ikev1.Secret) bool {
	usual := checkSKEYIDs(out, s)
	if n := s.SKEYIDe.Len(); n != 0 && n%16 == 0 && phase1Count(s) == 1 {
		s.SKEYIDeHead = true // nothing to compare it with, and it ends with a whole row
	}
	if !s.Ka.IsZero() {
		checkKa(out, s)
	}
	if !s.SharedSecret.IsZero() && !s.GivesSKEYIDd() {
		s.SharedSecret = esp.Key{} // of use only where a SKEYID is missing
		if !s.SKEYIDd.IsZero() {
			out.note(s.Origin.Line, "g^xy is not seen to give SKEYID_d: a part of one of them is missing, or a cookie")
		}
	}
	return usual != 0 || !s.Ka.IsZero()
}

// checkSKEYIDs has all SKEYIDs of a negotiation have the length of its hash, which is returned; 0
// if none is left.
func checkSKEYIDs(out *output, s *ikev1.Secret) (usual int) {
	keys := phase1Keys(s)
	skeyids := keys[:4]
	times := make(map[int]int) // how many have a length
	for i, key := range skeyids {
		n := key.Len()
		if ikev1.KnownSKEYID(n) {
			times[n]++
			continue
		}
		if n != 0 {
			out.note(s.Origin.Line, phase1Names[i]+" of "+byteCount(n)+" has the length of no hash: a part of it is "+
				"missing")
		}
		*key = esp.Key{}
	}
	tie := false
	for n, same := range times {
		switch {
		case same > times[usual]:
			usual, tie = n, false
		case same == times[usual]:
			usual, tie = max(usual, n), true
		}
	}
	for i, key := range skeyids {
		n := key.Len()
		if n == 0 || n == usual {
			continue
		}
		text := phase1Names[i] + " has " + byteCount(n) + ", others of the same negotiation " + strconv.Itoa(usual) +
			": a part of it is missing"
		if tie {
			text += ", unless the others are of another one"
		}
		out.note(s.Origin.Line, text)
		*key = esp.Key{}
	}
	return usual
}

// checkKa compares Ka with SKEYID_e, which it comes from (RFC 2409 appendix B).
func checkKa(out *output, s *ikev1.Secret) {
	n, e := s.Ka.Len(), s.SKEYIDe
	switch {
	case n%8 != 0 || n > 32 && n != 56: // the last is Blowfish's
		out.note(s.Origin.Line, "encryption key of "+byteCount(n)+" is no key of a cipher: a part of it is missing")
		s.Ka = esp.Key{}
	case e.IsZero(), n > e.Len() && e.Len() == md5.Size, // or AES-XCBC's
		ikev1.ExpandKa(e, n).Equal(s.Ka):
	case partOf(s.Ka, e), partOf(s.Ka, ikev1.ExpandKa(e, 64)):
		out.note(s.Origin.Line, "encryption key of "+byteCount(n)+" is only a part of what SKEYID_e gives: the rest "+
			"is missing")
		s.Ka = esp.Key{}
	default:
		// Both stay: what opens the messages proves the other wrong.
		out.doubt(s.Origin.Line, "encryption key of "+byteCount(n)+" doesn't come from SKEYID_e: one of the two is "+
			"damaged, or of another negotiation")
	}
}

// partOf reports whether the bytes of a key occur in another one.
func partOf(k, whole esp.Key) bool { return bytes.Contains(whole.Bytes(), k.Bytes()) }
