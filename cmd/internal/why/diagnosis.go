package why

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

const (
	nearDigits   = 2       // hex digits in which a misread SPI may differ
	foreignLimit = 64      // other secrets whose keys are tried on one flow
	foreignTries = 1 << 14 // candidates made of other SPIs' keys, of all flows
	compareTries = 1 << 26 // SPIs compared, likewise
	headLen      = 8       // bytes of a key that have to agree before it is taken for the head of another
)

// Diagnosis looks for causes beyond a flow's own sources: in those of other SPIs, and in what
// became of other flows. It is made when a report is asked for, after the run.
type Diagnosis struct {
	Table     *salookup.Table
	Exchanges []*ikev1.SA   // of the capture
	KeyD      *ikev1.Secret // the first secret with SKEYID_d, nil if there is none
	Lost      string        // what a key source holds that is damaged, "" for nothing: it may be the key that is missing

	flows    []*salookup.Flow
	bySPI    map[uint32][]*salookup.Flow
	newest   map[pair]*salookup.Flow   // that is open
	owners   map[string]*salookup.Flow // open, by the head of the key
	used     map[int]bool              // secrets that opened packets
	wrong    []KeyFinding
	judged   bool
	blamed   map[int]bool // secrets that wrong is about
	trial    salookup.Trial
	foreign  int
	compares int
}

type pair struct{ src, dst netip.Addr }

// Diagnose begins a diagnosis of what a table holds.
func Diagnose(t *salookup.Table) *Diagnosis {
	d := &Diagnosis{
		Table: t, flows: t.Flows(), bySPI: make(map[uint32][]*salookup.Flow), newest: make(map[pair]*salookup.Flow),
		owners: make(map[string]*salookup.Flow), used: make(map[int]bool), blamed: make(map[int]bool),
		foreign: foreignTries, compares: compareTries,
	}
	for _, f := range d.flows {
		d.bySPI[f.SPI()] = append(d.bySPI[f.SPI()], f)
		var sources []salookup.Source
		for sa := range f.OpenedWith {
			d.newest[pair{f.Src(), f.Dst()}] = f
			if h := headOf(sa.Key); h != "" && d.owners[h] == nil {
				d.owners[h] = f
			}
			if sources == nil {
				sources = d.sources(f)
			}
			for i := range sources {
				s := &sources[i]
				if key, auth := s.Agrees(sa.Key, sa.AuthKey); key && auth && s.HasKey() && s.Number() >= 0 {
					d.used[s.Number()] = true
				}
			}
		}
	}
	return d
}

// headOf is the head of a key as it is looked up, "" if the key is too short.
func headOf(k esp.Key) string {
	if k.Len() < headLen {
		return ""
	}
	return string(k.Bytes()[:headLen])
}

func (d *Diagnosis) sources(f *salookup.Flow) []salookup.Source {
	return d.Table.Sources(f.SPI(), f.Src(), f.Dst())
}

// right reports whether a source gives what opened packets, of this flow or of another.
func (d *Diagnosis) right(s *salookup.Source, f *salookup.Flow) bool {
	if n := s.Number(); n >= 0 {
		return d.used[n] || d.Table.Used(n)
	}
	for sa := range f.OpenedWith {
		if key, auth := s.Agrees(sa.Key, sa.AuthKey); key && auth {
			return true
		}
	}
	return false
}

// ESP says what became of a flow, and why.
func (d *Diagnosis) ESP(f *salookup.Flow) Finding {
	r := f.Report()
	x := d.flow(f, &r)
	switch a := f.Tried(); {
	case r.SA != nil:
		x.Suite = r.SA.Suite
	case a != nil:
		x.Suite = a.Set.Named()
	}
	negotiated := d.Table.Negotiated(r.SPI)
	switch {
	case x.Verdict != Decrypted && x.Verdict != NoKey && x.Verdict != Incomplete:
	case len(negotiated) == 0:
		x.Remark = Join(x.Remark, d.withoutQuickMode(&x))
	case x.Verdict == Decrypted && negotiated[0].KeyReason != "":
		x.Remark = Join(x.Remark, "the rest can't be computed: "+negotiated[0].KeyReason)
	}
	if x.Verdict == NoKey {
		x.Remark = Join(x.Remark, d.Lost)
	}
	return x
}

