package output

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"l2tpdump/cmd/internal/inner"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// JSONLines prints an object for each frame. A member that does not apply is absent.
type JSONLines struct {
	w    *bufio.Writer
	enc  *json.Encoder
	text []byte
}

// NewJSONLines returns the sink that prints JSON lines to w.
func NewJSONLines(w io.Writer) *JSONLines {
	b := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return &JSONLines{w: b, enc: enc}
}

type jsonFrame struct {
	Frame     uint64     `json:"frame"`
	Time      string     `json:"time"`
	Length    int        `json:"length"`
	Interface int        `json:"interface"`
	Src       string     `json:"src,omitempty"`
	Dst       string     `json:"dst,omitempty"`
	SrcPort   *uint16    `json:"sport,omitempty"`
	DstPort   *uint16    `json:"dport,omitempty"`
	Kind      string     `json:"kind"`
	Verdict   string     `json:"verdict"`
	Reason    string     `json:"reason,omitempty"`
	Wrapping  string     `json:"wrapping,omitempty"` // what carried the frame
	ESP       *jsonESP   `json:"esp,omitempty"`
	IKE       *jsonIKE   `json:"ike,omitempty"`
	L2TP      *jsonL2TP  `json:"l2tp,omitempty"`
	PPP       *jsonPPP   `json:"ppp,omitempty"`
	Inner     *jsonInner `json:"inner,omitempty"`
}

type jsonESP struct {
	SPI    string `json:"spi"`
	Seq    uint32 `json:"seq"`
	Cipher string `json:"cipher,omitempty"`
	Auth   string `json:"auth,omitempty"`

	Inside []string `json:"inside,omitempty"` // the SPIs of ESP in ESP that was opened too
}

