package ikev1

// What number a message has in its exchange, and who sent it, is computed here from the records of
// the exchange, anew after each message: whatever is learnt later, or decrypted later, counts as if
// it had been known from the start. What a decrypted message proves comes before all that is said
// in clear.

// roleProof says what tells who is the initiator. The stronger has the larger value.
type roleProof uint8

const (
	rolesGuessed roleProof = iota // it sent the first message that was captured
	rolesLikely                   // it began a Quick Mode
	rolesOrdered                  // it was the first to encrypt
	rolesClaimed                  // by what messages in clear hold, and none contradicts
	rolesProven                   // by an IV or a HASH
)

// place computes who is the initiator, and the numbers of phase 1 and of ex.
func (sa *SA) place(ex *exchange) {
	initiator, ordered := sa.initiator, sa.ordered()
	sa.Mode = sa.modeOf()
	if ex != sa.phase1 {
		ex.place()
		if ex.key.exchange == ExchangeQuick && ex.sure && (sa.quick == nil || ex.since < sa.quick.since) {
			sa.quick = ex
		}
	}
	sa.initiator, sa.roles = sa.initiates()
	if sa.initiator != initiator || sa.ordered() != ordered {
		sa.initial = nil
	}
	sa.phase1.starter = sa.initiator
	sa.numberPhase1()
	sa.Initiator, sa.Responder = sa.ends.of(sa.initiator), sa.ends.of(-sa.initiator)
}

// roleOf is the role of a side.
func (sa *SA) roleOf(s side) role { return role(s * sa.initiator) }

// ordered says that it is known, or said by nobody to be otherwise, who sent which KE value.
func (sa *SA) ordered() bool { return sa.roles >= rolesClaimed }

// rolesKnown says that the numbers of phase 1, which depend on who sent what, are known.
func (sa *SA) rolesKnown() bool { return sa.roles >= rolesOrdered }

// modeOf is the mode of a message that was decrypted, else of the first.
func (sa *SA) modeOf() (mode ExchangeType) {
	for i, r := range sa.phase1.records {
		if r.opened {
			return r.mode
		}
		if i == 0 {
			mode = r.mode
		}
	}
	return mode
}

// initiates returns which side is the initiator, and what tells.
func (sa *SA) initiates() (side, roleProof) {
	for _, r := range sa.phase1.records {
		if s := side(r.provenRole()) * r.from; s != sideUnknown {
			return s, rolesProven
		}
	}
	switch {
	case sa.claimed[0] && sa.claimed[1]:
		return sideA, rolesGuessed
	case sa.claimed[0]:
		return sideA, rolesClaimed
	case sa.claimed[1]:
		return sideB, rolesClaimed
	}
	if s := sa.firstToEncrypt(); s != sideUnknown {
		return s, rolesOrdered
	}
	if sa.quick != nil && sa.quick.starter != sideUnknown { // the initiator mostly begins
		return sa.quick.starter, rolesLikely
	}
	return sideA, rolesGuessed
}

// claimInitiator notes that a message in clear says that a side is the initiator.
func (sa *SA) claimInitiator(s side) {
	if s != sideUnknown {
		sa.claimed[s.index()] = true
	}
}

// provenRole is the role of a phase 1 message's sender, as its HASH or the IVs prove it.
func (r *record) provenRole() role {
	switch n := r.provenNumber(); {
	case r.asRole != roleUnknown:
		return r.asRole
	case n == 0:
		return roleUnknown
	case n%2 == 1:
		return roleInitiator
	}
	return roleResponder
}

// provenNumber is the number of a main or aggressive mode message as the IVs prove it, 0 where they
// do not. In main mode the last message is the responder's, and the only one that follows an
// encrypted one.
func (r *record) provenNumber() int {
	switch main := r.mode == ExchangeMain; {
	case main && r.ended, main && r.after != nil && r.after.from != r.from:
		return 6
	case main && r.first:
		return 5
	case r.first && r.mode == ExchangeAggressive:
		return 3
	}
	return 0
}

// claimedRole is the role of a phase 1 message's sender, by what is in clear of it.
func (r *record) claimedRole() role {
	switch {
	case r.base == 1 && r.begins:
		return roleInitiator
	case r.base == 1:
		return roleResponder
	case r.mode == ExchangeAggressive: // the responder's only message has an SA
		return roleInitiator
	}
	return roleUnknown
}

// firstToEncrypt returns the initiator by the order of main mode: it is the first that encrypts.
// That a message is the first, and no answer to one that was not captured, shows in its sender's
// being the side that sent the first KE payload, or not the only one that sent any; or else in the
// other one's encrypting after it.
func (sa *SA) firstToEncrypt() side {
	ke, encrypted := sideUnknown, sideUnknown // who did so first
	both := false
	for _, r := range sa.phase1.records {
		switch {
		case r.base == 3 && ke == sideUnknown:
			ke = r.from
		case r.base == 3:
			both = both || r.from == -ke
		case !r.encrypted || r.mode != ExchangeMain || r.from == sideUnknown:
		case ke != sideUnknown && encrypted == sideUnknown && (r.from == ke) == both:
			return r.from
		case ke != sideUnknown && encrypted == -r.from:
			return encrypted
		case encrypted == sideUnknown:
			encrypted = r.from
		}
	}
	return sideUnknown
}

