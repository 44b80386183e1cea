package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/why"
)

// print prints the tables, and a sentence that says whether the keys are right.
func (v *verification) print(w io.Writer, columns int, color, part bool) {
	ike, esp, wrong, unused := v.ikeSheet(), v.espSheet(), v.wrongSheet(), v.unusedSheet()
	p := newPrinter(w, columns, color, ike, esp, wrong, unused)
	for _, s := range []*sheet{ike, esp, wrong, unused} {
		p.print(s)
	}
	p.end(v.sentence(p, part))
}

func (v *verification) ikeSheet() *sheet {
	s := &sheet{columns: []column{
		{"IKE COOKIE", ""}, {"ADDRESSES", "%s"}, {"CIPHER", "%s"}, {"HASH", "%s"}, {"VERDICT", ""}, {"DECRYPTED", "decrypted %s"},
		{"HASHES", "hashes checked %s"}, {"KEY", "key %s"},
	}}
	list, rest := v.listedIKE()
	for _, x := range list {
		s.add(x.InitiatorCookie, x.Reason, x.InitiatorCookie, x.Initiator+" > "+x.Responder, cmp.Or(x.Cipher, "?"),
			cmp.Or(x.Hash, "?"), x.Verdict, fmt.Sprintf("%d/%d", x.Decrypted, x.Encrypted), fmt.Sprint(x.HashesChecked), x.Key)
	}
	rest.addTo(s)
	return s
}

func (v *verification) espSheet() *sheet {
	s := &sheet{columns: []column{
		{"ESP SPI", ""}, {"ADDRESSES", "%s"}, {"CIPHER", "%s"}, {"AUTH", "%s"}, {"VERDICT", ""}, {"DECRYPTED", "decrypted %s"},
		{"SEQUENCE", "sequence %s"}, {"KEY", "key %s"},
	}}
	list, rest := v.listedESP()
	for _, x := range list {
		s.add(x.SPI, x.Reason, x.SPI, x.Src+" > "+x.Dst, cmp.Or(x.Cipher, "?"), cmp.Or(x.Auth, "?"), x.Verdict,
			fmt.Sprintf("%d/%d", x.Verified+x.Decrypted, x.Packets), sequence(&x), x.Key)
	}
	rest.addTo(s)
	return s
}

func (v *verification) wrongSheet() *sheet {
	s := &sheet{columns: []column{{"WRONG KEY", ""}, {"ID", ""}, {"KEY", "key %s"}}}
	for _, k := range v.Wrong {
		s.add(k.ID, k.Reason, k.Kind, k.ID, k.Key)
	}
	return s
}

func (v *verification) unusedSheet() *sheet {
	s := &sheet{columns: []column{{"UNUSED", ""}, {"ID", ""}, {"KEY", "key %s"}}}
	n := 0
	for u := range v.Unused {
		if n++; n <= maxListed || v.all {
			s.add(u.ID, u.Reason, u.Kind, u.ID, u.Key)
		}
	}
	if n > maxListed && !v.all {
		s.add("", "", "...", fmt.Sprintf("%d more: -v lists them", n-maxListed))
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
func (v *verification) sentence(p *printer, part bool) string {
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
		return v.but(p)
	}
	if note := p.note(visible(cure)); note != "" {
		cure = ": see " + note
	} else if cure != "" {
		cure = ": " + strings.TrimSuffix(cure, "?") // it ends the sentence
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
	return fmt.Sprintf("The keys are right for %d of %d SAs, but not for %d (%s)%s.", sas-bad, sas, bad,
		strings.Join(parts, ", "), cure)
}

// but is the sentence where every SA was decrypted, and something is wrong all the same.
func (v *verification) but(p *printer) string {
	const decrypted = "Every SA of the capture was decrypted, but "
	wrong := ""
	if len(v.Wrong) > 0 {
		wrong = v.Wrong[0].Reason
		if note := p.note(visible(wrong)); note != "" {
			wrong = "see " + note
		}
	}
	switch n := len(v.Wrong); {
	case n == 0 && v.others == 0: // the capture has an end that could not be read
		return "The keys are right: every SA of the part of the capture that was read was decrypted" + v.damaged() + "."
	case n == 0:
		return decrypted + plural(v.others, "packet") +
			" may be of another SA with the same SPI: look for another key of it in the source."
	case n == 1:
		return decrypted + "1 key is wrong: " + wrong + "."
	default:
		return decrypted + fmt.Sprintf("%d keys are wrong, the first: %s.", n, wrong)
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
