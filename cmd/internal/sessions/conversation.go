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
		c.leave(&c.list[i])
		delete(c.index, c.list[i].ends)
	}
	c.list[i] = conversation{ends: e, sender: side}
	c.index[e] = i
	return i
}

// leave counts a conversation among the others.
func (c *conversations) leave(x *conversation) {
	for side := range x.bytes {
		c.others.packets[side] += x.packets[side]
		c.others.bytes[side] += x.bytes[side]
	}
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

// objects are the conversations as they are printed: the largest ones, and all others together, nil
// if there are none.
func (c *conversations) objects() (list []jsonConversation, others *jsonVolume) {
	all := slices.Clone(c.list)
	slices.SortStableFunc(all, func(a, b conversation) int { return cmp.Compare(b.total(), a.total()) })
	n := min(len(all), topConversations)
	for _, x := range all[:n] {
		orig, resp := x.sender, 1-x.sender
		list = append(list, jsonConversation{x.protocol, Side(orig),
			x.a.Addr().String(), portOf(x.a), x.b.Addr().String(), portOf(x.b),
			jsonVolume{x.packets[orig], x.bytes[orig], x.packets[resp], x.bytes[resp]}})
	}
	rest := conversations{others: c.others}
	for i := range all[n:] {
		rest.leave(&all[n+i])
	}
	if v := rest.others; v.packets != ([2]uint64{}) {
		others = &jsonVolume{v.packets[client], v.bytes[client], v.packets[server], v.bytes[server]}
	}
	return list, others
}
