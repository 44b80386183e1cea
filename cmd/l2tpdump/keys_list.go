package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// rows calls f with a row for each value of each source, and for each key that was derived with the
// capture and that no source has.
func (k *keyring) rows(f func(listedKey)) {
	derived := make(map[[2]string][]listedKey) // by ID and kind; several keys may have opened an SA one after the other
	list := k.derived()
	for _, r := range list {
		at := [2]string{r.ID, r.Kind}
		derived[at] = append(derived[at], r)
	}
	listed := func(r listedKey) {
		at := [2]string{r.ID, r.Kind}
		if same := derived[at]; same != nil {
			derived[at] = slices.DeleteFunc(same, func(d listedKey) bool { return d.key.Equal(r.key) })
		}
		f(r)
	}
	for _, source := range k.sources {
		for _, s := range source.IKE {
			k.ikeRows(s, listed)
		}
		for _, s := range source.ESP {
			k.espRows(s, listed)
		}
	}
	for i := range list {
		r := &list[i]
		if slices.ContainsFunc(derived[[2]string{r.ID, r.Kind}], func(d listedKey) bool { return d.key.Equal(r.key) }) {
			listed(*r) // once
		}
	}
}

// printJSON prints the list as one object, and what became of Wireshark's tables.
func (k *keyring) printJSON(w io.Writer, tables []writtenTable) error {
	b := bufio.NewWriter(w)
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	encode := func(v any) []byte {
		line.Reset()
		enc.Encode(v) // all that is listed has a JSON form
		return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
	}
	b.WriteString(`{"keys":[`)
	comma := ""
	k.rows(func(r listedKey) {
		r.Source, r.Fingerprint = r.origin.String(), r.key.Fingerprint()
		if k.show {
			r.Key = hex.EncodeToString(r.key.Bytes())
		}
		b.WriteString(comma)
		b.Write(encode(r))
		comma = ","
	})
	next := `],"tables":[`
	for i := range tables {
		t := &tables[i]
		b.WriteString(next)
		b.Write(bytes.TrimSuffix(encode(t), []byte("}")))
		end, before := "}", `,"left":[`
		n, text := t.left()
		for i := range n {
			b.WriteString(before)
			b.Write(encode(text(i)))
			end, before = "]}", ","
		}
		b.WriteString(end)
		next = ","
	}
	b.WriteString("]}\n")
	return b.Flush()
}

// print prints the list as a table. The verdict is there with a capture, or where a key is
// uncertain; the key with --show.
func (k *keyring) print(w io.Writer) error {
	header := []string{"SOURCE", "KIND", "ID", "ADDRESSES", "ALGORITHM", "BITS", "FINGERPRINT"}
	verdicts := k.p != nil || slices.ContainsFunc(k.sources, func(source *keysrc.Keys) bool {
		return slices.ContainsFunc(source.ESP, func(s *esp.Secret) bool { return s.Uncertain })
	})
	if verdicts {
		header = append(header, "VERDICT")
	}
	if k.show {
		header = append(header, "KEY")
	}
	t := newAligned(header)
	k.rows(func(r listedKey) {
		needed := "?"
		if r.Needed > 0 {
			needed = strconv.Itoa(r.Needed)
		}
		cells := []string{r.origin.String(), r.Kind, r.ID, r.addresses(), cmp.Or(r.Algorithm, "?"),
			strconv.Itoa(r.Bits) + "/" + needed, r.key.Fingerprint()}
		if verdicts {
			cells = append(cells, cmp.Or(r.Verdict, "?"))
		}
		if k.show {
			cells = append(cells, hex.EncodeToString(r.key.Bytes()))
		}
		t.add(cells...)
	})
	return t.print(w)
}

func (r *listedKey) addresses() string {
	switch {
	case r.Src != "" || r.Dst != "":
		return cmp.Or(r.Src, "*") + " > " + cmp.Or(r.Dst, "*")
	case strings.HasPrefix(r.Kind, "ESP"):
		return "?"
	}
	return "-"
}

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

	origin esp.Origin
	key    esp.Key
}

// row returns what is the same for all kinds of keys.
func row(origin esp.Origin, kind, id string, key esp.Key) listedKey {
	return listedKey{origin: origin, Kind: kind, ID: id, Bits: 8 * key.Len(), key: key}
}

// ikeRows lists the values of a phase 1.
func (k *keyring) ikeRows(s *ikev1.Secret, f func(listedKey)) {
	id := cookieName(s.InitiatorCookie)
	if s.InitiatorCookie.IsZero() && !s.ResponderCookie.IsZero() {
		id = "responder " + s.ResponderCookie.String()
	}
	sas := k.sas(s)
	for v := range ikeValues(s) {
		r := row(s.OriginOf(v.name), v.name, id, v.key)
		if !v.head {
			r.Needed = r.Bits
		}
		for _, sa := range sas {
			r.ofSA(sa, why.ISAKMP(k.p.IKE(), sa))
		}
		f(r)
	}
}

