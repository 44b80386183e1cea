package why

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/esp"
)

const (
	uncut = "capture with -s 0"
	// routerHead is how many bytes of a key a router's log shows.
	routerHead = 16
	// routerCure is what makes a key whole that a router's log shows only the head of.
	routerCure = "set `ipsec sa policy N N esp aes-cbc sha-hmac` on the router while capturing (AES-128, whose 16 bytes its log shows in full), " +
		"or give the whole key (ip xfrm state, esp_sa)"
	usedAgain = "the SPI came into use again with another key"
)

// Packet returns the word for what opening an ESP packet came to, or for the error with which it
// was not admitted. The plaintext may be nil where there is an error.
func Packet(plain *esp.Plaintext, err error) Verdict {
	switch {
	case err == nil && plain.Verified:
		return Verified
	case err == nil:
		return Decrypted
	case err == salookup.ErrUndecided:
		return NoKey
	case errors.Is(err, esp.ErrICV), errors.Is(err, esp.ErrStructure):
		return WrongKey
	case errors.Is(err, esp.ErrTruncated):
		return Truncated
	case errors.Is(err, esp.ErrMalformed):
		return Malformed
	case errors.Is(err, esp.ErrIncomplete):
		return Incomplete
	}
	return NoKey
}

// PacketReason says why an ESP packet was not opened, as far as the keys that are given for its SPI
// tell; tried is nil where another packet of its flow was. [ESP] says more of the flow.
func PacketReason(err error, tried *salookup.Attempt) string {
	switch v := Packet(nil, err); {
	case v == Truncated:
		_, reason := Snapped("packet")
		return reason
	case errors.Is(err, esp.ErrPlaintext):
		return "the integrity check value is right, but the decrypted bytes are not the inside of a packet"
	case v == Malformed:
		return "it is no whole ESP packet of this algorithm"
	case tried != nil && tried.Err == err:
		f := refused(tried, 0)
		return f.Reason()
	case errors.Is(err, esp.ErrICV):
		return "the integrity check value does not match: the packet is damaged, or was sent under another key"
	}
	return "the decrypted bytes are not the inside of a packet: it is damaged, or was sent under another key"
}

// refused says why the sources of an SPI open none of its packets, without a look at other SPIs.
// blockLen is the block size of the cipher where the lengths of the packets tell it, else 0.
func refused(a *salookup.Attempt, blockLen int) Finding {
	f := Finding{Verdict: Packet(nil, a.Err)}
	if keyed := a.Set.Keyed(); keyed != nil {
		f.Key = keyed.Place()
	}
	switch {
	case a.Err == salookup.ErrNoKey && a.Set.Uncertain():
		f.Key = ""
		f.Cause = fmt.Sprintf("none of the keys that may be its opens it: the key source mixes negotiations (%s)", places(a.Set))
	case a.Err == salookup.ErrNoKey && a.Set.ForAny():
		f.Key = ""
		f.Cause = fmt.Sprintf("none of the keys that are given for any SPI opens it (%s)", places(a.Set))
	case a.Err == salookup.ErrNoKey:
		f.Cause, f.Cure = agreed(a.Set)
		if f.Cause == "" {
			f.Cause = "the SPI is in no key source, so the keys are of another connection, or of an SA before or after a rekeying"
			if !a.Secrets {
				f.Cause = "no ESP key was given"
			}
		}
	case a.Err == esp.ErrIncomplete:
		incomplete(&f, a.Set, blockLen)
	case a.Err == esp.ErrTruncated:
		f.Key, f.Cause, f.Cure = "", "the capture holds only part of each packet (snaplen), too little to prove the key", uncut
	case a.Err == esp.ErrMalformed:
		f.Key, f.Cause = "", fmt.Sprintf("no packet has a length that %s gives", a.Set.Named())
	case a.Err == salookup.ErrUndecided:
		f.Key = a.Set.Candidates[0].From.Place()
		f.Cause = fmt.Sprintf("the key at %s may fit, but the packets so far say too little about themselves to prove it", f.Key)
	default:
		f.Key = a.Set.Candidates[0].From.Place()
		wrong(&f, a)
	}
	return f
}

