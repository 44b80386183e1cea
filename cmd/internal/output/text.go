package output

import (
	"bufio"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"l2tpdump/cmd/internal/inner"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// Text prints a line for each frame, in tcpdump's manner.
type Text struct {
	w       *bufio.Writer
	config  TextConfig
	clock   clock
	printer inner.Printer
	line    []byte
	packet  []byte
}

// TextConfig says what lines hold.
type TextConfig struct {
	Verbose   int // number of -v
	Times     Times
	Nano      bool           // nanoseconds, not microseconds
	Zone      *time.Location // of the times
	Numbers   bool           // of the frames
	Link      bool           // the link header
	Bytes     Bytes
	Absolute  bool // sequence numbers of TCP as they are in the packets
	Checksums bool // with Verbose: whether those of TCP and UDP are right
	// Interface names an interface of Linux by its index; nil, or "": it has no name.
	Interface func(index uint32) string
}

// NewText returns the sink that prints text to w.
func NewText(w io.Writer, c TextConfig) *Text {
	return &Text{
		w: bufio.NewWriterSize(w, 64<<10), config: c, clock: clock{style: c.Times, nano: c.Nano, zone: c.Zone},
		printer: inner.Printer{Verbose: c.Verbose, Checksums: c.Checksums && c.Verbose > 0, Relative: !c.Absolute},
	}
}

// Record prints r.
func (t *Text) Record(r *pipeline.Record) error {
	b := t.line[:0]
	if t.config.Numbers {
		b = appendNumber(b, r.Number)
	}
	b = t.appendLink(t.clock.append(b, r.Packet.Time), r)
	switch {
	case r.Merged():
		b = append(t.appendAddresses(b, r, false), "fragment, part of frame "...)
		b = strconv.AppendUint(b, r.PartOf, 10)
	case r.Kind == pipeline.IKE:
		b = t.appendAddresses(b, r, true)
		for i, m := range r.IKE {
			if i > 0 {
				b = append(b, "; "...)
			}
			b = t.appendMessage(b, m)
		}
	case r.Kind == pipeline.ESP:
		b = t.appendESP(t.appendAddresses(b, r, r.Net.UDP), r)
	case r.Kind == pipeline.L2TP:
		b = appendAll(t.appendAddresses(b, r, r.Net.UDP), "[", string(r.Verdict), "]: ")
		b = t.appendPayload(b, r)
	default:
		b = t.appendOther(b, r)
	}
	told := r.Reason == pipeline.DummyPacket || r.Kind == pipeline.Other && r.Verdict == why.Clear
	if t.config.Verbose > 0 && !told && r.Why() != "" {
		b = appendAll(b, "; ", r.Why())
	}
	b = append(append(b, '\n'), t.printer.Below...)
	t.printer.Below = t.printer.Below[:0]
	if t.config.Verbose > 1 {
		b = appendDetails(b, r)
	}
	b = t.appendBytes(b, r)
	t.line = b
	_, err := t.w.Write(b)
	return err
}

// Flush makes the lines so far visible.
func (t *Text) Flush() error { return t.w.Flush() }

// appendNumber appends the number of a frame, in tcpdump's width.
func appendNumber(b []byte, n uint64) []byte {
	for most := uint64(10000); most > max(n, 1); most /= 10 {
		b = append(b, ' ')
	}
	return append(strconv.AppendUint(b, n, 10), "  "...)
}

// appendAddresses appends "IP 192.0.2.1.500 > 192.0.2.2.500: ", with -v what the header says.
func (t *Text) appendAddresses(b []byte, r *pipeline.Record, ports bool) []byte {
	n := &r.Net
	if n.IPVersion == 6 {
		b = append(b, "IP6 "...)
	} else {
		b = append(b, "IP "...)
	}
	if t.config.Verbose > 0 {
		b = t.printer.AppendHeader(b, r.Data()[n.LinkLen:])
	}
	b = appendEnd(b, n.Src, n.SrcPort, ports)
	b = append(b, " > "...)
	b = appendEnd(b, n.Dst, n.DstPort, ports)
	return append(b, ": "...)
}

func appendEnd(b []byte, a netip.Addr, port uint16, ports bool) []byte {
	b = a.AppendTo(b)
	if ports {
		b = strconv.AppendUint(append(b, '.'), uint64(port), 10)
	}
	return b
}

// appendMessage appends "IKEv1 main I5 [decrypted]: ID 10.0.0.2, HASH".
func (t *Text) appendMessage(b []byte, m *pipeline.Message) []byte {
	b = appendAll(b, m.Header.VersionName(), " ", m.Header.ExchangeName())
	if m.Number > 0 {
		side := byte('R')
		if m.FromInitiator {
			side = 'I'
		}
		b = strconv.AppendInt(append(b, ' ', side), int64(m.Number), 10)
	}
	b = appendAll(b, " [", string(m.Verdict), "]")
	if m.Retransmission {
		b = append(b, " retransmission"...)
	}
	if d := m.Describe(); d != "" {
		b = appendAll(b, ": ", d)
	}
	if m.Reconstructed && (m.Decrypted || m.Head()) {
		b = append(b, ", first block reconstructed"...)
	}
	if names := m.Uncovered(); t.config.Verbose > 0 && m.Encrypted && len(names) > 0 {
		b = appendAll(b, ", not covered by the HASH: ", strings.Join(names, ", "))
	}
	return b
}

func (t *Text) appendESP(b []byte, r *pipeline.Record) []byte {
	b = appendSPI(append(b, "ESP "...), r.SPI)
	b = strconv.AppendUint(append(b, '/'), uint64(r.Seq), 10)
	b = append(append(append(b, " ["...), r.Verdict...), "]: "...)
	for _, spi := range r.Nested {
		b = appendSPI(append(b, "ESP "...), spi)
		b = append(b, ": "...)
	}
	if !r.Verdict.Opened() && r.Plain.Data == nil {
		return appendLength(b, r.ESPLength())
	}
	return t.appendPayload(b, r)
}

// appendPayload appends what a frame carried.
func (t *Text) appendPayload(b []byte, r *pipeline.Record) []byte {
	p := &r.Payload
	if p.HasL2TP {
		b = l2tp.AppendSummary(b, &p.L2TP, &p.Tunnel, t.config.Verbose)
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
		return appendLength(append(b, "dummy packet, "...), len(r.Plain.Data))
	case r.TunnelMode():
		return t.appendInner(b, r.Plain.Data, r)
	case r.Kind == pipeline.ESP && r.Verdict.Opened():
		t.packet = r.Net.AppendReplaced(t.packet[:0], r.Data(), r.Plain.NextHeader, r.Plain.Data)
		return t.printer.Append(b, t.packet[r.Net.LinkLen:], within(r))
	case r.Kind == pipeline.ESP:
		return appendLength(b, r.ESPLength())
	}
	return appendLength(b, r.Net.PayloadLen)
}

func appendLength(b []byte, n int) []byte {
	return strconv.AppendInt(append(b, "length "...), int64(n), 10)
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
			b = appendAll(b, x.Compression, " ")
		}
		b = ppp.AppendSummary(b, &p.PPP, p.Frame)
	case x.Compression != "":
		b = appendAll(b, " ", x.Compression)
	default:
		b = append(b, " VJ"...)
	}
	if x.State > ppp.Expanded && !(x.Fragment && x.State == ppp.Held) {
		b = appendAll(b, ", ", x.State.String())
	}
	separator := ": "
	if x.State != ppp.Expanded {
		separator = "; "
	}
	for _, packet := range x.Packets {
		b = append(b, separator...)
		separator = "; "
		if pipeline.CarriesIP(packet.Protocol) {
			b = t.printer.Append(b, packet.Data, within(r))
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
		b = appendLength(append(b, ", "...), p.PPP.PayloadEnd-p.PPP.PayloadStart)
	}
	if x.Compression != "" {
		b = appendAll(b, " ", x.Compression)
	}
	return b
}

