package ikev1

import "net/netip"

// roleProof says what speaks for the initiator of an SA being the initiator. The
// stronger has the larger value.
type roleProof uint8

const (
	rolesGuessed roleProof = iota // it sent the first message that was captured
	rolesLikely                   // it began a Quick Mode
	rolesOrdered                  // it was the first to encrypt
	rolesProven                   // by the contents of a message, or an IV
)

// rolesKnown says that the numbers of phase 1, which depend on who sent what, are known.
func (sa *SA) rolesKnown() bool { return sa.roles >= rolesOrdered }

// setRoles records who is the initiator.
func (sa *SA) setRoles(initiator, responder netip.AddrPort, proof roleProof) {
	if sa.roles > proof {
		return
	}
	if sa.Initiator.IsValid() && sa.roles < proof && sa.side(initiator, responder) == fromResponder {
		sa.swapRoles()
	}
	sa.Initiator, sa.Responder = initiator, responder
	sa.roles = proof
}

// proveRoles records that what dir says of a sender is right, or where swap is set
// that it is the wrong way round.
func (sa *SA) proveRoles(swap bool, proof roleProof) {
	if sa.roles > proof {
		return
	}
	if swap {
		sa.swapRoles()
	}
	sa.roles = proof
}

// swapRoles corrects a wrong guess of who is the initiator.
func (sa *SA) swapRoles() {
	sa.Initiator, sa.Responder = sa.Responder, sa.Initiator
	flip := func(ex *exchange) {
		for _, r := range ex.records {
			r.dir = -r.dir
		}
	}
	flip(sa.phase1)
	for _, r := range sa.phase1.records {
		r.renumber()
	}
	for _, ex := range sa.exchanges {
		ex.starter = -ex.starter
		flip(ex)
	}
	for _, x := range sa.ke {
		x.dir = -x.dir
	}
	for _, x := range sa.nonces {
		x.dir = -x.dir
	}
}

// renumber gives a message of phase 1 its number, by what it holds and by who
// sent it.
func (r *record) renumber() {
	if r.base == 0 || r.proven {
		return
	}
	r.number = r.base
	if r.dir == fromResponder {
		r.number++
	}
}

// encrypts takes an encrypted message r of Main Mode, not yet a record of the SA, for what it tells of the roles. The
// first that encrypts is the initiator. That it is the first, and no answer to a message that was not captured, shows in
// its being the side that sent the first KE payload, or not the only one that sent any; or else in the other one's
// encrypting after it.
func (sa *SA) encrypts(r *record) {
	if sa.rolesKnown() || r.dir == fromUnknown {
		return
	}
	ke, encrypted := fromUnknown, fromUnknown // who did so first
	both := false
	for _, o := range sa.phase1.records {
		switch {
		case o.base == 3 && ke == fromUnknown:
			ke = o.dir
		case o.base == 3 && o.dir == -ke:
			both = true
		case o.encrypted && encrypted == fromUnknown:
			encrypted = o.dir
		}
	}
	first := r.dir
	switch {
	case ke == fromUnknown:
		return
	case encrypted == fromUnknown && (r.dir == ke) == both:
	case encrypted == -r.dir:
		first = encrypted
	default:
		return
	}
	swap := first == fromResponder
	sa.proveRoles(swap, rolesOrdered)
	if swap {
		r.dir = -r.dir
	}
}

// provePhase1Last is called when the IV of a Quick Mode shows that r is the last
// message of phase 1, which in Main Mode is the responder's.
func (sa *SA) provePhase1Last(r *record) {
	if sa.mode != ExchangeMain || r.proven {
		return
	}
	sa.proveRoles(r.dir == fromInitiator, rolesProven)
	r.number, r.proven = 6, true
}

// guessRoles takes the side that began a Quick Mode for the initiator, as it mostly
// is, where nothing speaks for the other.
func (sa *SA) guessRoles(ex *exchange) {
	if ex.key.exchange == ExchangeQuick && ex.sure && ex.starter != fromUnknown && sa.roles == rolesGuessed {
		sa.proveRoles(ex.starter == fromResponder, rolesLikely)
	}
}

// settled says that the numbers of the exchange are known though its first
// messages may have been sent before the capture began: one was proven, or three
// messages in turns are all that a Quick Mode has.
func (ex *exchange) settled() bool {
	if !ex.joined || ex.sure {
		return true
	}
	n := len(ex.records)
	if ex.key.exchange != ExchangeQuick || n != 3 || ex.commit {
		return false
	}
	r := ex.records
	return r[0].dir != fromUnknown && r[1].dir == -r[0].dir && r[2].dir == r[0].dir
}

// number sets FromInitiator and Number of a message, as far as they are known.
func (m *Message) number() {
	ex, r := m.at.ex, m.at.rec
	m.FromInitiator, m.Number = ex.fromStarter(r), r.number
	switch {
	case r.proven:
	case ex == m.SA.phase1 && r.base > 0 && !m.SA.rolesKnown(), !ex.settled():
		m.Number = 0
	}
}

// Unnumbered says that the position of a message in its exchange is not known,
// and a later message may tell.
func (m *Message) Unnumbered() bool { return m.at.rec != nil && m.Number == 0 }

// Renumber sets FromInitiator and Number of a message that Observe returned
// earlier anew: later ones may have told who is the initiator.
func (t *Tracker) Renumber(m *Message) {
	if m.at.rec != nil {
		m.number()
	}
}
