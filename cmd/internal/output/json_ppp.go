package output

import (
	"iter"
	"strings"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp/ppp"
)

type jsonPPP struct {
	Protocol string        `json:"protocol"`
	Code     string        `json:"code,omitempty"`
	ID       *uint8        `json:"id,omitempty"`
	Options  orderedValues `json:"options,omitempty"`
	Length   int           `json:"length,omitempty"` // bytes behind the protocol field, of data that could not be read
	Data     string        `json:"data,omitempty"`   // these, of a protocol that has no name

	Malformed string `json:"malformed,omitempty"` // what is wrong with a packet of a control protocol

	// Of a frame that is compressed, encrypted or a fragment: with what, where CCP was seen; what
	// became of it; the number and the bits of a fragment; packets of control protocols that came out
	// of it.
	Compression string     `json:"compression,omitempty"`
	State       string     `json:"state,omitempty"`
	Sequence    *uint32    `json:"sequence,omitempty"`
	Begin       bool       `json:"begin,omitempty"`
	End         bool       `json:"end,omitempty"`
	Inside      []*jsonPPP `json:"inside,omitempty"`
}

func pppObject(f *ppp.Frame, frame []byte) *jsonPPP {
	payload := frame[f.PayloadStart:f.PayloadEnd]
	o := &jsonPPP{Protocol: ppp.ProtocolName(f.Protocol)}
	switch {
	case f.Protocol == ppp.ProtocolLQR:
		o.options(f, ppp.LQRValues(payload))
	case ppp.IsControl(f.Protocol):
		var c ppp.Control
		err := c.Decode(f.Protocol, payload)
		if err != nil && !f.Cut {
			o.Malformed = strings.TrimPrefix(err.Error(), "ppp: ")
		}
		if err == nil || err == ppp.ErrTruncated {
			o.Code, o.ID = c.CodeName(), &c.ID
			o.options(f, c.Values)
		}
	case !pipeline.CarriesIP(f.Protocol):
		o.Length = len(payload)
		if o.Length > 0 && !ppp.Named(f.Protocol) {
			o.Data = ppp.Octets(payload).Hex()
		}
	}
	return o
}

// options adds the contents of a packet. A flag is "yes".
func (o *jsonPPP) options(f *ppp.Frame, values iter.Seq2[string, any]) {
	for name, value := range values {
		if f.Cut && name == "malformed" {
			return // it is what the end was cut off of
		}
		if value == true {
			value = "yes"
		}
		o.Options.add(name, value)
	}
}

// expansionObject fills in what became of a frame.
func expansionObject(o *jsonPPP, x *ppp.Result) {
	o.Compression = x.Compression
	if x.State != ppp.Plain {
		o.State = x.State.String()
	}
	if x.Fragment {
		o.Sequence, o.Begin, o.End = &x.Number, x.Begin, x.End
	}
	if len(x.Packets) > 0 {
		o.Length = 0
	}
	for _, packet := range x.Packets {
		if !pipeline.CarriesIP(packet.Protocol) {
			f := ppp.Frame{Protocol: packet.Protocol, PayloadEnd: len(packet.Data)}
			o.Inside = append(o.Inside, pppObject(&f, packet.Data))
		}
	}
}
