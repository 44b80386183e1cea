package output

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"l2tpdump/capture"
	"l2tpdump/capture/compressed"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
)

// Layer says what of each frame the cleartext capture keeps.
type Layer string

// The layers.
const (
	LayerL2TP Layer = "l2tp" // every frame, with ESP replaced by what it carried and IKE in clear
	LayerPPP  Layer = "ppp"  // the PPP frames
	LayerIP   Layer = "ip"   // the users' IP packets
	LayerEth  Layer = "eth"  // the frames of Ethernet pseudowires
)

// Layers are the names of all layers.
var Layers = []string{string(LayerL2TP), string(LayerPPP), string(LayerIP), string(LayerEth)}

// ParseLayer checks the name of a layer.
func ParseLayer(name string) (Layer, error) {
	if slices.Contains(Layers, name) {
		return Layer(name), nil
	}
	return "", fmt.Errorf("unknown layer %q: it is l2tp, ppp, ip or eth", name)
}

// packetOverhead is about what a packet takes in a file beside its bytes and its comment.
const packetOverhead = 40

// Clear writes the cleartext capture.
type Clear struct {
	// Packets counts what was written.
	Packets uint64

	config   ClearConfig
	size     int64 // about how large the current file is
	w        capture.Writer
	ids      []int             // by the input's interface: the writer's number + 1
	others   map[inputLink]int // the same where the frames of an interface carried those of another link type
	packet   capture.Packet    // as it is written; a field, so that it does not escape once per packet
	frame    []byte
	payload  []byte
	comment  []byte
	expanded []byte
	doubtful doubtful
}

// ClearConfig says how to write a cleartext capture.
type ClearConfig struct {
	// Open is called when the first packet is ready.
	Open func() (io.Writer, error)
	// Full, if set, is asked before each packet, of that time, whether it has to begin another
	// file: then all is written that belongs to the present one, which has about size bytes, and
	// Open is called for the next.
	Full func(time, size int64) bool
	// Pcap chooses the older format, which knows one link type and no comments.
	Pcap   bool
	Layer  Layer
	Source capture.Source
	// Secrets, if set, leaves the packets as they were captured. What it returns for a record is
	// written before it as an ESPS secrets block; nil: nothing.
	Secrets func(*pipeline.Record) []byte
	// Inner, if set, is for the users' packets: LayerIP writes those that pass.
	Inner pipeline.Filter
}

// NewClear returns the sink that writes the cleartext capture.
func NewClear(c ClearConfig) *Clear { return &Clear{config: c} }

// Record writes what the layer keeps of r.
func (c *Clear) Record(r *pipeline.Record) error {
	if c.config.Secrets != nil {
		return c.original(r)
	}
	if r.Merged() {
		return nil
	}
	if r.Kind != pipeline.Other {
		c.doubtful.drop()
	}
	var link capture.LinkType
	c.packet = r.Packet
	p := &c.packet
	c.comment = c.comment[:0]
	switch c.config.Layer {
	case LayerL2TP:
		link = r.Link
		c.replace(r, p)
		if done, err := c.plain(r, p); done {
			return err
		}
	case LayerPPP:
		if !r.Payload.HasPPP && !(r.Payload.Line && r.Payload.Frame != nil) || r.Payload.Beside {
			return nil
		}
		link = c.pppFrame(&r.Payload)
		p.Data, p.Length = c.frame, len(c.frame)
	case LayerEth:
		if r.Payload.Ethernet == nil {
			return nil
		}
		link = capture.Ethernet
		p.Data, p.Length = r.Payload.Ethernet, len(r.Payload.Ethernet)
	case LayerIP:
		return c.inner(r)
	}
	if c.config.Layer != LayerL2TP {
		p.Length += r.Missing
		c.comment = appendComment(c.comment, r)
	}
	return c.write(r, p, link)
}

// pppFrame makes the frame that the PPP layer has.
func (c *Clear) pppFrame(p *pipeline.Payload) capture.LinkType {
	c.frame = c.frame[:0]
	if p.Undirected {
		c.frame = append(c.frame, p.Frame...)
		return capture.PPP
	}
	direction := byte(1)
	if p.ToLNS {
		direction = 0
	}
	c.frame = append(append(c.frame, direction), p.Frame...)
	return capture.PPPWithDir
}

