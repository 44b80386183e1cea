package output

import (
	"fmt"
	"slices"
	"strings"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

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
