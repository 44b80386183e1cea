//go:build !cgo || gofuzz

package capture

import (
	"fmt"

	"l2tpdump/capture/filter"
)

// LibraryVersion says that there is no libpcap.
func LibraryVersion() string { return "built without libpcap: " + withoutLibpcap }

// Filter is a compiled filter in tcpdump's language.
type Filter = filter.Filter

// NewFilter compiles expr for frames of that link type.
func NewFilter(lt LinkType, expr string) (*Filter, error) {
	f, err := filter.New(filter.LinkType(lt), expr)
	if err != nil {
		return nil, fmt.Errorf("filter for %v frames: %w", lt, err)
	}
	return f, nil
}

// describe knows nothing to add.
func describe([]Device) {}
