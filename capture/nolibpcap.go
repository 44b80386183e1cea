//go:build !cgo

package capture

import "errors"

// buildWithLibpcap says how to get what is missing.
const buildWithLibpcap = "make one with CGO_ENABLED=1 and libpcap's headers"

// errNoFilter is what filters answer in a build without libpcap.
var errNoFilter = errors.New("this build has no libpcap, which compiles filters: " + buildWithLibpcap)

// LibraryVersion says that there is no libpcap.
func LibraryVersion() string { return "built without libpcap: no filters; " + withoutLibpcap }

// Filter is a compiled filter; there is none without libpcap.
type Filter struct{}

// NewFilter fails.
func NewFilter(LinkType, string) (*Filter, error) { return nil, errNoFilter }

// Match is never called.
func (*Filter) Match([]byte, int) bool { return false }

// describe knows nothing to add.
func describe([]Device) {}
