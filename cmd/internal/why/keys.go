package why

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// WrongKeys returns what the packets, or another key, prove of keys that are given for ESP.
func (d *Diagnosis) WrongKeys() []KeyFinding {
	if d.judged {
		return d.wrong
	}
	d.judged = true
	for _, f := range d.flows {
		if sa := f.Report().SA; sa != nil {
			d.judge(f, sa)
		}
	}
	return d.wrong
}

// judge compares what the sources give for an open flow's SPI with the keys that open its packets.
// A source that opened another use of the SPI contradicts nothing.
func (d *Diagnosis) judge(f *salookup.Flow, sa *salookup.SA) {
	sources := d.sources(f)
	shared := len(d.bySPI[f.SPI()]) > 1
	// What is given for the SPI with other addresses contradicts nothing where something is given
	// with those of the flow, and right.
	exact := slices.ContainsFunc(sources, func(s salookup.Source) bool {
		if s.Quick != nil || s.Rank > salookup.Exact || s.Key.IsZero() || s.Dst == (esp.AddrPattern{}) {
			return false
		}
		key, auth := s.Agrees(sa.Key, sa.AuthKey)
		return key && auth
	})
	most := salookup.SPIOnly
	if shared || exact {
		most = salookup.Exact
	}
	right := []string{sa.From.Place()} // of the encryption key, and of the authentication key where it is another
	if sa.AuthFrom != nil && sa.AuthFrom != sa.From {
		right = append(right, sa.AuthFrom.Place())
	}
	found := len(d.wrong)
	derived := d.disproved(f, sources)
	for i := range sources {
		s := &sources[i]
		if s.Rank > most || !s.HasKey() || s.Uncertain || d.right(s, f) || s.Quick != nil && s != derived {
			continue
		}
		if len(right) == 2 {
			right = slices.DeleteFunc(right, func(place string) bool { return place == s.Place() })
		}
		d.blame(f, s, d.mistake(f, s, sa))
	}
	if len(d.wrong) == found && sa.AuthKey.IsZero() {
		if x, s := contradiction(sources, most, sa); s != nil {
			x.ID = spiName(f.SPI())
			d.wrong = append(d.wrong, x)
		}
		return
	}
	for i := range d.wrong[found:] {
		d.wrong[found+i].Reason += "; the packets open with the key at " + strings.Join(right, ", ")
	}
}

func spiName(spi uint32) string { return fmt.Sprintf("0x%08x", spi) }

// blame adds a finding about the key of a source.
func (d *Diagnosis) blame(f *salookup.Flow, s *salookup.Source, reason string) {
	d.wrong = append(d.wrong, KeyFinding{"esp", spiName(f.SPI()), s.Origin, reason})
	if n := s.Number(); n >= 0 {
		d.blamed[n] = true
	}
}

// mistake says what is wrong with a source.
func (d *Diagnosis) mistake(f *salookup.Flow, s *salookup.Source, sa *salookup.SA) string {
	if s.Quick != nil {
		what := "SKEYID_d"
		if s.Quick.Group != 0 {
			what = "SKEYID_d or g(qm)^xy"
		}
		return fmt.Sprintf("%s%s is wrong: KEYMAT made with it does not open the packets", what, atPlace(s.Origin.String()))
	}
	key, auth := s.Agrees(sa.Key, sa.AuthKey)
	if !key {
		if o := d.owner(s.Key); o != nil {
			what := theirs(f, o, s)
			if reverse(f, o) {
				what += ", the pair is swapped"
			}
			return what
		}
	}
	switch {
	case !key && !auth:
		return fmt.Sprintf("both keys%s are wrong", atPlace(s.Place()))
	case !key:
		return fmt.Sprintf("the encryption key%s is wrong", atPlace(s.Place()))
	}
	return fmt.Sprintf("the authentication key%s is wrong", atPlace(s.Place()))
}

// disproved returns a Quick Mode whose KEYMAT is not what opened the packets, nil if there is none,
// or if that of another Quick Mode is: the SPI may have been agreed on more than once, and g(qm)^xy
// may have been tried out.
func (d *Diagnosis) disproved(f *salookup.Flow, sources []salookup.Source) (first *salookup.Source) {
	for i := range sources {
		s := &sources[i]
		if s.Quick == nil || s.Key.IsZero() {
			continue
		}
		if d.right(s, f) {
			return nil
		}
		if first == nil {
			first = s
		}
	}
	return first
}

