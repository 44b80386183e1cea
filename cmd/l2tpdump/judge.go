package main

import (
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// report is what is said of a run when it is over. Every command takes it from here.
type report struct {
	IKE   []reportedIKE
	Wrong []why.KeyFinding        // keys that are proved wrong, whether or not another opens the SA
	flows func() []*salookup.Flow // of ESP, as Pipeline.Flows has them
	*why.Diagnosis
}

type reportedIKE struct {
	*ikev1.SA
	why.Finding
}

type reportedESP struct {
	salookup.Report
	why.Finding
}

// newReport judges what a run has seen with these keys.
func newReport(p *pipeline.Pipeline, keys []*keysrc.Keys) *report {
	r := &report{Diagnosis: why.Diagnose(p.ESP()), flows: sync.OnceValue(p.Flows)}
	var notes []keysrc.Note
	for _, k := range keys {
		notes = append(notes, k.Notes...)
		for _, s := range k.IKE {
			if r.KeyD == nil && !s.SKEYIDd.IsZero() {
				r.KeyD = s
			}
		}
	}
	r.Lost = why.LeftOut(notes)
	r.Exchanges = p.IKE().SAs()
	for _, sa := range r.Exchanges {
		r.ike(p.IKE(), sa, keys)
	}
	r.Wrong = append(r.Wrong, r.WrongKeys()...)
	return r
}

// judged judges each flow of ESP: of those that no key names there may be many.
func (r *report) judged() iter.Seq[reportedESP] {
	return func(yield func(reportedESP) bool) {
		for _, f := range r.flows() {
			if !yield(reportedESP{f.Report(), r.ESP(f)}) {
				return
			}
		}
	}
}

// ike judges an exchange.
func (r *report) ike(t *ikev1.Tracker, sa *ikev1.SA, keys []*keysrc.Keys) {
	f := why.ISAKMP(t, sa)
	f.Key = why.IKEKeyAt(sa)
	if f.Verdict == why.NoKey {
		f.Remark = why.Join(f.Remark, r.Lost)
	}
	r.IKE = append(r.IKE, reportedIKE{sa, f})
	r.Wrong = append(r.Wrong, why.IKEKeys(sa)...)
	ka := sa.Ka()
	if ka.IsZero() {
		return
	}
	for _, k := range keys {
		for _, h := range k.Hints.SAs {
			if h.IKE && h.InitiatorCookie == sa.InitiatorCookie && !h.KeyHead.IsZero() && !ka.HasPrefix(h.KeyHead) {
				r.Wrong = append(r.Wrong, why.KeyFinding{Kind: "ike", ID: sa.InitiatorCookie.String(), Key: h.Origin,
					Reason: fmt.Sprintf("the key at %s is not the head of Ka, which opens the messages: one of the two listings is of another SA", h.Origin)})
			}
		}
	}
}

// failed lists the SAs of which packets could not be decrypted, each with cause and cure, and the
// keys that are wrong.
func (r *report) failed() []string {
	var lines []string
	said := make(reasons)
	for _, sa := range r.IKE {
		if v := sa.Finding.Verdict; v != why.Clear && !v.Opened() {
			id := sa.InitiatorCookie.String()
			lines = append(lines, fmt.Sprintf("IKE %s %s > %s: %d of %d encrypted messages decrypted [%s]: %s",
				id, address(sa.Initiator), address(sa.Responder), sa.Decrypted, sa.Encrypted, v, said.of(id, sa.Finding.Reason())))
		}
	}
	for _, flow := range r.flows() {
		f := flow.Report()
		bad := f.Packets() - f.Verified - f.Decrypted
		if bad == 0 {
			continue
		}
		x := why.Failed(&f, r.ESP(flow))
		what := "not decrypted"
		if x.Verdict == why.Truncated {
			what = "cut"
		}
		id := fmt.Sprintf("0x%08x", f.SPI)
		lines = append(lines, fmt.Sprintf("ESP %s %s > %s: %d of %s %s [%s]: %s",
			id, f.Src, f.Dst, bad, plural(f.Packets(), "packet"), what, x.Verdict, said.of(id, x.Reason())))
	}
	if n := r.Table.Forgotten(); n > 0 {
		lines = append(lines, plural(n, "flow")+" of ESP had to be forgotten: there were too many at a time")
	}
	for _, k := range r.Wrong {
		lines = append(lines, fmt.Sprintf("%s %s: %s", strings.ToUpper(k.Kind), k.ID, k.Reason))
	}
	return lines
}

// cookieName is a cookie for people and JSON, "any" where the source names none.
func cookieName(c ikev1.Cookie) string {
	if c.IsZero() {
		return "any"
	}
	return c.String()
}

// spiName is the SPI of a secret, "any", or with "*" for digits that are not known.
func spiName(s *esp.Secret) string {
	if s.SPIMask == 0 {
		return "any"
	}
	name := fmt.Appendf(nil, "0x%08x", s.SPI)
	for i := range 8 {
		if s.SPIMask>>(28-4*i)&0xf != 0xf {
			name[2+i] = '*'
		}
	}
	return string(name)
}

// otherDay says that the key sources are of another day than the capture, "" where they are not, or
// name none. Their clock may be of any zone.
func otherDay(stats *pipeline.Stats, keys []*keysrc.Keys) string {
	const zone = 14 * time.Hour // the farthest from UTC
	first, last := time.Unix(0, stats.First).UTC(), time.Unix(0, stats.Last).UTC()
	text := ""
	for _, k := range keys {
		from, to := k.Hints.From, k.Hints.To
		if from.IsZero() {
			continue
		}
		layout := "2006-01-02"
		if from.Year() == 0 { // the nearest year may be meant
			layout = "January 2"
			for y := first.Year() - 1; y <= first.Year()+1; y++ {
				if !to.AddDate(y, 0, 0).Before(first.Add(-zone)) && !from.AddDate(y, 0, 0).After(last.Add(zone)) {
					return ""
				}
			}
		} else if !to.Before(first.Add(-zone)) && !from.After(last.Add(zone)) {
			return ""
		}
		text = from.Format(layout)
		if to := to.Format(layout); to != text {
			text += " to " + to
		}
	}
	if text == "" {
		return ""
	}
	return "; the log is of " + text + ", the capture of " + first.Format("2006-01-02")
}
