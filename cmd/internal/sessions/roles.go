package sessions

import (
	"slices"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// certainty is how sure it is which end of an association is the client.
type certainty uint8

const (
	guessed certainty = iota // the sender of the first packet, where the capture began too late
	likely                   // it sent a first message of phase 1, or what a client sends to hosts; or NAT is on its side
	certain                  // what it says in L2TP or PPP, or the first message of all
)

// settle takes note that a side is the client, as sure as sure: where that was less sure until now,
// the association is turned if it is the other one. It reports whether the client is that side now.
func (g *Gatherer) settle(a *association, side int, sure certainty) bool {
	if sure <= a.roles {
		return side == client
	}
	if side != client {
		if a.told() {
			return false
		}
		g.turn(a)
	}
	a.roles = sure
	return true
}

// authentic says that a key opened something of it.
func (a *association) authentic() bool {
	return a.opened || slices.ContainsFunc(a.flows, func(f *flow) bool { return f.opened > 0 })
}

// told says that something was told of a session of it, with its roles.
func (a *association) told() bool {
	for s := a.oldest; s != nil; s = s.next {
		if s.told.up || s.told.failed != "" {
			return true
		}
	}
	return false
}

// settleBy takes note of what an L2TP message, the PPP in it, or a user's packet, says of its
// sender's part.
func (g *Gatherer) settleBy(a *association, r *pipeline.Record, sender int) {
	p := &r.Payload
	if a.roles == guessed && begins(p.Inner) {
		g.settle(a, sender, likely)
		return
	}
	if a.roles < certain && p.HasL2TP {
		if part, ok := partOf(p); ok {
			g.settle(a, sender^part, certain)
		}
	}
}

// begins says that an IP packet begins a connection of TCP, or asks for a name: mostly clients do.
func begins(packet []byte) bool {
	const flags, syn, ack = 13, 0x02, 0x10
	var f capture.Frame
	if packet == nil || f.DecodeIP(packet) != nil || f.IPVersion == 0 || f.Fragment {
		return false
	}
	if data := packet[f.PayloadStart:f.PayloadEnd]; f.TCP && len(data) > flags {
		return data[flags]&(syn|ack) == syn
	}
	return f.UDP && f.DstPort == portDNS
}

// loginCodes are what only who logs in sends, of the protocols of authentication.
var loginCodes = map[uint16]uint8{protocolPAP: papRequest, protocolCHAP: chapResponse, protocolEAP: eapResponse}

// partOf is the part that only one side has in an L2TP message; ok: it has one.
func partOf(p *pipeline.Payload) (part int, ok bool) {
	if p.L2TP.Control {
		if p.L2TP.Version != l2tp.Version2 {
			return 0, false
		}
		switch p.Tunnel.Control.Facts().Type {
		case l2tp.SCCRQ, l2tp.SCCCN, l2tp.ICRQ, l2tp.ICCN:
			return client, true
		case l2tp.SCCRP, l2tp.ICRP:
			return server, true
		}
		return 0, false
	}
	if !p.HasPPP || !ppp.IsControl(p.PPP.Protocol) {
		return 0, false
	}
	var k ppp.Control
	if k.Decode(p.PPP.Protocol, p.Frame[p.PPP.PayloadStart:p.PPP.PayloadEnd]) != nil {
		return 0, false
	}
	code, is := loginCodes[p.PPP.Protocol]
	switch {
	case is && k.Code == code:
		return client, true
	case is:
		return server, true
	case p.PPP.Protocol == protocolIPCP && k.Code == confNak:
		return server, true // it gives the address
	}
	return 0, false
}
