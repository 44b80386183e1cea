package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// listedKey is a row of what keys prints.
type listedKey struct {
	Source      string `json:"source"` // file:line
	Kind        string `json:"kind"`
	ID          string `json:"id"` // initiator cookie, or SPI
	Src         string `json:"src,omitempty"`
	Dst         string `json:"dst,omitempty"`
	Algorithm   string `json:"algorithm,omitempty"`
	Bits        int    `json:"bits"`             // known
	Needed      int    `json:"needed,omitempty"` // 0: not known
	Fingerprint string `json:"fingerprint"`
	Verdict     string `json:"verdict,omitempty"` // with a capture: of the SA
	Key         string `json:"key,omitempty"`     // with --show

	key esp.Key
}

// keyIdentity is what tells keys apart that are listed.
type keyIdentity struct {
	id, kind string
	key      [sha256.Size]byte // its hash
}

func (r *listedKey) identity() keyIdentity {
	return keyIdentity{r.ID, r.Kind, sha256.Sum256(r.key.Bytes())}
}

// rowSpace is memory for rows, and the names of the addresses in the last ones.
type rowSpace struct {
	row   listedKey
	addrs [4]struct {
		pattern esp.AddrPattern
		name    string
	}
	next int
}

// addrName is [patternName]: the same addresses come again and again.
func (x *rowSpace) addrName(p esp.AddrPattern) string {
	if p.IsAny() {
		return ""
	}
	for i := range x.addrs {
		if a := &x.addrs[i]; a.pattern == p {
			return a.name
		}
	}
	a := &x.addrs[x.next%len(x.addrs)]
	a.pattern, a.name = p, patternName(p)
	x.next++
	return a.name
}

// row returns what is the same for all kinds of keys.
func row(source, kind, id string, key esp.Key) listedKey {
	return listedKey{Source: source, Kind: kind, ID: id, Bits: 8 * key.Len(), key: key}
}

// ikeRows lists the values of a phase 1.
func (k *keyring) ikeRows(s *ikev1.Secret, x *rowSpace, f func(*listedKey)) {
	id := cookieName(s.InitiatorCookie)
	if s.InitiatorCookie.IsZero() && !s.ResponderCookie.IsZero() {
		id = "responder " + s.ResponderCookie.String()
	}
	sas := k.sas(s)
	var space [7]ikeValue
	for _, v := range appendIKEValues(space[:0], s) {
		r := &x.row
		*r = row(s.OriginOf(v.name).String(), v.name, id, v.key)
		if !v.head {
			r.Needed = r.Bits
		}
		for _, sa := range sas {
			r.Verdict = sa.Verdict()
			switch v.name {
			case "Ka":
				r.Algorithm = sa.Cipher
			case "SKEYID_e":
				r.Algorithm = sa.Cipher
				if n := hashBits[sa.Hash]; n > 0 {
					r.Needed = n
				}
				if ka := 8 * sa.Ka().Len(); ka > 0 && r.Bits >= ka {
					r.Needed = min(r.Needed, r.Bits) // the head of SKEYID_e is all that Ka takes
				}
			case "SKEYID", "SKEYID_d", "SKEYID_a":
				r.Algorithm = sa.Hash
				if n := hashBits[sa.Hash]; n > 0 {
					r.Needed = n
				}
			}
		}
		f(r)
	}
}

// hashBits is the length of SKEYID and all that is derived from it.
var hashBits = map[string]int{"md5": 128, "sha1": 160, "sha256": 256, "sha384": 384, "sha512": 512}

// espRows lists the keys of an ESP SA.
func (k *keyring) espRows(s *esp.Secret, x *rowSpace, f func(*listedKey)) {
	suite, verdict := s.Suite, ""
	if s.Uncertain {
		verdict = uncertain
	}
	if s.SPIMask == ^uint32(0) && k.p != nil {
		for _, n := range k.p.ESP().Negotiated(s.SPI) {
			suite = completed(suite, n.Suite)
		}
		for _, r := range k.flows[s.SPI] {
			state := k.states[r]
			if s.Uncertain && state.Err == nil {
				return // the key that opens the packets is listed
			}
			verdict = string(r.Verdict)
			if state.Err == nil {
				suite = completed(state.Suite, suite)
			}
		}
	}
	src, dst := x.addrName(s.Src), x.addrName(s.Dst)
	if flows := k.flows[s.SPI]; len(flows) == 1 && s.SPIMask == ^uint32(0) && s.Src.Match(flows[0].Src) && s.Dst.Match(flows[0].Dst) {
		src, dst = flows[0].Src.String(), flows[0].Dst.String()
	}
	id := spiText(s)
	r := &x.row
	*r = row(s.Origin.String(), "ESP encryption", id, s.Key)
	r.Src, r.Dst, r.Algorithm, r.Verdict = src, dst, suite.CipherName(), verdict
	if c := suite.Cipher; c != nil && suite.KeyLen > 0 {
		r.Needed = 8 * (suite.KeyLen + c.SaltLen)
	} else if !s.KeyHead {
		r.Needed = r.Bits
	}
	f(r)
	if !s.AuthKey.IsZero() {
		*r = row(s.Origin.String(), "ESP authentication", id, s.AuthKey)
		r.Src, r.Dst, r.Algorithm, r.Verdict = src, dst, suite.AuthName(), verdict
		if suite.Auth != nil && suite.Auth.Checked {
			r.Needed = 8 * suite.Auth.KeyLen
		} else if !s.AuthKeyHead {
			r.Needed = r.Bits
		}
		f(r)
	}
}

