package pipeline

import (
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// realm is what is known of tunnels, sessions and PPP. What was seen in clear is apart from what
// ESP carried: a packet that no key opened changes nothing that another one made.
type realm struct {
	tunnels *l2tp.Tracker
	links   *ppp.Expander
}

func newRealm(secrets *ppp.Secrets) realm {
	m := realm{l2tp.NewTracker(), ppp.NewExpander(secrets)}
	m.tunnels.Ended = func(s *l2tp.Session) {
		if link, ok := s.Value.(*ppp.Link); ok {
			link.Close()
			s.Value = nil
		}
	}
	return m
}

// realm is that of what r carries.
func (u *unwrapper) realm(r *Record) *realm {
	if r.Kind == ESP {
		return &u.inside
	}
	return &u.clear
}

// expand finds the users' packets in a PPP frame, expanded and decrypted; those too that had to
// wait for this frame.
func (m *realm) expand(p *Payload, sender int, again bool) {
	if p.Session != nil && !again {
		link, ok := p.Session.Value.(*ppp.Link)
		if !ok {
			ends := &p.Session.Tunnel.Ends
			link = m.links.NewLink(ends[0].Addr, ends[1].Addr)
			p.Session.Value = link
		}
		p.Expansion = link.Expand(sender, &p.PPP, p.Frame)
	}
	if CarriesIP(p.PPP.Protocol) {
		p.addInner(p.Frame[p.PPP.PayloadStart:p.PPP.PayloadEnd])
	}
	for _, packet := range p.Expansion.Packets {
		if CarriesIP(packet.Protocol) {
			p.addInner(packet.Data)
		}
	}
}

// addInner takes note of a user's packet.
func (p *Payload) addInner(packet []byte) {
	if p.Inner == nil {
		p.Inner = packet
	} else {
		p.More = append(p.More, packet)
	}
}

// CarriesIP reports whether frames of a PPP protocol hold an IP packet.
func CarriesIP(protocol uint16) bool {
	return protocol == ppp.ProtocolIP || protocol == ppp.ProtocolIPv6
}

// expansion is what became of the frames that were compressed, encrypted or fragments.
func (u *unwrapper) expansion() ppp.Counts {
	return u.clear.links.Counts().Plus(u.inside.links.Counts())
}
