package esp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// ErrUndecided is the error while a key may fit but the evidence of the packets so far is not enough to say so. It
// wraps ErrStructure.
var ErrUndecided = fmt.Errorf("%w so far as to prove a key", ErrStructure)

const (
	nearDigits   = 2  // hex digits in which a misread SPI may differ
	foreignLimit = 64 // other secrets whose keys are tried on one flow at a time
)

// routerHead is how many bytes of a key a router's log shows.
const routerHead = 16

// routerCure is what makes a key whole that a router's log shows only the head of.
const routerCure = "set `ipsec sa policy N N esp aes-cbc sha-hmac` on the router while capturing (AES-128, whose 16 bytes its log shows in full), " +
	"or give the whole key (ip xfrm state, esp_sa)"

// fail publishes why no candidate opened the packet, and returns the error of that state.
func (f *Flow) fail(t *trial, out *outcome, packet []byte, cut int) error {
	s := State{Suite: t.named()}
	var keyed *source
	for i := range t.sources {
		if src := &t.sources[i]; keyed == nil && !src.key.IsZero() {
			keyed = src
		}
		if e := t.sources[i].entry; e != nil && t.sources[i].rank > 1 && out.shaped {
			e.refused = true
		}
	}
	candidates := len(t.checked) + len(t.plain)
	if keyed == nil && candidates == 0 && f.tries == 1 {
		if near := f.damagedSPI(t, packet, cut); near != 0 {
			s.Verdict, s.Err = Malformed, ErrMalformed
			s.Reason = fmt.Sprintf("the SPI was damaged on the way: with 0x%08x, which differs in one bit, the integrity check value is right", near)
			f.setState(s)
			return s.Err
		}
	}
	switch {
	case keyed == nil && candidates == 0:
		s.Verdict, s.Err = NoKey, ErrNoKey
		s.Reason = f.whyNoKey(t, packet, cut)
	case candidates == 0 || len(t.short) > 0 && !t.refusedWhole():
		if f.misgiven(t, out, packet, cut, &s) {
			break
		}
		s.Verdict, s.Origin = Incomplete, keyed.origin()
		if len(t.short) > 0 {
			s.Origin = t.short[0].from.origin()
		}
		s.Reason = f.whyIncomplete(t, keyed)
		s.Err = ErrIncomplete
	case cut > 0 && !out.hopeful:
		if old := f.State(); old != noState && !errors.Is(old.Err, ErrTruncated) {
			return ErrTruncated // says nothing new about the flow
		}
		s.Verdict, s.Err = Truncated, ErrTruncated
		s.Reason = "the capture holds only part of each packet (snaplen), too little to prove the key: capture with -s 0"
	case !out.shaped:
		if old := f.State(); old != noState && !errors.Is(old.Err, ErrMalformed) {
			return ErrMalformed
		}
		s.Verdict, s.Err = Malformed, ErrMalformed
		s.Reason = fmt.Sprintf("no packet has a length that %s gives", s.Suite)
	case out.hopeful:
		s.Verdict, s.Err = WrongKey, ErrUndecided
		s.Origin = t.candidate(0).from.origin()
		s.Reason = fmt.Sprintf("the key at %s may fit, but the packets so far say too little about themselves to prove it", s.Origin)
	case t.allUncertain():
		s.Verdict, s.Err = NoKey, ErrNoKey
		s.Reason = fmt.Sprintf("none of the keys that may be its opens it: the key source mixes negotiations (%s)", t.origins())
	default:
		s.Verdict, s.Err = WrongKey, ErrStructure
		if len(t.checked) > 0 {
			s.Err = ErrICV
		}
		s.Origin = t.candidate(0).from.origin()
		s.Reason = f.whyWrong(t, out, packet, cut)
	}
	f.setState(s)
	return f.State().Err
}

