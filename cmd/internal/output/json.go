package output

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/gopacket/layers"

	"l2tpdump/cmd/internal/inner"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
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
	UID       string     `json:"uid,omitempty"` // of its session, as `sessions --json` has it
	Time      string     `json:"time"`
	Length    int        `json:"length"`
	Interface int        `json:"interface"`
	Link      *jsonLink  `json:"link,omitempty"`
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
	Ethernet  *jsonLink  `json:"ethernet,omitempty"` // of an Ethernet pseudowire
	Inner     *jsonInner `json:"inner,omitempty"`
	Outer     *jsonInner `json:"outer,omitempty"` // of kind other: the packet as it was captured
}

type jsonESP struct {
	SPI    string `json:"spi"`
	Seq    uint32 `json:"seq"`
	Cipher string `json:"cipher,omitempty"`
	Auth   string `json:"auth,omitempty"`
	Length int    `json:"length"` // bytes, SPI to ICV

	// Of what was opened.
	SeqHigh    uint32 `json:"seq_high,omitempty"`    // half of an extended sequence number
	NextHeader *uint8 `json:"next_header,omitempty"` // IP protocol
	Mode       string `json:"mode,omitempty"`        // transport or tunnel
	IPComp     bool   `json:"ipcomp,omitempty"`      // it was compressed, and is expanded

	Inside []string `json:"inside,omitempty"` // the SPIs of ESP in ESP that was opened too
}

type jsonL2TP struct {
	Version uint8   `json:"version"`
	Tunnel  uint32  `json:"tunnel"`
	Session uint32  `json:"session"`
	Type    string  `json:"type,omitempty"`
	Ns      *uint16 `json:"ns,omitempty"`
	Nr      *uint16 `json:"nr,omitempty"`
	From    string  `json:"from,omitempty"` // lac, which asked for the tunnel, or lns; absent where nobody saw it ask

	Retransmission bool          `json:"retransmission,omitempty"`
	Authentication string        `json:"authentication,omitempty"` // right, wrong: of the secret behind a response or a digest
	AVPs           orderedValues `json:"avps,omitempty"`
	Uncovered      []string      `json:"uncovered,omitempty"` // AVPs that were hidden, and have been read with the tunnel's secret
	Result         *l2tp.Result  `json:"result,omitempty"`    // of StopCCN and CDN

	// Of data messages: where a numbered one stands, and of L2TPv3 what they hold.
	Order       string  `json:"order,omitempty"` // ahead, late, repeated
	Sequence    *uint32 `json:"sequence,omitempty"`
	Pseudowire  string  `json:"pseudowire,omitempty"`
	Cookie      string  `json:"cookie,omitempty"`
	WrongCookie bool    `json:"wrong_cookie,omitempty"`
}

// control adds what a control message says.
func (o *jsonL2TP) control(c *l2tp.Control, cut bool) {
	o.Type, o.Retransmission, o.Authentication = c.Type(), c.Retransmission, c.Authentication.String()
	for name, value := range c.Values {
		if cut && name == "malformed" {
			break // it is what the end was cut off of
		}
		o.AVPs.add(name, value)
	}
	o.Uncovered = c.Uncovered()
	if r, ok := c.Result(); ok {
		o.Result = &r
	}
}

// orderedValues is an object whose members keep the order of the packet. Of a name that comes
// again the values are joined to one text.
type orderedValues []orderedValue

type orderedValue struct {
	name  string
	value any // string, uint64 or true
}

func (v *orderedValues) add(name string, value any) {
	if o, ok := value.(ppp.Octets); ok {
		value = o.Hex()
	}
	for i := range *v {
		if o := &(*v)[i]; o.name == name {
			o.value = fmt.Sprint(o.value, ", ", value)
			return
		}
	}
	*v = append(*v, orderedValue{name, value})
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
	if r.Session != nil {
		f.UID = r.Session.ID()
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
		f.ESP = espObject(r)
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
	f.Link = linkOf(r.Link, &r.Net, r.Data())
	j.payload(&f, r)
	if r.Kind == pipeline.Other && r.Verdict == why.Clear && f.Reason == "" && r.Net.IPVersion != 0 && !r.Payload.HasPPP {
		f.Outer = j.innerObject(r.Data()[r.Net.LinkLen:], 0)
	}
	return j.enc.Encode(&f)
}

func espObject(r *pipeline.Record) *jsonESP {
	o := &jsonESP{SPI: string(appendSPI(nil, r.SPI)), Seq: r.Seq, Length: r.ESPLength()}
	if r.SA != nil {
		o.Cipher, o.Auth = r.SA.CipherName(), r.SA.AuthName()
	}
	for _, spi := range r.Nested {
		o.Inside = append(o.Inside, string(appendSPI(nil, spi)))
	}
	if r.Verdict.Opened() || r.Head() {
		o.SeqHigh, o.NextHeader, o.IPComp = r.SeqHigh, &r.Plain.NextHeader, r.Expanded
		switch layers.IPProtocol(r.Plain.NextHeader) {
		case layers.IPProtocolIPv4, layers.IPProtocolIPv6:
			o.Mode = "tunnel"
		default:
			o.Mode = "transport"
		}
	}
	return o
}

// payload fills in what the frame carried.
func (j *JSONLines) payload(f *jsonFrame, r *pipeline.Record) {
	p := &r.Payload
	if p.HasL2TP {
		f.L2TP = l2tpObject(r)
	}
	if p.HasPPP {
		f.PPP = pppObject(&p.PPP, p.Frame)
		expansionObject(f.PPP, &p.Expansion)
	}
	if p.Ethernet != nil {
		f.Ethernet = ethernetObject(p.Ethernet)
	}
	if p.Inner != nil && (p.HasPPP || !p.Line) {
		f.Inner = j.innerObject(p.Inner, r.Missing)
		for _, packet := range p.More {
			f.Inner.More = append(f.Inner.More, j.innerObject(packet, 0))
		}
	}
}

func l2tpObject(r *pipeline.Record) *jsonL2TP {
	p := &r.Payload
	h, t := &p.L2TP, &p.Tunnel
	o := &jsonL2TP{Version: h.Version, Tunnel: h.Tunnel, Session: h.Session, Order: t.Order.String(),
		WrongCookie: t.WrongCookie}
	if t.Tunnel != nil && !t.Tunnel.Late {
		o.From = "lns"
		if p.ToLNS {
			o.From = "lac"
		}
	}
	if h.HasSequence {
		o.Ns, o.Nr = &h.Ns, &h.Nr
	}
	if t.Control != nil {
		o.control(t.Control, h.Cut)
	}
	if f := &t.Frame; h.Version == l2tp.Version3 && f.Pseudowire != 0 {
		o.Pseudowire = l2tp.PseudowireName(f.Pseudowire)
		if o.Cookie = hex.EncodeToString(f.Cookie); f.Numbered {
			o.Sequence = &f.Number
		}
	}
	return o
}

// Flush makes the lines so far visible.
func (j *JSONLines) Flush() error { return j.w.Flush() }

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
