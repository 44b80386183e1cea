package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

// verification is what verify prints.
type verification struct {
	IKE    []verifiedIKE
	ESP    []verifiedESP
	Wrong  []wrongKey          // keys that are proved wrong, whether or not another opens the SA
	Unused iter.Seq[unusedKey] // made as they are printed: a log may have any number
	Frames uint64
	Exit   int

	otherDay string // what is to be said of the days of log and capture
	without  string // what to do where there is no IKE and no ESP

	others uint64 // packets that no key opens and that look like another SA's
}

type verifiedIKE struct {
	InitiatorCookie string `json:"initiator_cookie"`
	ResponderCookie string `json:"responder_cookie"`
	Initiator       string `json:"initiator"`
	Responder       string `json:"responder"`
	Cipher          string `json:"cipher"`
	Hash            string `json:"hash"`
	Verdict         string `json:"verdict"`
	Messages        int    `json:"messages"`
	Encrypted       int    `json:"encrypted"`
	Decrypted       int    `json:"decrypted"`
	HashesChecked   int    `json:"hashes_checked"`
	Key             string `json:"key"`
	Reason          string `json:"reason"`
}

type verifiedESP struct {
	SPI        string `json:"spi"`
	Src        string `json:"src"`
	Dst        string `json:"dst"`
	Cipher     string `json:"cipher"`
	Auth       string `json:"auth"`
	Verdict    string `json:"verdict"`
	Packets    uint64 `json:"packets"`
	Verified   uint64 `json:"verified"`
	Decrypted  uint64 `json:"decrypted"`
	Wrong      uint64 `json:"wrong"`
	Truncated  uint64 `json:"truncated"`
	FirstSeq   uint64 `json:"first_seq"`
	LastSeq    uint64 `json:"last_seq"`
	Missing    uint64 `json:"missing"`
	Duplicates uint64 `json:"duplicates"`
	Key        string `json:"key"`
	Reason     string `json:"reason"`
	Reordered  uint64 `json:"reordered"`
	Wrapped    uint64 `json:"wrapped"`
	Restarts   uint64 `json:"restarts,omitempty"`
}

type wrongKey = unusedKey

type unusedKey struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// verify is the command "verify": do these keys belong to this traffic?
func verify(ctx context.Context, args []string) int {
	var o options
	f := newFlags("verify")
	o.inputFlags(f)
	f.BoolVar(&o.json, "json", false, "")
	rest, status, ok := parse(f, args)
	if !ok {
		return status
	}
	if err := o.checkInput(rest); err != nil {
		return fail(err)
	}
	if err := checkApart(o.inputs(), stdinout); err != nil {
		return fail(err)
	}
	keys, err := o.readKeys(ctx)
	if err != nil {
		return fail(err)
	}
	src, status := o.openCapture(ctx)
	if src == nil {
		return status
	}
	defer src.Close()
	p := pipeline.New(o.config(src))
	p.AddKeys(keys...)
	takeEmbeddedKeys(src, p)
	watch := watchSessions(p)
	stats, err := p.Run(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return exitInterrupted
	}
	v := newVerification(p, stats, keys)
	if err != nil {
		v.Exit = exitError
	}
	if o.json {
		if e := v.writeJSON(stdout); e != nil {
			return fail(e)
		}
	} else {
		v.print(o.count > 0 || o.filter != "")
	}
	if err != nil {
		return fail(err)
	}
	watch.tell()
	return v.Exit
}