// misgiven reports whether the key that is given for the SPI, too short for some cipher, is in the place of another, one that is
// given for another SPI, or is whole and of another cipher than that which is named. s becomes the state that says so.
func (f *Flow) misgiven(t *trial, out *outcome, packet []byte, cut int, s *State) bool {
	if t.allUncertain() {
		return false
	}
	if !f.diagnoses() || !out.shaped || out.hopeful || cut > 0 {
		old := f.State()
		if old.Verdict == WrongKey && old.Err != ErrUndecided {
			*s = *old
			return true
		}
		return false
	}
	s.Origin = t.givenAt()
	if e := f.foreign(t, wholeKeys, packet, cut); e != nil {
		s.Reason = f.whoseKey(t, e)
	} else {
		for i := range t.sources {
			o := &t.sources[i]
			if named := o.suite.Cipher; named != nil && !o.key.IsZero() {
				if suite := f.misnamed(t, o, packet, cut); suite.Cipher != nil {
					s.Reason = fmt.Sprintf("the key fits as one of %s, not of the %s that is named (%s)", suite.CipherName(), named.Name, o.origin())
					s.Origin = o.origin()
					break
				}
			}
		}
	}
	if s.Reason == "" {
		return false
	}
	s.Verdict, s.Err = WrongKey, ErrStructure
	return true
}

// givenAt is where the first key for the SPI stands.
func (t *trial) givenAt() string {
	for i := range t.sources {
		if s := &t.sources[i]; !s.key.IsZero() {
			return s.origin()
		}
	}
	return ""
}

// whoseKey says that the flow is opened by the keys of another SPI than that for which they are given.
func (f *Flow) whoseKey(t *trial, e *entry) string {
	if f.otherDirection(t, e) {
		return fmt.Sprintf("key of the other direction: the key that %s gives for SPI 0x%08x opens it, the pair is swapped", e.Origin, e.SPI)
	}
	return fmt.Sprintf("the key that %s gives for SPI 0x%08x opens it: the keys are under the wrong SPIs", e.Origin, e.SPI)
}

// allUncertain reports whether all keys are given as some of several that may be the SPI's.
func (t *trial) allUncertain() bool {
	any := false
	for i := range t.sources {
		if s := &t.sources[i]; !s.key.IsZero() || !s.auth.IsZero() {
			if !s.uncertain() {
				return false
			}
			any = true
		}
	}
	return any
}

// origins names where the keys are, each place once.
func (t *trial) origins() string {
	var list []string
	for i := range t.sources {
		if s := &t.sources[i]; !s.key.IsZero() && !slices.Contains(list, s.origin()) {
			list = append(list, s.origin())
		}
	}
	return strings.Join(list, ", ")
}

// refusedWhole reports whether a key that is no mere head was among the candidates. A key of another length than the
// Quick Mode agreed on is one, whatever its source says.
func (t *trial) refusedWhole() bool {
	agreed := 0
	for i := range t.sources {
		if s := &t.sources[i]; s.neg != nil && agreed == 0 {
			agreed = s.suite.KeyLen
		}
	}
	for i := range len(t.checked) + len(t.plain) {
		if c := t.candidate(i); !c.from.keyHead && c.suite.KeyLen > 0 && (agreed == 0 || agreed == c.suite.KeyLen) {
			return true
		}
	}
	return false
}

// whyIncomplete says how much of the key is missing, and the cure.
func (f *Flow) whyIncomplete(t *trial, keyed *source) string {
	if len(t.short) == 0 {
		return fmt.Sprintf("a key of %d bytes is of no length that a cipher takes: part of it is missing in the key source", keyed.key.Len())
	}
	// A key that a source names the algorithm of has one length; without a name the lengths of the packets tell the block size.
	first := &t.short[0]
	head, stream := first.from.keyHead, !first.named && f.blockLen() == 1
	var needs []string
	only := first // what needs says, where it is one
	if stream {
		needs = append(needs, "20 or more (key and salt of aes-gcm, aes-ctr or aes-ccm)")
	}
	for i := range t.short {
		s := &t.short[i]
		if stream || s.have != first.have || s.named != first.named || !s.named && f.blockLen() != 0 && s.cipher.BlockLen != f.blockLen() {
			continue
		}
		need := fmt.Sprintf("%d (%s)", s.want, Suite{Cipher: s.cipher, KeyLen: s.keyLen}.CipherName())
		if !slices.Contains(needs, need) {
			needs = append(needs, need)
			only = s
		}
	}
	if len(needs) == 0 {
		needs = append(needs, fmt.Sprint(first.want))
	}
	reason := fmt.Sprintf("%d of %s bytes of the key are known, the rest is missing", first.have, strings.Join(needs, " or "))
	if len(needs) == 1 && !stream {
		reason = fmt.Sprintf("%d of %d bytes of the key (%s) are known, %d are missing",
			only.have, only.want, Suite{Cipher: only.cipher, KeyLen: only.keyLen}.CipherName(), only.want-only.have)
	}
	if !first.named && len(t.plain)+len(t.checked) > 0 {
		reason += ", and they are not all of a shorter key"
	}
	cure := "take the whole key from the source"
	if head && first.have == routerHead {
		cure = routerCure
	}
	for i := range t.sources {
		if n := t.sources[i].neg; n != nil && n.KeyReason != "" {
			cure += "; the rest can't be computed from the Quick Mode: " + n.KeyReason
			break
		}
	}
	return reason + ": " + cure
}