// wrong says why keys that are given for the SPI do not open it.
func wrong(f *Finding, a *salookup.Attempt) {
	switch {
	case a.AuthOnly != nil:
		f.Cause = fmt.Sprintf("%s: it is damaged in the key source, or of another algorithm (%s)", authFits, a.AuthOnly.Place())
		return
	case a.KeyOnly != nil:
		f.Cause = fmt.Sprintf("%s: it is damaged in the key source, or of another algorithm (%s)", keyFits, a.KeyOnly.Place())
		return
	}
	f.Cause = "the decrypted bytes are not the inside of a packet"
	if a.Set.Checked > 0 {
		f.Cause = "ICV mismatch"
	}
	elsewhere := func(s salookup.Source) bool { return s.Rank == salookup.SPIOnly }
	switch sources := a.Set.Sources; {
	case !slices.ContainsFunc(sources, func(s salookup.Source) bool { return !elsewhere(s) }):
		f.Cause += fmt.Sprintf(": the key at %s is for other addresses with this SPI, it is probably of another connection", f.Key)
	case sources[0].Rank == salookup.Pattern:
		f.Cause += fmt.Sprintf(": the key at %s, which is given for several SPIs, is not of this SA", f.Key)
	default:
		f.Cause += fmt.Sprintf(": the key at %s is damaged, or of another connection or an earlier use of the SPI", f.Key)
		f.Cure = "compare it with where it comes from"
	}
}

const (
	authFits = "the authentication key fits and the encryption key does not"
	keyFits  = "the encryption key fits and the authentication key does not (ICV mismatch)"
)

// agreed says what a Quick Mode agreed on for an SPI of which there is no key, "" if none is known.
func agreed(set *salookup.Set) (cause, cure string) {
	q := quick(set)
	if q == nil {
		return "", ""
	}
	reason := q.KeyReason
	if reason == "" {
		reason = "not derivable"
	}
	return fmt.Sprintf("a Quick Mode in the capture agreed on it (%s), but its key is not known (%s)", q.Suite, reason),
		"give a source of ESP keys too, such as the log to the end of the IPsec phase, esp_sa or ip xfrm state"
}

// quick returns the latest Quick Mode of a set, nil if there is none.
func quick(set *salookup.Set) *esp.Negotiated {
	for i := range set.Sources {
		if q := set.Sources[i].Quick; q != nil {
			return q
		}
	}
	return nil
}

// places names where the keys are, each place once.
func places(set *salookup.Set) string {
	var list []string
	for i := range set.Sources {
		if s := &set.Sources[i]; !s.Key.IsZero() && !slices.Contains(list, s.Place()) {
			list = append(list, s.Place())
		}
	}
	return strings.Join(list, ", ")
}

// incomplete says how much of the key is missing, and the cure.
func incomplete(f *Finding, set *salookup.Set, blockLen int) {
	if len(set.Short) == 0 {
		f.Cause = fmt.Sprintf("a key of %d bytes is of no length that a cipher takes", set.Keyed().Key.Len())
		f.Cure = "part of it is missing in the key source"
		return
	}
	first := &set.Short[0]
	f.Key = first.From.Place()
	switch list := shortages(set.Short, blockLen); {
	case !first.Named && blockLen == 1:
		f.Cause = fmt.Sprintf("%d of 20 or more (key and salt of aes-gcm, aes-ctr or aes-ccm) bytes of the key are known, "+
			"the rest is missing", first.Have)
	case len(list) == 1:
		s := list[0]
		f.Cause = fmt.Sprintf("%d of %d bytes of the key (%s) are known, %d are missing",
			s.Have, s.Want, s.Suite.CipherName(), s.Want-s.Have)
	default:
		var needs []string
		for _, s := range list {
			needs = append(needs, fmt.Sprintf("%d (%s)", s.Want, s.Suite.CipherName()))
		}
		f.Cause = fmt.Sprintf("%d of %s bytes of the key are known, the rest is missing", first.Have, strings.Join(needs, " or "))
	}
	if !first.Named && len(set.Candidates) > 0 {
		f.Cause += ", and they are not all of a shorter key"
	}
	f.Cure = "take the whole key from the source"
	if first.From.KeyHead && first.Have == routerHead {
		f.Cure = routerCure
	}
	if q := quick(set); q != nil && q.KeyReason != "" {
		f.Cure += "; the rest can't be computed from the Quick Mode: " + q.KeyReason
	}
}