// numberPhase1 numbers the messages of phase 1, by what they hold and by who sent them.
func (sa *SA) numberPhase1() {
	for i, r := range sa.phase1.records {
		if r.base == 0 && r.copyOf == nil {
			r.number, r.sure = sa.phase1.next(i), true
		} else {
			sa.number(r)
		}
	}
}

// number numbers a message of main or aggressive mode, be it remembered or not.
func (sa *SA) number(r *record) {
	switch n := r.provenNumber(); {
	case r.copyOf != nil:
		r.number, r.sure = r.copyOf.number, r.copyOf.sure
		return
	case n > 0:
		r.number, r.sure = n, true
		return
	}
	says := r.claimedRole()
	r.number, r.sure = int(r.base), says != roleUnknown || sa.rolesKnown()
	if says == roleResponder || says == roleUnknown && sa.roleOf(r.from) == roleResponder {
		r.number++
	}
}

// place numbers the messages of an exchange after phase 1.
func (ex *exchange) place() {
	for _, r := range ex.records {
		r.number, r.sure = int(r.byHash), r.byHash > 0
		if !r.sure && r.first {
			r.number, r.sure = 1, true
		}
	}
	ex.follow()
	for _, r := range ex.records {
		ex.placeByShape(r)
	}
	ex.follow()
	ex.starter, ex.sure = ex.starts()
	for i, r := range ex.records {
		switch {
		case r.copyOf != nil:
			r.number, r.sure = r.copyOf.number, r.copyOf.sure
		case !r.sure:
			r.number = ex.next(i)
		}
	}
}

// follow numbers what has the last block of a message with a number for its IV.
func (ex *exchange) follow() {
	for range ex.records {
		changed := false
		for _, r := range ex.records {
			if o := r.before(); !r.sure && o != nil && o.sure {
				r.number, r.sure, changed = o.number+1, true, true
			}
		}
		if !changed {
			return
		}
	}
}

// before returns the other side's message whose last block is the IV, or nil.
func (r *record) before() *record {
	if r.after == nil || r.after.from == r.from {
		return nil
	}
	return r.after
}

// placeByShape numbers a message by its payloads, and the one before it.
func (ex *exchange) placeByShape(r *record) {
	n := 0
	switch r.shape {
	case shapeHash:
		n = 3
	case shapeSA:
		if r.before() != nil { // of the two with an SA payload this one is behind the other
			n = 2
		}
	case shapeSecond:
		n = 2
	case shapeRequest:
		n = 1
	case shapeReply:
		n = 2
	}
	if n == 0 || r.sure {
		return
	}
	r.number, r.sure = n, true
	if o := r.before(); o != nil && !o.sure && n > 1 {
		o.number, o.sure = n-1, true
	}
}

// starts returns who sent the first message: as a proven number tells it, that of a HASH before
// others, or else the sender of the first that was observed.
func (ex *exchange) starts() (s side, sure bool) {
	for _, r := range ex.records {
		switch {
		case !r.sure || r.from == sideUnknown || sure && r.byHash == 0:
			continue
		case r.number%2 == 1:
			s, sure = r.from, true
		default:
			s, sure = -r.from, true
		}
		if r.byHash > 0 {
			return s, sure
		}
	}
	if !sure && len(ex.records) > 0 {
		s = ex.records[0].from
	}
	return s, sure
}

// next is the number of the message at i by the order of arrival: those of the starter are odd.
func (ex *exchange) next(i int) int {
	n := 1
	for _, o := range ex.records[:i] {
		n = max(n, o.number+1)
	}
	r := ex.records[i]
	if r.from != sideUnknown && ex.starter != sideUnknown && (n%2 == 1) != (r.from == ex.starter) {
		n++
	}
	return n
}

// numbersKnown says that the numbers of the exchange are known though its first messages may have
// been sent before the capture began: one was proven, or three messages in turns are all that a
// Quick Mode has.
func (ex *exchange) numbersKnown() bool {
	if !ex.joined || ex.sure {
		return true
	}
	r := ex.records
	if ex.key.exchange != ExchangeQuick || len(r) != 3 || ex.commit {
		return false
	}
	return r[0].from != sideUnknown && r[1].from == -r[0].from && r[2].from == r[0].from
}

// position sets FromInitiator and Number of a message, as far as they are known.
func (m *Message) position() {
	ex, r := m.at.ex, m.at.rec
	m.FromInitiator, m.Number = r.number%2 == 1, r.number
	informational := ex.key.exchange == ExchangeInformational // it has no roles of its own
	if informational {
		m.FromInitiator = r.from == m.SA.initiator
	}
	if !r.sure && (ex == m.SA.phase1 || !ex.numbersKnown()) ||
		informational && (r.from == sideUnknown || !m.SA.rolesKnown()) {
		m.Number = 0
	}
}

// Unnumbered says that the message's number is not known, and a later message may tell.
func (m *Message) Unnumbered() bool { return (m.at.rec != nil || m.at.putOff) && m.Number == 0 }

// Renumber sets FromInitiator and Number of a message that Observe returned earlier anew: later
// ones may have told who is the initiator. joined says that the message has an SA from now on,
// whose keys may open it.
func (t *Tracker) Renumber(m *Message) (joined bool) {
	joined = m.adopt()
	if r := m.at.rec; r != nil {
		if r.base > 0 {
			m.SA.number(r)
		}
		m.position()
	}
	return joined
}
