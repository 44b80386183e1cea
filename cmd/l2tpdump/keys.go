package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// keyList is what keys --json prints.
type keyList struct {
	Keys   []listedKey    `json:"keys"`
	Tables []writtenTable `json:"tables,omitempty"`
}

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
}

type writtenTable struct {
	Path    string   `json:"path"`
	Added   int      `json:"added"`
	Present int      `json:"present"`
	Left    []string `json:"left,omitempty"`
}

// keysOptions are the command line of keys.
type keysOptions struct {
	options
	wireshark string
	show      bool
}

// keys is the command "keys": lists what key sources hold, and writes it as Wireshark's tables.
func keys(ctx context.Context, args []string) int {
	var o keysOptions
	f := newFlags("keys")
	o.inputFlags(f)
	f.StringVar(&o.wireshark, "wireshark", "", "")
	f.BoolVar(&o.show, "show", false, "")
	f.BoolVar(&o.json, "json", false, "")
	rest, status, ok := parse(f, args)
	if !ok {
		return status
	}
	if err := o.check(rest, f.Changed("wireshark")); err != nil {
		return fail(err)
	}
	k := &keyring{show: o.show}
	var err error
	if k.sources, err = o.readKeys(); err != nil {
		return fail(err)
	}
	if len(o.read) > 0 {
		if status, ok := k.read(ctx, &o.options); !ok {
			return status
		}
	}
	list := keyList{Keys: k.list()}
	if o.wireshark != "" {
		if list.Tables, err = k.writeTables(o.wireshark); err != nil {
			return fail(err)
		}
	}
	if o.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(&list); err != nil {
			return fail(err)
		}
		return exitOK
	}
	list.print(&o)
	return exitOK
}

// check refuses options that contradict each other.
func (o *keysOptions) check(rest []string, toTables bool) error {
	if len(o.keys) == 0 && len(o.read) == 0 {
		return withHint("name one with -k FILE; -k - reads standard input", "no key source to read")
	}
	if len(o.read) > 0 {
		if err := o.checkInput(rest); err != nil {
			return err
		}
	} else if len(rest) > 0 {
		return withHint("every key source has its own -k", "unexpected argument %s", quote(rest[0]))
	} else if o.filter != "" || o.count > 0 {
		return errors.New("-f and -c are about a capture, and there is no -r")
	} else if o.keyFormat != "" && keysrc.FormatNamed(o.keyFormat) == nil {
		return withHint("the formats are "+strings.Join(formatNames(), ", "), "unknown key format %s", quote(o.keyFormat))
	}
	if toTables && (o.wireshark == "" || o.wireshark == "-") {
		return withHint("it is Wireshark's folder of settings, as in ~/.config/wireshark", "--wireshark takes the name of a folder")
	}
	if i, err := os.Stat(o.wireshark); err == nil && !i.IsDir() {
		return fmt.Errorf("%s is not a folder", o.wireshark)
	}
	return nil
}

// keyring is what key sources hold and what a capture adds.
type keyring struct {
	sources []*keysrc.Keys
	show    bool
	p       *pipeline.Pipeline // nil without a capture
	flows   map[uint32][]*esp.Report
	states  map[*esp.Report]*esp.State
}

// read takes what a capture tells about the keys. If it is false the command ends with the status.
func (k *keyring) read(ctx context.Context, o *options) (status int, ok bool) {
	src, status := o.openCapture(ctx)
	if src == nil {
		return status, false
	}
	defer src.Close()
	k.p = pipeline.New(o.config(src))
	k.p.AddKeys(k.sources...)
	takeEmbedded(src, k.p, func(e *keysrc.Keys) { k.sources = append(k.sources, e) })
	_, err := k.p.Run(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return exitInterrupted, false
	}
	if err != nil {
		return fail(err), false
	}
	k.flows = make(map[uint32][]*esp.Report)
	k.states = make(map[*esp.Report]*esp.State)
	for _, f := range append(k.p.ESP().Flows(), k.p.Nested()...) {
		r := f.Report()
		k.flows[r.SPI] = append(k.flows[r.SPI], &r)
		k.states[&r] = f.State()
	}
	return exitOK, true
}