// ofSA adds what an SA of the capture says.
func (r *listedKey) ofSA(sa *ikev1.SA, finding why.Finding) {
	r.Verdict = string(finding.Verdict)
	switch r.Kind {
	case "Ka":
		r.Algorithm = sa.Cipher
		return
	case "SKEYID_e":
		r.Algorithm = sa.Cipher
	case "SKEYID", "SKEYID_d", "SKEYID_a":
		r.Algorithm = sa.Hash
	default:
		return
	}
	if n := hashBits[sa.Hash]; n > 0 {
		r.Needed = n
	}
	if ka := 8 * sa.Ka().Len(); r.Kind == "SKEYID_e" && ka > 0 && r.Bits >= ka {
		r.Needed = min(r.Needed, r.Bits) // the head of SKEYID_e is all that Ka takes
	}
}

// hashBits is the length of SKEYID and all that is derived from it.
var hashBits = map[string]int{"md5": 128, "sha1": 160, "sha256": 256, "sha384": 384, "sha512": 512}

// espRows lists the keys of an ESP SA.
func (k *keyring) espRows(s *esp.Secret, f func(listedKey)) {
	suite, verdict, listed := k.seenOf(s)
	if listed {
		return
	}
	id, src, dst := spiName(s), patternName(s.Src), patternName(s.Dst)
	if flows := k.flows[s.SPI]; len(flows) == 1 && oneSPI(s) && s.Src.Match(flows[0].Src) && s.Dst.Match(flows[0].Dst) {
		src, dst = flows[0].Src.String(), flows[0].Dst.String()
	}
	give := func(kind, algorithm string, key esp.Key, needed int, head bool) {
		r := row(s.Origin, kind, id, key)
		r.Src, r.Dst, r.Algorithm, r.Needed, r.Verdict = src, dst, algorithm, 8*needed, verdict
		if needed == 0 && !head {
			r.Needed = r.Bits
		}
		f(r)
	}
	size := 0
	if suite.Cipher != nil && suite.KeyLen > 0 {
		size = suite.KeyLen + suite.Cipher.SaltLen
	}
	give("ESP encryption", suite.CipherName(), s.Key, size, s.KeyHead)
	if s.AuthKey.IsZero() {
		return
	}
	size, head := 0, s.AuthKeyHead
	if suite.Auth != nil && suite.Auth.Checked {
		size, head = suite.Auth.KeyLen, true
	}
	give("ESP authentication", suite.AuthName(), s.AuthKey, size, head)
}

// seenOf returns the algorithms and the verdict that the capture adds to the keys of an ESP SA;
// listed if they are some of several that may be an SPI's, and the ones that open the packets are
// listed.
func (k *keyring) seenOf(s *esp.Secret) (suite esp.Suite, verdict string, listed bool) {
	suite = s.Suite
	if s.Uncertain {
		verdict = uncertain
	}
	if !oneSPI(s) || k.p == nil {
		return suite, verdict, false
	}
	for _, n := range k.p.ESP().Negotiated(s.SPI) {
		suite = completed(suite, n.Suite)
	}
	for _, r := range k.flows[s.SPI] {
		if s.Uncertain && r.SA != nil {
			return suite, verdict, true
		}
		verdict = string(r.Verdict)
		if r.SA != nil {
			suite = completed(r.SA.Suite, suite)
		}
	}
	return suite, verdict, false
}

// uncertain is the verdict on one of several keys that may be an SPI's, of which the capture has no
// packet.
const uncertain = "uncertain"

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

// derived returns a row for each key that opens the capture's messages and packets: of some a
// source may have the head, or none but SKEYID_d.
func (k *keyring) derived() (list []listedKey) {
	if k.p == nil {
		return nil
	}
	for _, sa := range k.p.IKE().SAs() {
		if ka := sa.Ka(); !ka.IsZero() {
			r := row(esp.OriginAt(why.IKEKeyAt(sa), 0), "Ka", sa.InitiatorCookie.String(), ka)
			r.Algorithm, r.Needed, r.Verdict = sa.Cipher, r.Bits, string(why.ISAKMP(k.p.IKE(), sa).Verdict)
			list = append(list, r)
		}
	}
	for _, f := range k.opened() {
		add := func(kind, algorithm string, key esp.Key) {
			r := row(esp.OriginAt(f.SA.Place(), 0), kind, fmt.Sprintf("0x%08x", f.SPI), key)
			r.Src, r.Dst, r.Algorithm, r.Needed, r.Verdict = f.Src.String(), f.Dst.String(), algorithm, r.Bits, string(f.Verdict)
			list = append(list, r)
		}
		add("ESP encryption", f.SA.CipherName(), f.SA.Key)
		if !f.SA.AuthKey.IsZero() {
			add("ESP authentication", f.SA.AuthName(), f.SA.AuthKey)
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
func ikeValues(s *ikev1.Secret) iter.Seq[ikeValue] {
	return func(yield func(ikeValue) bool) {
		for _, v := range [...]ikeValue{
			{"SKEYID", s.SKEYID, false},
			{"SKEYID_d", s.SKEYIDd, false},
			{"SKEYID_a", s.SKEYIDa, false},
			{"SKEYID_e", s.SKEYIDe, s.SKEYIDeHead || s.SKEYIDeDoubtful},
			{"Ka", s.Ka, false},
			{"g^xy", s.SharedSecret, false},
			{"g(qm)^xy", s.QuickSecret, false},
		} {
			if !v.key.IsZero() && !yield(v) {
				return
			}
		}
	}
}
