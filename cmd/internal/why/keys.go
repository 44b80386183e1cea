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
	if !d.judged {
		d.judged = true
		for _, f := range d.flows {
			if f.Agreed() {
				continue
			}
			if sa := f.Report().SA; sa != nil {
				d.judge(f, sa)
			}
		}
	}
	return d.wrong
}

// judge compares what the sources give for an open flow's SPI with the keys that open its packets.
// A source that opened another use of the SPI contradicts nothing.
func (d *Diagnosis) judge(f *salookup.Flow, sa *salookup.SA) {
	sources := d.sources(f)
	most := salookup.SPIOnly
	if len(d.flowsOf(f.SPI())) > 1 || slices.ContainsFunc(sources, func(s salookup.Source) bool { return exact(&s, sa) }) {
		most = salookup.Exact // what is given with other addresses is of another SA
	}
	var places []string
	found := len(d.wrong)
	derived := disproved(f, sources)
	for i := range sources {
		s := &sources[i]
		if s.Rank > most || !s.HasKey() || s.Uncertain || right(s, f) || s.Quick != nil && s != derived {
			continue
		}
		if len(d.wrong) == found {
			places = placesOf(sa)
		}
		if len(places) == 2 {
			places = slices.DeleteFunc(places, func(place string) bool { return place == s.Place() })
		}
		d.wrong = append(d.wrong, KeyFinding{"esp", spiName(f.SPI()), s.Origin, d.mistake(f, s, sa)})
		d.blamed[s.Known] = true
	}
	for i := range d.wrong[found:] {
		d.wrong[found+i].Reason += "; the packets open with the key at " + strings.Join(places, ", ")
	}
	if len(d.wrong) == found && sa.AuthKey.IsZero() {
		if x, ok := contradiction(sources, most, sa); ok {
			x.ID = spiName(f.SPI())
			d.wrong = append(d.wrong, x)
		}
	}
}

// placesOf names the source of the encryption key, and of the authentication key where it is
// another.
func placesOf(sa *salookup.SA) []string {
	places := []string{sa.From.Place()}
	if sa.AuthFrom != nil && sa.AuthFrom != sa.From {
		places = append(places, sa.AuthFrom.Place())
	}
	return places
}

// exact reports whether a source names the addresses of an SA's flow, and is right.
func exact(s *salookup.Source, sa *salookup.SA) bool {
	if s.Quick != nil || s.Rank > salookup.Exact || s.Key.IsZero() || s.Dst.IsAny() {
		return false
	}
	key, auth := s.Agrees(sa.Key, sa.AuthKey)
	return key && auth
}

func spiName(spi uint32) string { return fmt.Sprintf("0x%08x", spi) }

// mistake says what is wrong with a source.
func (d *Diagnosis) mistake(f *salookup.Flow, s *salookup.Source, sa *salookup.SA) string {
	key, auth := s.Agrees(sa.Key, sa.AuthKey)
	owner := d.owner(s.Key)
	switch {
	case s.Quick != nil && s.Quick.Group != 0:
		return fmt.Sprintf("SKEYID_d or g(qm)^xy%s is wrong: KEYMAT made with it does not open the packets", atPlace(s.Origin))
	case s.Quick != nil:
		return fmt.Sprintf("SKEYID_d%s is wrong: KEYMAT made with it does not open the packets", atPlace(s.Origin))
	case !key && owner != nil && reverse(f, owner):
		return theirs(f, owner, s) + ", the pair is swapped"
	case !key && owner != nil:
		return theirs(f, owner, s)
	case !key && !auth:
		return fmt.Sprintf("both keys%s are wrong", atPlace(s.Origin))
	case !key:
		return fmt.Sprintf("the encryption key%s is wrong", atPlace(s.Origin))
	}
	return fmt.Sprintf("the authentication key%s is wrong", atPlace(s.Origin))
}

// disproved returns a Quick Mode whose KEYMAT is not what opened the packets, nil if there is none,
// or if that of another Quick Mode is: the SPI may have been agreed on more than once, and g(qm)^xy
// may have been tried out.
func disproved(f *salookup.Flow, sources []salookup.Source) (first *salookup.Source) {
	for i := range sources {
		s := &sources[i]
		switch {
		case s.Quick == nil || s.Key.IsZero():
		case right(s, f):
			return nil
		case first == nil:
			first = s
		}
	}
	return first
}

// contradiction names two sources whose keys can't both be right, where neither is known well
// enough to open packets: of a longer key, or of an authentication key that is not checked, both
// have the head only. Those are compared that agree with what opened the packets, if anything did,
// and whose rank is at most that given. Where several Quick Modes agreed on the SPI, each may be of
// one.
func contradiction(sources []salookup.Source, most salookup.Rank, sa *salookup.SA) (x KeyFinding, found bool) {
	quick := func(s salookup.Source) bool { return s.Quick != nil }
	if i := slices.IndexFunc(sources, quick); i >= 0 && slices.ContainsFunc(sources[i+1:], quick) {
		return KeyFinding{}, false
	}
	compared := slices.DeleteFunc(slices.Clone(sources), func(s salookup.Source) bool {
		agrees := sa == nil
		if !agrees {
			agrees, _ = s.Agrees(sa.Key, esp.Key{})
		}
		return quick(s) || s.Uncertain || s.Rank > most || !agrees
	})
	for j, b := range compared {
		for _, a := range compared[:j] {
			key, auth := b.Agrees(a.Key, a.AuthKey)
			if key && auth {
				continue
			}
			what := "encryption"
			if key {
				what = "authentication"
			}
			return KeyFinding{Kind: "esp", Key: b.Origin, Reason: fmt.Sprintf(
				"the %s keys at %s and at %s contradict each other: one of the two is wrong", what, a.Place(), b.Place())}, true
		}
	}
	return KeyFinding{}, false
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

// Unused returns the secrets of ESP that opened no packet, in the order in which they were added,
// and why. A secret that is the head of a key which did, or that is proved wrong, is not among
// them.
func (d *Diagnosis) Unused() iter.Seq2[*esp.Secret, string] {
	d.WrongKeys()
	return func(yield func(*esp.Secret, string) bool) {
		for _, k := range d.Table.Secrets() {
			if k.Used || d.blamed[k] {
				continue
			}
			if reason := d.unused(k); reason != "" && !yield(k.Secret, reason) {
				return
			}
		}
	}
}

// unused says why a secret opened nothing, "" if there is nothing to be said.
func (d *Diagnosis) unused(k *salookup.Known) string {
	flows := d.flowsOf(k.SPI)
	fits := func(f *salookup.Flow) bool {
		return k.MatchesSPI(f.SPI()) && k.Src.Match(f.Src()) && k.Dst.Match(f.Dst())
	}
	switch {
	case k.SPIMask != ^uint32(0) && slices.ContainsFunc(d.flows, fits):
		return "fits none of the SPIs that it was tried on"
	case k.SPIMask != ^uint32(0):
		return "nothing that it could open was captured"
	case len(d.flows) == 0:
		return "no ESP was captured"
	case len(flows) == 0:
		return "SPI never seen"
	}
	r := flows[0].Report()
	switch {
	case r.SA != nil && k.Uncertain:
		return "" // another of those that may be the SPI's is the right one
	case r.SA != nil:
		return "another key opens the SPI: " + r.SA.Place()
	}
	return d.flow(flows[0], &r).String()
}