// blockLen deduces the block size of the cipher from the lengths of the packets so far, 0 if there were too few.
func (f *Flow) blockLen() int {
	switch n := bits.OnesCount16(f.lengths); {
	case n > 2:
		return 1
	case n == 2:
		return 8
	case f.packets > 3:
		return 16
	}
	return 0
}

// whyWrong says why keys that are given for the SPI do not open it.
func (f *Flow) whyWrong(t *trial, out *outcome, packet []byte, cut int) string {
	switch {
	case out.authOnly != nil:
		return f.whyHalf(t, "the authentication key fits and the encryption key does not: ", out.authOnly, encryptionKey, packet, cut)
	case out.keyOnly != nil:
		return f.whyHalf(t, "the encryption key fits and the authentication key does not (ICV mismatch): ", out.keyOnly, authenticationKey, packet, cut)
	}
	if !f.diagnoses() {
		if old := f.State(); old.Verdict == WrongKey && old.Reason != "" && old.Err != ErrUndecided {
			return old.Reason
		}
	}
	if e := f.foreign(t, wholeKeys, packet, cut); e != nil {
		return f.whoseKey(t, e)
	}
	if r := t.rivals(); r != "" {
		return r
	}
	others := 0
	for i := range t.sources {
		if t.sources[i].rank == 1 {
			others++
		}
	}
	what, place := "the decrypted bytes are not the inside of a packet", t.candidate(0).from.origin()
	if len(t.checked) > 0 {
		what = "ICV mismatch"
	}
	switch {
	case others == len(t.sources):
		return fmt.Sprintf("%s: the key at %s is for other addresses with this SPI, it is probably of another connection", what, place)
	case len(t.sources) > 0 && t.sources[0].rank == 2:
		return fmt.Sprintf("%s: the key at %s, which is given for any SPI, is not of this SA", what, place)
	}
	return fmt.Sprintf("%s: the key at %s is damaged, or of another connection or an earlier use of the SPI: compare it with where it comes from", what, place)
}

// whyHalf adds to what is found why the other key of a source, which part names, does not fit.
func (f *Flow) whyHalf(t *trial, found string, s *source, part keyPart, packet []byte, cut int) string {
	if !f.diagnoses() {
		if old := f.State().Reason; strings.HasPrefix(old, found) {
			return old
		}
	} else if e := f.foreign(t, part, packet, cut); e != nil {
		if f.otherDirection(t, e) {
			return fmt.Sprintf("%sthe one that %s gives for the other direction (SPI 0x%08x) fits: they are exchanged in the key source", found, e.Origin, e.SPI)
		}
		return fmt.Sprintf("%sthe one that %s gives for SPI 0x%08x fits: it is under the wrong SPI", found, e.Origin, e.SPI)
	} else if named := s.suite.Cipher; part == encryptionKey && named != nil {
		if suite := f.misnamed(t, s, packet, cut); suite.Cipher != nil {
			return fmt.Sprintf("%sit fits as one of %s, not of the %s that is named (%s)", found, suite.CipherName(), named.Name, s.origin())
		}
	}
	return fmt.Sprintf("%sit is damaged in the key source, or of another algorithm (%s)", found, s.origin())
}

// misnamed tries the keys of a source with other algorithms than those that it names, and returns those that fit, the zero Suite if none do.
func (f *Flow) misnamed(t *trial, s *source, packet []byte, cut int) Suite {
	if cut > 0 || s.entry == nil || f.db.budget.foreign <= 0 {
		return Suite{}
	}
	var other trial
	other.scratch = t.scratch
	unnamed := *s
	unnamed.suite = Suite{ESN: s.suite.ESN}
	other.sources = append(other.sources, unnamed)
	other.combine()
	for i := range len(other.checked) + len(other.plain) {
		f.db.budget.foreign--
		c := other.candidate(i)
		if o := other.try(c, f.spi, packet, cut); o.proved(c, cut) {
			return o.sa.Suite()
		}
	}
	return Suite{}
}