func (d *Diagnosis) flow(f *salookup.Flow, r *salookup.Report) Finding {
	if r.SA != nil {
		return d.opened(f, r)
	}
	a := f.Tried()
	if a == nil {
		a = &salookup.Attempt{Err: salookup.ErrNoKey, Set: &salookup.Set{}}
	}
	if a.Err == salookup.ErrUndecided && r.Verified == r.Packets() && r.Verified > 0 {
		return Finding{Verdict: Verified, Key: a.Set.Candidates[0].From.Place(),
			Cause: "the integrity check values prove the authentication key; the packets say too little about themselves to prove the encryption key too"}
	}
	x := refused(a, blockLen(f, r.Packets()))
	if cause := d.misplaced(f, a); cause != "" {
		return Finding{Verdict: WrongKey, Key: x.Key, Cause: cause}
	}
	p := wholePacket(f)
	switch {
	case a.Err == salookup.ErrNoKey && !a.Set.Uncertain():
		d.noKey(f, a, r, p, &x)
	case a.Err == esp.ErrIncomplete:
		d.tooShort(f, a, p, &x)
	case x.Verdict == WrongKey && a.Err != salookup.ErrUndecided:
		d.wrongKey(f, a, p, &x)
	}
	return x
}

// wholePacket returns one of the packets that were kept, nil if all were cut.
func wholePacket(f *salookup.Flow) []byte {
	for _, p := range f.Kept() {
		if p.Cut == 0 {
			return p.Data
		}
	}
	return nil
}

// withoutQuickMode says why a SKEYID_d that a source has gives no keys for an SPI that no decrypted
// Quick Mode names, "" where there is none.
func (d *Diagnosis) withoutQuickMode(x *Finding) string {
	if d.KeyD == nil || x.Verdict == NoKey && len(d.Exchanges) > 0 { // the keys are of other connections
		return ""
	}
	reason := "the capture lacks the Quick Mode of this SPI: it begins too late, has one direction only, or the packets are cut"
	for _, sa := range d.Exchanges {
		if sa.InitiatorCookie == d.KeyD.InitiatorCookie && sa.Encrypted > 0 && sa.Decrypted == 0 {
			reason = "the Quick Mode is not decrypted"
		}
	}
	return fmt.Sprintf("SKEYID_d (%s) is of no use: %s", d.KeyD.OriginOf("SKEYID_d"), reason)
}

// misplaced names the first key that a source gives for a flow which nothing opens, and that opens
// another one, or two heads of keys that contradict each other; "" if there is none.
func (d *Diagnosis) misplaced(f *salookup.Flow, a *salookup.Attempt) string {
	sources := d.sources(f)
	for i := range sources {
		s := &sources[i]
		if s.Quick != nil || s.Uncertain || s.Rank == salookup.Pattern || s.Key.IsZero() {
			continue
		}
		if o := d.owner(s.Key); o != nil {
			return theirs(f, o, s) + ", which it opens: look for the key of this SPI in the source"
		}
	}
	if a.Err == esp.ErrIncomplete {
		x, _ := contradiction(sources, salookup.Exact, nil)
		return x.Reason
	}
	return ""
}

// owner returns the flow whose packets are opened by a key that begins so, nil if there is none.
func (d *Diagnosis) owner(head esp.Key) *salookup.Flow {
	f := d.owners[headOf(head)]
	if f != nil {
		for sa := range f.OpenedWith {
			if sa.Key.HasPrefix(head) {
				return f
			}
		}
	}
	return nil
}

// theirs says that a key that a source gives for f is o's.
func theirs(f, o *salookup.Flow, s *salookup.Source) string {
	if reverse(f, o) {
		return fmt.Sprintf("the key at %s is of the other direction (SPI 0x%08x)", s.Place(), o.SPI())
	}
	return fmt.Sprintf("the key at %s is of SPI 0x%08x", s.Place(), o.SPI())
}

// reverse reports whether two flows go opposite ways.
func reverse(f, o *salookup.Flow) bool { return o.Src() == f.Dst() && o.Dst() == f.Src() }

