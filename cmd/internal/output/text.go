package output

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/gopacket/layers"

	"l2tpdump/cmd/internal/inner"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// Text prints a line for each frame, in tcpdump's manner.
type Text struct {
	w       *bufio.Writer
	verbose int
	hexdump bool
	zone    *time.Location
	line    []byte
	packet  []byte
	second  int64 // that clock is for
	clock   []byte
}

// NewText returns the sink that prints text to w. verbose is the number of -v; hexdump adds
// the bytes of the inner packet. Times are those of zone.
func NewText(w io.Writer, verbose int, hexdump bool, zone *time.Location) *Text {
	return &Text{w: bufio.NewWriterSize(w, 64<<10), verbose: verbose, hexdump: hexdump, zone: zone, second: -1}
}

// Record prints r.
func (t *Text) Record(r *pipeline.Record) error {
	b := t.appendTime(t.line[:0], r.Packet.Time)
	switch {
	case r.Merged():
		b = appendAddresses(b, r, false)
		b = append(b, "fragment, part of frame "...)
		b = strconv.AppendUint(b, r.PartOf, 10)
	case r.Kind == pipeline.IKE:
		b = appendAddresses(b, r, true)
		b = t.appendIKE(b, r)
	case r.Kind == pipeline.ESP:
		b = appendAddresses(b, r, r.Net.UDP)
		b = t.appendESP(b, r)
	case r.Kind == pipeline.L2TP:
		b = appendAddresses(b, r, r.Net.UDP)
		b = append(b, '[')
		b = append(b, string(r.Verdict)...)
		b = append(b, "]: "...)
		b = t.appendPayload(b, r)
	default:
		b = t.appendOther(b, r)
	}
	told := r.Reason == pipeline.DummyPacket || r.Kind == pipeline.Other && r.Verdict == why.Clear
	if t.verbose > 0 && !told && r.Why() != "" {
		b = append(b, "; "...)
		b = append(b, r.Why()...)
	}
	b = append(b, '\n')
	if t.verbose > 1 {
		b = appendDetails(b, r)
	}
	if t.hexdump {
		b = appendHex(b, r)
	}
	t.line = b
	_, err := t.w.Write(b)
	return err
}

// Flush makes the lines so far visible.
func (t *Text) Flush() error { return t.w.Flush() }

// appendTime appends hours, minutes, seconds and microseconds, as tcpdump prints them.
func (t *Text) appendTime(b []byte, at int64) []byte {
	second := at / 1e9
	micro := at % 1e9 / 1e3
	if micro < 0 {
		second, micro = second-1, micro+1e6
	}
	if second != t.second {
		t.clock = time.Unix(second, 0).In(t.zone).AppendFormat(t.clock[:0], "15:04:05.")
		t.second = second
	}
	b = append(b, t.clock...)
	for unit := int64(100000); unit > 0; unit /= 10 {
		b = append(b, byte('0'+micro/unit%10))
	}
	return append(b, ' ')
}

// appendAddresses appends "IP 192.0.2.1.500 > 192.0.2.2.500: ".
func appendAddresses(b []byte, r *pipeline.Record, ports bool) []byte {
	n := &r.Net
	b = append(b, "IP"...)
	if n.IPVersion == 6 {
		b = append(b, '6')
	}
	b = append(b, ' ')
	b = appendEnd(b, n.Src, n.SrcPort, ports)
	b = append(b, " > "...)
	b = appendEnd(b, n.Dst, n.DstPort, ports)
	return append(b, ": "...)
}

func appendEnd(b []byte, a netip.Addr, port uint16, ports bool) []byte {
	b = a.AppendTo(b)
	if ports {
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(port), 10)
	}
	return b
}

func (t *Text) appendIKE(b []byte, r *pipeline.Record) []byte {
	for i, m := range r.IKE {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = t.appendMessage(b, m)
	}
	return b
}

