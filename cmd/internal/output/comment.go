package output

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// appendComment appends what the packet's comment says: the SA, sequence number, algorithms,
// verdict.
func appendComment(dst []byte, r *pipeline.Record) []byte {
	if dst = appendOpened(dst, r); len(r.Payload.Expansion.Packets) > 0 {
		if len(dst) > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendExpansion(dst, &r.Payload.Expansion)
	}
	return dst
}

// appendOpened appends what opened the packet.
func appendOpened(dst []byte, r *pipeline.Record) []byte {
	switch r.Kind {
	case pipeline.ESP:
		dst = appendSPI(append(dst, "ESP "...), r.SPI)
		dst = strconv.AppendUint(append(dst, " seq "...), uint64(r.Seq), 10)
		if r.SA != nil {
			dst = append(append(dst, ' '), r.SA.CipherName()...)
			dst = append(append(dst, ' '), r.SA.AuthName()...)
		}
		for _, spi := range r.Nested {
			dst = appendSPI(append(dst, ", ESP "...), spi)
			dst = append(dst, " inside"...)
		}
	case pipeline.IKE:
		dst = appendAll(dst, "IKE ", r.IKE[0].Header.ExchangeName())
		if r.IKE[0].SA != nil {
			dst = appendAll(dst, " ", r.IKE[0].Terms.Cipher)
		}
		if slices.ContainsFunc(r.IKE, func(m *pipeline.Message) bool { return m.Reconstructed }) {
			dst = append(dst, ", first block reconstructed"...)
		}
	default:
		return appendWrapping(dst, r)
	}
	dst = append(append(dst, ", "...), string(r.Verdict)...)
	if r.Fragments > 0 {
		dst = strconv.AppendInt(append(dst, ", reassembled from "...), int64(r.Fragments), 10)
		dst = append(dst, " fragments"...)
	}
	return appendWrapping(dst, r)
}

// appendWrapping says what carried the frame.
func appendWrapping(dst []byte, r *pipeline.Record) []byte {
	if r.Wrapping == "" {
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, ", "...)
	}
	return appendAll(dst, "carried in ", r.Wrapping)
}

// Origin is what the comment of a packet in a cleartext capture says that it was.
type Origin struct {
	Kind     pipeline.Kind // ESP or IKE
	Verdict  why.Verdict   // one that is opened
	SPI, Seq uint32        // of ESP
}

// OriginOf reads what [Clear] wrote. It reports whether the packet was decrypted before.
func OriginOf(p *capture.Packet) (Origin, bool) {
	for c := range p.Comments() {
		parts := strings.Split(string(c), ", ")
		i := slices.IndexFunc(parts, func(s string) bool { return why.Verdict(s).Opened() })
		if i < 1 {
			continue
		}
		o := Origin{Kind: pipeline.IKE, Verdict: why.Verdict(parts[i])}
		if strings.HasPrefix(parts[0], "IKE ") {
			return o, true
		}
		if n, _ := fmt.Sscanf(parts[0], "ESP 0x%x seq %d", &o.SPI, &o.Seq); n == 2 && o.SPI > 0 {
			o.Kind = pipeline.ESP
			return o, true
		}
	}
	return Origin{}, false
}
