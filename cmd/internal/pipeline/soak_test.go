package pipeline_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/traffic"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

var soak = flag.Bool("soak", false, "run TestSoak over 10 million packets with 10 000 rekeys")

// rekeying is a source of ESP packets whose SA changes again and again; each key comes just before
// its first packet, as it does in live capture.
type rekeying struct {
	t            *testing.T
	packets      int // in all
	perSA        int
	n            int
	sa           *traffic.SA
	frame        []byte
	keys         chan<- *keysrc.Keys
	step         int64 // between packets
	each         func(n int)
	measureEvery int
	others       int           // packets that can't be decrypted
	far          chan struct{} // closed when as many packets have been read as all batches hold, or nearly
}

func (s *rekeying) Next(p *capture.Packet) error {
	if s.n == s.packets {
		return io.EOF
	}
	if s.n%s.perSA == 0 {
		s.sa = traffic.NewSA(uint32(0x10000 + s.n/s.perSA))
		s.sa.Tunnel, s.sa.Session = uint16(s.n/s.perSA), uint16(s.n)
		s.keys <- keysOf(s.sa)
	}
	if s.n%s.measureEvery == 0 {
		s.each(s.n)
	}
	s.frame = s.sa.Append(s.frame[:0], 200)
	switch ip, esp := s.frame[14:], s.frame[34:]; {
	case s.n%1000 == 1: // the key never comes
		binary.BigEndian.PutUint32(esp, uint32(0x80000000+s.n))
		s.others++
	case s.n%1000 == 2: // nor does the rest of the datagram
		binary.BigEndian.PutUint16(ip[4:], uint16(s.n/1000))
		ip[6] = 0x20
		s.others++
	}
	if s.n == 63*128 {
		close(s.far)
	}
	*p = capture.Packet{Time: 1.7e18 + int64(s.n)*s.step, Length: len(s.frame), Data: s.frame}
	s.n++
	return nil
}

func (s *rekeying) Interfaces() []capture.Interface {
	return []capture.Interface{{LinkType: capture.Ethernet, Resolution: 1e9}}
}

func (s *rekeying) Close() error { return nil }

// waiting is a sink that takes nothing until all batches are in use, so that none has to be made
// later on.
type waiting struct{ far <-chan struct{} }

func (w *waiting) Record(*pipeline.Record) error { <-w.far; return nil }
func (w *waiting) Flush() error                  { return nil }

// TestSoak checks that memory stays flat over days of rekeying.
func TestSoak(t *testing.T) {
	packets, perSA := 400_000, 40
	if *soak {
		packets, perSA = 10_000_000, 1000
	}
	var heap, resident []uint64
	keys := make(chan *keysrc.Keys, 4)
	src := &rekeying{
		t: t, packets: packets, perSA: perSA, keys: keys, measureEvery: packets / 10,
		step: int64(10*24*3600e9) / int64(packets), // ten days
		far:  make(chan struct{}),
		each: func(int) {
			debug.FreeOSMemory() // what is resident does not depend on how late the collector is
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = append(heap, m.HeapAlloc)
			resident = append(resident, residentMemory())
		},
	}
	p := pipeline.New(pipeline.Config{Source: src, Keys: keys, HoldBytes: 64 << 20, HoldTime: 10e9, Live: true})
	p.AddSink(&waiting{src.far})
	p.AddSink(output.NewClear(output.ClearConfig{
		Open:   func() (io.Writer, error) { return io.Discard, nil },
		Layer:  output.LayerL2TP,
		Source: src,
	}))
	stats, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := stats.Count(pipeline.ESP, why.Verified); got != uint64(packets-src.others) {
		t.Errorf("%d of %d packets verified", got, packets-src.others)
	}
	t.Logf("heap in use after each tenth: %d; resident: %d", heap, resident)
	// After 6000 rekeys everything that is bounded has reached its bound.
	const room = 4 << 20 // plaintexts of batches that were small when they were first decrypted
	if first, last := heap[6], heap[9]; last > first+room {
		t.Errorf("heap grew from %d to %d bytes between 60 %% and 90 %% of the packets", first, last)
	}
	const slack = 16 << 20 // what the kernel has of the process beside its heap
	if first, last := resident[6], resident[9]; last > first+slack {
		t.Errorf("resident memory grew from %d to %d bytes between 60 %% and 90 %% of the packets", first, last)
	}
}

// residentMemory is what the process occupies, in bytes; 0 where the system does not say.
func residentMemory() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident uint64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * uint64(os.Getpagesize())
}