func newVerification(p *pipeline.Pipeline, stats *pipeline.Stats, keys []*keysrc.Keys) *verification {
	v := &verification{IKE: []verifiedIKE{}, ESP: []verifiedESP{}, Wrong: []wrongKey{}, Frames: stats.Frames,
		otherDay: otherDay(stats, keys), without: without(stats)}
	r := newReport(p, keys)
	named := make(map[[2]string]bool) // SAs, and key sources that stand beside them
	for _, sa := range r.IKE {
		id := sa.InitiatorCookie.String()
		v.IKE = append(v.IKE, verifiedIKE{
			id, sa.ResponderCookie.String(), address(sa.Initiator), address(sa.Responder),
			sa.Cipher, sa.Hash, string(sa.Finding.Verdict), sa.Messages, sa.Encrypted, sa.Decrypted, sa.HashesChecked,
			sa.Key, sa.Finding.Reason(),
		})
		for _, o := range strings.Split(sa.Key, ", ") {
			named[[2]string{id, o}] = true
		}
	}
	for _, f := range r.ESP {
		id := fmt.Sprintf("0x%08x", f.SPI)
		v.ESP = append(v.ESP, verifiedESP{
			id, f.Src.String(), f.Dst.String(), f.Suite.CipherName(), f.Suite.AuthName(), string(f.Verdict),
			f.Packets(), f.Report.Verified, f.Report.Decrypted, f.Refused, f.Report.Truncated,
			f.FirstSeq, f.LastSeq, f.Missing, f.Duplicates, f.Key, f.Reason(), f.Reordered, f.Wrapped, f.Restarts,
		})
		v.others += f.Others
		named[[2]string{id, f.Key}] = true
	}
	for _, k := range r.Wrong {
		v.Wrong = append(v.Wrong, wrongKey{k.Kind, k.ID, k.Key.String(), k.Reason})
		named[[2]string{k.ID, k.Key.String()}] = true
	}
	v.Unused = func(yield func(unusedKey) bool) {
		for u := range r.unused(p) {
			if !named[[2]string{u.ID, u.Key}] && !yield(u) {
				return
			}
		}
	}
	v.Exit = v.exit(r)
	return v
}

// unused returns the secrets that opened nothing.
func (r *report) unused(p *pipeline.Pipeline) iter.Seq[unusedKey] {
	return func(yield func(unusedKey) bool) {
		for x, reason := range why.UnusedIKE(p.IKE()) {
			if !yield(unusedKey{"ike", cookieName(x.InitiatorCookie), x.Origin.String(), reason}) {
				return
			}
		}
		for x, reason := range r.Unused() {
			if !yield(unusedKey{"esp", spiName(x), x.Origin.String(), reason}) {
				return
			}
		}
	}
}

// exit is the exit status. A wrong or incomplete key was meant for its SA: only where no SA has any
// did none match.
func (v *verification) exit(r *report) int {
	matched, bad := 0, 0
	count := func(verdict why.Verdict) {
		if verdict != why.NoKey && verdict != why.Clear && verdict != why.Malformed {
			matched++
		}
		if verdict != why.Clear && !verdict.Opened() {
			bad++
		}
	}
	for _, sa := range r.IKE {
		count(sa.Finding.Verdict)
	}
	for _, f := range r.ESP {
		count(f.Verdict)
		matched += int(f.Undecided)
	}
	switch {
	case matched == 0 && (bad > 0 || v.anyUnused()):
		return exitNothing
	case bad > 0 || len(v.Wrong) > 0 || v.others > 0:
		return exitPartly
	}
	return exitOK
}

func (v *verification) anyUnused() bool {
	for range v.Unused {
		return true
	}
	return false
}

// writeJSON writes all as one line.
func (v *verification) writeJSON(w io.Writer) error {
	b := bufio.NewWriter(w)
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	put := func(before string, value any) {
		text.Reset()
		enc.Encode(value) // strings and numbers only: it does not fail
		b.WriteString(before)
		b.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	}
	put(`{"ike":`, v.IKE)
	put(`,"esp":`, v.ESP)
	put(`,"wrong_keys":`, v.Wrong)
	b.WriteString(`,"unused":[`)
	between := ""
	for u := range v.Unused {
		put(between, u)
		between = ","
	}
	put(`],"frames":`, v.Frames)
	put(`,"exit":`, v.Exit)
	b.WriteString("}\n")
	return b.Flush()
}

// address is an address for people and JSON, "" while unknown.
func address(a netip.AddrPort) string {
	if !a.Addr().IsValid() {
		return ""
	}
	return a.Addr().String()
}

