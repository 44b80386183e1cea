package esp

import "net/netip"

// AddrPattern is an IP address of which some bits may be unknown. The zero value fits any
// address. Patterns are comparable.
type AddrPattern struct {
	value, mask [16]byte // an IPv4 address is the last 4 bytes; value has no bit that mask has not
	family      uint8    // 0 any address, 4, 6
}

// AddrPatternFrom returns the pattern that fits one address only, and any address if a is not valid.
func AddrPatternFrom(a netip.Addr) AddrPattern {
	return AddrPattern{}
}

// ParseAddrPattern reads an address pattern.
func ParseAddrPattern(s string) (AddrPattern, error) { return AddrPattern{}, nil }

// Match reports whether the pattern fits the address.
func (p AddrPattern) Match(a netip.Addr) bool { return p.family == 0 }

// IsAny reports whether the pattern fits every address.
func (p AddrPattern) IsAny() bool { return p.family == 0 }

// String returns the pattern.
func (p AddrPattern) String() string { return "*" }
