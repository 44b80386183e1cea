package sessions

import (
	"cmp"
	"net/netip"
	"slices"

	"l2tpdump/cmd/internal/inner"
)

// Bounds of the conversations of a session: how many are followed, and how many are told.
const (
	maxConversations = 64
	topConversations = 20
)

// conversations are the users' flows inside a session. Where there are too many, the smallest one
// is given up for a new one, and counts among the others.
type conversations struct {
	list   []conversation
	index  map[ends]int
	others volume
}

// ends are those of a conversation, the first is who sent its first packet.
type ends struct {
	protocol string
	a, b     netip.AddrPort // without port where the protocol has none
}

type conversation struct {
	ends
	sender int // the side of the first end
	volume
}

// volume is of the client and the server.
type volume struct {
	packets, bytes [2]uint64
}

func (v *volume) count(side, bytes int) {
	v.packets[side]++
	v.bytes[side] += uint64(bytes)
}

func (v *volume) add(o *volume) {
	for side := range v.bytes {
		v.packets[side] += o.packets[side]
		v.bytes[side] += o.bytes[side]
	}
}

func (v *volume) total() uint64 { return v.bytes[client] + v.bytes[server] }

// add counts an IP packet that a side sent, of which missing bytes more were sent than are there.
func (c *conversations) add(side int, packet []byte, missing int) {
	length := len(packet) + missing
	info, err := inner.Decode(packet)
	if err != nil {
		c.others.count(side, length)
		return
	}
	e := ends{info.Protocol, netip.AddrPortFrom(info.Src, info.SrcPort), netip.AddrPortFrom(info.Dst, info.DstPort)}
	i, ok := c.index[e]
	if !ok {
		i, ok = c.index[ends{e.protocol, e.b, e.a}]
	}
	if !ok {
		i = c.begin(e, side)
	}
	c.list[i].count(side, length)
}

// begin makes room for a conversation.
func (c *conversations) begin(e ends, side int) int {
	if c.index == nil {
		c.index = make(map[ends]int)
	}
	i := len(c.list)
	if i < maxConversations {
		c.list = append(c.list, conversation{})
	} else {
		i = 0
		for j := range c.list {
			if c.list[j].total() < c.list[i].total() {
				i = j
			}
		}
		c.others.add(&c.list[i].volume)
		delete(c.index, c.list[i].ends)
	}
	c.list[i] = conversation{ends: e, sender: side}
	c.index[e] = i
	return i
}

// jsonConversation is a conversation as it is printed; orig is who sent its first packet.
type jsonConversation struct {
	Protocol string  `json:"protocol"`
	Sender   Side    `json:"from"` // the side of the session on which orig is
	OrigHost string  `json:"orig_h"`
	OrigPort *uint16 `json:"orig_p,omitempty"`
	RespHost string  `json:"resp_h"`
	RespPort *uint16 `json:"resp_p,omitempty"`
	jsonVolume
}

// jsonVolume is what users sent; orig is the client, where nothing else is said.
type jsonVolume struct {
	OrigPackets uint64 `json:"orig_pkts"`
	OrigBytes   uint64 `json:"orig_bytes"`
	RespPackets uint64 `json:"resp_pkts"`
	RespBytes   uint64 `json:"resp_bytes"`
}

// object is the volume as it is printed; orig is a side.
func (v *volume) object(orig int) jsonVolume {
	return jsonVolume{v.packets[orig], v.bytes[orig], v.packets[1-orig], v.bytes[1-orig]}
}

// objects are the conversations as they are printed: the largest ones, and all others together, nil
// if there are none.
func (c *conversations) objects() (list []jsonConversation, others *jsonVolume) {
	all := slices.Clone(c.list)
	slices.SortStableFunc(all, func(a, b conversation) int { return cmp.Compare(b.total(), a.total()) })
	n := min(len(all), topConversations)
	for _, x := range all[:n] {
		list = append(list, jsonConversation{x.protocol, Side(x.sender),
			x.a.Addr().String(), portOf(x.a), x.b.Addr().String(), portOf(x.b), x.object(x.sender)})
	}
	rest := c.others
	for i := range all[n:] {
		rest.add(&all[n+i].volume)
	}
	if rest == (volume{}) {
		return list, nil
	}
	o := rest.object(client)
	return list, &o
}