// write writes a packet with the comment.
func (c *Clear) write(r *pipeline.Record, p *capture.Packet, link capture.LinkType) error {
	if r.Payload.Doubtful && c.config.Layer != LayerL2TP && c.doubtful.add(p, c.comment, r.Inputs, link) {
		return nil
	}
	if err := c.release(); err != nil {
		return err
	}
	if err := c.ready(p, r.Inputs, link, r.Payload.Tunnel.Session); err != nil {
		return err
	}
	c.Packets++
	return c.w.WritePacket(p, c.comment)
}

// inner writes the users' packets that r completed, but for what PPP calls one and is none.
func (c *Clear) inner(r *pipeline.Record) error {
	if r.Payload.Inner == nil || r.Payload.Beside {
		return nil
	}
	c.comment = appendComment(c.comment, r)
	for i := range 1 + len(r.Payload.More) {
		data := r.Payload.Inner
		if i > 0 {
			data = r.Payload.More[i-1]
		}
		if !isIP(data, len(data)+r.Missing) || c.config.Inner != nil && !passes(c.config.Inner, data, r) {
			continue
		}
		c.packet = r.Packet
		c.packet.Data, c.packet.Length = data, len(data)+r.Missing
		if err := c.write(r, &c.packet, capture.Raw); err != nil {
			return err
		}
	}
	return nil
}

// original writes the frame as it was captured, behind the keys that it needs.
func (c *Clear) original(r *pipeline.Record) error {
	c.packet = r.Packet
	p := &c.packet
	if err := c.ready(p, r.Inputs, r.Inputs[p.Interface].LinkType, nil); err != nil {
		return err
	}
	if keys := c.config.Secrets(r); keys != nil {
		if err := c.w.WriteSecrets(capture.SecretsESPS, keys); err != nil {
			return err
		}
	}
	c.Packets++
	return c.w.WritePacket(p, nil)
}

// ready makes sure that there is a writer that knows the packet's interface.
func (c *Clear) ready(p *capture.Packet, inputs []capture.Interface, link capture.LinkType, s *l2tp.Session) error {
	if c.config.Full != nil && c.config.Full(p.Time, c.size) && c.w != nil {
		if err := c.Flush(); err != nil {
			return err
		}
		c.w, c.ids, c.others, c.size = nil, c.ids[:0], nil, 0
	}
	if c.w == nil {
		out, err := c.config.Open()
		if err != nil {
			return err
		}
		if c.config.Pcap {
			nano := slices.ContainsFunc(inputs, func(i capture.Interface) bool { return i.Resolution > 1e6 })
			c.w = capture.NewPcapWriter(out, nano)
		} else {
			c.w = capture.NewPcapngWriter(out)
		}
	}
	if err := c.addInterface(p, inputs, link, s); err != nil {
		return err
	}
	c.size += int64(packetOverhead + len(p.Data) + len(p.Options) + len(c.comment))
	return nil
}

// Flush writes out what is buffered.
func (c *Clear) Flush() error {
	if c.w == nil {
		return nil
	}
	return c.w.Flush()
}

// Close creates the output if no packet has come, so that it exists and is valid, and flushes. The
// source must not be read any more.
func (c *Clear) Close() error {
	if err := c.release(); err != nil {
		return err
	}
	return c.Begin()
}

// Begin creates the output, though no packet has come, and writes its header: who reads a pipe may
// wait for that. The source is not being read yet.
func (c *Clear) Begin() error {
	if inputs := c.config.Source.Interfaces(); c.w == nil && len(inputs) > 0 {
		p := capture.Packet{}
		link := inputs[0].LinkType
		switch c.config.Layer {
		case LayerPPP:
			link = capture.PPPWithDir
		case LayerIP:
			link = capture.Raw
		case LayerEth:
			link = capture.Ethernet
		}
		if err := c.ready(&p, inputs, link, nil); err != nil {
			return err
		}
	}
	return c.Flush()
}

