package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

// verification is what verify prints.
type verification struct {
	IKE    []verifiedIKE
	ESP    []verifiedESP
	Wrong  []unusedKey         // keys that are proved wrong, whether or not another opens the SA
	Unused iter.Seq[unusedKey] // made as they are printed: a log may have any number
	Frames uint64
	Exit   int

	all      bool   // each unused key is printed
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

type unusedKey struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// verify is the command "verify": do these keys belong to this traffic?
func verify(ctx context.Context, args []string) error {
	var o options
	keys, err := o.start(ctx, o.verifyFlags(), args, func() error {
		return cmp.Or(o.checkColor(), checkApart(o.inputs(), stdinout))
	})
	if err != nil {
		return err
	}
	saveRoom(keys)
	r, err := o.openCaptures(ctx, pipeline.Config{}, keys, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	watch := watchSessions(r.p)
	if countKeys(keys) < manyKeys {
		debug.SetGCPercent(sessionsGC)
	}
	stats, err := r.run(ctx)
	if errors.Is(err, context.Canceled) {
		return err
	}
	watch.close()
	v := newVerification(r.p, stats, keys)
	if err != nil {
		v.Exit = exitError
	}
	if o.json {
		if err := v.writeJSON(stdout); err != nil {
			return err
		}
	} else {
		v.all = o.text.Verbose > 0
		v.print(stdout, terminalColumns(), o.colored(), o.count > 0 || o.filter != "")
	}
	if err != nil {
		return err
	}
	watch.tell()
	return exitStatus(v.Exit)
}

func (o *options) verifyFlags() *pflag.FlagSet {
	f := newFlags("verify")
	o.inputFlags(f)
	f.BoolVar(&o.json, "json", false, "")
	f.StringVar(&o.color, "color", "auto", "")
	f.CountVarP(&o.text.Verbose, "verbose", "v", "")
	return f
}

func newVerification(p *pipeline.Pipeline, stats *pipeline.Stats, keys []*keysrc.Keys) *verification {
	v := &verification{IKE: []verifiedIKE{}, ESP: []verifiedESP{}, Wrong: []unusedKey{}, Frames: stats.Frames,
		otherDay: otherDay(stats, keys), without: without(stats)}
	r := newReport(p, keys)
	named := make(map[[2]string]bool) // SAs, and key sources that stand beside them
	var count meant
	for _, sa := range r.IKE {
		count.add(sa.Finding.Verdict)
		id := sa.InitiatorCookie.String()
		v.IKE = append(v.IKE, verifiedIKE{
			id, sa.ResponderCookie.String(), address(sa.Initiator), address(sa.Responder),
			sa.Cipher, sa.Hash, string(sa.Finding.Verdict), sa.Messages, sa.Encrypted, sa.Decrypted, sa.HashesChecked(),
			sa.Key, sa.Finding.Reason(),
		})
		for _, o := range strings.Split(sa.Key, ", ") {
			named[[2]string{id, o}] = true
		}
	}
	for f := range r.judged() {
		count.add(f.Verdict)
		count.matched += int(f.Undecided)
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
		v.Wrong = append(v.Wrong, unusedKey{k.Kind, k.ID, k.Key.String(), k.Reason})
		named[[2]string{k.ID, k.Key.String()}] = true
	}
	v.Unused = func(yield func(unusedKey) bool) {
		for u := range r.unused(p) {
			if !named[[2]string{u.ID, u.Key}] && !yield(u) {
				return
			}
		}
	}
	v.Exit = v.exit(count)
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

// meant counts SAs of which a key was meant, and those that are bad.
type meant struct{ matched, bad int }

func (t *meant) add(verdict why.Verdict) {
	if verdict != why.NoKey && verdict != why.Clear && verdict != why.Malformed {
		t.matched++
	}
	if verdict != why.Clear && !verdict.Opened() {
		t.bad++
	}
}

// exit is the exit status. A wrong or incomplete key was meant for its SA: only where no SA has any
// did none match.
func (v *verification) exit(t meant) int {
	switch {
	case t.matched == 0 && (t.bad > 0 || v.anyUnused()):
		return exitNothing
	case t.bad > 0 || len(v.Wrong) > 0 || v.others > 0:
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
	ike, moreIKE := v.listedIKE()
	put(`{"ike":`, ike)
	esp, moreESP := v.listedESP()
	put(`,"esp":`, esp)
	put(`,"wrong_keys":`, v.Wrong)
	b.WriteString(`,"unused":[`)
	between := ""
	for u := range v.Unused {
		put(between, u)
		between = ","
	}
	b.WriteString("]")
	if moreIKE.SAs+moreESP.SAs > 0 {
		put(`,"unlisted":{"ike":`, moreIKE)
		put(`,"esp":`, moreESP)
		b.WriteString("}")
	}
	put(`,"frames":`, v.Frames)
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

// maxUnnamed is how many SAs that no key names verify lists; anybody can send packets of any
// number.
const maxUnnamed = 1000

// unlisted sums up the others.
type unlisted struct {
	SAs      int    `json:"sas"`
	Messages uint64 `json:"messages,omitempty"` // of ISAKMP
	Packets  uint64 `json:"packets,omitempty"`  // of ESP
}

// listedIKE returns the ISAKMP SAs that are listed, and what is said of the others.
func (v *verification) listedIKE() ([]verifiedIKE, unlisted) {
	return listSAs(v.IKE, func(s *verifiedIKE) string { return s.Verdict },
		func(rest *unlisted, s *verifiedIKE) { rest.Messages += uint64(s.Messages) })
}

// listedESP is listedIKE for SAs of ESP.
func (v *verification) listedESP() ([]verifiedESP, unlisted) {
	return listSAs(v.ESP, func(s *verifiedESP) string { return s.Verdict },
		func(rest *unlisted, s *verifiedESP) { rest.Packets += s.Packets })
}

// listSAs takes maxUnnamed of the SAs that no key names, and counts the others with count.
func listSAs[T any](all []T, verdict func(*T) string, count func(*unlisted, *T)) (list []T, rest unlisted) {
	list = make([]T, 0, len(all))
	unnamed := 0
	for i := range all {
		s := &all[i]
		if verdict(s) == string(why.NoKey) {
			if unnamed++; unnamed > maxUnnamed {
				rest.SAs++
				count(&rest, s)
				continue
			}
		}
		list = append(list, *s)
	}
	return list, rest
}

// addTo adds the row that stands for all that have none.
func (u unlisted) addTo(s *sheet) {
	if u.SAs > 0 {
		s.add("", "", "...", fmt.Sprintf("%d more that no key names, %s", u.SAs, plural(u.Messages+u.Packets, "packet")))
	}
}