type jsonIKE struct {
	InitiatorCookie string   `json:"initiator_cookie"`
	ResponderCookie string   `json:"responder_cookie"`
	Exchange        string   `json:"exchange"`
	Message         int      `json:"message,omitempty"`
	MessageID       string   `json:"message_id"`
	Payloads        []string `json:"payloads,omitempty"`
	Retransmission  bool     `json:"retransmission,omitempty"`
	Reconstructed   bool     `json:"reconstructed,omitempty"`

	// Where a datagram holds several messages: the verdict on each, and all but the first.
	Verdict string     `json:"verdict,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	More    []*jsonIKE `json:"more,omitempty"`
}

type jsonL2TP struct {
	Version uint8   `json:"version"`
	Tunnel  uint32  `json:"tunnel"`
	Session uint32  `json:"session"`
	Type    string  `json:"type,omitempty"`
	Ns      *uint16 `json:"ns,omitempty"`
	Nr      *uint16 `json:"nr,omitempty"`

	Retransmission bool          `json:"retransmission,omitempty"`
	Authentication string        `json:"authentication,omitempty"` // right, wrong: of the secret behind a response or a digest
	AVPs           orderedValues `json:"avps,omitempty"`

	// Of data messages: where a numbered one stands, and of L2TPv3 what they hold.
	Order       string  `json:"order,omitempty"` // ahead, late, repeated
	Sequence    *uint32 `json:"sequence,omitempty"`
	Pseudowire  string  `json:"pseudowire,omitempty"`
	Cookie      string  `json:"cookie,omitempty"`
	WrongCookie bool    `json:"wrong_cookie,omitempty"`
}

type jsonPPP struct {
	Protocol string        `json:"protocol"`
	Code     string        `json:"code,omitempty"`
	ID       *uint8        `json:"id,omitempty"`
	Options  orderedValues `json:"options,omitempty"`

	// Of a frame that is compressed, encrypted or a fragment: with what, where CCP was seen; what became
	// of it; the number and the bits of a fragment; packets of control protocols that came out of it.
	Compression string     `json:"compression,omitempty"`
	State       string     `json:"state,omitempty"`
	Sequence    *uint32    `json:"sequence,omitempty"`
	Begin       bool       `json:"begin,omitempty"`
	End         bool       `json:"end,omitempty"`
	Inside      []*jsonPPP `json:"inside,omitempty"`
}

type jsonInner struct {
	Src      string  `json:"src,omitempty"`
	Dst      string  `json:"dst,omitempty"`
	Protocol string  `json:"protocol,omitempty"`
	SrcPort  *uint16 `json:"sport,omitempty"`
	DstPort  *uint16 `json:"dport,omitempty"`
	Length   int     `json:"length"`
	Summary  string  `json:"summary,omitempty"`

	More []*jsonInner `json:"more,omitempty"` // further packets that the frame completed
}

// orderedValues is an object whose members keep the order of the packet. Of a name that comes
// again the values are joined.
type orderedValues []struct{ name, value string }

func (v *orderedValues) add(name, value string) {
	for i := range *v {
		if (*v)[i].name == name {
			(*v)[i].value += ", " + value
			return
		}
	}
	*v = append(*v, struct{ name, value string }{name, value})
}

// MarshalJSON writes the object.
func (v orderedValues) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	for i, o := range v {
		name, err := json.Marshal(o.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(o.value)
		if err != nil {
			return nil, err
		}
		b.WriteByte("{,"[min(i, 1)])
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// Record prints r.
func (j *JSONLines) Record(r *pipeline.Record) error {
	f := jsonFrame{
		Frame:     r.Number,
		Time:      time.Unix(0, r.Packet.Time).UTC().Format("2006-01-02T15:04:05.000000000Z"),
		Length:    r.Length(),
		Interface: r.Packet.Interface,
		Kind:      r.Kind.String(),
		Verdict:   string(r.Verdict),
		Reason:    r.Why(),
		Wrapping:  r.Wrapping,
	}
	if r.Merged() {
		f.Reason = fmt.Sprintf("fragment, part of frame %d", r.PartOf)
	}
	if n := &r.Net; n.IPVersion != 0 {
		f.Src, f.Dst = n.Src.String(), n.Dst.String()
		if n.UDP || n.TCP {
			f.SrcPort, f.DstPort = &n.SrcPort, &n.DstPort
		}
	}
	if r.Kind == pipeline.ESP && r.HasSPI() {
		f.ESP = &jsonESP{SPI: string(appendSPI(nil, r.SPI)), Seq: r.Seq}
		if r.SA != nil {
			f.ESP.Cipher, f.ESP.Auth = r.SA.CipherName(), r.SA.AuthName()
		}
		for _, spi := range r.Nested {
			f.ESP.Inside = append(f.ESP.Inside, string(appendSPI(nil, spi)))
		}
	}
	for i, m := range r.IKE {
		o := ikeObject(m)
		if len(r.IKE) > 1 {
			o.Verdict, o.Reason = string(m.Verdict), m.Reason
		}
		if i == 0 {
			f.IKE = o
		} else {
			f.IKE.More = append(f.IKE.More, o)
		}
	}
	j.payload(&f, r)
	return j.enc.Encode(&f)
}

// ikeObject describes an IKE message.
func ikeObject(m *pipeline.Message) *jsonIKE {
	return &jsonIKE{
		InitiatorCookie: m.Header.InitiatorCookie.String(),
		ResponderCookie: m.Header.ResponderCookie.String(),
		Exchange:        m.Header.ExchangeName(),
		Message:         m.Number,
		MessageID:       fmt.Sprintf("0x%08x", m.Header.MessageID),
		Payloads:        m.PayloadNames(),
		Retransmission:  m.Retransmission,
		Reconstructed:   m.Reconstructed,
	}
}

// payload fills in what the frame carried.
func (j *JSONLines) payload(f *jsonFrame, r *pipeline.Record) {
	p := &r.Payload
	if p.HasL2TP {
		f.L2TP = l2tpObject(p)
	}
	if p.HasPPP {
		f.PPP = pppObject(&p.PPP, p.Frame)
		expansionObject(f.PPP, &p.Expansion)
	}
	if p.Inner != nil {
		f.Inner = j.innerObject(p.Inner, r.Missing)
		for _, packet := range p.More {
			f.Inner.More = append(f.Inner.More, j.innerObject(packet, 0))
		}
	}
}

func l2tpObject(p *pipeline.Payload) *jsonL2TP {
	h, t := &p.L2TP, &p.Tunnel
	o := &jsonL2TP{Version: h.Version, Tunnel: h.Tunnel, Session: h.Session, Order: t.Order.String(), WrongCookie: t.WrongCookie}
	if h.HasSequence {
		o.Ns, o.Nr = &h.Ns, &h.Nr
	}
	if c := t.Control; c != nil {
		o.Type, o.Retransmission, o.Authentication = c.Type(), c.Retransmission, c.Authentication.String()
		for name, value := range c.Values {
			if h.Cut && name == "malformed" {
				break // it is what the end was cut off of
			}
			o.AVPs.add(name, value)
		}
	}
	if f := &t.Frame; h.Version == l2tp.Version3 && f.Pseudowire != 0 {
		o.Pseudowire = l2tp.PseudowireName(f.Pseudowire)
		if o.Cookie = hex.EncodeToString(f.Cookie); f.Numbered {
			o.Sequence = &f.Number
		}
	}
	return o
}

func pppObject(f *ppp.Frame, frame []byte) *jsonPPP {
	o := &jsonPPP{Protocol: ppp.ProtocolName(f.Protocol)}
	var c ppp.Control
	if !ppp.IsControl(f.Protocol) || !decodes(&c, f, frame) {
		return o
	}
	o.Code, o.ID = c.CodeName(), &c.ID
	for name, value := range c.Options {
		if f.Cut && name == "malformed" {
			break // it is what the end was cut off of
		}
		o.Options.add(name, value)
	}
	return o
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
	for _, packet := range x.Packets {
		if !pipeline.CarriesIP(packet.Protocol) {
			f := ppp.Frame{Protocol: packet.Protocol, PayloadEnd: len(packet.Data)}
			o.Inside = append(o.Inside, pppObject(&f, packet.Data))
		}
	}
}

// innerObject describes an inner packet whose end lacks missing bytes.
func (j *JSONLines) innerObject(ip []byte, missing int) *jsonInner {
	i, err := inner.Decode(ip)
	if j.text = j.text[:0]; err != inner.ErrShort || missing == 0 {
		j.text = inner.AppendSummary(j.text, ip, 0)
	}
	o := &jsonInner{Length: len(ip) + missing, Summary: string(j.text)}
	if err == nil {
		o.Src, o.Dst, o.Protocol, o.Length = i.Src.String(), i.Dst.String(), i.Protocol, i.Length
		if i.SrcPort != 0 || i.DstPort != 0 {
			o.SrcPort, o.DstPort = &i.SrcPort, &i.DstPort
		}
	}
	return o
}

// decodes reports whether c can be read from a PPP frame; of one that was cut, what there is.
func decodes(c *ppp.Control, f *ppp.Frame, frame []byte) bool {
	err := c.Decode(f.Protocol, frame[f.PayloadStart:f.PayloadEnd])
	return err == nil || err == ppp.ErrTruncated
}

// Flush makes the lines so far visible.
func (j *JSONLines) Flush() error { return j.w.Flush() }
