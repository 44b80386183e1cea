package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/traffic"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/race"
)

// generated is a capture of n ESP packets of 1400 bytes of one SA.
func generated(t testing.TB, sa *traffic.SA, n int) []byte {
	t.Helper()
	var file bytes.Buffer
	w := capture.NewPcapWriter(&file, false)
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.Ethernet}); err != nil {
		t.Fatal(err)
	}
	var frame []byte
	for i := range n {
		frame = sa.Append(frame[:0], 1400)
		p := capture.Packet{Time: int64(i) * 1e6, Length: len(frame), Data: frame}
		if err := w.WritePacket(&p, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func keysOf(sa *traffic.SA) *keysrc.Keys {
	key, auth := sa.Keys()
	return &keysrc.Keys{ESP: []*esp.Secret{{
		SPI: sa.SPI, SPIMask: ^uint32(0),
		Suite: esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: len(key), Auth: esp.AuthByName("hmac-sha1-96"), ICVLen: 12},
		Key:   esp.NewKey(key), AuthKey: esp.NewKey(auth), Origin: esp.OriginAt("test", 1),
	}}}
}

// decrypt runs the pipeline over a capture, to a cleartext capture that is thrown away.
func decrypt(t testing.TB, file []byte, keys *keysrc.Keys) *pipeline.Stats {
	t.Helper()
	src, err := capture.NewReader(bytes.NewReader(file), "generated")
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline.New(pipeline.Config{Source: src})
	p.AddKeys(keys)
	p.AddSink(output.NewClear(output.ClearConfig{
		Open:   func() (io.Writer, error) { return io.Discard, nil },
		Layer:  output.LayerL2TP,
		Source: src,
	}))
	stats, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

func TestNoAllocationPerPacket(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	const few, many = 4000, 34000
	sa := traffic.NewSA(0x1001)
	file := generated(t, sa, many)
	keys := keysOf(sa)
	size := len(file) / many
	count := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		stats := decrypt(t, file[:24+n*(len(file)-24)/many], keys)
		runtime.ReadMemStats(&after)
		if got := stats.Count(pipeline.ESP, why.Verified); got != uint64(n) {
			t.Fatalf("%d of %d packets verified (%d bytes each)", got, n, size)
		}
		return after.Mallocs - before.Mallocs
	}
	count(few)
	base := count(few)
	if more := count(many); more > base+(many-few)/100 {
		t.Errorf("%d allocations for %d packets, %d for %d: more than one in 100 packets", base, few, more, many)
	}
}

func BenchmarkDecrypt(b *testing.B) {
	sa := traffic.NewSA(0x1001)
	file := generated(b, sa, 20000)
	keys := keysOf(sa)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		decrypt(b, file, keys)
	}
}

// counter is a sink that fails at one of the records, and remembers what it got.
type counter struct {
	failAt uint64
	last   uint64
}

func (c *counter) Record(r *pipeline.Record) error {
	if r.Number == c.failAt {
		return io.ErrShortWrite
	}
	c.last = r.Number
	return nil
}

func (c *counter) Flush() error { return nil }

// TestSinkFails: the sinks behind one that fails get what was before, and its error is the run's.
func TestSinkFails(t *testing.T) {
	sa := traffic.NewSA(0x1001)
	file := generated(t, sa, 500)
	src, err := capture.NewReader(bytes.NewReader(file), "generated")
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline.New(pipeline.Config{Source: src})
	p.AddKeys(keysOf(sa))
	first, second := &counter{failAt: 131}, &counter{}
	p.AddSink(first)
	p.AddSink(second)
	_, err = p.Run(context.Background())
	var failed *pipeline.SinkError
	if !errors.As(err, &failed) || first.last != 130 || second.last != 130 {
		t.Errorf("%v; the sinks got %d and %d records", err, first.last, second.last)
	}
}
