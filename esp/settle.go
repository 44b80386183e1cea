package esp

import "fmt"

// Finding out which key and which algorithms open a flow. Every source that speaks of the SPI may name part of
// it; candidates are all complete combinations, the ones that can be proved best and that are named most fully
// first. A candidate is taken when it has proved right, never because it is the last that is left.

// settle tries to find what opens the flow.
func (f *Flow) settle(packet []byte, cut int, position uint64, event seqEvent) (*SA, uint32, error) {
	t := &f.db.trial
	t.gather(f)
	out, ok := t.attempt(f, packet, cut, event != seqDuplicate)
	if ok {
		f.accept(t, &out, position, cut)
		return f.sa, out.high, nil
	}
	f.later(&out)
	err := f.fail(t, &out, packet, cut)
	if f.skip > 0 && !f.armed {
		f.arm(t)
	}
	if out.likely.sa != nil {
		return out.likely.sa, out.likely.high, nil
	}
	return nil, 0, err
}

// accept takes what proved right for the flow's own.
func (f *Flow) accept(t *trial, out *outcome, position uint64, cut int) {
	c := &out.with
	again := f.sa != nil && !(f.key.Equal(c.key) && (f.authKey.IsZero() || f.authKey.Equal(c.auth)))
	if again {
		f.setAside()
	}
	if again || f.sa == nil {
		f.win = window{} // what was there before may have been anything
	}
	f.db.keyed.dropKey(f, f.key)
	f.sa, f.key, f.authKey = out.sa, c.key, c.auth
	f.db.keyed.add(f)
	f.proof, f.tries, f.skip = nil, 0, 0
	// From part of a packet nothing is known of the ICV yet, its length included.
	f.check = cut > 0
	f.learnt = cut > 0
	suite := f.sa.Suite()
	if !f.win.started {
		if position &= 0xffffffff; suite.ESN {
			position |= uint64(out.high) << 32
		}
		f.win.addAt(position)
	} else if suite.ESN {
		f.win.setHigh(position, out.high)
	}
	s := State{Suite: suite, Verdict: Decrypted, Origin: c.from.origin(), Key: c.key, AuthKey: c.auth, SeqHigh: out.high}
	if f.sa.Checks() {
		s.Verdict = Verified
	}
	if c.authFrom != nil && c.authFrom != c.from {
		s.Origin += ", " + c.authFrom.origin()
	}
	s.Remark = t.remark(f, c, out, again)
	f.setState(s)
	f.confirm(t, c, s.Origin)
	f.survey(t)
}

// remark says what a person may want to know about a key that fits.
func (t *trial) remark(f *Flow, c *candidate, out *outcome, again bool) string {
	remark := ""
	if again {
		remark = usedAgain
	}
	suite := f.sa.Suite()
	if named := t.namedBy(c).ICVSize(); named >= 0 && named != suite.ICVSize() {
		remark = join(remark, fmt.Sprintf("the integrity check value has %d bits, not the %d of what is named", 8*suite.ICVSize(), 8*named))
	} else if c.guessed {
		remark = join(remark, "algorithms found by trial")
	}
	if suite.ESN && out.high != 0 {
		remark = join(remark, fmt.Sprintf("extended sequence numbers, the high half was %d at the first packet", out.high))
	}
	if !f.sa.Checks() {
		switch known := t.authBytes(); {
		case suite.Auth != nil && suite.Auth.Checked:
			remark = join(remark, fmt.Sprintf("integrity not checked: %d of %d bytes of the authentication key are known", known, suite.Auth.KeyLen))
		case known > 0:
			remark = join(remark, fmt.Sprintf("integrity not checked: only %d bytes of the authentication key are known", known))
		case suite.ICVSize() != 0:
			remark = join(remark, "integrity not checked: no authentication key is known")
		}
	}
	if out.packets > 1 {
		remark = join(remark, fmt.Sprintf("proved by %d packets together", out.packets))
	}
	for i := range t.sources {
		s := &t.sources[i]
		if s.rank > 1 || s.key.IsZero() && s.auth.IsZero() || s.entry != nil && s.entry.used || s.uncertain() || f.openedWith(s) {
			continue
		}
		switch sameKey, sameAuth := agrees(s, c); {
		case !sameKey:
			remark = join(remark, "another key is given by "+s.origin())
		case !sameAuth:
			remark = join(remark, "another authentication key is given by "+s.origin())
		}
	}
	return remark
}

