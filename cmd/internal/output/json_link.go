package output

import (
	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
)

// jsonLink is the link layer of a frame.
type jsonLink struct {
	Type      string   `json:"type"`
	Src       string   `json:"src,omitempty"` // MAC addresses
	Dst       string   `json:"dst,omitempty"`
	VLANs     []uint16 `json:"vlans,omitempty"` // IDs, from the outermost
	EtherType string   `json:"ethertype,omitempty"`
	PPPoE     *uint16  `json:"pppoe_session,omitempty"`
	Direction string   `json:"direction,omitempty"` // in or out, where the capture tells
}

func linkObject(r *pipeline.Record) *jsonLink {
	n, data := &r.Net, r.Data()
	o := &jsonLink{Type: r.Link.String(), VLANs: n.VLANs(data)}
	if dst, src := n.MAC(data); dst != nil {
		o.Src, o.Dst = src.String(), dst.String()
	}
	if n.EtherType != 0 {
		o.EtherType = string(appendEtherType(nil, n.EtherType))
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