// contradiction names two sources whose keys can't both be right, where neither is known well
// enough to open packets: of a longer key, or of an authentication key that is not checked, both
// have the head only. Those are compared that agree with what opened the packets, if anything did,
// and whose rank is at most that given. The source is nil if there are none.
func contradiction(sources []salookup.Source, most salookup.Rank, sa *salookup.SA) (KeyFinding, *salookup.Source) {
	quicks := 0
	for i := range sources {
		if sources[i].Quick != nil {
			quicks++
		}
	}
	if quicks > 1 {
		return KeyFinding{}, nil // each may be of one
	}
	compared := func(s *salookup.Source) bool {
		if s.Quick != nil || s.Uncertain || s.Rank > most {
			return false
		}
		if sa == nil {
			return true
		}
		key, _ := s.Agrees(sa.Key, esp.Key{})
		return key
	}
	for j := range sources {
		b := &sources[j]
		for i := range j {
			a := &sources[i]
			if !compared(a) || !compared(b) {
				continue
			}
			key, auth := b.Agrees(a.Key, a.AuthKey)
			if key && auth {
				continue
			}
			what := "encryption"
			if key {
				what = "authentication"
			}
			return KeyFinding{Kind: "esp", Key: b.Origin,
				Reason: fmt.Sprintf("the %s keys at %s and at %s contradict each other: one of the two is wrong", what, a.Place(), b.Place())}, b
		}
	}
	return KeyFinding{}, nil
}

// LeftOut tells of values that are damaged in the key sources: one of them may be the key that is
// missing.
func LeftOut(notes []keysrc.Note) string {
	notes = slices.DeleteFunc(slices.Clone(notes), func(n keysrc.Note) bool { return n.Doubt })
	switch len(notes) {
	case 0:
		return ""
	case 1:
		return "a value was left out: " + notes[0].String()
	}
	return fmt.Sprintf("%d values were left out, the first: %s", len(notes), notes[0])
}

// Unused is a secret that opened nothing, and why.
type Unused struct {
	Secret *esp.Secret
	Reason string
}

// Unused returns the secrets of ESP that opened no packet, in the order in which they were added. A
// secret that is the head of a key which did, or that is proved wrong, is not among them.
func (d *Diagnosis) Unused() iter.Seq[Unused] {
	d.WrongKeys()
	return func(yield func(Unused) bool) {
		for n, s := range d.Table.Secrets() {
			if d.used[n] || d.Table.Used(n) || d.blamed[n] {
				continue
			}
			if reason := d.unused(s); reason != "" && !yield(Unused{s, reason}) {
				return
			}
		}
	}
}

// unused says why a secret opened nothing, "" if there is nothing to be said.
func (d *Diagnosis) unused(s *esp.Secret) string {
	if s.SPIMask != ^uint32(0) {
		tried := func(f *salookup.Flow) bool {
			return s.MatchesSPI(f.SPI()) && s.Src.Match(f.Src()) && s.Dst.Match(f.Dst())
		}
		if slices.ContainsFunc(d.flows, tried) {
			return "fits none of the SPIs that it was tried on"
		}
		return "nothing that it could open was captured"
	}
	flows := d.bySPI[s.SPI]
	switch {
	case len(d.flows) == 0:
		return "no ESP was captured"
	case len(flows) == 0:
		return "SPI never seen"
	}
	if sa := flows[0].Report().SA; sa != nil {
		if s.Uncertain {
			return "" // another of those that may be the SPI's is the right one
		}
		return "another key opens the SPI: " + sa.Place()
	}
	x := d.flow(flows[0], ptr(flows[0].Report()))
	if s.Key.IsZero() && s.AuthKey.IsZero() && x.Reason() == "" {
		return "holds no key"
	}
	return fmt.Sprintf("%s: %s", x.Verdict, x.Reason())
}

func ptr[T any](v T) *T { return &v }
