package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
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
	if k.sources, err = o.loadKeys(); err != nil {
		return fail(err)
	}
	if len(o.read) > 0 {
		if status, ok := k.read(ctx, &o.options); !ok {
			return status
		}
	}
	var tables []writtenTable
	if o.wireshark != "" {
		if tables, err = k.writeTables(o.wireshark); err != nil {
			return fail(err)
		}
	}
	w := bufio.NewWriterSize(os.Stdout, 64<<10)
	if o.json {
		err = k.printJSON(w, tables)
	} else {
		k.print(w)
	}
	if e := w.Flush(); err == nil {
		err = e
	}
	if err != nil {
		return fail(err)
	}
	if !o.json {
		reportTables(tables)
	}
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
	sources []*keysrc.Store
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
	for _, st := range k.sources {
		k.p.AddKeys(st.Keys())
	}
	takeEmbedded(src, k.p, func(e *keysrc.Keys) {
		st := new(keysrc.Store)
		st.Add(e)
		k.sources = append(k.sources, st)
	})
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

// each calls f with a row for each value of each source, and for each key that was derived with the capture. The row is valid
// until f returns.
func (k *keyring) each(f func(*listedKey)) {
	derived := k.derived()
	known := make(map[keyIdentity]bool) // those of them that a source has too
	ids := make(map[string]bool)
	for i := range derived {
		ids[derived[i].ID] = true
	}
	listed := func(r *listedKey) {
		if ids[r.ID] {
			known[r.identity()] = true
		}
		f(r)
	}
	for _, source := range k.sources {
		for s := range source.IKE() {
			k.ikeRows(s, listed)
		}
		for s := range source.ESP() {
			k.espRows(s, listed)
		}
	}
	for i := range derived {
		if r := &derived[i]; !known[r.identity()] {
			listed(r)
		}
	}
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

// keyIdentity is what tells keys apart that are listed.
type keyIdentity struct {
	id, kind string
	key      [sha256.Size]byte // its hash
}

func (r *listedKey) identity() keyIdentity {
	return keyIdentity{r.ID, r.Kind, sha256.Sum256(r.key.Bytes())}
}

// row returns what is the same for all kinds of keys.
func row(source, kind, id string, key esp.Key) listedKey {
	return listedKey{Source: source, Kind: kind, ID: id, Bits: 8 * key.Len(), key: key}
}

// ikeRows lists the values of a phase 1.
func (k *keyring) ikeRows(s *ikev1.Secret, f func(*listedKey)) {
	id := cookieName(s.InitiatorCookie)
	if s.InitiatorCookie.IsZero() && !s.ResponderCookie.IsZero() {
		id = "responder " + s.ResponderCookie.String()
	}
	sas := k.sas(s)
	for _, v := range ikeValues(s) {
		r := row(s.OriginOf(v.name), v.name, id, v.key)
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
		f(&r)
	}
}

// hashBits is the length of SKEYID and all that is derived from it.
var hashBits = map[string]int{"md5": 128, "sha1": 160, "sha256": 256, "sha384": 384, "sha512": 512}

// espRows lists the keys of an ESP SA.
func (k *keyring) espRows(s *esp.Secret, f func(*listedKey)) {
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
	encryption := row(s.Origin, "ESP encryption", id, s.Key)
	encryption.Src, encryption.Dst, encryption.Algorithm, encryption.Verdict = src, dst, suite.CipherName(), verdict
	if c := suite.Cipher; c != nil && suite.KeyLen > 0 {
		encryption.Needed = 8 * (suite.KeyLen + c.SaltLen)
	} else if !s.KeyHead {
		encryption.Needed = encryption.Bits
	}
	f(&encryption)
	if !s.AuthKey.IsZero() {
		a := row(s.Origin, "ESP authentication", id, s.AuthKey)
		a.Src, a.Dst, a.Algorithm, a.Verdict = src, dst, suite.AuthName(), verdict
		if suite.Auth != nil && suite.Auth.Checked {
			a.Needed = 8 * suite.Auth.KeyLen
		} else if !s.AuthKeyHead {
			a.Needed = a.Bits
		}
		f(&a)
	}
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

// printJSON prints the list as one object, and what became of Wireshark's tables.
func (k *keyring) printJSON(w *bufio.Writer, tables []writtenTable) error {
	w.WriteString(`{"keys":[`)
	var err error
	text, first := new(bytes.Buffer), true
	enc := json.NewEncoder(text)
	enc.SetEscapeHTML(false)
	k.each(func(r *listedKey) {
		if err != nil {
			return
		}
		if !first {
			w.WriteByte(',')
		}
		first = false
		r.Fingerprint = r.key.Fingerprint()
		if k.show {
			r.Key = hex.EncodeToString(r.key.Bytes())
		}
		text.Reset()
		if err = enc.Encode(r); err == nil {
			_, err = w.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
		}
	})
	w.WriteByte(']')
	if err == nil && len(tables) > 0 {
		text.Reset()
		err = enc.Encode(tables)
		w.WriteString(`,"tables":`)
		w.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	}
	w.WriteString("}\n")
	return err
}

// keyColumns are the columns of the list; the last two are there with a capture, and with --show.
var keyColumns = [...]string{"SOURCE", "KIND", "ID", "ADDRESSES", "ALGORITHM", "BITS", "FINGERPRINT", "VERDICT", "KEY"}

const (
	columnFingerprint = 6
	columnVerdict     = 7
	columnKey         = 8
)

// print prints the list as a table. It goes through the keys twice, since a list of any size is never held.
func (k *keyring) print(w *bufio.Writer) {
	shown := func(column int) bool {
		return column <= columnFingerprint || column == columnVerdict && k.p != nil || column == columnKey && k.show
	}
	var widths [len(keyColumns)]int
	last := 0
	for i, title := range keyColumns {
		if shown(i) {
			widths[i], last = len(title), i
		}
	}
	var cell []byte
	k.each(func(r *listedKey) {
		for i := range columnFingerprint {
			if n := r.fixed(i); n > 0 {
				widths[i] = max(widths[i], n)
				continue
			}
			cell = r.appendCell(cell[:0], i)
			widths[i] = max(widths[i], len(cell))
		}
		widths[columnVerdict] = max(widths[columnVerdict], len(r.Verdict))
	})
	var line []byte
	for i, title := range keyColumns {
		if shown(i) {
			line = padded(append(line, title...), len(title), widths[i], i == last)
		}
	}
	w.Write(append(line, '\n'))
	k.each(func(r *listedKey) {
		line = line[:0]
		for i := range keyColumns {
			if shown(i) {
				at := len(line)
				line = r.appendCell(line, i)
				line = padded(line, len(line)-at, widths[i], i == last)
			}
		}
		w.Write(append(bytes.TrimRight(line, " "), '\n'))
	})
}

// padded appends blanks up to the next column.
func padded(line []byte, n, width int, last bool) []byte {
	for ; !last && n < width+2; n++ {
		line = append(line, ' ')
	}
	return line
}

// fixed returns the width of a column where it can be told without its text, else 0.
func (r *listedKey) fixed(column int) int {
	switch column {
	case 0:
		return len(r.Source)
	case 1:
		return len(r.Kind)
	case 2:
		return len(r.ID)
	}
	return 0
}

// appendCell appends the text of a column.
func (r *listedKey) appendCell(b []byte, column int) []byte {
	switch column {
	case 0:
		return append(b, r.Source...)
	case 1:
		return append(b, r.Kind...)
	case 2:
		return append(b, r.ID...)
	case 3:
		switch {
		case r.Src+r.Dst != "":
			return append(append(append(b, orAny(r.Src)...), " > "...), orAny(r.Dst)...)
		case strings.HasPrefix(r.Kind, "ESP"):
			return append(b, '?')
		}
		return append(b, '-')
	case 4:
		return append(b, orUnknown(r.Algorithm)...)
	case 5:
		b = append(strconv.AppendInt(b, int64(r.Bits), 10), '/')
		if r.Needed > 0 {
			return strconv.AppendInt(b, int64(r.Needed), 10)
		}
		return append(b, '?')
	case columnFingerprint:
		return append(b, r.key.Fingerprint()...)
	case columnVerdict:
		return append(b, orUnknown(r.Verdict)...)
	case columnKey:
		return hex.AppendEncode(b, r.key.Bytes())
	}
	return b
}

// reportTables says what became of Wireshark's tables.
func reportTables(tables []writtenTable) {
	for _, t := range tables {
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
