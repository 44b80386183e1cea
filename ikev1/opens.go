package ikev1

// Opens reports whether a key opens an encrypted message that is all of the datagram, and whose IV
// is known. It takes note of nothing.
func (t *Tracker) Opens(d *Datagram) bool {
	m := &Message{}
	raw := m.read(d, d.Data)
	if raw == nil || !m.Encrypted || m.at.cut || len(raw) != len(d.Data) || m.Header.NextPayload == PayloadNone {
		return false
	}
	h := &m.Header
	sa := t.sas[saKey{h.InitiatorCookie, h.ResponderCookie}]
	if sa == nil {
		return false
	}
	t.configure(sa)
	m.SA, m.at.ex, m.at.exact = sa, sa.phase1, true
	if !h.Phase1() {
		key := exchangeKey{h.Exchange, h.MessageID}
		if m.at.ex = sa.exchanges[key]; m.at.ex == nil {
			m.at.ex = &exchange{key: key}
		}
	}
	m.at.rec = &record{encrypted: true, from: sa.ends.sender(d.Src, d.Dst)}
	_, with := sa.unlock(m)
	return with != nil
}