// replace puts the clear frame into p, if r has one.
func (c *Clear) replace(r *pipeline.Record, p *capture.Packet) {
	whole, missing := r.Data(), r.Missing
	switch {
	case r.Kind == pipeline.ESP && (r.Verdict.Opened() || r.Head()):
		plain := r.Plain.Data
		c.frame = r.Net.AppendReplacedLen(c.frame[:0], whole, r.Plain.NextHeader, plain, len(plain)+r.Missing)
		if r.Net.UDP { // a NAT may have changed the addresses that the inner checksum covers
			capture.FixTransportChecksum(c.frame[r.Net.LinkLen:])
		}
	case r.Kind == pipeline.IKE && (r.IKEOpened() || r.IKEHead()):
		missing = c.replaceIKE(r, whole)
	case r.Wrapping != "":
		p.Data, p.Length = r.Frame(), r.Length()
		c.comment = appendComment(c.comment, r)
		return
	default:
		return
	}
	p.Data = c.frame
	p.Length = len(c.frame) + missing
	c.comment = appendComment(c.comment, r)
}

// replaceIKE makes the frame with its IKE messages in clear, and returns how many bytes it lacks at
// its end.
func (c *Clear) replaceIKE(r *pipeline.Record, whole []byte) (missing int) {
	n := &r.Net
	if !n.Truncated {
		c.payload, _ = appendClearIKE(c.payload[:0], r)
		c.frame = n.AppendUDPPayload(c.frame[:0], whole, c.payload)
		return 0
	}
	c.payload = append(c.payload[:0], whole[n.PayloadStart:n.UDPStart]...)
	c.payload, missing = appendClearIKE(c.payload, r)
	missing += n.UDPLen - (n.UDPEnd - n.UDPStart)
	length := len(c.payload) + missing
	binary.BigEndian.PutUint16(c.payload[4:], uint16(min(length, math.MaxUint16)))
	if n.IPVersion == 4 {
		clear(c.payload[6:8]) // no checksum: it would cover bytes that are not there
	}
	c.frame = n.AppendReplacedLen(c.frame[:0], whole, n.Protocol, c.payload, length)
	return missing
}

// appendClearIKE appends the UDP payload with each message that was decrypted in clear. dropped is
// how many captured bytes at the end of one that was cut could not be decrypted: less than a block.
func appendClearIKE(dst []byte, r *pipeline.Record) (out []byte, dropped int) {
	payload := r.Data()[r.Net.UDPStart:r.Net.UDPEnd]
	if r.Marker {
		dst = append(dst, payload[:4]...)
		payload = payload[4:]
	}
	for _, m := range r.IKE {
		n := min(int(m.Header.Length), len(payload))
		switch {
		case m.Decrypted:
			dst = append(dst, m.Plain...)
		case m.Head() && len(m.Plain) <= n:
			dst, dropped = append(dst, m.Plain...), n-len(m.Plain)
		default:
			dst = append(dst, payload[:n]...)
		}
		payload = payload[n:]
	}
	return append(dst, payload...), dropped
}

func appendSPI(dst []byte, spi uint32) []byte {
	dst = append(dst, "0x"...)
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[spi>>shift&15])
	}
	return dst
}

func appendAll(dst []byte, texts ...string) []byte {
	for _, text := range texts {
		dst = append(dst, text...)
	}
	return dst
}

// IsCaptureName says that a file's name fits a capture: it has no ending, or a capture's, or one of
// digits as rings have.
func IsCaptureName(name string) bool {
	end := strings.ToLower(filepath.Ext(name))
	return end == "" || slices.Contains([]string{".pcap", ".pcapng", ".cap", ".ntar"}, end) ||
		strings.Trim(end[1:], "0123456789") == "" ||
		strings.Contains(name, "%")
}

// IsPcapName reports whether a file of that name, which may say that it is compressed, is to be
// written in the older format.
func IsPcapName(name string) bool {
	_, name = compressed.OfName(name)
	return strings.HasSuffix(strings.ToLower(name), ".pcap")
}
