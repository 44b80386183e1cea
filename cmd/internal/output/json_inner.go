package output

import "l2tpdump/cmd/internal/inner"

type jsonInner struct {
	Src      string  `json:"src,omitempty"`
	Dst      string  `json:"dst,omitempty"`
	Protocol string  `json:"protocol,omitempty"`
	SrcPort  *uint16 `json:"sport,omitempty"`
	DstPort  *uint16 `json:"dport,omitempty"`
	Length   int     `json:"length"`
	Summary  string  `json:"summary,omitempty"`
	*inner.Fields

	More []*jsonInner `json:"more,omitempty"` // further packets that the frame completed
}

// innerObject describes an inner packet whose end lacks missing bytes.
func (j *JSONLines) innerObject(ip []byte, missing int) *jsonInner {
	i, err := inner.Decode(ip)
	if j.text = j.text[:0]; err != inner.ErrShort || missing == 0 {
		j.text = inner.AppendSummary(j.text, ip, 0)
	}
	o := &jsonInner{Length: len(ip) + missing, Summary: string(j.text)}
	if err == nil {
		fields := inner.Describe(ip)
		o.Fields = &fields
		o.Src, o.Dst, o.Protocol, o.Length = i.Src.String(), i.Dst.String(), i.Protocol, i.Length
		if i.SrcPort != 0 || i.DstPort != 0 {
			o.SrcPort, o.DstPort = &i.SrcPort, &i.DstPort
		}
	}
	return o
}