// sas returns the ISAKMP SAs of the capture that have the cookie of a secret.
func (k *keyring) sas(s *ikev1.Secret) []*ikev1.SA {
	if k.p == nil {
		return nil
	}
	var list []*ikev1.SA
	for _, sa := range k.p.IKE().SAs() {
		if sa.InitiatorCookie == s.InitiatorCookie || s.InitiatorCookie.IsZero() && !s.ResponderCookie.IsZero() && sa.ResponderCookie == s.ResponderCookie {
			list = append(list, sa)
		}
	}
	return list
}

// list returns a row for each value of each source, and for each key that was derived with the capture.
func (k *keyring) list() []listedKey {
	list := []listedKey{}
	for _, source := range k.sources {
		for _, s := range source.IKE {
			for _, v := range ikeValues(s) {
				list = append(list, k.ikeRow(s, v))
			}
		}
		for _, s := range source.ESP {
			list = append(list, k.espRows(s)...)
		}
	}
	if k.p == nil {
		return list
	}
	known := make(map[string]bool)
	for _, r := range list {
		known[r.ID+r.Kind+r.Fingerprint] = true
	}
	add := func(r listedKey) {
		if !known[r.ID+r.Kind+r.Fingerprint] {
			known[r.ID+r.Kind+r.Fingerprint] = true
			list = append(list, r)
		}
	}
	for _, sa := range k.p.IKE().SAs() {
		if ka := sa.Ka(); !ka.IsZero() {
			r := k.row(sa.KeyOrigin, "Ka", sa.InitiatorCookie.String(), ka)
			r.Algorithm, r.Needed, r.Verdict = sa.Cipher, r.Bits, sa.Verdict()
			add(r)
		}
	}
	for _, f := range k.p.ESP().Flows() {
		report, state := f.Report(), f.State()
		if state.Err != nil {
			continue
		}
		for _, r := range k.flowRows(&report, state) {
			add(r)
		}
	}
	return list
}

// row returns what is the same for all kinds of keys.
func (k *keyring) row(source, kind, id string, key esp.Key) listedKey {
	r := listedKey{Source: source, Kind: kind, ID: id, Bits: 8 * key.Len(), Fingerprint: key.Fingerprint()}
	if k.show {
		r.Key = hex.EncodeToString(key.Bytes())
	}
	return r
}

