package output

import (
	"slices"

	"l2tpdump/capture"
)

// maxDoubtful is about how many bytes of packets are kept in doubt.
const maxDoubtful = 4 << 20

// doubtful is the packets of a line that was captured, which are those of its users if the line
// carries no tunnel. As long as that is not known, they are kept: a tunnel drops them, the end of
// the capture, or too many of them, has them written.
type doubtful struct {
	list []doubtfulPacket
	size int
	done bool // too many came: what follows is taken for the users'
}

type doubtfulPacket struct {
	packet  capture.Packet
	comment []byte
	inputs  []capture.Interface
	link    capture.LinkType
}

// add keeps a packet; false if there are too many.
func (d *doubtful) add(p *capture.Packet, comment []byte, inputs []capture.Interface, link capture.LinkType) bool {
	d.size += packetOverhead + len(p.Data) + len(p.Options) + len(comment)
	if d.done = d.done || d.size > maxDoubtful; d.done {
		return false
	}
	kept := doubtfulPacket{*p, slices.Clone(comment), inputs, link}
	kept.packet.Data, kept.packet.Options = slices.Clone(p.Data), slices.Clone(p.Options)
	d.list = append(d.list, kept)
	return true
}

// drop forgets the packets: the line carries tunnels.
func (d *doubtful) drop() { d.list, d.size = nil, 0 }

// Any reports whether a packet was written, or will be if none follows.
func (c *Clear) Any() bool { return c.Packets > 0 || len(c.doubtful.list) > 0 }

// release writes the packets that were kept.
func (c *Clear) release() error {
	list := c.doubtful.list
	c.doubtful.drop()
	for i := range list {
		k := &list[i]
		if err := c.ready(&k.packet, k.inputs, k.link, nil); err != nil {
			return err
		}
		c.Packets++
		if err := c.w.WritePacket(&k.packet, k.comment); err != nil {
			return err
		}
	}
	return nil
}
