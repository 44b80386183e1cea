package ikev1

import (
	"encoding/binary"
)

// Fragment is an IKE fragment: payload 132 of Cisco and Microsoft ([MS-IKEE] section 2.2.3). Its
// data is a part of a whole ISAKMP message, header included, which was cut after its encryption.
type Fragment struct {
	ID     uint16 // the same for all fragments of a message; many senders always use 1
	Number uint8  // from 1
	Last   bool
	Data   []byte
}

// fragmentHeaderLen is the size of what stands before a fragment's data in the body of its payload.
const fragmentHeaderLen = 4

// parseFragment reads the body of a fragment payload. Data is a part of body.
func parseFragment(body []byte) (Fragment, error) {
	if len(body) < fragmentHeaderLen {
		return Fragment{}, malformedf("fragment payload of %d bytes", len(body))
	}
	f := Fragment{
		ID:     binary.BigEndian.Uint16(body),
		Number: body[2],
		Last:   body[3]&1 != 0,
		Data:   body[fragmentHeaderLen:],
	}
	if f.Number == 0 {
		return f, malformedf("fragment number 0")
	}
	return f, nil
}

// fragment takes an IKE fragment.
func (t *Tracker) fragment(d *Datagram, m *Message, body []byte) *Message {
	h := &m.Header
	m.SA = t.sas[saKey{h.InitiatorCookie, h.ResponderCookie}]
	if m.SA != nil {
		m.FromInitiator = m.SA.roleOf(m.SA.ends.sender(d.Src, d.Dst)) == roleInitiator
	}
	f, err := parseFragment(body)
	if err != nil {
		m.Err = err
		return m
	}
	m.Fragment = &f
	m.FragmentOf = &FragmentKey{d.Src, d.Dst, h.InitiatorCookie, h.ResponderCookie, f.ID}
	whole, n, err := t.fragments.add(*m.FragmentOf, f, d.Time, func(whole []byte) int { return t.fits(d, whole) })
	switch {
	case err != nil:
		m.Err = err
	case whole != nil:
		part := m
		m = t.observe(d, whole, n)
		m.FragmentOf, m.Part = part.FragmentOf, part
	}
	return m
}

// fits tells whether a message that was put together is right: 1 if a key opens it, -1 if a key
// that has opened others does not, 0 where that does not show.
func (t *Tracker) fits(d *Datagram, whole []byte) int {
	m := &Message{}
	m.read(d, whole, true)
	if !m.Encrypted || !t.probe(m, d) {
		return 0
	}
	switch o, k := m.SA.unlock(m); {
	case k != nil && !o.weak:
		return 1
	case k == nil && len(m.SA.keys) > 0:
		return -1
	}
	return 0
}