// noKey says why there is no key for the SPI.
func (d *Diagnosis) noKey(f *salookup.Flow, a *salookup.Attempt, r *salookup.Report, p []byte, x *Finding) {
	if near := d.damagedSPI(f, p); near != 0 && r.Packets() == 1 {
		*x = Finding{Verdict: Malformed,
			Cause: fmt.Sprintf("the SPI was damaged on the way: with 0x%08x, which differs in one bit, the integrity check value is right", near)}
		return
	}
	if d.Table.Secret(0) == nil {
		return
	}
	cause, _ := agreed(a.Set)
	nearest, digits := d.nearest(f)
	misread := nearest != nil && digits <= nearDigits && d.bySPI[nearest.SPI] == nil
	if n := d.opens(f, a.Set, wholeKeys, p); n >= 0 {
		s := d.Table.Secret(n)
		if d.otherDirection(f, a.Set, n) {
			*x = Finding{Verdict: NoKey, Cause: fmt.Sprintf("the SPI is in no key source, but the key that %s gives for the other direction (SPI 0x%08x) opens it: the pair is swapped",
				s.Origin, s.SPI)}
			return
		}
		*x = Finding{Verdict: NoKey, Cause: fmt.Sprintf("the SPI is in no key source, but the key that %s gives for SPI 0x%08x opens it: an SPI misread, or the keys are under the wrong SPIs",
			s.Origin, s.SPI)}
		return
	}
	neighbour := d.newest[pair{f.Src(), f.Dst()}]
	switch {
	case cause != "" && misread:
		x.Cause = fmt.Sprintf("the SPI is in no key source, and 0x%08x (%s), which differs in %d of 8 digits, is probably a misreading of it; %s", nearest.SPI, nearest.Origin, digits, cause)
	case cause != "":
	case neighbour != nil && neighbour.Order() > f.Order():
		x.Cause = fmt.Sprintf("the SPI is in no key source; SPI 0x%08x after it between the same addresses has a key (%s): the key source begins after this "+
			"negotiation (take the log from its beginning), or this one is of another client behind the same NAT", neighbour.SPI(), placeOf(neighbour))
	case neighbour != nil:
		x.Cause = fmt.Sprintf("the SPI is in no key source; SPI 0x%08x between the same addresses has a key (%s): it was rekeyed after the key source ends "+
			"(take the log to its end), or this one is of another client behind the same NAT", neighbour.SPI(), placeOf(neighbour))
	case nearest == nil:
		x.Cause = "the SPI is in no key source: the keys are of another connection"
	case misread:
		x.Cause = fmt.Sprintf("the SPI is in no key source; 0x%08x (%s) differs in %d of 8 digits: misread?", nearest.SPI, nearest.Origin, digits)
	default:
		x.Cause = fmt.Sprintf("the SPI is in no key source, the nearest is 0x%08x (%s): the keys are of another connection, or of an SA before or after a rekeying",
			nearest.SPI, nearest.Origin)
	}
}

// placeOf is where the key of an open flow stands.
func placeOf(f *salookup.Flow) string { return f.Report().SA.Place() }

// tooShort looks whether the key that is given for the SPI, too short for some cipher, is in the
// place of another, one that is given for another SPI, or is whole and of another cipher than that
// which is named.
func (d *Diagnosis) tooShort(f *salookup.Flow, a *salookup.Attempt, p []byte, x *Finding) {
	if a.Set.Uncertain() || p == nil {
		return
	}
	key := a.Set.Keyed().Place()
	if n := d.opens(f, a.Set, wholeKeys, p); n >= 0 {
		*x = Finding{Verdict: WrongKey, Key: key, Cause: d.whose(f, a.Set, n)}
		return
	}
	for i := range a.Set.Sources {
		s := &a.Set.Sources[i]
		if named := s.Suite.Cipher; named != nil && !s.Key.IsZero() {
			if suite := d.misnamed(f, s, p); suite.Cipher != nil {
				*x = Finding{Verdict: WrongKey, Key: s.Place(),
					Cause: fmt.Sprintf("the key fits as one of %s, not of the %s that is named (%s)", suite.CipherName(), named.Name, s.Place())}
				return
			}
		}
	}
}

// whose says that the flow is opened by the keys of another SPI than that for which they are given.
func (d *Diagnosis) whose(f *salookup.Flow, set *salookup.Set, n int) string {
	s := d.Table.Secret(n)
	if d.otherDirection(f, set, n) {
		return fmt.Sprintf("key of the other direction: the key that %s gives for SPI 0x%08x opens it, the pair is swapped", s.Origin, s.SPI)
	}
	return fmt.Sprintf("the key that %s gives for SPI 0x%08x opens it: the keys are under the wrong SPIs", s.Origin, s.SPI)
}

