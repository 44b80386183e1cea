package main

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"l2tpdump/capture"
)

// liveSource is an interface as the pipeline reads it: one that can be ended from elsewhere, and
// that has frames go on in time.
type liveSource struct {
	*capture.Live
	ended  atomic.Bool
	failed atomic.Pointer[error]
	first  time.Time // when the oldest frame came that Ready has not let go on yet
	ticker *time.Ticker
}

// maxDelay is how long a frame may wait for others to go on with.
const maxDelay = 10 * time.Millisecond

// statsEvery is how often libpcap's counters are read, which wrap after 2^32 packets.
const statsEvery = time.Minute

func newLiveSource(l *capture.Live) *liveSource {
	s := &liveSource{Live: l, ticker: time.NewTicker(statsEvery)}
	go func() {
		for range s.ticker.C {
			s.Live.Stats()
		}
	}()
	return s
}

// end makes the next Next return io.EOF.
func (s *liveSource) end() { s.ended.Store(true) }

// fail makes the next Next return err.
func (s *liveSource) fail(err error) { s.failed.CompareAndSwap(nil, &err) }

// Next implements [capture.Source].
func (s *liveSource) Next(p *capture.Packet) error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	if s.ended.Load() {
		return io.EOF
	}
	err := s.Live.Next(p)
	switch {
	case errors.Is(err, capture.ErrIdle):
		s.first = time.Time{}
	case err == nil && s.first.IsZero():
		s.first = time.Now()
	}
	return err
}

// Ready reports whether the frames that have come may wait for more.
func (s *liveSource) Ready() bool {
	if s.first.IsZero() || time.Since(s.first) < maxDelay {
		return true
	}
	s.first = time.Time{}
	return false
}

// Close implements [capture.Source].
func (s *liveSource) Close() error {
	s.ticker.Stop()
	return s.Live.Close()
}
