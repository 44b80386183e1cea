//go:build !cgo && !linux

package capture

import "errors"

// hasAny: there is no interface that stands for all.
const hasAny = false

const withoutLibpcap = "no live capture"

var errNoLive = errors.New("this build has no libpcap, which live capture needs here: make one with CGO_ENABLED=1")

// Live is a Source over a network interface; there is none without libpcap.
type Live struct{}

// OpenLive fails.
func OpenLive(LiveConfig) (*Live, error) { return nil, errNoLive }

// LiveLinkTypes fails.
func LiveLinkTypes(LiveConfig) ([]LiveLinkType, error) { return nil, errNoLive }

// Next fails.
func (*Live) Next(*Packet) error { return errNoLive }

// Interfaces lists none.
func (*Live) Interfaces() []Interface { return nil }

// Stats fails.
func (*Live) Stats() (LiveStats, error) { return LiveStats{}, errNoLive }

// Close does nothing.
func (*Live) Close() error { return nil }