// diagnoses reports whether this attempt is one that may try other SPIs' keys.
func (f *Flow) diagnoses() bool { return f.tries == 1 || f.tries == 3 || f.tries >= 8 }

// whyNoKey says why there is no key for the SPI.
func (f *Flow) whyNoKey(t *trial, packet []byte, cut int) string {
	agreed := t.agreed()
	db := f.db
	switch {
	case len(db.entries) == 0 && agreed == "":
		return "no ESP key was given"
	case len(db.entries) == 0:
		return agreed
	}
	if old := f.State(); !f.diagnoses() && old.Verdict == NoKey && old.Reason != "" {
		return old.Reason
	}
	nearest, digits := f.nearest()
	misread := nearest != nil && digits <= nearDigits && db.bySPI[nearest.SPI] == nil
	if e := f.foreign(t, wholeKeys, packet, cut); e != nil {
		if f.otherDirection(t, e) {
			return fmt.Sprintf("the SPI is in no key source, but the key that %s gives for the other direction (SPI 0x%08x) opens it: the pair is swapped",
				e.Origin, e.SPI)
		}
		return fmt.Sprintf("the SPI is in no key source, but the key that %s gives for SPI 0x%08x opens it: an SPI misread, or the keys are under the wrong SPIs",
			e.Origin, e.SPI)
	}
	switch {
	case agreed != "" && misread:
		return fmt.Sprintf("the SPI is in no key source, and 0x%08x (%s), which differs in %d of 8 digits, is probably a misreading of it; %s", nearest.SPI, nearest.Origin, digits, agreed)
	case agreed != "":
		return agreed
	}
	switch o := db.keyed.newest[addrPair{f.src, f.dst}]; {
	case o == nil:
	case o.order > f.order:
		return fmt.Sprintf("the SPI is in no key source; SPI 0x%08x after it between the same addresses has a key (%s): the key source begins after this "+
			"negotiation (take the log from its beginning), or this one is of another client behind the same NAT", o.spi, o.State().Origin)
	default:
		return fmt.Sprintf("the SPI is in no key source; SPI 0x%08x between the same addresses has a key (%s): it was rekeyed after the key source ends "+
			"(take the log to its end), or this one is of another client behind the same NAT", o.spi, o.State().Origin)
	}
	switch {
	case nearest == nil:
		return "the SPI is in no key source: the keys are of another connection"
	case misread:
		return fmt.Sprintf("the SPI is in no key source; 0x%08x (%s) differs in %d of 8 digits: misread?", nearest.SPI, nearest.Origin, digits)
	}
	return fmt.Sprintf("the SPI is in no key source, the nearest is 0x%08x (%s): the keys are of another connection, or of an SA before or after a rekeying",
		nearest.SPI, nearest.Origin)
}

// agreed says what a Quick Mode agreed on for an SPI of which there is no key, "" if none is known.
func (t *trial) agreed() string {
	for i := range t.sources {
		if n := t.sources[i].neg; n != nil {
			why := n.KeyReason
			if why == "" {
				why = "not derivable"
			}
			return fmt.Sprintf("a Quick Mode in the capture agreed on it (%s), but its key is not known (%s): give a source of ESP keys too, "+
				"such as the log to the end of the IPsec phase, esp_sa or ip xfrm state", n.Suite, why)
		}
	}
	return ""
}

// nearest returns the secret whose SPI has most hex digits in common with the flow's.
func (f *Flow) nearest() (best *entry, digits int) {
	digits = 9
	at := -1
	for i := range f.db.entries {
		if f.db.budget.compares--; f.db.budget.compares < 0 {
			break
		}
		s := &f.db.entries[i]
		if s.e != nil && s.e.SPIMask != 0xffffffff {
			continue
		}
		if d := hexDigits(s.spi ^ f.spi); d < digits {
			at, digits = i, d
		}
	}
	if at < 0 {
		return nil, digits
	}
	return f.db.entry(at), digits
}

// hexDigits counts the hex digits that are not 0.
func hexDigits(x uint32) int {
	x |= x >> 1
	x |= x >> 2
	return bits.OnesCount32(x & 0x11111111)
}

// keyPart is which of the keys that are given for another SPI are tried on a flow.
type keyPart int

const (
	wholeKeys         keyPart = iota
	encryptionKey             // without the ICV
	authenticationKey         // with the flow's own encryption key
)