// within tells apart the connections of different sessions, whose ends may have the same addresses,
// and those that a key opened.
func within(r *pipeline.Record) any {
	if s := r.Payload.Tunnel.Session; s != nil {
		return s
	}
	return r.Kind
}

// appendInner appends the summary of a user's packet, the end of which may be missing.
func (t *Text) appendInner(b, packet []byte, r *pipeline.Record) []byte {
	if _, err := inner.Decode(packet); err == inner.ErrShort && r.Missing > 0 {
		return append(b, "IP [|ip]"...)
	}
	return t.printer.Append(b, packet, within(r))
}

// appendOther appends a frame that is none of this program's protocols.
func (t *Text) appendOther(b []byte, r *pipeline.Record) []byte {
	switch {
	case r.Verdict != why.Clear:
		if r.Net.PayloadStart > 0 {
			b = t.appendAddresses(b, r, r.Net.UDP || r.Net.TCP)
		}
		return appendLength(appendAll(b, "[", string(r.Verdict), "] "), r.Length())
	case r.Payload.HasPPP:
		if id, ok := r.Net.PPPoESession(r.Data()); ok {
			b = append(strconv.AppendUint(append(b, "PPPoE [ses 0x"...), uint64(id), 16), "]: "...)
		}
		return t.appendPayload(b, r)
	case r.Net.IPVersion == 0:
		b = appendEtherType(b, r.Net.EtherType, r.Data()[r.Net.LinkLen:])
		return appendLength(append(b, ", "...), r.Length()-r.Net.LinkLen)
	}
	if r.Reason == "" {
		return t.printer.Append(b, r.Data()[r.Net.LinkLen:], within(r))
	}
	b = appendAll(t.appendAddresses(b, r, r.Net.UDP || r.Net.TCP), r.Reason, ", ")
	if r.Net.UDP {
		return appendLength(b, r.Net.UDPLen)
	}
	return appendLength(b, r.Net.PayloadLen)
}

// appendDetails appends a line for each IKE payload, and for the SA.
func appendDetails(b []byte, r *pipeline.Record) []byte {
	if r.SA != nil {
		b = appendAll(b, "    ", r.SA.CipherName(), " ", r.SA.AuthName(), "\n")
	}
	for _, m := range r.IKE {
		for _, d := range m.Details() {
			b = appendAll(b, "    ", d, "\n")
		}
	}
	return b
}
