package output

import (
	"fmt"
	"strconv"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
)

// cookedKinds are tcpdump's words for whom a packet was that Linux captured on any interface.
var cookedKinds = [...]string{"In", "B", "M", "P", "Out"}

// appendLink appends through which interface a packet went and which way, where each frame tells
// it, and on request the link header.
func (t *Text) appendLink(b []byte, r *pipeline.Record) []byte {
	c, cooked := capture.CookedOf(r.Link, r.Data())
	if cooked {
		b = t.appendCooked(b, &c)
	}
	if !t.config.Link {
		return b
	}
	n, data := &r.Net, r.Data()
	switch dst, src := n.MAC(data); {
	case dst != nil:
		b = appendAll(b, src.String(), " > ", dst.String(), ", ")
	case cooked:
		b = appendAll(b, c.Address.String(), ", ")
	default:
		b = appendAll(b, r.Link.String(), ", ")
	}
	for _, tag := range n.VLANTags(data) {
		b = strconv.AppendUint(append(b, "vlan "...), uint64(tag&0x0fff), 10)
		b = strconv.AppendUint(append(b, ", p "...), uint64(tag>>13), 10)
		if tag&0x1000 != 0 {
			b = append(b, ", DEI"...)
		}
		b = append(b, ", "...)
	}
	if n.EtherType != 0 {
		b = fmt.Appendf(append(b, "ethertype "...), "%s (0x%04x), ", etherTypeName(n.EtherType), n.EtherType)
	}
	if id, ok := n.PPPoESession(data); ok {
		b = fmt.Appendf(b, "PPPoE session 0x%x, ", id)
	}
	return append(appendLength(b, r.Length()), ": "...)
}

// appendCooked appends "eth0  Out ".
func (t *Text) appendCooked(b []byte, c *capture.Cooked) []byte {
	start := len(b)
	if c.Interface != 0 {
		name := ""
		if t.config.Interface != nil {
			name = t.config.Interface(c.Interface)
		}
		if name == "" {
			b = strconv.AppendUint(append(b, "ifindex "...), uint64(c.Interface), 10)
		} else {
			b = append(b, name...)
		}
		b = pad(b, start+6)
		start = len(b)
	}
	if int(c.Kind) < len(cookedKinds) {
		b = append(b, cookedKinds[c.Kind]...)
	} else {
		b = append(b, '?')
	}
	return pad(b, start+4)
}

// pad appends spaces, one at least, up to a length.
func pad(b []byte, length int) []byte {
	for b = append(b, ' '); len(b) < length; {
		b = append(b, ' ')
	}
	return b
}
