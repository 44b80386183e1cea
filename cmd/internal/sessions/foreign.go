package sessions

import (
	"slices"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// What no key proves changes nothing of what one has proved. Of a session that keys open, anybody
// can send what they do not open: it is left out.

// foreign says that an SPI is none that the ends agreed on, where both sides of their agreement
// were read, or are still to come.
func (f *flow) foreign() bool {
	return f.unproven() && slices.ContainsFunc(f.assoc.exchanges, func(x *exchange) bool {
		return x.negotiated || x.read() && !x.late && len(x.quicks) == 0
	})
}

// restart has a flow that a key opens from now on forget the packets that it did not open.
func (f *flow) restart() {
	if d := &f.session.protected[f.sender]; d.n == f.span.n {
		*d = direction{}
	}
	f.span, f.window, f.refused = span{}, esp.Window{}, false
}

// foreign says that a message with the cookies of an ISAKMP SA is not of its ends, for all that is
// known: a key opens the SA and not the message, or it is of phase 1 and in clear, though that is
// over.
func (x *exchange) foreign(m *pipeline.Message) bool {
	switch {
	case !x.read():
		return false
	case m.Terms.SA != x.terms.SA: // another responder's
		return m.Terms.SA != 0 || m.Encrypted
	case m.Encrypted:
		return m.Verdict == why.Malformed
	}
	return m.Header.Phase1() && (!m.Retransmission || m.Header.Exchange != x.kind)
}

// forget has an ISAKMP SA forget the encrypted messages that no key opened: m is the first that one
// does.
func (x *exchange) forget(m *pipeline.Message) {
	x.deleted = [2]place{}
	if x.rare != &common {
		x.sealed, x.config = [2]span{}, span{}
	}
	x.terms, x.kind = m.Terms, m.Terms.Mode
	if m.Header.Phase1() && m.Number > 0 && m.Number < len(x.messages) {
		clear(x.messages[m.Number:])
	}
	x.quicks = slices.DeleteFunc(x.quicks, func(q *quick) bool { return !q.completed })
	if t := &m.Terms; t.Cipher != x.chosen.Cipher || t.Hash != "" && t.Hash != x.chosen.Hash {
		x.chosen.Cipher, x.chosen.Hash, x.chosen.Auth, x.chosen.Group = t.Cipher, t.Hash, t.Auth, t.Group
	}
}

// proved takes note that a key opens an ISAKMP SA from now on, and returns its session.
func (g *Gatherer) proved(x *exchange, at place) *Session {
	s := x.session
	if x.assoc.authentic() || slices.ContainsFunc(s.exchanges, func(o *exchange) bool { return o != x && o.read() }) {
		return s
	}
	return g.apart(s, at)
}

// doubted says that a session holds what anybody can have sent before there was any proof: ESP
// before its keys were agreed on, L2TP in clear, an ISAKMP SA whose beginning was not captured.
func (s *Session) doubted() bool {
	return s.clear.seen() || slices.ContainsFunc(s.exchanges, (*exchange).doubted) ||
		slices.ContainsFunc(s.flows, (*flow).unproven)
}

func (x *exchange) doubted() bool { return x.late && !x.read() }

// apart gives what is not doubted of a session that keys open from now on a session of its own, if
// there is anything else, which stays behind.
func (g *Gatherer) apart(s *Session, at place) *Session {
	a := s.assoc
	i := slices.IndexFunc(s.exchanges, func(x *exchange) bool { return !x.doubted() })
	if i < 0 || !s.doubted() {
		return s
	}
	first := s.exchanges[i]
	b := g.newAssociation(first.from[client], first.from[server], a.roles)
	n := g.begin(b, first.from[client], first.from[server], first.first)
	n.late, n.last = first.late, at
	if c := s.beside; c != nil && !s.clear.seen() {
		n.beside, c.beside, s.beside = c, n, nil
	}
	if s.first == n.first { // then so are the names
		n.UID, s.first = s.UID, at
		s.UID = g.uids.of(s)
	}
	move := func(list []*exchange, to *[]*exchange) []*exchange {
		return slices.DeleteFunc(list, func(x *exchange) bool {
			if x.session != s && x.session != n || x.doubted() {
				return false
			}
			x.session, x.assoc = n, b
			*to = append(*to, x)
			return true
		})
	}
	s.exchanges = move(s.exchanges, &n.exchanges)
	a.exchanges = move(a.exchanges, &b.exchanges)
	n.tries, n.renewals = len(n.exchanges), len(n.exchanges)
	s.tries, s.renewals = len(s.exchanges), len(s.exchanges)
	b.ports, b.natt = [2][]uint16{slices.Clone(a.ports[client]), slices.Clone(a.ports[server])}, a.natt
	a.flows = slices.DeleteFunc(a.flows, func(f *flow) bool {
		if f.negotiated == nil {
			return false
		}
		if f.assoc, b.flows = b, append(b.flows, f); !f.listed {
			f.session = n
		}
		return true
	})
	a.oldestFlow = 0
	s.events.move(&n.events, func(e *Event) bool { return e.Layer == "ike" })
	return n
}