// uncertain is the verdict on one of several keys that may be an SPI's, of which the capture has no packet.
const uncertain = "uncertain"

// spiText is [spiName], faster.
func spiText(s *esp.Secret) string {
	if s.SPIMask != ^uint32(0) {
		return spiName(s)
	}
	var spi [4]byte
	var text [10]byte
	binary.BigEndian.PutUint32(spi[:], s.SPI)
	return string(hex.AppendEncode(append(text[:0], "0x"...), spi[:]))
}

// flowRows lists the keys that opened a flow, whose heads a source may have had, or none but SKEYID_d.
func flowRows(r *esp.Report, s *esp.State) []listedKey {
	of := func(kind, algorithm string, key esp.Key) listedKey {
		x := row(s.Origin, kind, fmt.Sprintf("0x%08x", r.SPI), key)
		x.Src, x.Dst, x.Algorithm, x.Needed, x.Verdict = r.Src.String(), r.Dst.String(), algorithm, x.Bits, string(r.Verdict)
		return x
	}
	list := []listedKey{of("ESP encryption", s.Suite.CipherName(), s.Key)}
	if !s.AuthKey.IsZero() {
		list = append(list, of("ESP authentication", s.Suite.AuthName(), s.AuthKey))
	}
	return list
}

// completed returns the suite, with what it does not name taken from another.
func completed(s, more esp.Suite) esp.Suite {
	if s.Cipher == nil || s.Cipher == more.Cipher && s.KeyLen == 0 {
		s.Cipher, s.KeyLen = more.Cipher, more.KeyLen
	}
	if s.Cipher == more.Cipher && s.ICVLen == 0 {
		s.ICVLen = more.ICVLen
	}
	if s.Auth == nil {
		s.Auth = more.Auth
	}
	return s
}

func patternName(p esp.AddrPattern) string {
	if p.IsAny() {
		return ""
	}
	return p.String()
}

// derived returns a row for each key that opens the capture's messages and packets.
func (k *keyring) derived() (list []listedKey) {
	if k.p == nil {
		return nil
	}
	for _, sa := range k.p.IKE().SAs() {
		if ka := sa.Ka(); !ka.IsZero() {
			r := row(sa.KeyOrigin, "Ka", sa.InitiatorCookie.String(), ka)
			r.Algorithm, r.Needed, r.Verdict = sa.Cipher, r.Bits, sa.Verdict()
			list = append(list, r)
		}
	}
	for _, f := range k.p.ESP().Flows() {
		report, state := f.Report(), f.State()
		if state.Err == nil {
			list = append(list, flowRows(&report, state)...)
		}
	}
	return list
}

// ikeValue is one value of an IKE secret by the RFC's name.
type ikeValue struct {
	name string
	key  esp.Key
	head bool // may be its first bytes only
}

// ikeValues returns what an IKE secret holds.
func ikeValues(s *ikev1.Secret) []ikeValue { return appendIKEValues(nil, s) }

func appendIKEValues(dst []ikeValue, s *ikev1.Secret) []ikeValue {
	for _, v := range [...]ikeValue{
		{"SKEYID", s.SKEYID, false},
		{"SKEYID_d", s.SKEYIDd, false},
		{"SKEYID_a", s.SKEYIDa, false},
		{"SKEYID_e", s.SKEYIDe, s.SKEYIDeHead},
		{"Ka", s.Ka, false},
		{"g^xy", s.SharedSecret, false},
		{"g(qm)^xy", s.QuickSecret, false},
	} {
		if !v.key.IsZero() {
			dst = append(dst, v)
		}
	}
	return dst
}