// agrees compares the keys of a source with those that proved right. The source may have the head of a key, or encryption and
// authentication key in one piece.
func agrees(s *source, c *candidate) (key, auth bool) {
	key = s.key.IsZero() || c.key.HasPrefix(s.key) || s.key.HasPrefix(c.key)
	auth = s.auth.IsZero() || c.auth.IsZero() || c.auth.HasPrefix(s.auth) || s.auth.HasPrefix(c.auth)
	return key, auth
}

// confirm notes which secrets turned out right, and which wrong.
func (f *Flow) confirm(t *trial, c *candidate, origin string) {
	for i := range t.sources {
		s := &t.sources[i]
		if s.entry == nil || s.key.IsZero() && s.auth.IsZero() {
			continue
		}
		switch key, auth := agrees(s, c); {
		case key && auth:
			s.entry.used = true
		case s.rank < 2:
			s.entry.differs = origin
		default:
			s.entry.refused = true
		}
	}
}

// upgrade looks whether what has become known since the flow was settled can check its ICV. It returns the packet's position.
func (f *Flow) upgrade(packet []byte, position uint64) uint64 {
	t := &f.db.trial
	t.gather(f)
	out, ok := t.attempt(f, packet, 0, true)
	f.proof = nil
	if !ok || !out.sa.Checks() {
		return position
	}
	f.accept(t, &out, position, 0)
	if f.sa.Suite().ESN {
		position = uint64(out.high)<<32 | position&0xffffffff
	}
	return position
}

// recheck opens a packet of a flow whose key is known but may have been replaced. It returns the packet's position, which
// changes if the high half of its sequence number turns out to be another one, and whether a key opens it or may do so.
func (f *Flow) recheck(packet []byte, cut int, position uint64) (_ uint64, opens bool) {
	if f.skip > 0 && !f.watch {
		f.skip--
		return position, true
	}
	t := &f.db.trial
	switch p, err := t.open(f.sa, packet, uint32(position>>32), cut); {
	case err == nil:
		upgrade := f.learnt && !f.sa.Checks() && cut == 0
		f.check, f.tries, f.skip = false, 0, 0
		if cut == 0 {
			f.learnt = false
		}
		if !f.watch {
			f.proof = nil
		}
		if upgrade {
			return f.upgrade(packet, position), true
		}
		return position, true
	case err == ErrTruncated && (p.Evidence > 0 || !f.check && !f.watch):
		return position, true
	}
	f.check = true
	if f.sa.Suite().ESN && f.sa.Checks() && cut == 0 {
		high := uint32(position >> 32)
		for _, h := range [3]uint32{high + 1, high - 1, 0} {
			if h != high && f.sa.CheckICV(packet, h) {
				if f.win.setHigh(position, h); !f.watch {
					f.tries = 0
				}
				f.check = false
				return uint64(h)<<32 | position&0xffffffff, true
			}
		}
	}
	if p, ok := f.goBack(packet, cut, uint32(position)); ok {
		return p, true
	}
	if f.skip > 0 { // watched
		f.skip--
		hit := f.probe(packet, cut)
		if hit < 0 {
			return position, false
		}
		defer func() {
			if !opens {
				f.futile(hit)
			}
		}()
	}
	f.later(&outcome{shaped: true})
	t.gather(f)
	out, ok := t.attempt(f, packet, cut, true)
	if !ok {
		return position, false
	}
	f.accept(t, &out, position, cut)
	if f.sa.Suite().ESN {
		return uint64(out.high)<<32 | position&0xffffffff, true
	}
	return f.win.nearest(uint32(position)), true
}
