package output

import (
	"strings"

	"github.com/google/gopacket/layers"

	"l2tpdump/capture"
)

// jsonLink is the link layer of a frame.
type jsonLink struct {
	Type      string   `json:"type"`
	Src       string   `json:"src,omitempty"` // MAC addresses
	Dst       string   `json:"dst,omitempty"`
	VLANs     []uint16 `json:"vlans,omitempty"` // IDs, from the outermost
	EtherType string   `json:"ethertype,omitempty"`
	ARP       string   `json:"arp,omitempty"` // what a packet of ARP says: "Request who-has 192.0.2.1 tell 192.0.2.2"
	PPPoE     *uint16  `json:"pppoe_session,omitempty"`
	Discovery string   `json:"pppoe_discovery,omitempty"` // what a packet of it says: "PADI [Service-Name]"
	Length    int      `json:"length,omitempty"`          // of a frame in a pseudowire, in bytes
	Direction string   `json:"direction,omitempty"`       // in or out, where the capture tells
}

// ethernetObject describes the link layer of a frame of an Ethernet pseudowire, as far as it can be
// read.
func ethernetObject(frame []byte) *jsonLink {
	var n capture.Frame
	_ = n.Decode(capture.Ethernet, frame) // what is wrong behind the link layer is the packet's
	o := linkOf(capture.Ethernet, &n, frame)
	o.Length = len(frame)
	return o
}

func linkOf(link capture.LinkType, n *capture.Frame, data []byte) *jsonLink {
	o := &jsonLink{Type: link.String(), VLANs: n.VLANs(data)}
	if dst, src := n.MAC(data); dst != nil {
		o.Src, o.Dst = src.String(), dst.String()
	}
	if n.EtherType != 0 {
		o.EtherType = etherTypeName(n.EtherType)
		switch behind := data[min(n.LinkLen, len(data)):]; layers.EthernetType(n.EtherType) {
		case layers.EthernetTypeARP:
			o.ARP = strings.TrimPrefix(string(appendARP(nil, behind)), ", ")
		case layers.EthernetTypePPPoEDiscovery:
			o.Discovery = strings.TrimPrefix(string(appendDiscovery(nil, behind)), " ")
		}
	}
	if id, ok := n.PPPoESession(data); ok {
		o.PPPoE = &id
	}
	switch n.Direction {
	case capture.DirectionIn:
		o.Direction = "in"
	case capture.DirectionOut:
		o.Direction = "out"
	}
	return o
}