// wrongKey looks for where the right key is.
func (d *Diagnosis) wrongKey(f *salookup.Flow, a *salookup.Attempt, p []byte, x *Finding) {
	switch {
	case a.AuthOnly != nil:
		d.half(f, a, authFits, a.AuthOnly, encryptionKey, p, x)
		return
	case a.KeyOnly != nil:
		d.half(f, a, keyFits, a.KeyOnly, authenticationKey, p, x)
		return
	}
	if n := d.opens(f, a.Set, wholeKeys, p); n >= 0 {
		x.Cause, x.Cure = d.whose(f, a.Set, n), ""
	} else if r := rivals(a.Set); r != "" {
		x.Cause, x.Cure = r, ""
	}
}

// half adds to what is found why the other key of a source, which part names, does not fit.
func (d *Diagnosis) half(f *salookup.Flow, a *salookup.Attempt, found string, s *salookup.Source, part keyPart, p []byte, x *Finding) {
	if n := d.opens(f, a.Set, part, p); n >= 0 {
		o := d.Table.Secret(n)
		x.Cause = fmt.Sprintf("%s: the one that %s gives for SPI 0x%08x fits: it is under the wrong SPI", found, o.Origin, o.SPI)
		if d.otherDirection(f, a.Set, n) {
			x.Cause = fmt.Sprintf("%s: the one that %s gives for the other direction (SPI 0x%08x) fits: they are exchanged in the key source", found, o.Origin, o.SPI)
		}
	} else if named := s.Suite.Cipher; part == encryptionKey && named != nil {
		if suite := d.misnamed(f, s, p); suite.Cipher != nil {
			x.Cause = fmt.Sprintf("%s: it fits as one of %s, not of the %s that is named (%s)", found, suite.CipherName(), named.Name, s.Place())
		}
	}
}

// rivals names the sources of full keys that contradict each other though none of them opens the
// packets, "" if there are none: KEYMAT of a Quick Mode, and keys that a log shows.
func rivals(set *salookup.Set) string {
	for i := range set.Sources {
		n := &set.Sources[i]
		if n.Quick == nil || n.Key.IsZero() {
			continue
		}
		for j := range set.Sources {
			s := &set.Sources[j]
			if s.Quick != nil || s.Uncertain || s.Rank == salookup.Pattern {
				continue
			}
			if key, auth := s.Agrees(n.Key, n.AuthKey); !key || !auth {
				return fmt.Sprintf("the key at %s is not the one that KEYMAT gives with SKEYID_d%s: one of the two is damaged", s.Place(), atPlace(n.Origin.String()))
			}
		}
	}
	return ""
}

// atPlace is " at file:line", or nothing where the place is not known.
func atPlace(place string) string {
	if place == "" {
		return ""
	}
	return " at " + place
}