// shortages returns what the first key may lack, each cipher with its key length once. A key that a
// source names the algorithm of has one length; without a name the lengths of the packets tell the
// block size.
func shortages(all []salookup.Shortage, blockLen int) (list []salookup.Shortage) {
	first := &all[0]
	for _, s := range all {
		same := func(o salookup.Shortage) bool { return o.Suite == s.Suite }
		if s.Have == first.Have && s.Named == first.Named && !slices.ContainsFunc(list, same) &&
			(s.Named || blockLen == 0 || s.Suite.Cipher.BlockLen == blockLen) {
			list = append(list, s)
		}
	}
	if list == nil {
		list = all[:1]
	}
	return list
}

// blockLen deduces the block size of the cipher from the lengths of a flow's packets, 0 if there
// were too few.
func blockLen(f *salookup.Flow, packets uint64) int {
	switch n := bits.OnesCount16(f.Lengths()); {
	case n > 2:
		return 1
	case n == 2:
		return 8
	case packets > 3:
		return 16
	}
	return 0
}

// opened says what is to be known of a flow that a key opens, and of those of its packets that it
// does not.
func (d *Diagnosis) opened(f *salookup.Flow, r *salookup.Report) Finding {
	sa := r.SA
	x := Finding{Verdict: Decrypted, Key: sa.Place(), Remark: d.remark(f, r)}
	if sa.Checks() {
		x.Verdict = Verified
	}
	good, bad := r.Verified+r.Decrypted, r.Refused+r.Malformed-r.Undecided
	if sa.Suite.Cipher.AEAD && r.Garbled > 0 { // the ICV proves the key, whatever is inside
		bad -= r.Garbled
		x.Remark = Join(fmt.Sprintf("%d of %d packets were sent broken: the integrity check value is right, but the decrypted bytes are not the inside of a packet",
			r.Garbled, r.Packets()), x.Remark)
	}
	switch {
	case r.Garbled > good && !sa.Suite.Cipher.AEAD:
		// What is broken behind a good ICV was not decrypted with the right key, where it is most
		// of them.
		x.Verdict = WrongKey
		x.Remark = Join(fmt.Sprintf("%d of %d packets do not fit the key at %s that fits the others: it is damaged, or the SPI came into use again with another key",
			bad, r.Packets(), x.Key), x.Remark)
	case r.Before || r.After || good > 0 && bad > good:
		x.Others = bad
		x.Remark = Join(fmt.Sprintf("%d of %d packets do not fit the key at %s that fits the others: another SA used this SPI %s and its key is not there, "+
			"or the packets were damaged on the way, or forged: look for another key of this SPI in the source", bad, r.Packets(), x.Key, when(r)), x.Remark)
	case good > 0 && bad == 1:
		x.Remark = Join(fmt.Sprintf("1 of %d packets is damaged or forged", r.Packets()), x.Remark)
	case good > 0 && bad > 1:
		x.Remark = Join(fmt.Sprintf("%d of %d packets are damaged or forged", bad, r.Packets()), x.Remark)
	case good == 0 && r.Truncated > 0:
		x.Verdict, x.Cause, x.Cure = Truncated, "the capture holds only part of each packet (snaplen)", uncut
	}
	switch {
	case r.Undecided == 1:
		x.Remark = Join(x.Remark, "the first packet says too little to prove the key")
	case r.Undecided > 1:
		x.Remark = Join(x.Remark, fmt.Sprintf("the first %d packets say too little to prove the key", r.Undecided))
	}
	return x
}

// when says when another SA used the SPI.
func when(r *salookup.Report) string {
	switch {
	case r.Before && r.After:
		return "earlier and later"
	case r.After:
		return "later"
	case r.Before:
		return "earlier"
	}
	return "too"
}

