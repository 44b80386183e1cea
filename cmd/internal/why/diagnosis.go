package why

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// headLen is how many bytes of a key have to agree before it is taken for the head of another.
const headLen = 8

// Diagnosis says what became of ESP: it looks for causes in a flow's own sources, in those of other
// SPIs, and in what became of other flows. It is made when a report is asked for, after the run.
type Diagnosis struct {
	Table     *salookup.Table
	Exchanges []*ikev1.SA   // of the capture
	KeyD      *ikev1.Secret // the first secret with SKEYID_d, nil if there is none
	Lost      string        // says which values of key sources are damaged: one may be the key that is missing

	flows  []*salookup.Flow
	index  func() *index     // made when something is looked for in it
	room   []salookup.Source // of sources
	wrong  []KeyFinding
	judged bool
	blamed map[*salookup.Known]bool // secrets that wrong is about
	trials
}

// index finds flows.
type index struct {
	bySPI  []*salookup.Flow           // sorted, of one SPI in their order
	newest map[pair]*salookup.Flow    // that is open
	owners map[keyHead]*salookup.Flow // open, by the head of the key
}

type pair struct{ src, dst netip.Addr }

// Diagnose begins a diagnosis of what a table holds.
func Diagnose(t *salookup.Table) *Diagnosis {
	d := &Diagnosis{Table: t, flows: t.Flows(), blamed: make(map[*salookup.Known]bool),
		trials: trials{left: foreignTries, compares: compareTries}}
	d.index = sync.OnceValue(func() *index { return newIndex(d.flows) })
	for _, f := range d.flows {
		if f.Agreed() {
			continue
		}
		var sources []salookup.Source
		for sa := range f.OpenedWith {
			if sources == nil {
				sources = d.sources(f)
			}
			salookup.Confirm(sources, sa)
		}
	}
	return d
}

func newIndex(flows []*salookup.Flow) *index {
	x := &index{bySPI: slices.Clone(flows), newest: make(map[pair]*salookup.Flow),
		owners: make(map[keyHead]*salookup.Flow, len(flows))}
	slices.SortFunc(x.bySPI, func(a, b *salookup.Flow) int {
		return cmp.Or(cmp.Compare(a.SPI(), b.SPI()), cmp.Compare(a.Order(), b.Order()))
	})
	for _, f := range flows {
		for sa := range f.OpenedWith {
			x.newest[pair{f.Src(), f.Dst()}] = f
			if h, ok := headOf(sa.Key); ok && x.owners[h] == nil {
				x.owners[h] = f
			}
		}
	}
	return x
}

// flowsOf returns the flows of an SPI in their order.
func (d *Diagnosis) flowsOf(spi uint32) []*salookup.Flow {
	bySPI := d.index().bySPI
	at, _ := slices.BinarySearchFunc(bySPI, spi,
		func(f *salookup.Flow, spi uint32) int { return cmp.Compare(f.SPI(), spi) })
	end := at
	for end < len(bySPI) && bySPI[end].SPI() == spi {
		end++
	}
	return bySPI[at:end]
}

// keyHead is the head of a key as it is looked up.
type keyHead [headLen]byte

// headOf is the head of a key; ok is false if the key is too short.
func headOf(k esp.Key) (h keyHead, ok bool) {
	return h, copy(h[:], k.Bytes()) == headLen
}

// sources returns what is known of a flow's SPI, valid until the next call.
func (d *Diagnosis) sources(f *salookup.Flow) []salookup.Source {
	d.room = d.Table.AppendSources(d.room[:0], f.SPI(), f.Src(), f.Dst())
	return d.room
}

