package output

import (
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
)

type nowhere struct{}

func (nowhere) Record(*pipeline.Record) error { return nil }
func (nowhere) Flush() error                  { return nil }

// TestInnerDoesNotAllocate: a filter on the users' packets costs no allocation.
func TestInnerDoesNotAllocate(t *testing.T) {
	filter, err := capture.NewFilter(capture.Raw, "udp and not port 53")
	if err != nil {
		t.Fatal(err)
	}
	ip := append([]byte{0x45, 0, 0, 28, 0, 7, 0, 0, 64, 17, 0, 0, 10, 99, 0, 100, 10, 99, 0, 1}, 0x14, 0xe9, 0, 54, 0, 8, 0, 0)
	s := Selection{Inner: filter}
	sink := s.Of(nowhere{})
	r := pipeline.Record{Payload: pipeline.Payload{Inner: ip, More: [][]byte{ip[:20], ip}}}
	if n := testing.AllocsPerRun(100, func() { _ = sink.Record(&r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if s.Passed != 101 {
		t.Errorf("%d of 101 passed", s.Passed)
	}
}
