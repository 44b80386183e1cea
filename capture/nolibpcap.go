//go:build !cgo

package capture

import "errors"

// errNoLibpcap is what needs libpcap answers in a build without it.
var errNoLibpcap = errors.New("this build has no libpcap: live capture and filters need one made with CGO_ENABLED=1 and libpcap's headers")

// LibraryVersion says that there is no libpcap.
func LibraryVersion() string { return "built without libpcap: no live capture, no filters" }

// Filter is a compiled filter; there is none without libpcap.
type Filter struct{}

// NewFilter fails.
func NewFilter(LinkType, string) (*Filter, error) { return nil, errNoLibpcap }

// Match is never called.
func (*Filter) Match([]byte, int) bool { return false }

// Live is a Source over a network interface; there is none without libpcap.
type Live struct{}

// OpenLive fails.
func OpenLive(LiveConfig) (*Live, error) { return nil, errNoLibpcap }

// Next fails.
func (*Live) Next(*Packet) error { return errNoLibpcap }

// Interfaces lists none.
func (*Live) Interfaces() []Interface { return nil }

// Stats fails.
func (*Live) Stats() (LiveStats, error) { return LiveStats{}, errNoLibpcap }

// Close does nothing.
func (*Live) Close() error { return nil }

// Devices fails.
func Devices() ([]Device, error) { return nil, errNoLibpcap }
