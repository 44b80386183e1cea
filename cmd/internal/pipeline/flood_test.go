package pipeline_test

import (
	"context"
	"flag"
	"io"
	"maps"
	"runtime"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/forge"
	"l2tpdump/testdata/processor"
	"l2tpdump/testdata/race"
)

var floodPackets = flag.Int("flood", 20_000, "packets of each flood in TestFloods")

// flood is a source of n packets that packet makes, with a capture in front.
type flood struct {
	front  *frames
	packet func(n uint32) []byte
	at, n  int
	data   []byte
	inputs []capture.Interface
}

func (f *flood) Interfaces() []capture.Interface {
	if f.inputs == nil {
		f.inputs = append(slices.Clone(f.front.interfaces), capture.Interface{LinkType: capture.Raw, Resolution: 1e9})
	}
	return f.inputs
}
func (f *flood) Close() error { return nil }

func (f *flood) Next(p *capture.Packet) error {
	if f.front.Next(p) == nil {
		return nil
	}
	if f.at == f.n {
		return io.EOF
	}
	f.data = f.packet(uint32(f.at))
	*p = capture.Packet{Time: 1.8e18 + int64(f.at)*1e4, Interface: len(f.front.interfaces), Length: len(f.data), Data: f.data}
	f.at++
	return nil
}

// run carries a flood through the pipeline.
func (f *flood) run(t testing.TB, keys []*keysrc.Keys) *pipeline.Pipeline {
	p := pipeline.New(pipeline.Config{Source: f, Workers: 1})
	p.AddKeys(keys...)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFloods: what strangers send, each packet with another SPI, cookie, identification, tunnel,
// session or address, takes a bounded amount of memory.
func TestFloods(t *testing.T) {
	const most = 200 << 20
	for _, kind := range race.Sampled(slices.Sorted(maps.Keys(forge.Floods))) {
		t.Run(kind, func(t *testing.T) {
			f := &flood{front: &frames{}, packet: forge.Floods[kind], n: *floodPackets}
			p := f.run(t, nil)
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			t.Logf("%d packets: %d MB in use, %d MB of the system", f.n, m.HeapAlloc>>20, m.Sys>>20)
			if m.HeapAlloc > most {
				t.Errorf("%d bytes in use", m.HeapAlloc)
			}
			runtime.KeepAlive(p)
		})
	}
}

// BenchmarkFlood measures what a packet of each flood costs; what remains of it is that of making
// the packet.
func BenchmarkFlood(b *testing.B) {
	keys := labKeys(b, "01-basic-aes128-sha1", tables...)
	for _, kind := range slices.Sorted(maps.Keys(forge.Floods)) {
		b.Run(kind, func(b *testing.B) {
			f := &flood{front: &frames{}, packet: forge.Floods[kind], n: b.N}
			defer processor.Report(b)()
			f.run(b, keys)
		})
	}
}