// nearest returns the secret whose SPI has most hex digits in common with the flow's.
func (d *Diagnosis) nearest(f *salookup.Flow) (best *esp.Secret, digits int) {
	digits = 9
	for _, s := range d.Table.Secrets() {
		if d.compares--; d.compares < 0 {
			break
		}
		if n := hexDigits(s.SPI ^ f.SPI()); s.SPIMask == ^uint32(0) && n < digits {
			best, digits = s, n
		}
	}
	return best, digits
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

// opens looks for another SPI's secret whose keys, or that part of them, open a packet of the flow,
// and returns its number; -1 if there is none.
func (d *Diagnosis) opens(f *salookup.Flow, set *salookup.Set, part keyPart, p []byte) int {
	if p == nil || d.foreign < 0 {
		return -1
	}
	own := slices.Clone(set.Sources) // these name the algorithms
	for i := range own {
		s := *own[i].Secret
		if s.AuthKey = (esp.Key{}); part != authenticationKey {
			s.Key = esp.Key{}
		}
		own[i].Secret = &s
	}
	for _, n := range d.likely(f, set, part) {
		theirs := *d.Table.Secret(n)
		switch part {
		case encryptionKey:
			theirs.AuthKey = esp.Key{}
		case authenticationKey:
			theirs.Key = esp.Key{}
		}
		other := salookup.Candidates(slices.Concat([]salookup.Source{{Secret: &theirs}}, own))
		if part == authenticationKey {
			other.Candidates = other.Candidates[:other.Checked]
		}
		if d.fits(f, other, p) != (esp.Suite{}) {
			return n
		}
	}
	return -1
}

// fits tries candidates on a packet, as far as the budget goes, and returns the algorithms of the
// one that proves right, the zero Suite if none does.
func (d *Diagnosis) fits(f *salookup.Flow, set *salookup.Set, p []byte) esp.Suite {
	for i := range set.Candidates {
		if d.foreign--; d.foreign < 0 {
			break
		}
		c := &set.Candidates[i]
		if o := d.trial.Try(set, c, f.SPI(), salookup.Packet{Data: p}); o.Proves(c, 0) {
			return o.SA.Suite()
		}
	}
	return esp.Suite{}
}

// likely returns the numbers of other secrets whose keys may open a flow, the likely ones first:
// the other direction, neighbours, the SPI with its bytes reversed, then any.
func (d *Diagnosis) likely(f *salookup.Flow, set *salookup.Set, part keyPart) []int {
	var list []int
	add := func(n int) {
		s := d.Table.Secret(n)
		if s == nil || s.SPI == f.SPI() || s.SPIMask != ^uint32(0) || s.Uncertain || s.Key.IsZero() && part != authenticationKey ||
			s.AuthKey.IsZero() && part == authenticationKey || len(list) >= foreignLimit || slices.Contains(list, n) {
			return
		}
		list = append(list, n)
	}
	for i := range set.Sources {
		s := &set.Sources[i]
		for _, n := range d.Table.SecretsOf(s.PairSPI) {
			add(n)
		}
		if n := s.Number(); n >= 0 {
			add(n - 1)
			add(n + 1)
		}
	}
	for _, n := range d.Table.SecretsOf(bits.ReverseBytes32(f.SPI())) {
		add(n)
	}
	for n := range d.Table.Secrets() {
		if len(list) >= foreignLimit {
			break
		}
		add(n)
	}
	return list
}

// misnamed tries the keys of a source with other algorithms than those that it names, and returns
// those that fit, the zero Suite if none do.
func (d *Diagnosis) misnamed(f *salookup.Flow, s *salookup.Source, p []byte) esp.Suite {
	if p == nil || s.Quick != nil {
		return esp.Suite{}
	}
	unnamed := *s.Secret
	unnamed.Suite = esp.Suite{ESN: s.Suite.ESN}
	return d.fits(f, salookup.Candidates([]salookup.Source{{Secret: &unnamed}}), p)
}

// damagedSPI looks for an SPI in use of which the flow's differs in one bit, and which makes the
// ICV of the packet right; 0 if there is none.
func (d *Diagnosis) damagedSPI(f *salookup.Flow, p []byte) uint32 {
	if p == nil {
		return 0
	}
	mended := bytes.Clone(p)
	for bit := range 32 {
		spi := f.SPI() ^ 1<<bit
		if !d.Table.Named(spi) {
			continue
		}
		binary.BigEndian.PutUint32(mended, spi)
		for _, o := range d.bySPI[spi] {
			for sa := range o.OpenedWith {
				if o.Dst() == f.Dst() && o.Inside() == f.Inside() && sa.Checks() && sa.Verifies(mended) {
					return spi
				}
			}
		}
		set := salookup.Candidates(d.Table.Sources(spi, f.Src(), f.Dst()))
		for i := range set.Candidates[:set.Checked] {
			if d.foreign--; d.foreign >= 0 && d.trial.Try(set, &set.Candidates[i], spi, salookup.Packet{Data: mended}).ICV {
				return spi
			}
		}
	}
	return 0
}

// otherDirection reports whether a secret belongs to the other direction of the flow.
func (d *Diagnosis) otherDirection(f *salookup.Flow, set *salookup.Set, number int) bool {
	e := d.Table.Secret(number)
	if e.PairSPI == f.SPI() || slices.ContainsFunc(d.bySPI[e.SPI], func(o *salookup.Flow) bool { return reverse(f, o) }) {
		return true
	}
	for i := range set.Sources {
		s := &set.Sources[i]
		if s.PairSPI == e.SPI && s.PairSPI != 0 {
			return true
		}
		if n := s.Number(); n >= 0 && (n-number == 1 || number-n == 1) && s.Origin.File == e.Origin.File {
			return true
		}
	}
	return false
}
