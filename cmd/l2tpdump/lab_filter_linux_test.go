package main

import (
	"sync"
	"testing"

	"l2tpdump/capture"
)

var defaultFilter = sync.OnceValues(func() (*capture.Filter, error) {
	return capture.NewFilter(capture.Ethernet, capture.DefaultFilter(capture.Ethernet))
})

var filtering sync.Mutex // libpcap's filters are of one goroutine at a time

// passes reports whether the default filter takes a frame.
func passes(t *testing.T, p *capture.Packet) bool {
	t.Helper()
	f, err := defaultFilter()
	if err != nil {
		t.Fatal(err)
	}
	filtering.Lock()
	defer filtering.Unlock()
	return f.Match(p.Data, p.Length)
}
