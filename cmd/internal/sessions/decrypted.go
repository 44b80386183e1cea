package sessions

import (
	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// asCaptured returns a record as it was before the capture was decrypted, if the comment of its
// packet says that it was: then it is a copy, and what crossed in ESP or IKE is not taken for clear
// traffic.
func asCaptured(r *pipeline.Record) (was *pipeline.Record, decrypted bool) {
	o, ok := output.OriginOf(&r.Packet)
	c := *r
	c.Verdict = o.Verdict
	switch {
	case ok && o.Kind == pipeline.ESP && (r.Kind == pipeline.L2TP || r.Kind == pipeline.Other):
		n := &c.Net
		c.Kind, c.SPI, c.Seq = o.Kind, o.SPI, o.Seq
		c.Plain = esp.Plaintext{NextHeader: n.Protocol, Data: r.Data()[n.PayloadStart:n.PayloadEnd]}
		var outer capture.Frame
		if lt := r.Inputs[r.Packet.Interface].LinkType; r.Unwrapped != nil && outer.Decode(lt, r.Packet.Data) == nil {
			c.Payload.Inner = r.Data()[n.LinkLen:n.PayloadEnd] // tunnel mode
			n.Src, n.Dst = outer.Src, outer.Dst
		}
		n.UDP, n.SrcPort, n.DstPort = false, 0, 0 // those are inside
	case ok && o.Kind == pipeline.IKE && r.Kind == pipeline.IKE:
		c.IKE = nil
		for _, m := range r.IKE {
			opened := *m.Message
			opened.Encrypted, opened.Decrypted, opened.Verified = true, true, o.Verdict == why.Verified
			if n := opened.Named(r.Net.Src, r.Net.Dst); n != nil && !opened.Retransmission {
				opened.Negotiated = []*esp.Negotiated{n}
			}
			c.IKE = append(c.IKE, &pipeline.Message{Message: &opened, Verdict: o.Verdict, Terms: m.Terms})
		}
	default:
		return r, false
	}
	return &c, true
}

// decryptedBefore says that others have decrypted the capture.
func decryptedBefore(s *Session) *proof {
	if !s.decrypted {
		return nil
	}
	return proven(nil, "this capture was decrypted before, as the comments of its packets say")
}
