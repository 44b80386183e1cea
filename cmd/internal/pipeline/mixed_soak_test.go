package pipeline_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/testdata/forge"
)

var soakTime = flag.Duration("soak-time", 0, "how long TestMixedSoak goes on; 0: two rounds")

// mixture is recordings one after the other, again and again, with losses, replays, damaged frames,
// forged packets and floods among them.
type mixture struct {
	recordings []*frames
	rand       *rand.Rand
	more       func(rounds int) bool
	rounds     int
	queue      []capture.Packet
	time       int64
	count      uint32
	read       uint64
}

func (m *mixture) Interfaces() []capture.Interface { return m.recordings[0].interfaces }
func (m *mixture) Close() error                    { return nil }

func (m *mixture) Next(p *capture.Packet) error {
	for len(m.queue) == 0 {
		if !m.more(m.rounds) {
			return io.EOF
		}
		m.round()
	}
	*p = m.queue[0]
	m.queue = m.queue[1:]
	m.read++
	return nil
}

// round queues a recording.
func (m *mixture) round() {
	f := m.recordings[m.rounds%len(m.recordings)]
	m.rounds++
	kinds := slices.Sorted(maps.Keys(forge.Floods))
	shift := m.time - f.list[0].Time
	for i := range f.list {
		p := f.list[i]
		p.Time += shift
		m.time = max(m.time, p.Time+1e9)
		switch m.rand.IntN(20) {
		case 0:
			continue
		case 1:
			p.Data = bytes.Clone(p.Data)
			p.Data[m.rand.IntN(len(p.Data))] ^= byte(1 + m.rand.IntN(255))
		case 2:
			m.queue = append(m.queue, p)
		case 3:
			if x := forge.New(m.Interfaces()[0].LinkType, &p, m.rand.Uint64()); x != nil {
				m.queue = append(append(append(m.queue, x.IKE().All()...), x.ESP(true).All()...), x.Fragments().All()...)
				for _, kind := range kinds {
					m.count++
					if p, ok := x.Like(forge.Floods[kind](m.count)); ok {
						m.queue = append(m.queue, p)
					}
				}
			}
		case 4:
			p.Data = p.Data[:1+m.rand.IntN(len(p.Data))]
		}
		m.queue = append(m.queue, p)
	}
}

// TestMixedSoak: mixed traffic with faults takes a bounded amount of memory, and every frame comes
// out.
func TestMixedSoak(t *testing.T) {
	m := &mixture{rand: rand.New(rand.NewPCG(1, 2)), time: 1.7e18}
	p := pipeline.New(pipeline.Config{Source: m, Workers: 2})
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "06-pfs-rekey-dpd", "08b-rsa-ikefrag-natt", "10-ipv6-outer", "11-three-clients-two-behind-nat",
		"13-ip-fragmented-esp", "17d-aes128-sha256-esn", "22-redial-same-sa-vj-deflate", "26-heavy-loss-ike-retransmits"} {
		m.recordings = append(m.recordings, mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap")))
		p.AddKeys(labKeys(t, dir, tables...)...)
	}
	start := time.Now()
	most := uint64(0)
	m.more = func(rounds int) bool {
		if rounds%len(m.recordings) == 0 {
			var s runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&s)
			most = max(most, s.HeapAlloc)
		}
		if *soakTime > 0 {
			return time.Since(start) < *soakTime
		}
		return rounds < 2*len(m.recordings)
	}
	p.AddSink(output.NewText(io.Discard, output.TextConfig{Verbose: 1, Zone: time.UTC}))
	p.AddSink(output.NewJSONLines(io.Discard))
	p.AddSink(output.NewClear(output.ClearConfig{Open: func() (io.Writer, error) { return io.Discard, nil }, Layer: output.LayerL2TP, Source: m}))
	stats, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Frames != m.read {
		t.Errorf("%d of %d frames came out", stats.Frames, m.read)
	}
	if t.Logf("%d frames, %d MB in use at most", m.read, most>>20); most > 200<<20 {
		t.Errorf("%d bytes in use", most)
	}
}
