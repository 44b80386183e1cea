package output

import (
	"l2tpdump/capture"
	"l2tpdump/l2tp"
)

// inputLink is frames of a link type that came through an interface of another, or PPP of a
// session.
type inputLink struct {
	ifc     int
	link    capture.LinkType
	session *l2tp.Session
}

// maxSessionInterfaces is how many PPP links are told apart by an interface of their own, so that
// who reads the file can expand and decrypt each.
const maxSessionInterfaces = 1024

// addInterface gives p the writer's number of its interface, which it describes before the first
// packet.
func (c *Clear) addInterface(p *capture.Packet, inputs []capture.Interface, link capture.LinkType,
	s *l2tp.Session) error {
	for len(c.ids) <= p.Interface {
		c.ids = append(c.ids, 0)
	}
	carried := c.config.Layer == LayerPPP || c.config.Layer == LayerL2TP && link != inputs[p.Interface].LinkType
	number := c.ids[p.Interface]
	if c.config.Layer != LayerPPP || c.config.Pcap {
		s = nil
	}
	from := inputLink{p.Interface, link, s}
	if carried {
		if number = c.others[from]; number == 0 && len(c.others) >= maxSessionInterfaces {
			from.session = nil
			number = c.others[from]
		}
	}
	if number == 0 {
		i := inputs[p.Interface]
		i.LinkType = link
		i.SnapLen = capture.MaxPacketLen // reassembled packets are longer than the captured ones
		id, err := c.w.AddInterface(i)
		if err != nil {
			return err
		}
		number = id + 1
		if !carried {
			c.ids[p.Interface] = number
		} else {
			if c.others == nil {
				c.others = make(map[inputLink]int)
			}
			c.others[from] = number
		}
	}
	p.Interface = number - 1
	return nil
}
