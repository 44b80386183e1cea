package pipeline_test

import (
	"context"
	"path/filepath"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// TestKeyHalvesApart: SKEYID_e and SKEYID_d come at different times, in either order, before,
// within and after the Quick Mode and the first packets: all that both together open is opened.
func TestKeyHalvesApart(t *testing.T) {
	const dir = "02-natt-aes256-sha1"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	full := *labKeys(t, dir, "router-full.log")[0].IKE[0]
	want := follow(t, f, []*keysrc.Keys{{IKE: []*ikev1.Secret{&full}}}, mode{}).stats
	e, d := full, full
	e.SKEYID, e.SKEYIDd, e.SKEYIDa = esp.Key{}, esp.Key{}, esp.Key{}
	d.SKEYID, d.SKEYIDe = esp.Key{}, esp.Key{}
	times := []int{0, 8, 10, 15, 16, 17, 18, 19, 20, 40, 200, len(f.list)}
	for _, whenE := range times {
		for _, whenD := range times {
			f.at = 0
			src := &inParts{frames: f, keys: make(chan *keysrc.Keys, 2), parts: map[int][]*ikev1.Secret{}}
			src.parts[whenE] = append(src.parts[whenE], &e)
			src.parts[whenD] = append(src.parts[whenD], &d)
			p := pipeline.New(pipeline.Config{Source: src, Keys: src.keys, HoldBytes: 64 << 20, HoldTime: 3600e9, Workers: 2})
			stats, err := p.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if n, all := stats.Count(pipeline.ESP, why.Verified), want.Count(pipeline.ESP, why.Verified); n != all || n == 0 || stats.Failed() > 0 || stats.Expired > 0 {
				t.Errorf("SKEYID_e at frame %d, SKEYID_d at frame %d: %d of %d ESP packets verified, %d frames failed, %d waited in vain", whenE, whenD, n, all,
					stats.Failed(), stats.Expired)
			}
		}
	}
}

// inParts is a capture during which secrets come one by one.
type inParts struct {
	*frames
	keys  chan *keysrc.Keys
	parts map[int][]*ikev1.Secret // by the number of frames before
}

func (s *inParts) Next(p *capture.Packet) error {
	for _, x := range s.parts[s.at] {
		s.keys <- &keysrc.Keys{IKE: []*ikev1.Secret{x}}
	}
	delete(s.parts, s.at)
	return s.frames.Next(p)
}
