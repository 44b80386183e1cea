package ikev1

import (
	"bytes"
	"iter"
	"net/netip"
	"slices"
)

// claim is what somebody said in phase 1 in clear: the body of an SA, KE, nonce or ID payload.
// Anybody can say anything: claims that contradict each other are kept side by side until a message
// that decrypts, or a HASH, chooses.
type claim struct {
	body   []byte
	from   side // of the SA
	first  bool // by a first message: the initiator says so
	mode   ExchangeType
	answer bool // an SA payload: the responder's choice, not an offer

	since   int64 // number of the message that said it, of all
	dropped bool  // it made room for others
}

// claims is what was said: of SA, KE, nonce and ID payloads.
type claims [4][]*claim

// kinds are the types of the payloads in claims.
var kinds = [...]PayloadType{PayloadSA, PayloadKE, PayloadNonce, PayloadID}

// of returns the claims of a payload type; nil: none are kept.
func (c *claims) of(t PayloadType) *[]*claim {
	if i := slices.Index(kinds[:], t); i >= 0 {
		return &c[i]
	}
	return nil
}

const (
	maxClaims    = 64       // of one type; half of them are the first
	fewClaims    = 2        // the same, where there are many bytes of all SAs
	maxClaimed   = 16 << 20 // many
	maxUnordered = 4        // KE values of which it may be wrong who sent which
	maxSABody    = 8 << 10  // bytes of an SA payload that are kept
	maxClaimBody = 2 << 10  // bytes of a KE, nonce or ID payload
)

// family is the SAs with one initiator cookie: there are several where several responders have
// answered, or somebody says so. What the first messages say counts for all of them.
type family struct {
	sas     []*SA // the oldest first
	claims  claims
	tracker *Tracker
	began   []pair // the first messages were sent from a to b
	heard   int64  // number of the last message, of all
}

// learn takes what a message of phase 1 says.
func (sa *SA) learn(m *Message, r *record) {
	to := &sa.claims
	if r.begins {
		to = &sa.family.claims
		sa.family.begin(*r.way)
	}
	for i := range m.Payloads {
		p := &m.Payloads[i]
		c := claim{body: p.Body, from: r.from, mode: r.mode, first: r.begins, since: sa.family.tracker.observed}
		limit := maxClaimBody
		if p.Type == PayloadSA {
			c.answer, limit = !r.begins, maxSABody
		}
		list := to.of(p.Type)
		if list == nil || len(p.Body) > limit {
			continue
		}
		if kept := sa.keep(list, p.Type, c); m.Decrypted {
			sa.choose(kept)
		}
	}
}

// begin notes who sent a first message.
func (f *family) begin(p pair) {
	if slices.Contains(f.began, p) {
		return
	}
	if len(f.began) < maxPairs {
		f.began = append(f.began, p)
	}
	for _, sa := range f.sas {
		sa.claimInitiator(sa.ends.add(p.a, p.b))
	}
}

// keep adds a claim if it is new, and returns it. Where there are too many, the oldest of the newer
// half that is not chosen makes room.
func (sa *SA) keep(to *[]*claim, kind PayloadType, c claim) *claim {
	list := *to
	for _, o := range list {
		if bytes.Equal(o.body, c.body) && o.from == c.from && o.mode == c.mode && o.answer == c.answer {
			return o
		}
	}
	var dropped *claim
	most := maxClaims
	total := &sa.family.tracker.claimed
	if *total > maxClaimed {
		most = fewClaims
	}
	if len(list) >= most {
		i := slices.IndexFunc(list[most/2:], func(o *claim) bool { return !slices.Contains(sa.chosen, o) })
		if i < 0 {
			return nil
		}
		dropped = list[most/2+i]
		dropped.dropped = true
		list = slices.Delete(list, most/2+i, most/2+i+1)
		*total -= len(dropped.body)
	}
	c.body = bytes.Clone(c.body)
	*total += len(c.body)
	*to = append(list, &c)
	affected := []*SA{sa}
	if c.first {
		affected = sa.family.sas
	}
	for _, o := range affected {
		switch kind {
		case PayloadSA:
			o.readProposals(&c)
		case PayloadKE:
			o.renewIVs(&c, dropped)
		}
	}
	return &c
}

// bytes returns how many the claims are.
func (c *claims) bytes() (n int) {
	for _, list := range c {
		for _, x := range list {
			n += len(x.body)
		}
	}
	return n
}