// appendMessage appends "IKEv1 main I5 [decrypted]: ID 10.0.0.2, HASH".
func (t *Text) appendMessage(b []byte, m *pipeline.Message) []byte {
	b = append(b, m.Header.VersionName()...)
	b = append(b, ' ')
	b = append(b, m.Header.ExchangeName()...)
	if m.Number > 0 {
		b = append(b, ' ', side(m))
		b = strconv.AppendInt(b, int64(m.Number), 10)
	}
	b = append(b, " ["...)
	b = append(b, string(m.Verdict)...)
	b = append(b, ']')
	if m.Retransmission {
		b = append(b, " retransmission"...)
	}
	if d := m.Describe(); d != "" {
		b = append(b, ": "...)
		b = append(b, d...)
	}
	if m.Reconstructed && (m.Decrypted || m.Head()) {
		b = append(b, ", first block reconstructed"...)
	}
	if names := m.Uncovered(); t.verbose > 0 && m.Encrypted && len(names) > 0 {
		b = append(b, ", not covered by the HASH: "...)
		b = append(b, strings.Join(names, ", ")...)
	}
	return b
}

func side(m *pipeline.Message) byte {
	if m.FromInitiator {
		return 'I'
	}
	return 'R'
}

func (t *Text) appendESP(b []byte, r *pipeline.Record) []byte {
	b = append(b, "ESP "...)
	b = appendSPI(b, r.SPI)
	b = append(b, '/')
	b = strconv.AppendUint(b, uint64(r.Seq), 10)
	b = append(b, " ["...)
	b = append(b, string(r.Verdict)...)
	b = append(b, "]: "...)
	for _, spi := range r.Nested {
		b = append(b, "ESP "...)
		b = appendSPI(b, spi)
		b = append(b, ": "...)
	}
	if !r.Verdict.Opened() && r.Plain.Data == nil {
		b = append(b, "length "...)
		return strconv.AppendInt(b, int64(r.ESPLength()), 10)
	}
	return t.appendPayload(b, r)
}

// appendPayload appends what a frame carried.
func (t *Text) appendPayload(b []byte, r *pipeline.Record) []byte {
	p := &r.Payload
	if p.HasL2TP {
		b = l2tp.AppendSummary(b, &p.L2TP, &p.Tunnel, t.verbose)
		if !p.HasPPP {
			return t.appendPseudowire(b, r)
		}
		b = append(b, ": "...)
	}
	if p.HasPPP {
		return t.appendPPP(append(b, "PPP"...), r)
	}
	if p.Inner != nil {
		return t.appendInner(b, p.Inner, r)
	}
	switch {
	case r.Reason == pipeline.DummyPacket:
		b = append(b, "dummy packet, length "...)
		return strconv.AppendInt(b, int64(len(r.Plain.Data)), 10)
	case r.TunnelMode():
		return t.appendInner(b, r.Plain.Data, r)
	case r.Kind == pipeline.ESP && r.Verdict.Opened():
		t.packet = r.Net.AppendReplaced(t.packet[:0], r.Data(), r.Plain.NextHeader, r.Plain.Data)
		return inner.AppendSummary(b, t.packet[r.Net.LinkLen:], t.verbose)
	case r.Kind == pipeline.ESP:
		b = append(b, "length "...)
		return strconv.AppendInt(b, int64(r.ESPLength()), 10)
	}
	b = append(b, "length "...)
	return strconv.AppendInt(b, int64(r.Net.PayloadLen), 10)
}

// appendPPP appends what a PPP frame holds: what it is itself, and the packets that came out of it.
func (t *Text) appendPPP(b []byte, r *pipeline.Record) []byte {
	p, x := &r.Payload, &r.Payload.Expansion
	switch {
	case x.Fragment:
		b = appendFragment(b, p)
	case x.State == ppp.Plain && pipeline.CarriesIP(p.PPP.Protocol):
		b = t.appendInner(append(b, ": "...), p.Inner, r)
	case x.State != ppp.Expanded:
		b = append(b, ' ')
		if x.Compression != "" {
			b = append(append(b, x.Compression...), ' ')
		}
		b = ppp.AppendSummary(b, &p.PPP, p.Frame)
	case x.Compression != "":
		b = append(append(b, ' '), x.Compression...)
	default:
		b = append(b, " VJ"...)
	}
	if x.State > ppp.Expanded && !(x.Fragment && x.State == ppp.Held) {
		b = append(append(b, ", "...), x.State.String()...)
	}
	separator := ": "
	if x.State != ppp.Expanded {
		separator = "; "
	}
	for _, packet := range x.Packets {
		b = append(b, separator...)
		separator = "; "
		if pipeline.CarriesIP(packet.Protocol) {
			b = inner.AppendSummary(b, packet.Data, t.verbose)
		} else {
			b = ppp.AppendSummary(b, &ppp.Frame{Protocol: packet.Protocol, PayloadEnd: len(packet.Data)}, packet.Data)
		}
	}
	return b
}