// remark says what a person may want to know about a key that fits.
func (d *Diagnosis) remark(f *salookup.Flow, r *salookup.Report) string {
	sa := r.SA
	remark := Overlong(sa)
	if r.Used > 1 {
		remark = Join(remark, usedAgain)
	}
	sources := d.sources(f)
	if named := named(sources, sa); named >= 0 && named != sa.Suite.ICVSize() {
		remark = Join(remark, fmt.Sprintf("the integrity check value has %d bits, not the %d of what is named", 8*sa.Suite.ICVSize(), 8*named))
	} else if sa.Guessed {
		remark = Join(remark, "algorithms found by trial")
	}
	if sa.Suite.ESN && sa.High != 0 {
		remark = Join(remark, fmt.Sprintf("extended sequence numbers, the high half was %d at the first packet", sa.High))
	}
	if !sa.Checks() {
		remark = Join(remark, unchecked(sources, sa))
	}
	if sa.Packets > 1 {
		remark = Join(remark, fmt.Sprintf("proved by %d packets together", sa.Packets))
	}
	for i := range sources {
		s := &sources[i]
		if s.Rank == salookup.Pattern || !s.HasKey() || s.Uncertain || right(s, f) {
			continue
		}
		what := "another authentication key is given by "
		if key, _ := s.Agrees(sa.Key, sa.AuthKey); !key {
			what = "another key is given by "
		}
		remark = Join(remark, what+s.Place())
	}
	return remark
}

// named is the length in bytes of the ICV as far as the sources of an SA name it, or else any
// source does; -1 if none does.
func named(sources []salookup.Source, sa *salookup.SA) int {
	for _, s := range [2]*salookup.Source{sa.AuthFrom, sa.From} {
		if s != nil && s.Suite.ICVSize() >= 0 {
			return s.Suite.ICVSize()
		}
	}
	set := salookup.Set{Sources: sources}
	return set.Named().ICVSize()
}

// unchecked says why the ICV of an SA's packets is not checked.
func unchecked(sources []salookup.Source, sa *salookup.SA) string {
	known := 0
	for i := range sources {
		if key, auth := sources[i].Agrees(sa.Key, sa.AuthKey); key && auth {
			known = max(known, sources[i].AuthKey.Len())
		}
	}
	switch a := sa.Suite.Auth; {
	case a != nil && a.Checked:
		return fmt.Sprintf("integrity not checked: %d of %d bytes of the authentication key are known", known, a.KeyLen)
	case known > 0:
		return fmt.Sprintf("integrity not checked: only %d bytes of the authentication key are known", known)
	case sa.Suite.ICVSize() != 0:
		return "integrity not checked: no authentication key is known"
	}
	return ""
}

// Overlong says that the encryption key of an SA is longer in its source than the algorithm takes,
// "" if it is not.
func Overlong(sa *salookup.SA) string {
	n, takes := sa.From.Key.Len(), sa.Key.Len()
	if takes == 0 || n <= takes || sa.AuthFrom == sa.From && sa.From.AuthKey.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d bytes stand in the key source and %s takes %d: the first of them are the key, the others belong to none and are not used",
		n, sa.CipherName(), takes)
}

// Failed says why packets of a flow were not opened of which x is said: where a key opens others,
// they are a matter of their own.
func Failed(r *salookup.Report, x Finding) Finding {
	switch {
	case !x.Verdict.Opened() && x.Verdict != Truncated:
		return x
	case x.Verdict == Truncated || r.Truncated >= r.Refused && r.Truncated >= r.Malformed:
		return Finding{Verdict: Truncated, Cause: "the capture holds only part of them", Cure: uncut}
	case r.Refused < r.Malformed:
		return Finding{Verdict: Malformed, Cause: "these packets are broken"}
	case r.Undecided > 0 && r.Undecided == r.Refused:
		return Finding{Verdict: NoKey, Cause: "they came before there was evidence enough for the key: " +
			"without the authentication key several packets have to agree"}
	case x.Others > 0:
		return Finding{Verdict: WrongKey, Cause: x.Remark}
	}
	return Finding{Verdict: WrongKey, Cause: "damaged on the way, or forged: the key fits the other packets of this SA"}
}