// foreign looks for another SPI's secret whose keys, or that part of them, open the packet; nil if there is none. The flow does not
// get that key: under a wrong SPI nothing is decrypted.
func (f *Flow) foreign(t *trial, part keyPart, packet []byte, cut int) *entry {
	db := f.db
	if cut > 0 || db.budget.foreign <= 0 {
		return nil
	}
	// Likely ones first: the other direction, the SPI with its bytes reversed, neighbours, then any.
	likely := make([]*entry, 0, foreignLimit)
	add := func(e *entry) {
		if e.SPI == f.spi || e.SPIMask != 0xffffffff || e.Uncertain || e.Key.IsZero() && part != authenticationKey ||
			e.AuthKey.IsZero() && part == authenticationKey || len(likely) >= foreignLimit {
			return
		}
		for _, o := range likely {
			if o == e {
				return
			}
		}
		likely = append(likely, e)
	}
	for i := range t.sources {
		s := &t.sources[i]
		for _, e := range db.named(s.pair) {
			add(e)
		}
		if s.entry != nil {
			for _, j := range [2]int{s.entry.index - 1, s.entry.index + 1} {
				if j >= 0 && j < len(db.entries) {
					add(db.entry(j))
				}
			}
		}
	}
	for _, e := range db.named(bits.ReverseBytes32(f.spi)) {
		add(e)
	}
	for i := range db.entries {
		if len(likely) >= foreignLimit {
			break
		}
		add(db.entry(i))
	}
	var other trial
	for _, e := range likely {
		if db.budget.foreign <= 0 {
			return nil
		}
		other.reset()
		other.scratch = t.scratch
		other.sources = append(other.sources, sourceOf(e))
		switch theirs := &other.sources[0]; part {
		case encryptionKey:
			theirs.auth = Key{}
		case authenticationKey:
			theirs.key = Key{}
		}
		for i := range t.sources { // these name the algorithms
			s := t.sources[i]
			if s.auth, s.entry = (Key{}), nil; part != authenticationKey {
				s.key = Key{}
			}
			other.sources = append(other.sources, s)
		}
		other.combine()
		for i := range len(other.checked) + len(other.plain) {
			db.budget.foreign--
			c := other.candidate(i)
			if part == authenticationKey && !c.checks() {
				break
			}
			if o := other.try(c, f.spi, packet, cut); o.proved(c, cut) {
				return e
			}
		}
	}
	return nil
}

// damagedSPI looks for an SPI in use of which the flow's differs in one bit, and which makes the ICV of the packet right; 0 if there is none.
func (f *Flow) damagedSPI(t *trial, packet []byte, cut int) uint32 {
	db := f.db
	if cut > 0 {
		return 0
	}
	var mended []byte
	for bit := range 32 {
		spi := f.spi ^ 1<<bit
		if !db.Named(spi) || db.budget.foreign <= 0 {
			continue
		}
		if mended == nil {
			mended = bytes.Clone(packet)
		}
		binary.BigEndian.PutUint32(mended, spi)
		if o := db.flows[flowKey{f.dst, spi}]; o != nil && o.sa != nil && o.sa.Checks() {
			db.budget.foreign--
			position := o.win.nearest(binary.BigEndian.Uint32(packet[4:]))
			if o.sa.CheckICV(mended, uint32(position>>32)) {
				return spi
			}
			continue
		}
		var other trial
		other.scratch = t.scratch
		other.gather(&Flow{db: db, spi: spi, src: f.src, dst: f.dst})
		for i := range other.checked {
			db.budget.foreign--
			if c := &other.checked[i]; other.try(c, spi, mended, 0).icv {
				return spi
			}
		}
	}
	return 0
}

// otherDirection reports whether the secret belongs to the other direction of the flow.
func (f *Flow) otherDirection(t *trial, e *entry) bool {
	if e.PairSPI == f.spi {
		return true
	}
	for o := f.db.bySPI[e.SPI]; o != nil; o = o.next {
		if o.src == f.dst && o.dst == f.src {
			return true
		}
	}
	for i := range t.sources {
		s := &t.sources[i]
		if s.pair == e.SPI && s.pair != 0 {
			return true
		}
		if s.entry != nil && (s.entry.index-e.index == 1 || e.index-s.entry.index == 1) && s.entry.Origin.File == e.Origin.File {
			return true
		}
	}
	return false
}
