package ikev1

// Opens reports whether a key opens an encrypted message that is all of the datagram, and whose IV
// is known. It takes note of nothing.
func (t *Tracker) Opens(d *Datagram) bool {
	m := &Message{}
	raw := m.read(d, d.Data, true)
	if raw == nil || !m.Encrypted || m.at.cut || len(raw) != len(d.Data) || m.Header.NextPayload == PayloadNone {
		return false
	}
	if m.at.exact = true; !t.probe(m, d) {
		return false
	}
	_, with := m.SA.unlock(m)
	return with != nil
}

// probe gives an encrypted message its place, taking no note of it, if its SA is known.
func (t *Tracker) probe(m *Message, d *Datagram) bool {
	h := &m.Header
	sa := t.sas[saKey{h.InitiatorCookie, h.ResponderCookie}]
	if sa == nil {
		return false
	}
	t.configure(sa)
	m.SA, m.at.ex = sa, sa.phase1
	if key := (exchangeKey{h.Exchange, h.MessageID}); !h.Phase1() {
		if m.at.ex = sa.exchanges[key]; m.at.ex == nil {
			m.at.ex = &exchange{key: key}
		}
	}
	m.at.rec = &record{encrypted: true, way: &pair{d.Src, d.Dst}, from: sa.ends.sender(d.Src, d.Dst), number: 5}
	if sa.roleOf(m.at.rec.from) == roleResponder {
		m.at.rec.number++
	}
	return true
}