// right reports whether a source gives what opened packets, of this flow or of another.
func right(s *salookup.Source, f *salookup.Flow) bool {
	if s.Known != nil {
		return s.Known.Used
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
	if r.SA != nil {
		x.Suite = r.SA.Suite
	} else if a := f.Tried(); a != nil {
		x.Suite = a.Set.Named()
	}
	negotiated := d.Table.Negotiated(r.SPI)
	switch {
	case x.Verdict == NoKey && r.Undecided > 0: // there is a key
		return x
	case x.Verdict != Decrypted && x.Verdict != NoKey && x.Verdict != Incomplete:
	case len(negotiated) == 0:
		x.Remark = Join(x.Remark, d.withoutQuickMode(x.Verdict))
	case x.Verdict == Decrypted && negotiated[0].KeyReason != "":
		x.Remark = Join(x.Remark, "the rest can't be computed: "+negotiated[0].KeyReason)
	}
	if x.Verdict == NoKey {
		x.Remark = Join(x.Remark, d.Lost)
	}
	return x
}

// withoutQuickMode says why a SKEYID_d that a source has gives no keys for an SPI that no decrypted
// Quick Mode names, "" where there is none.
func (d *Diagnosis) withoutQuickMode(v Verdict) string {
	if d.KeyD == nil || v == NoKey && len(d.Exchanges) > 0 { // the keys are of other connections
		return ""
	}
	reason := "the capture lacks the Quick Mode of this SPI: " +
		"it begins too late, has one direction only, or the packets are cut"
	for _, sa := range d.Exchanges {
		if sa.InitiatorCookie == d.KeyD.InitiatorCookie && sa.Encrypted > 0 && sa.Decrypted == 0 {
			reason = "the Quick Mode is not decrypted"
		}
	}
	return fmt.Sprintf("SKEYID_d (%s) is of no use: %s", d.KeyD.OriginOf("SKEYID_d"), reason)
}

// flow says it as far as ESP alone tells.
func (d *Diagnosis) flow(f *salookup.Flow, r *salookup.Report) Finding {
	if r.SA != nil {
		return d.opened(f, r)
	}
	a := f.Tried()
	if a == nil { // the run ended before the next packet, after something new had come
		a = &salookup.Attempt{Err: salookup.ErrNoKey, Set: &salookup.Set{}}
	}
	if n := r.Packets(); a.Err == salookup.ErrUndecided && n > 0 && n == max(r.Verified, r.Decrypted) {
		x := Finding{Verdict: Verified, Key: a.Set.Candidates[0].From.Place(),
			Cause: "the integrity check values prove the authentication key; " +
				"the packets say too little about themselves to prove the encryption key too"}
		if r.Decrypted > 0 {
			x.Verdict = Decrypted
			x.Cause = "the packets fit the key; they say too little about themselves to leave no doubt"
		}
		return x
	}
	c := &closed{Diagnosis: d, flow: f, set: a.Set, packet: wholePacket(f), Finding: refused(a, blockLen(f, r.Packets()))}
	switch {
	case c.misplaced(a.Err == esp.ErrIncomplete):
	case a.Err == salookup.ErrNoKey && a.Set.ForAny():
		c.forAny()
	case a.Err == salookup.ErrNoKey && !a.Set.Uncertain():
		c.noKey(r.Packets() == 1)
	case a.Err == esp.ErrIncomplete:
		c.tooShort()
	case a.AuthOnly != nil:
		c.half(authFits, a.AuthOnly, encryptionKey)
	case a.KeyOnly != nil:
		c.half(keyFits, a.KeyOnly, authenticationKey)
	case c.Verdict == WrongKey:
		c.wrongKey()
	}
	return c.Finding
}

// closed is a flow that no key opens, of which more is to be found out than its own sources tell.
type closed struct {
	*Diagnosis
	flow   *salookup.Flow
	set    *salookup.Set
	packet []byte // one that was kept, nil if all were cut
	Finding
}

// because makes the finding another one.
func (c *closed) because(v Verdict, format string, args ...any) {
	c.Verdict, c.Cause, c.Cure = v, fmt.Sprintf(format, args...), ""
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

// misplaced looks for a key of the flow's that opens another one, or where none is whole for two
// heads of keys that contradict each other.
func (c *closed) misplaced(heads bool) bool {
	sources := c.sources(c.flow)
	for i := range sources {
		s := &sources[i]
		if s.Quick != nil || s.Uncertain || s.Rank == salookup.Pattern || s.Key.IsZero() {
			continue
		}
		if o := c.owner(s.Key); o != nil {
			c.because(WrongKey, "%s, which it opens: look for the key of this SPI in the source", theirs(c.flow, o, s))
			return true
		}
	}
	x, found := KeyFinding{}, false
	if heads {
		if x, found = contradiction(sources, salookup.Exact, nil); found {
			c.because(WrongKey, "%s", x.Reason)
		}
	}
	return found
}

// owner returns the flow whose packets are opened by a key that begins so, nil if there is none.
func (d *Diagnosis) owner(head esp.Key) *salookup.Flow {
	h, ok := headOf(head)
	if f := d.index().owners[h]; ok && f != nil {
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

// noKey says why there is no key for the SPI; alone tells that one packet only had it.
func (c *closed) noKey(alone bool) {
	if near := c.damagedSPI(); near != 0 && alone {
		c.because(Malformed, "the SPI was damaged on the way: with 0x%08x, which differs in one bit, "+
			"the integrity check value is right", near)
		return
	}
	if len(c.Table.Secrets()) == 0 {
		return
	}
	const none = "the SPI is in no key source"
	nearest, digits := c.nearest()
	misread := nearest != nil && digits <= nearDigits && len(c.flowsOf(nearest.SPI)) == 0
	quick, _ := agreed(c.set)
	neighbour := c.index().newest[pair{c.flow.Src(), c.flow.Dst()}]
	if s := c.opens(wholeKeys); s != nil {
		if c.otherDirection(s) {
			c.because(NoKey, "%s, but the key that %s gives for the other direction (SPI 0x%08x) opens it: "+
				"the pair is swapped", none, s.Origin, s.SPI)
		} else {
			c.because(NoKey, "%s, but the key that %s gives for SPI 0x%08x opens it: "+
				"an SPI misread, or the keys are under the wrong SPIs", none, s.Origin, s.SPI)
		}
		return
	}
	switch {
	case quick != "" && misread:
		c.Cause = fmt.Sprintf("%s, and 0x%08x (%s), which differs in %d of 8 digits, is probably a misreading of it; %s",
			none, nearest.SPI, nearest.Origin, digits, quick)
	case quick != "":
	case neighbour != nil && neighbour.Order() > c.flow.Order():
		c.because(NoKey, "%s; SPI 0x%08x after it between the same addresses has a key (%s): "+
			"the key source begins after this negotiation (take the log from its beginning), "+
			"or this one is of another client behind the same NAT", none, neighbour.SPI(), placeOf(neighbour))
	case neighbour != nil:
		c.because(NoKey, "%s; SPI 0x%08x between the same addresses has a key (%s): "+
			"it was rekeyed after the key source ends (take the log to its end), "+
			"or this one is of another client behind the same NAT", none, neighbour.SPI(), placeOf(neighbour))
	case nearest == nil:
		c.because(NoKey, "%s: the keys are of another connection", none)
	case misread:
		c.because(NoKey, "%s; 0x%08x (%s) differs in %d of 8 digits: misread?", none, nearest.SPI, nearest.Origin, digits)
	default:
		c.because(NoKey, "%s, the nearest is 0x%08x (%s): the keys are of another connection, "+
			"or of an SA before or after a rekeying", none, nearest.SPI, nearest.Origin)
	}
}

// placeOf is where the key of an open flow stands.
func placeOf(f *salookup.Flow) string { return f.Report().SA.Place() }

// tooShort looks whether the key that is given for the SPI, too short for some cipher, is in the
// place of another, one that is given for another SPI, or is whole and of another cipher than that
// which is named.
func (c *closed) tooShort() {
	if c.set.Uncertain() {
		return
	}
	if s := c.opens(wholeKeys); s != nil {
		c.Key = c.set.Keyed().Place()
		c.underAnother(s)
		return
	}
	for i := range c.set.Sources {
		s := &c.set.Sources[i]
		if named := s.Suite.Cipher; named != nil && !s.Key.IsZero() {
			if suite := c.misnamed(s); suite.Cipher != nil {
				c.Key = s.Place()
				c.because(WrongKey, "the key fits as one of %s, not of the %s that is named (%s)",
					suite.CipherName(), named.Name, s.Place())
				return
			}
		}
	}
}

// underAnother says that the flow is opened by the keys of another SPI than that for which they are
// given.
func (c *closed) underAnother(s *salookup.Known) {
	if c.otherDirection(s) {
		c.because(WrongKey, "key of the other direction: the key that %s gives for SPI 0x%08x opens it, "+
			"the pair is swapped", s.Origin, s.SPI)
		return
	}
	c.because(WrongKey, "the key that %s gives for SPI 0x%08x opens it: the keys are under the wrong SPIs", s.Origin, s.SPI)
}

// wrongKey looks for where the right key is, or for what else contradicts the key that is given.
func (c *closed) wrongKey() {
	if s := c.opens(wholeKeys); s != nil {
		c.underAnother(s)
		return
	}
	for i := range c.set.Sources {
		q := &c.set.Sources[i]
		if q.Quick == nil || q.Key.IsZero() {
			continue
		}
		for j := range c.set.Sources {
			s := &c.set.Sources[j]
			if s.Quick != nil || s.Uncertain || s.Rank == salookup.Pattern {
				continue
			}
			if key, auth := s.Agrees(q.Key, q.AuthKey); !key || !auth {
				c.because(WrongKey, "the key at %s is not the one that KEYMAT gives with SKEYID_d%s: one of the two is damaged",
					s.Place(), atPlace(q.Origin))
				return
			}
		}
	}
}

// forAny calls keys wrong that are given for any SPI and open none.
func (c *closed) forAny() {
	for i := range c.set.Sources {
		if s := &c.set.Sources[i]; !s.Key.IsZero() && c.owner(s.Key) != nil {
			return
		}
	}
	c.because(WrongKey, "the keys that are given for any SPI open none (%s)", places(c.set))
}

// half says why the other key of a source, which part names, does not fit.
func (c *closed) half(found string, s *salookup.Source, part keyPart) {
	o := c.opens(part)
	switch {
	case o != nil && c.otherDirection(o):
		c.because(WrongKey, "%s: the one that %s gives for the other direction (SPI 0x%08x) fits: "+
			"they are exchanged in the key source", found, o.Origin, o.SPI)
	case o != nil:
		c.because(WrongKey, "%s: the one that %s gives for SPI 0x%08x fits: it is under the wrong SPI", found, o.Origin, o.SPI)
	case part == encryptionKey && s.Suite.Cipher != nil:
		if suite := c.misnamed(s); suite.Cipher != nil {
			c.because(WrongKey, "%s: it fits as one of %s, not of the %s that is named (%s)",
				found, suite.CipherName(), s.Suite.Cipher.Name, s.Place())
		}
	}
}

// atPlace is " at file:line", or nothing where the place is not known.
func atPlace(o esp.Origin) string {
	if o.IsZero() {
		return ""
	}
	return " at " + o.String()
}
