package pipeline

import (
	"net"
	"net/netip"

	"l2tpdump/capture"
	"l2tpdump/l2tp/ppp"
)

// maxLines is how many lines are followed at a time.
const maxLines = 4096

// lines are the PPP links that were captured themselves, and not inside a tunnel.
type lines struct {
	links map[lineID]*ppp.Link

	// tunnels: the capture has IKE, ESP or L2TP. Then what else there is on a line is beside these,
	// and of no user of theirs.
	tunnels bool
}

// lineID is the PPP of an interface, of PPPoE that of a session between two hosts.
type lineID struct {
	ifc     int
	session uint16
	ends    [2]netip.AddrPort // the higher one first; they tell links from others of the same ends
}

// line follows the PPP frame of the link layer, or the packet of a PPP interface. Of PPPoE, by
// which a router is connected that may have users of its own, plain IP packets are not looked at.
func (u *unwrapper) line(r *Record) {
	n, p := &r.Net, &r.Payload
	frame := r.Frame()
	if n.PPPInterface {
		p.Line, p.Beside = true, u.lines.tunnels
		p.Inner = unpadded(frame[n.LinkLen:])
		return
	}
	frame = frame[n.PPPStart:min(n.PPPEnd, len(frame))]
	if p.PPP.Decode(frame) != nil {
		return
	}
	users := r.Link == capture.PPPWithDir || r.Link == capture.PPPD // that is whose packets these are for
	p.Frame, p.Line, p.Beside = frame, true, u.lines.tunnels && !users
	p.HasPPP = !n.PPPoE() || n.IPVersion == 0
	p.Beside = p.Beside || !p.HasPPP
	p.PPP.Cut = r.Packet.Length > len(r.Packet.Data)
	link, sender := u.lines.of(r, u.clear.links)
	p.ToLNS, p.Undirected = link != nil && sender == 0, link == nil
	u.clear.expand(p, link, sender)
}

// of finds the link of a frame, and which end has sent it. Where nothing tells that, there is no
// link, as the two directions can't be told apart.
func (l *lines) of(r *Record, x *ppp.Expander) (link *ppp.Link, sender int) {
	n := &r.Net
	id := lineID{ifc: r.Packet.Interface}
	id.session, _ = n.PPPoESession(r.Frame())
	switch dst, src := n.MAC(r.Frame()); {
	case n.Direction == capture.DirectionOut:
		sender = 1
	case n.Direction == capture.DirectionIn:
	case src == nil:
		return nil, 0
	default:
		id.ends = [2]netip.AddrPort{endOf(src), endOf(dst)}
		if id.ends[0].Compare(id.ends[1]) < 0 {
			id.ends[0], id.ends[1], sender = id.ends[1], id.ends[0], 1
		}
	}
	if link = l.links[id]; link != nil {
		return link, sender
	}
	for old, some := range l.links {
		if len(l.links) < maxLines {
			break
		}
		some.Close()
		delete(l.links, old)
	}
	if l.links == nil {
		l.links = make(map[lineID]*ppp.Link)
	}
	link = x.NewLink(id.ends[0], id.ends[1])
	l.links[id] = link
	return link, sender
}

// endOf makes a hardware address one that links are known by.
func endOf(a net.HardwareAddr) netip.AddrPort {
	var b [16]byte
	copy(b[10:], a)
	return netip.AddrPortFrom(netip.AddrFrom16(b), 0)
}
