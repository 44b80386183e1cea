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

func TestIsIP(t *testing.T) {
	for _, c := range []struct {
		data   string
		length int
		want   bool
	}{
		{"", 0, false},
		{"", 40, false},
		{"\x45", 20, true}, // the rest was not captured
		{"\x45", 19, false},
		{"\x44\x00\x00\x14", 20, false},
		{"\x45\x00\x00\x14", 20, true},
		{"\x45\x00\x00\x14", 60, true}, // padded
		{"\x45\x00\x00\x15", 20, false},
		{"\x01\x03\x00\x0a", 10, false},
		{"\x60\x00\x00\x00\x00\x08", 48, true},
		{"\x60\x00\x00\x00\x00\x08", 47, false},
		{"\x60", 39, false},
	} {
		if got := isIP([]byte(c.data), c.length); got != c.want {
			t.Errorf("%x, %d bytes: %v", c.data, c.length, got)
		}
	}
}