// said returns the claims of one type: those of the first messages, then the SA's own.
func (sa *SA) said(kind PayloadType) iter.Seq[*claim] {
	return func(yield func(*claim) bool) {
		for _, list := range [2][]*claim{*sa.family.claims.of(kind), *sa.claims.of(kind)} {
			for _, c := range list {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// countKE returns how many claims of public values there are.
func (sa *SA) countKE() int {
	return len(*sa.family.claims.of(PayloadKE)) + len(*sa.claims.of(PayloadKE))
}

// mayBeOf reports whether a claim can be one of a role.
func (sa *SA) mayBeOf(c *claim, want role) bool {
	if c.first {
		return want == roleInitiator
	}
	return !sa.ordered() || sa.roleOf(c.from) == want
}

// saidBy returns the claims of a side: just the one that is chosen, if there is one.
func (sa *SA) saidBy(kind PayloadType, from side) []*claim {
	return sa.possible(kind, func(c *claim) bool { return c.from == from })
}

// offers returns the SA payloads that the initiator may have sent: just the one that is chosen.
func (sa *SA) offers() []*claim {
	return sa.possible(PayloadSA, func(c *claim) bool { return !c.answer })
}

func (sa *SA) possible(kind PayloadType, fits func(*claim) bool) (list []*claim) {
	for c := range sa.said(kind) {
		switch {
		case !fits(c):
		case slices.Contains(sa.chosen, c):
			return []*claim{c}
		default:
			list = append(list, c)
		}
	}
	return list
}

// choose notes what a message proves.
func (sa *SA) choose(list ...*claim) {
	for _, c := range list {
		if c != nil && !slices.Contains(sa.chosen, c) {
			sa.chosen = append(sa.chosen, c)
		}
	}
}

// readProposals takes what one more SA payload says: the responder's choice, else an offer.
func (sa *SA) readProposals(c *claim) {
	switch {
	case c.answer && !sa.answered:
		sa.answered = true
		sa.suites, sa.Unsupported = nil, ""
	case !c.answer && sa.answered:
		return
	}
	if p, err := parseSA(c.body); err == nil {
		for o := range p.proposals() {
			for t := range o.transforms() {
				t.Protocol = protocolISAKMP // whatever is claimed
				sa.mayHave(t.terms(), c.answer, p.count == 1 && o.count == 1)
			}
		}
	}
	sa.configured = 0
	if len(sa.suites) == 1 && len(sa.keys) == 0 {
		sa.setSuite(sa.suites[0])
	}
}

// Bounds of the combinations of algorithms that are tried: of those that responders have chosen,
// the first of whom is mostly right, and of those that were offered.
const (
	maxChosen  = 8
	maxOffered = 32
)

// mayHave adds a transform to what may have been negotiated. only: nothing else was offered.
func (sa *SA) mayHave(p terms, chosen, only bool) {
	s, ok := suiteOf(p)
	if !ok {
		if chosen && sa.Unsupported == "" {
			sa.Unsupported = p.cipherName() + " with " + p.hashName()
		}
		return
	}
	if (chosen || only) && len(sa.suites) == 0 {
		sa.AuthMethod, sa.Group = p.Auth, p.Group
	}
	most := maxOffered
	if chosen {
		most = maxChosen
	}
	if !slices.Contains(sa.suites, s) && len(sa.suites) < most {
		sa.suites = append(sa.suites, s)
	}
}

// ends is where the two sides of an SA are: as a message that was decrypted has shown it last, and
// as others have. Who comes first may be a stranger: what shares no address with the pairs that
// were seen is another one.
type ends struct {
	proven, last pair
	seen         []pair
}

// maxPairs bounds the addresses of an SA's messages while no key proves any.
const maxPairs = 8

// pair is the addresses of both sides.
type pair struct{ a, b netip.AddrPort }

// of returns the address of a side.
func (e *ends) of(s side) netip.AddrPort {
	p := e.last
	if e.proven.a.IsValid() {
		p = e.proven
	}
	if s == sideB {
		return p.b
	}
	return p.a
}

// sender tells who sent a message. The first that is seen of a pair is of side A.
func (e *ends) sender(src, dst netip.AddrPort) side {
	if s := e.proven.sender(src, dst); s != sideUnknown {
		return s
	}
	for i := range e.seen {
		if s := e.seen[i].sender(src, dst); s != sideUnknown {
			return s
		}
	}
	if e.proven.a.IsValid() || len(e.seen) == maxPairs {
		return sideUnknown
	}
	return sideA
}

// add notes the addresses of a message, and returns its sender.
func (e *ends) add(src, dst netip.AddrPort) side {
	from := e.sender(src, dst)
	e.note(src, dst, from)
	return from
}

// note notes the addresses of a message whose sender may be known.
func (e *ends) note(src, dst netip.AddrPort, from side) {
	if from == sideUnknown {
		return
	}
	e.last.set(src, dst, from)
	if len(e.seen) < maxPairs && !slices.Contains(e.seen, e.last) {
		e.seen = append(e.seen, e.last)
	}
}

// sender compares the addresses, of which either side's may have changed since.
func (p *pair) sender(src, dst netip.AddrPort) side {
	match := func(a, b netip.AddrPort) int {
		switch {
		case !a.IsValid() || a.Addr() != b.Addr():
			return 0
		case a != b:
			return 4
		}
		return 5
	}
	forth := match(src, p.a) + match(dst, p.b)
	back := match(src, p.b) + match(dst, p.a)
	switch {
	case forth > back:
		return sideA
	case back > forth:
		return sideB
	}
	return sideUnknown
}

// set notes the addresses of a message whose sender is known.
func (p *pair) set(src, dst netip.AddrPort, from side) {
	switch from {
	case sideA:
		p.a, p.b = src, dst
	case sideB:
		p.a, p.b = dst, src
	}
}