// appendFragment appends " MP seq 7 begin, length 300".
func appendFragment(b []byte, p *pipeline.Payload) []byte {
	x := &p.Expansion
	b = strconv.AppendUint(append(b, " MP seq "...), uint64(x.Number), 10)
	if x.Begin {
		b = append(b, " begin"...)
	}
	if x.End {
		b = append(b, " end"...)
	}
	if len(x.Packets) == 0 {
		b = strconv.AppendInt(append(b, ", length "...), int64(p.PPP.PayloadEnd-p.PPP.PayloadStart), 10)
	}
	if x.Compression != "" {
		b = append(append(b, ' '), x.Compression...)
	}
	return b
}

// appendInner appends the summary of a user's packet, the end of which may be missing.
func (t *Text) appendInner(b, packet []byte, r *pipeline.Record) []byte {
	if _, err := inner.Decode(packet); err == inner.ErrShort && r.Missing > 0 {
		return append(b, "IP [|ip]"...)
	}
	return inner.AppendSummary(b, packet, t.verbose)
}

// appendOther appends a frame that is none of this program's protocols.
func (t *Text) appendOther(b []byte, r *pipeline.Record) []byte {
	switch {
	case r.Verdict != why.Clear:
		if r.Net.PayloadStart > 0 {
			b = appendAddresses(b, r, r.Net.UDP || r.Net.TCP)
		}
		b = append(b, '[')
		b = append(b, string(r.Verdict)...)
		b = append(b, "] length "...)
		return strconv.AppendInt(b, int64(r.Length()), 10)
	case r.Payload.HasPPP:
		if r.Net.PPPoE() {
			b = append(b, "PPPoE: "...)
		}
		return t.appendPayload(b, r)
	case r.Net.IPVersion == 0:
		b = appendEtherType(b, r.Net.EtherType)
		b = append(b, ", length "...)
		return strconv.AppendInt(b, int64(r.Length()), 10)
	}
	if r.Reason == "" {
		return inner.AppendSummary(b, r.Data()[r.Net.LinkLen:], t.verbose)
	}
	b = appendAddresses(b, r, r.Net.UDP || r.Net.TCP)
	b = append(b, r.Reason...)
	b = append(b, ", length "...)
	length := r.Net.PayloadLen
	if r.Net.UDP {
		length = r.Net.UDPLen
	}
	return strconv.AppendInt(b, int64(length), 10)
}

// appendEtherType names what a frame has in place of IP.
func appendEtherType(b []byte, kind uint16) []byte {
	switch name := layers.EthernetType(kind).String(); {
	case kind == 0:
		return append(b, "not IP"...)
	case strings.HasPrefix(name, "Unknown"):
		return fmt.Appendf(b, "ethertype 0x%04x", kind)
	default:
		return append(b, name...)
	}
}

// appendDetails appends a line for each IKE payload, and for the SA.
func appendDetails(b []byte, r *pipeline.Record) []byte {
	if r.SA != nil {
		b = append(b, "    "...)
		b = append(b, r.SA.CipherName()...)
		b = append(b, ' ')
		b = append(b, r.SA.AuthName()...)
		b = append(b, '\n')
	}
	for _, m := range r.IKE {
		for _, d := range m.Details() {
			b = append(b, "    "...)
			b = append(b, d...)
			b = append(b, '\n')
		}
	}
	return b
}

// appendHex appends the bytes of the innermost packet known.
func appendHex(b []byte, r *pipeline.Record) []byte {
	data := r.Payload.Inner
	switch {
	case data != nil:
	case r.Payload.HasPPP && r.Payload.PPP.Login():
		return append(b, "\t(a login: its bytes are not shown)\n"...)
	case r.Payload.HasPPP:
		data = r.Payload.Frame
	case r.Payload.HasL2TP:
		data = r.Payload.Message
	case r.Plain.Data != nil:
		data = r.Plain.Data
	default:
		return b
	}
	for at := 0; at < len(data); at += 16 {
		row := data[at:min(at+16, len(data))]
		b = append(b, "\t0x"...)
		b = hex.AppendEncode(b, []byte{byte(at >> 8), byte(at)})
		b = append(b, ": "...)
		for i, c := range row {
			if i%2 == 0 {
				b = append(b, ' ')
			}
			b = hex.AppendEncode(b, []byte{c})
		}
		b = append(b, '\n')
	}
	return b
}