// print prints the tables, and a sentence that says whether the keys are right.
func (v *verification) print(part bool) {
	said := make(reasons)
	v.printIKE(said)
	v.printESP(said)
	if len(v.Wrong) > 0 {
		var rows [][]string
		for _, k := range v.Wrong {
			rows = append(rows, []string{k.Kind, k.ID, k.Key, said.of(k.ID, k.Reason)})
		}
		out("\n")
		table(stdout, []string{"WRONG KEY", "ID", "KEY", "REASON"}, rows)
	}
	var rows [][]string
	n := 0
	for u := range v.Unused {
		if n++; n <= maxListed {
			rows = append(rows, []string{u.Kind, u.ID, u.Key, said.of(u.ID, u.Reason)})
		}
	}
	if n > maxListed {
		rows = append(rows, []string{"...", fmt.Sprintf("%d more", n-maxListed)})
	}
	if n > 0 {
		if len(v.IKE)+len(v.ESP) > 0 {
			out("\n")
		}
		table(stdout, []string{"UNUSED", "ID", "KEY", "REASON"}, rows)
	}
	out("%s\n", v.sentence(part))
}

// printIKE prints the table of ISAKMP SAs.
func (v *verification) printIKE(said reasons) {
	if len(v.IKE) == 0 {
		return
	}
	var rows [][]string
	var rest unnamed
	for _, s := range v.IKE {
		if rest.takes(s.Verdict, s.Messages) {
			continue
		}
		rows = append(rows, []string{
			s.InitiatorCookie, s.Initiator + " > " + s.Responder, orUnknown(s.Cipher), orUnknown(s.Hash), s.Verdict,
			fmt.Sprintf("%d/%d", s.Decrypted, s.Encrypted), fmt.Sprint(s.HashesChecked), s.Key, said.of(s.InitiatorCookie, s.Reason),
		})
	}
	rows = rest.append(rows)
	table(stdout, []string{"IKE COOKIE", "ADDRESSES", "CIPHER", "HASH", "VERDICT", "DECRYPTED", "HASHES", "KEY", "REASON"}, rows)
}

// printESP prints the table of SAs of ESP.
func (v *verification) printESP(said reasons) {
	if len(v.ESP) == 0 {
		return
	}
	var rows [][]string
	var rest unnamed
	for _, s := range v.ESP {
		if rest.takes(s.Verdict, int(s.Packets)) {
			continue
		}
		rows = append(rows, []string{
			s.SPI, s.Src + " > " + s.Dst, orUnknown(s.Cipher), orUnknown(s.Auth), s.Verdict,
			fmt.Sprintf("%d/%d", s.Verified+s.Decrypted, s.Packets), sequence(&s), s.Key, said.of(s.SPI, s.Reason),
		})
	}
	if len(v.IKE) > 0 {
		out("\n")
	}
	rows = rest.append(rows)
	table(stdout, []string{"ESP SPI", "ADDRESSES", "CIPHER", "AUTH", "VERDICT", "DECRYPTED", "SEQUENCE", "KEY", "REASON"}, rows)
}

// maxUnnamed is how many SAs that no key names have a row of their own in a table.
const maxUnnamed = 1000

// unnamed sums up the others.
type unnamed struct{ rows, packets int }

// takes counts an SA of that verdict, and reports whether it has no row.
func (u *unnamed) takes(verdict string, packets int) bool {
	if verdict != string(why.NoKey) {
		return false
	}
	if u.rows++; u.rows <= maxUnnamed {
		return false
	}
	u.packets += packets
	return true
}

// append adds the row that stands for all that have none.
func (u *unnamed) append(rows [][]string) [][]string {
	if u.rows <= maxUnnamed {
		return rows
	}
	return append(rows, []string{"...", fmt.Sprintf("%d more that no key names, %s", u.rows-maxUnnamed, plural(uint64(u.packets), "packet"))})
}

func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

