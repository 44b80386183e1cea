package ikev1

// Bounds of the messages of which no SA is made until another, or a key, joins them.
const (
	maxPutOff      = maxSAs
	maxPutOffBytes = 1 << 11 // of one
)

// putOff is the messages with whose initiator cookie nothing else has come, neither a message nor a
// key: anybody can send many. The oldest makes room.
type putOff struct {
	ring []begun
	next int              // the place of the oldest, once there are as many as may be
	at   map[Cookie]int32 // places in ring
}

// begun is a message that was put off.
type begun struct {
	number   int64 // of its SA, of all
	cookie   Cookie
	datagram Datagram
	message  *Message // nil: it is in clear, and its number is known
}

// postpone puts a message off if it is the first with its cookies, and no key names them. Keys
// without a cookie are tried at once on the first such messages.
func (t *Tracker) postpone(m *Message, d *Datagram, raw []byte) bool {
	h := &m.Header
	if t.families[h.InitiatorCookie] != nil || len(raw) > maxPutOffBytes || m.Reassembled > 0 {
		return false
	}
	offers, begins := m.Find(PayloadSA) != nil, h.ResponderCookie.IsZero()
	switch {
	case !h.Phase1() && (!m.Encrypted || begins):
		return false
	case m.Encrypted && (t.secrets.named(h.InitiatorCookie, h.ResponderCookie) ||
		len(t.secrets.anonymous) > 0 && t.alone < maxFailures):
		return false
	case m.Encrypted:
		m.Err = new(SA).refusal(m)
	case m.Err != nil || m.Find(PayloadHash) != nil:
		return false
	}
	m.at.putOff, m.FromInitiator = true, !offers || begins
	switch { // as place would, of it alone
	case offers && !begins:
		m.Number = 2
	case offers, h.Phase1() && h.Exchange != ExchangeMain && h.Exchange != ExchangeAggressive:
		m.Number = 1
	case h.Exchange == ExchangeAggressive:
		m.Number = 3
	}
	if m.Encrypted {
		m.keep()
		raw = m.at.raw
	}
	t.begun++
	t.putOff.add(begun{t.begun, h.InitiatorCookie, *d, m}, raw)
	return true
}

func (p *putOff) add(b begun, raw []byte) {
	i := len(p.ring)
	if i < maxPutOff {
		p.ring = append(p.ring, begun{})
	} else {
		i = p.next
		p.next = (p.next + 1) % maxPutOff
		if old := p.ring[i].cookie; p.at[old] == int32(i) {
			delete(p.at, old)
		}
	}
	if b.datagram.Data = raw; !b.message.Encrypted && b.message.Number > 0 { // it does not have to be kept
		b.message = nil
	}
	p.ring[i] = b
	p.at[b.cookie] = int32(i)
}

// takeUp begins the SA of a message that was put off.
func (t *Tracker) takeUp(c Cookie) {
	i, ok := t.putOff.at[c]
	if !ok {
		return
	}
	delete(t.putOff.at, c)
	b := &t.putOff.ring[i]
	m := &Message{}
	t.follow(m, &b.datagram, m.read(&b.datagram, b.datagram.Data, true))
	m.SA.Number = b.number
	if b.message != nil {
		b.message.at.later = m
	}
	*b = begun{}
}

// adopt gives a message that was put off its place in the SA, and reports whether that has begun.
func (m *Message) adopt() bool {
	later := m.at.later
	if later != nil {
		m.SA, m.at = later.SA, later.at
	}
	return later != nil
}

// takeUpAll begins the SAs of the newest messages that were put off, as far as there is room.
func (t *Tracker) takeUpAll() {
	p := &t.putOff
	for i := range p.ring {
		b := &p.ring[(p.next+len(p.ring)-1-i)%len(p.ring)]
		if t.silent.len() >= maxSAs {
			return
		}
		t.takeUp(b.cookie)
	}
}
