package ikev1

import "net/netip"

// Bounds of the first messages of which no SA is made until another message joins them.
const (
	maxPutOff      = maxSAs
	maxPutOffBytes = 1 << 10 // of one
)

// putOff is the first messages with whose initiator cookie nothing else has come: anybody can send
// many. The oldest makes room.
type putOff struct {
	ring []begun
	next int              // the place of the oldest, once there are as many as may be
	at   map[Cookie]int32 // places in ring
}

// begun is a first message.
type begun struct {
	cookie   Cookie
	number   int64 // of its SA, of all
	time     int64
	src, dst netip.AddrPort
	data     []byte
}

// add takes a message if it is a first one that tells nothing but itself.
func (p *putOff) add(m *Message, d *Datagram, data []byte, number int64) bool {
	h := &m.Header
	if !h.ResponderCookie.IsZero() || !h.Phase1() || m.Encrypted || m.Err != nil || len(data) > maxPutOffBytes ||
		FindPayload(m.Payloads, PayloadSA) == nil || FindPayload(m.Payloads, PayloadHash) != nil {
		return false
	}
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
	b := &p.ring[i]
	*b = begun{h.InitiatorCookie, number, d.Time, d.Src, d.Dst, append(b.data[:0], data...)}
	p.at[b.cookie] = int32(i)
	m.FromInitiator, m.Number = true, 1
	return true
}

// takeUp begins the SA of a first message that was put off.
func (t *Tracker) takeUp(c Cookie) {
	i, ok := t.putOff.at[c]
	if !ok {
		return
	}
	delete(t.putOff.at, c)
	b := &t.putOff.ring[i]
	d := &Datagram{Src: b.src, Dst: b.dst, Time: b.time, Data: b.data}
	m := &Message{}
	t.follow(m, d, m.read(d, b.data))
	m.SA.begun = b.number
}

// takeUpAll begins the SAs of the first messages that were put off, the newest, as far as there is
// room beside the others.
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