func sequence(s *verifiedESP) string {
	text := fmt.Sprintf("%d-%d", s.FirstSeq, s.LastSeq)
	if s.Missing > 0 {
		text += fmt.Sprintf(", %d missing", s.Missing)
	}
	if s.Duplicates > 0 {
		text += fmt.Sprintf(", %d twice", s.Duplicates)
	}
	if s.Reordered > 0 {
		text += fmt.Sprintf(", %d late", s.Reordered)
	}
	switch {
	case s.Wrapped == 1:
		text += ", wrapped"
	case s.Wrapped > 1:
		text += fmt.Sprintf(", wrapped %d times", s.Wrapped)
	}
	switch {
	case s.Restarts == 1:
		text += ", begun again"
	case s.Restarts > 1:
		text += fmt.Sprintf(", begun again %d times", s.Restarts)
	}
	return text
}

// sentence says whether the keys are right, and if not what to do about it.
func (v *verification) sentence(part bool) string {
	sas := len(v.IKE) + len(v.ESP)
	switch {
	case sas == 0 && part:
		return "No IKE and no ESP in the part of the capture that was read."
	case sas == 0:
		return "No IKE and no ESP in this capture: " + v.without + "."
	case v.Exit == exitOK:
		return "The keys are right: every SA of the capture was decrypted" + v.damaged() + "."
	}
	counts := make(map[string]int)
	cure, worst := "", len(severity)
	note := func(verdict, reason string) {
		rank := slices.Index(severity, verdict)
		if rank < 0 {
			return
		}
		counts[verdict]++
		if rank < worst {
			cure, worst = reason, rank
		}
	}
	for _, s := range v.ESP {
		note(s.Verdict, s.Reason)
	}
	for _, s := range v.IKE {
		note(s.Verdict, s.Reason)
	}
	if len(counts) == 0 {
		return v.but()
	}
	cure = strings.TrimSuffix(cure, "?") // it ends the sentence
	if cure != "" {
		cure = ": " + cure
	}
	if v.Exit == exitNothing {
		return "No key fits this capture" + cure + v.otherDay + "."
	}
	var parts []string
	bad := 0
	for _, verdict := range severity {
		if n := counts[verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, verdict))
			bad += n
		}
	}
	return fmt.Sprintf("The keys are right for %d of %d SAs, but not for %d (%s)%s.", sas-bad, sas, bad, strings.Join(parts, ", "), cure)
}

// but is the sentence where every SA was decrypted, and something is wrong all the same.
func (v *verification) but() string {
	const decrypted = "Every SA of the capture was decrypted, but "
	switch n := len(v.Wrong); {
	case n == 0 && v.others == 0: // the capture has an end that could not be read
		return "The keys are right: every SA of the part of the capture that was read was decrypted" + v.damaged() + "."
	case n == 0:
		return decrypted + plural(v.others, "packet") + " may be of another SA with the same SPI: look for another key of it in the source."
	case n == 1:
		return decrypted + "1 key is wrong: " + v.Wrong[0].Reason + "."
	default:
		return decrypted + fmt.Sprintf("%d keys are wrong, the first: %s.", n, v.Wrong[0].Reason)
	}
}

// damaged names the packets that the right keys do not open.
func (v *verification) damaged() string {
	n := uint64(0)
	for _, s := range v.ESP {
		if opened := s.Verified + s.Decrypted + s.Truncated; opened > 0 {
			n += s.Packets - opened
		}
	}
	if n == 0 {
		return ""
	}
	return ", but for " + plural(n, "packet")
}

// severity has the verdicts that need a cure, that which says most first.
var severity = []string{
	string(why.WrongKey), string(why.Incomplete), string(why.NoKey), string(why.Truncated), string(why.Malformed),
}

// reasons shortens those that say the same as an earlier one.
type reasons map[string]string

func (r reasons) of(id, reason string) string {
	const short = 40
	if first, ok := r[reason]; ok {
		return "as " + first
	}
	if len(reason) > short {
		r[reason] = id
	}
	return reason
}