// ikeRow lists a value of phase 1.
func (k *keyring) ikeRow(s *ikev1.Secret, v ikeValue) listedKey {
	id := cookieName(s.InitiatorCookie)
	if s.InitiatorCookie.IsZero() && !s.ResponderCookie.IsZero() {
		id = "responder " + s.ResponderCookie.String()
	}
	r := k.row(s.OriginOf(v.name), v.name, id, v.key)
	if !v.head {
		r.Needed = r.Bits
	}
	for _, sa := range k.sas(s) {
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
	return r
}

// hashBits is the length of SKEYID and all that is derived from it.
var hashBits = map[string]int{"md5": 128, "sha1": 160, "sha256": 256, "sha384": 384, "sha512": 512}

// espRows lists the keys of an ESP SA.
func (k *keyring) espRows(s *esp.Secret) []listedKey {
	suite, verdict := s.Suite, ""
	if s.SPIMask == ^uint32(0) && k.p != nil {
		for _, n := range k.p.ESP().Negotiated(s.SPI) {
			suite = completed(suite, n.Suite)
		}
		for _, r := range k.flows[s.SPI] {
			state := k.states[r]
			verdict = string(r.Verdict)
			if state.Err == nil {
				suite = completed(state.Suite, suite)
			}
		}
	}
	src, dst := patternName(s.Src), patternName(s.Dst)
	id := spiName(s)
	encryption := k.row(s.Origin, "ESP encryption", id, s.Key)
	encryption.Src, encryption.Dst, encryption.Algorithm, encryption.Verdict = src, dst, suite.CipherName(), verdict
	if c := suite.Cipher; c != nil && suite.KeyLen > 0 {
		encryption.Needed = 8 * (suite.KeyLen + c.SaltLen)
	} else if !s.KeyHead {
		encryption.Needed = encryption.Bits
	}
	list := []listedKey{encryption}
	if !s.AuthKey.IsZero() {
		a := k.row(s.Origin, "ESP authentication", id, s.AuthKey)
		a.Src, a.Dst, a.Algorithm, a.Verdict = src, dst, suite.AuthName(), verdict
		if suite.Auth != nil && suite.Auth.Checked {
			a.Needed = 8 * suite.Auth.KeyLen
		} else if !s.AuthKeyHead {
			a.Needed = a.Bits
		}
		list = append(list, a)
	}
	return list
}

// flowRows lists the keys that opened a flow, whose heads a source may have had, or none but SKEYID_d.
func (k *keyring) flowRows(r *esp.Report, s *esp.State) []listedKey {
	row := func(kind, algorithm string, key esp.Key) listedKey {
		x := k.row(s.Origin, kind, fmt.Sprintf("0x%08x", r.SPI), key)
		x.Src, x.Dst, x.Algorithm, x.Needed, x.Verdict = r.Src.String(), r.Dst.String(), algorithm, x.Bits, string(r.Verdict)
		return x
	}
	list := []listedKey{row("ESP encryption", s.Suite.CipherName(), s.Key)}
	if !s.AuthKey.IsZero() {
		list = append(list, row("ESP authentication", s.Suite.AuthName(), s.AuthKey))
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

// print prints the list as a table, and what became of Wireshark's tables.
func (l *keyList) print(o *keysOptions) {
	header := []string{"SOURCE", "KIND", "ID", "ADDRESSES", "ALGORITHM", "BITS", "FINGERPRINT"}
	if len(o.read) > 0 {
		header = append(header, "VERDICT")
	}
	if o.show {
		header = append(header, "KEY")
	}
	var rows [][]string
	for _, k := range l.Keys {
		needed := "?"
		if k.Needed > 0 {
			needed = fmt.Sprint(k.Needed)
		}
		addresses := "?"
		if k.Src+k.Dst != "" {
			addresses = orAny(k.Src) + " > " + orAny(k.Dst)
		} else if !strings.HasPrefix(k.Kind, "ESP") {
			addresses = "-"
		}
		row := []string{k.Source, k.Kind, k.ID, addresses, orUnknown(k.Algorithm), fmt.Sprintf("%d/%s", k.Bits, needed), k.Fingerprint}
		if len(o.read) > 0 {
			row = append(row, orUnknown(k.Verdict))
		}
		if o.show {
			row = append(row, k.Key)
		}
		rows = append(rows, row)
	}
	table(os.Stdout, header, rows)
	for _, t := range l.Tables {
		present := ""
		if t.Present > 0 {
			present = fmt.Sprintf(", %d were there", t.Present)
		}
		message("%s: %s added%s", t.Path, plural(t.Added, "row"), present)
		listed(t.Left)
	}
}

func orAny(s string) string {
	if s == "" {
		return "*"
	}
	return s
}

// ikeValue is one value of an IKE secret by the RFC's name.
type ikeValue struct {
	name string
	key  esp.Key
	head bool // may be its first bytes only
}

// ikeValues returns what an IKE secret holds.
func ikeValues(s *ikev1.Secret) []ikeValue {
	list := []ikeValue{
		{"SKEYID", s.SKEYID, false},
		{"SKEYID_d", s.SKEYIDd, false},
		{"SKEYID_a", s.SKEYIDa, false},
		{"SKEYID_e", s.SKEYIDe, s.SKEYIDeHead},
		{"Ka", s.Ka, false},
		{"g^xy", s.SharedSecret, false},
		{"g(qm)^xy", s.QuickSecret, false},
	}
	return slices.DeleteFunc(list, func(v ikeValue) bool { return v.key.IsZero() })
}
