package ikev1

import (
	"bytes"
	"net/netip"
	"slices"
)

// claim is what somebody said in phase 1 in clear: the body of an SA, KE, nonce or ID payload.
// Anybody can say anything: claims that contradict each other are kept side by side until a message
// that decrypts, or a HASH, chooses.
type claim struct {
	body   []byte
	from   side
	answer bool // an SA payload: the responder's choice, not an offer
	proven bool // chosen
}

const (
	maxClaims    = 8        // of one kind; half of them are the first
	maxSABody    = 16 << 10 // bytes of an SA payload that are kept
	maxClaimBody = 2 << 10  // bytes of a KE, nonce or ID payload
)

// learn takes what a message of phase 1 says, once.
func (sa *SA) learn(m *Message, r *record) {
	for i := range m.Payloads {
		p := &m.Payloads[i]
		c := claim{body: p.Body, from: r.from, proven: m.Decrypted}
		switch {
		case p.Type == PayloadSA && len(p.Body) <= maxSABody:
			c.answer = !r.begins
			if keep(&sa.proposals, c) {
				sa.readProposals()
			}
		case len(p.Body) > maxClaimBody:
		case p.Type == PayloadKE:
			if keep(&sa.kes, c) {
				sa.initial = nil
			}
		case p.Type == PayloadNonce:
			keep(&sa.nonces, c)
		case p.Type == PayloadID:
			keep(&sa.ids, c)
		}
	}
}

// keep adds a claim if it is new, and says whether it is. Where there are too many, the oldest of
// the newer half that is not proven makes room.
func keep(list *[]*claim, c claim) bool {
	for _, o := range *list {
		if bytes.Equal(o.body, c.body) && o.from == c.from {
			o.proven = o.proven || c.proven
			return false
		}
	}
	if len(*list) >= maxClaims {
		i := slices.IndexFunc((*list)[maxClaims/2:], func(o *claim) bool { return !o.proven })
		if i < 0 {
			return false
		}
		*list = slices.Delete(*list, maxClaims/2+i, maxClaims/2+i+1)
	}
	c.body = bytes.Clone(c.body)
	*list = append(*list, &c)
	return true
}

// of returns the claims of a role: just the proven one if there is one.
func (sa *SA) claimsOf(list []*claim, want role) []*claim {
	var all []*claim
	for _, c := range list {
		switch {
		case sa.roleOf(c.from) != want:
		case c.proven:
			return []*claim{c}
		default:
			all = append(all, c)
		}
	}
	return all
}

// onlyClaim returns the body of the one claim of a role, nil when it is not known or there are
// several.
func (sa *SA) onlyClaim(list []*claim, want role) []byte {
	if all := sa.claimsOf(list, want); len(all) == 1 {
		return all[0].body
	}
	return nil
}

// choose marks what a message proves.
func choose(claims ...*claim) {
	for _, c := range claims {
		if c != nil {
			c.proven = true
		}
	}
}

// readProposals finds out what may have been negotiated: the responder's choice, or else what the
// initiator offered.
func (sa *SA) readProposals() {
	sa.suites, sa.Unsupported, sa.configured = nil, "", configVersion{}
	answered := slices.ContainsFunc(sa.proposals, func(c *claim) bool { return c.answer })
	for _, c := range sa.proposals {
		if p, err := parseSA(c.body); err == nil && c.answer == answered {
			for i := range p.Proposals {
				for j := range p.Proposals[i].Transforms {
					terms := p.Proposals[i].Transforms[j].phase1()
					sa.mayHave(terms, answered, len(p.Proposals) == 1 && len(p.Proposals[0].Transforms) == 1)
				}
			}
		}
	}
	if len(sa.suites) == 1 && len(sa.keys) == 0 {
		sa.setSuite(sa.suites[0])
	}
}

// maxSuites bounds how many offered combinations are tried where the responder's choice was not
// captured.
const maxSuites = 32

// mayHave adds what a transform names to what may have been negotiated. chosen: the responder says
// so; only: nothing else was offered.
func (sa *SA) mayHave(terms phase1Terms, chosen, only bool) {
	s, ok := suiteOf(terms)
	if !ok {
		if chosen && sa.Unsupported == "" {
			sa.Unsupported = terms.cipherName() + " with " + terms.hashName()
		}
		return
	}
	if (chosen || only) && len(sa.suites) == 0 {
		sa.AuthMethod, sa.Group = terms.AuthMethod, terms.Group
		sa.LifeSeconds, sa.LifeKilobytes = terms.LifeSeconds, terms.LifeKilobytes
	}
	if !slices.Contains(sa.suites, s) && len(sa.suites) < maxSuites {
		sa.suites = append(sa.suites, s)
	}
}

// ends is where the two sides of an SA are: as a message that was decrypted has shown it last, and
// as any message has.
type ends struct{ proven, last pair }

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

// sender tells who sent a message. The first that is seen is of side A.
func (e *ends) sender(src, dst netip.AddrPort) side {
	if !e.last.a.IsValid() {
		return sideA
	}
	if s := e.proven.sender(src, dst); s != sideUnknown {
		return s
	}
	return e.last.sender(src, dst)
}

// sender compares the addresses. Either side's address or port may have changed since; the other
// one then decides.
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
