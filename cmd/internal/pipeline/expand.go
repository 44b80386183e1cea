package pipeline

import (
	"encoding/binary"

	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// realm is what is known of tunnels, sessions and PPP. What was seen in clear is apart from what
// ESP carried: a packet that no key opened changes nothing that another one made.
type realm struct {
	tunnels *l2tp.Tracker
	links   *ppp.Expander
}

func newRealm(c *Config) realm {
	m := realm{l2tp.NewTracker(c.TunnelSecrets), ppp.NewExpander(c.Passwords)}
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

// position is the place of a message among those of its sender, by the best number that there is:
// of L2TP itself, of ESP, or of the IP datagram, which tells no more than copies.
func (r *Record) position() ppp.Position {
	const datagrams = 1 // no session and no SPI has this number
	t := &r.Payload.Tunnel
	switch n := &r.Net; {
	case t.Frame.Numbered && t.Session != nil:
		bits := 16 // of a number
		if r.Payload.L2TP.Version == l2tp.Version3 {
			bits = 24
		}
		return ppp.Position{
			Counter: r.Payload.L2TP.Session, Number: t.Frame.Number << (32 - bits), Ordered: true,
			Missing: t.Session.Numbers[t.Sender].Missing,
		}
	case r.Kind == ESP:
		return ppp.Position{Counter: r.SPI, Number: r.Seq, Ordered: true, Missing: r.flow.Missing()}
	case n.IPVersion == 4:
		const at = 4 // in the header (RFC 791 section 3.1)
		if id := binary.BigEndian.Uint16(r.Data()[n.LinkLen+at:]); id != 0 {
			return ppp.Position{Counter: datagrams, Number: uint32(id)}
		}
	}
	return ppp.Position{}
}

// checksum is what the UDP checksum says of L2TP in clear.
func (r *Record) checksum() ppp.Checksum {
	if r.Kind != L2TP {
		return ppp.ChecksumNone
	}
	switch right, known := r.Net.Checksum(r.Data()); {
	case !known:
		return ppp.ChecksumNone
	case right:
		return ppp.ChecksumRight
	}
	return ppp.ChecksumWrong
}

// link is the PPP link of a session, nil for none.
func (m *realm) link(s *l2tp.Session) *ppp.Link {
	if s == nil {
		return nil
	}
	link, ok := s.Value.(*ppp.Link)
	if !ok {
		link = m.links.NewLink(s.Tunnel.Ends[0].Addr, s.Tunnel.Ends[1].Addr)
		s.Value = link
	}
	return link
}

// expand finds the users' packets in a PPP frame, of a link expanded and decrypted; those too that
// had to wait for this frame.
func (m *realm) expand(p *Payload, link *ppp.Link, sender int) {
	if link != nil {
		link.Expand(&p.Expansion, sender, &p.PPP, p.Frame)
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

// numbers counts the data messages with a number.
func (u *unwrapper) numbers() l2tp.Numbering {
	return u.clear.tunnels.Numbers().Plus(u.inside.tunnels.Numbers())
}
