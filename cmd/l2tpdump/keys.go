package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

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
	if k.sources, err = o.loadKeys(reportNotes); err != nil {
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
	if o.json {
		err = k.printJSON(os.Stdout, tables)
	} else {
		err = k.print(os.Stdout)
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
	sources                  []*keysrc.Store
	show                     bool
	p                        *pipeline.Pipeline // nil without a capture
	flows                    map[uint32][]*esp.Report
	byInitiator, byResponder map[ikev1.Cookie][]*ikev1.SA
	states                   map[*esp.Report]*esp.State
}

// read takes what a capture tells about the keys. If it is false the command ends with the status.
func (k *keyring) read(ctx context.Context, o *options) (status int, ok bool) {
	src, status := o.openCapture(ctx)
	if src == nil {
		return status, false
	}
	defer src.Close()
	k.p = pipeline.New(o.config(src))
	k.p.AddStores(k.sources...)
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
	k.byInitiator = make(map[ikev1.Cookie][]*ikev1.SA)
	k.byResponder = make(map[ikev1.Cookie][]*ikev1.SA)
	for _, sa := range k.p.IKE().SAs() {
		k.byInitiator[sa.InitiatorCookie] = append(k.byInitiator[sa.InitiatorCookie], sa)
		k.byResponder[sa.ResponderCookie] = append(k.byResponder[sa.ResponderCookie], sa)
	}
	k.flows = make(map[uint32][]*esp.Report)
	k.states = make(map[*esp.Report]*esp.State)
	for _, f := range append(k.p.ESP().Flows(), k.p.Nested()...) {
		r := f.Report()
		k.flows[r.SPI] = append(k.flows[r.SPI], &r)
		k.states[&r] = f.State()
	}
	k.reportOverlong()
	return exitOK, true
}

// reportOverlong tells of keys that only the capture shows to be too long.
func (k *keyring) reportOverlong() {
	said := overlong(k.p, k.sources)
	for _, source := range k.sources {
		for _, n := range source.Notes { // the reader of the source has told
			delete(said, n.File+":"+strconv.Itoa(n.Line))
		}
	}
	var lines []string
	for place, text := range said {
		lines = append(lines, place+": key: "+text)
	}
	slices.Sort(lines)
	listed(lines)
}

// sas returns the ISAKMP SAs of the capture that have the cookie of a secret.
func (k *keyring) sas(s *ikev1.Secret) []*ikev1.SA {
	if s.InitiatorCookie.IsZero() && !s.ResponderCookie.IsZero() {
		return k.byResponder[s.ResponderCookie]
	}
	return k.byInitiator[s.InitiatorCookie]
}

// part calls f with rows of the list, in order. A row is valid until f returns.
type part func(f func(*listedKey))

// parts returns the list: a row for each value of each source, and for each key that was derived with the capture. Without a
// capture they may be called at the same time, else one behind the other. If blank the keys of sources are zeros.
func (k *keyring) parts(blank bool) []part {
	derived := k.derived()
	known := make(map[keyIdentity]bool) // those of them that a source has too
	ids := make(map[string]bool)
	for i := range derived {
		ids[derived[i].ID] = true
	}
	var list []part
	for _, source := range k.sources {
		if blank {
			source = source.Blank()
		}
		for _, st := range source.Split() {
			list = append(list, func(f func(*listedKey)) {
				listed := f
				if len(ids) > 0 {
					listed = func(r *listedKey) {
						if ids[r.ID] {
							known[r.identity()] = true
						}
						f(r)
					}
				}
				var space rowSpace
				for s := range st.IKE() {
					k.ikeRows(s, &space, listed)
				}
				for s := range st.ESP() {
					k.espRows(s, &space, listed)
				}
			})
		}
	}
	return append(list, func(f func(*listedKey)) {
		twice := make(map[keyIdentity]bool)
		for i := range derived {
			r := &derived[i]
			if id := r.identity(); !known[id] && !twice[id] {
				twice[id] = true
				f(r)
			}
		}
	})
}

// workers returns how many parts may be called at the same time: each holds its text.
func (k *keyring) workers() int {
	if k.p != nil {
		return 1
	}
	return min(runtime.GOMAXPROCS(0), maxWorkers)
}

const maxWorkers = 4

// write writes what format appends for each row.
func (k *keyring) write(w io.Writer, format func(dst []byte, r *listedKey) []byte) error {
	parts, n := k.parts(false), k.workers()
	texts := make(chan chan []byte, n-1) // of the parts that are being worked on, in order
	spare := make(chan []byte, n+1)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(texts)
		for _, p := range parts {
			text := make(chan []byte, 1)
			select {
			case texts <- text:
			case <-stop:
				return
			}
			render := func() {
				var b []byte
				select {
				case b = <-spare:
				default:
				}
				p(func(r *listedKey) { b = format(b, r) })
				text <- b
			}
			if n == 1 {
				render()
			} else {
				go render()
			}
		}
	}()
	for text := range texts {
		b := <-text
		if _, err := w.Write(b); err != nil {
			return err
		}
		select {
		case spare <- b[:0]:
		default:
		}
	}
	return nil
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
		*r = row(s.OriginOf(v.name), v.name, id, v.key)
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
	*r = row(s.Origin, "ESP encryption", id, s.Key)
	r.Src, r.Dst, r.Algorithm, r.Verdict = src, dst, suite.CipherName(), verdict
	if c := suite.Cipher; c != nil && suite.KeyLen > 0 {
		r.Needed = 8 * (suite.KeyLen + c.SaltLen)
	} else if !s.KeyHead {
		r.Needed = r.Bits
	}
	f(r)
	if !s.AuthKey.IsZero() {
		*r = row(s.Origin, "ESP authentication", id, s.AuthKey)
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

// printJSON prints the list as one object, and what became of Wireshark's tables.
func (k *keyring) printJSON(w io.Writer, tables []writtenTable) error {
	if _, err := io.WriteString(w, `{"keys":[`); err != nil {
		return err
	}
	first := true
	err := k.write(separated{w, &first}, func(dst []byte, r *listedKey) []byte {
		r.Fingerprint = r.key.Fingerprint()
		if k.show {
			r.Key = hex.EncodeToString(r.key.Bytes())
		}
		return appendJSON(append(dst, ','), r)
	})
	if err != nil {
		return err
	}
	end := "]"
	if len(tables) > 0 {
		if _, err = io.WriteString(w, `],"tables":`); err == nil {
			err = writeTablesJSON(w, tables)
		}
		end = ""
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, end+"}\n")
	return err
}

// separated takes the comma off what begins a list.
type separated struct {
	w     io.Writer
	first *bool
}

func (s separated) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	skip := 0
	if *s.first {
		skip, *s.first = 1, false
	}
	n, err := s.w.Write(b[skip:])
	return n + skip, err
}

// appendJSON appends v on one line. All that is listed has a JSON form.
func appendJSON(dst []byte, v any) []byte {
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// keyColumns are the columns of the list; the last two are there with a capture, and with --show.
var keyColumns = [...]string{"SOURCE", "KIND", "ID", "ADDRESSES", "ALGORITHM", "BITS", "FINGERPRINT", "VERDICT", "KEY"}

const (
	columnSource = iota
	columnKind
	columnID
	columnAddresses
	columnAlgorithm
	columnBits
	columnFingerprint
	columnVerdict
	columnKey
)

// print prints the list as a table. It goes through the keys twice: the first time for the widths of the columns.
func (k *keyring) print(w io.Writer) error {
	widths := k.widths()
	shown := [len(keyColumns)]bool{columnVerdict: k.p != nil || widths[columnVerdict] >= len(uncertain), columnKey: k.show}
	for i := range columnVerdict {
		shown[i] = true
	}
	last := columnFingerprint
	for i := range keyColumns {
		if shown[i] {
			last = i
		}
	}
	line := make([]byte, 0, 256)
	for i, title := range keyColumns {
		if widths[i] = max(widths[i], len(title)); shown[i] {
			line = padded(append(line, title...), len(title), widths[i], i == last)
		}
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return err
	}
	return k.write(w, func(dst []byte, r *listedKey) []byte {
		for i := range keyColumns {
			if shown[i] {
				at := len(dst)
				dst = r.appendCell(dst, i)
				dst = padded(dst, len(dst)-at, widths[i], i == last)
			}
		}
		return append(bytes.TrimRight(dst, " "), '\n')
	})
}

// widths returns how wide the texts of the columns are, but for fingerprints, which are all as wide as their title or less, and
// keys, which come last.
func (k *keyring) widths() (widths [len(keyColumns)]int) {
	var (
		parts = k.parts(k.p == nil)
		next  atomic.Int64
		wait  sync.WaitGroup
		mu    sync.Mutex
	)
	for range k.workers() {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var own [len(keyColumns)]int
			cell := make([]byte, 0, 128)
			for i := int(next.Add(1)) - 1; i < len(parts); i = int(next.Add(1)) - 1 {
				parts[i](func(r *listedKey) {
					for i, text := range [...]string{columnSource: r.Source, columnKind: r.Kind, columnID: r.ID} {
						own[i] = max(own[i], len(text))
					}
					for _, i := range [...]int{columnAddresses, columnAlgorithm, columnBits, columnVerdict} {
						cell = r.appendCell(cell[:0], i)
						own[i] = max(own[i], len(cell))
					}
				})
			}
			mu.Lock()
			defer mu.Unlock()
			for i, n := range own {
				widths[i] = max(widths[i], n)
			}
		}()
	}
	wait.Wait()
	return widths
}

// padded appends blanks up to the next column.
func padded(line []byte, n, width int, last bool) []byte {
	for ; !last && n < width+2; n++ {
		line = append(line, ' ')
	}
	return line
}

// appendCell appends the text of a column.
func (r *listedKey) appendCell(b []byte, column int) []byte {
	switch column {
	case columnSource:
		return append(b, r.Source...)
	case columnKind:
		return append(b, r.Kind...)
	case columnID:
		return append(b, r.ID...)
	case columnAddresses:
		switch {
		case r.Src != "" || r.Dst != "":
			return append(append(append(b, orAny(r.Src)...), " > "...), orAny(r.Dst)...)
		case strings.HasPrefix(r.Kind, "ESP"):
			return append(b, '?')
		}
		return append(b, '-')
	case columnAlgorithm:
		return append(b, orUnknown(r.Algorithm)...)
	case columnBits:
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
