package esp

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// AddrPattern is an IP address of which some bits may be unknown. The zero value fits any
// address. Patterns are comparable with ==.
type AddrPattern struct {
	value  [16]byte // an IPv4 address is the last 4 bytes; it has no bit that is unknown
	digits uint32   // hex digits of value that are known, the first in the lowest bit
	part   uint8    // bits that are known of the first other digit: a prefix may end in it
	family uint8    // 0 any address, 4, 6
}

// pattern is an AddrPattern with a mask.
type pattern struct {
	value  [16]byte
	mask   [16]byte // bits that are known
	family uint8    // as AddrPattern has it
}

// pack makes an AddrPattern, the zero value where no bit is known.
func (p pattern) pack() AddrPattern {
	if p.mask == [16]byte{} {
		return AddrPattern{}
	}
	x := AddrPattern{value: p.value, family: p.family}
	for i := range 32 {
		switch m := p.mask[i/2] << (4 * (i % 2)) >> 4; m {
		case 0xf:
			x.digits |= 1 << i
		case 0:
		default:
			x.part = uint8(bits.OnesCount8(m))
		}
	}
	return x
}

// unpack is the contrary of pack.
func (p AddrPattern) unpack() pattern {
	x := pattern{value: p.value, family: p.family}
	first := 0
	if p.family == 4 {
		first = 24
	}
	part := p.part
	for i := first; i < 32; i++ {
		m := byte(0xf0)
		if p.digits>>i&1 == 0 {
			m = 0xf0 << (4 - part)
			part = 0
		}
		x.mask[i/2] |= m >> (4 * (i % 2))
	}
	return x
}

func ofFamily(n uint8) pattern { return pattern{family: n} }

// AddrPatternFrom returns the pattern that fits one address only, and any address if a is not
// valid or unspecified (0.0.0.0, ::). IPv4 in IPv6 counts as IPv4; a zone is dropped.
func AddrPatternFrom(a netip.Addr) AddrPattern {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsUnspecified() {
		return AddrPattern{}
	}
	return addrPattern(a, a.BitLen())
}

// addrPattern makes a pattern of the first n bits of a.
func addrPattern(a netip.Addr, n int) AddrPattern {
	p := ofFamily(6)
	first := 0
	b := a.As16()
	if a.Is4() {
		p.family = 4
		first = 12
	}
	for i := first; i < 16 && n > 0; i, n = i+1, n-8 {
		p.mask[i] = 0xff << (8 - min(n, 8))
		p.value[i] = b[i] & p.mask[i]
	}
	return p.pack()
}

// ParseAddrPattern reads an address pattern: "*" or "any" or "" (any address), an address, with "*"
// for an octet of IPv4 ("10.1.*.*"), for a group of IPv6 or a hex digit of it ("2001:db8:*:1*::1"),
// or with a prefix length ("10.0.0.0/8"). The unspecified address is any address. A port behind the
// address is passed over: "192.0.2.1:4500", "[2001:db8::1]:4500", "192.0.2.1[4500]"; so is a zone.
func ParseAddrPattern(s string) (AddrPattern, error) {
	text := strings.TrimSpace(s)
	switch strings.ToLower(text) {
	case "", "*", "any", "%any", "0.0.0.0/0", "::/0":
		return AddrPattern{}, nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" { // as most are
		return AddrPatternFrom(a), nil
	}
	fail := func() (AddrPattern, error) {
		return AddrPattern{}, fmt.Errorf("esp: %.80q is not an address or a pattern of one", s)
	}
	text, ok := cutPort(text)
	if !ok {
		return fail()
	}
	text, bitsText, prefixed := strings.Cut(text, "/")
	if strings.Contains(text, "*") {
		if prefixed {
			return fail()
		}
		if text == "*" {
			return AddrPattern{}, nil
		}
		parse := parseStars4
		if strings.Contains(text, ":") {
			parse = parseStars6
		}
		p, ok := parse(text)
		if !ok {
			return fail()
		}
		return p.pack(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return fail()
	}
	if !prefixed {
		return AddrPatternFrom(a), nil
	}
	n, ok := parsePrefixLen(bitsText, a.BitLen())
	if !ok {
		return fail()
	}
	if a.Is4In6() {
		if n < 96 {
			return fail()
		}
		a, n = a.Unmap(), n-96
	}
	switch n {
	case 0:
		return AddrPattern{}, nil
	case a.BitLen():
		return AddrPatternFrom(a), nil
	}
	return addrPattern(a, n), nil
}

func parsePrefixLen(s string, most int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= most && s[0] >= '0' && s[0] <= '9'
}

// cutPort removes a port behind the address.
func cutPort(s string) (string, bool) {
	isPort := func(s string) bool {
		_, err := strconv.ParseUint(s, 10, 16)
		return err == nil
	}
	if strings.HasPrefix(s, "[") {
		addr, rest, ok := strings.Cut(s[1:], "]")
		if !ok {
			return "", false
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			return addr, isPort(port)
		}
		// What is left may be a prefix length.
		return addr + rest, true
	}
	if addr, port, ok := strings.Cut(s, "["); ok {
		port, ok = strings.CutSuffix(port, "]")
		return addr, ok && isPort(port)
	}
	if strings.Count(s, ":") == 1 {
		addr, port, _ := strings.Cut(s, ":")
		return addr, isPort(port)
	}
	return s, true
}

func parseStars4(s string) (pattern, bool) {
	p := ofFamily(4)
	octets := strings.Split(s, ".")
	if len(octets) != 4 {
		return p, false
	}
	for i, o := range octets {
		if o == "*" {
			continue
		}
		n, err := strconv.ParseUint(o, 10, 8)
		if err != nil {
			return p, false
		}
		p.value[12+i] = byte(n)
		p.mask[12+i] = 0xff
	}
	return p, true
}

func parseStars6(s string) (pattern, bool) {
	p := ofFamily(6)
	groups, ok := groups6(s)
	if !ok {
		return p, false
	}
	for i, g := range groups {
		if g == "*" {
			continue
		}
		if g == "" || len(g) > 4 {
			return p, false
		}
		for j, digit := range []byte("0000"[len(g):] + g) {
			if digit == '*' {
				continue
			}
			d, err := strconv.ParseUint(string(digit), 16, 8)
			if err != nil {
				return p, false
			}
			shift := 4 * (1 - j%2)
			p.value[2*i+j/2] |= byte(d) << shift
			p.mask[2*i+j/2] |= 0xf << shift
		}
	}
	if p.known96() && netip.AddrFrom16(p.value).Is4In6() {
		return p, false // IPv4 is written as IPv4
	}
	return p, true
}

// groups6 returns the eight groups of an IPv6 address, with zeros for "::".
func groups6(s string) (groups [8]string, ok bool) {
	front, back, gap := strings.Cut(s, "::")
	split := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, ":")
	}
	head, tail := split(front), split(back)
	if n := len(head) + len(tail); gap && n > 7 || !gap && n != 8 {
		return groups, false
	}
	for i := range groups {
		groups[i] = "0"
	}
	copy(groups[:], head)
	copy(groups[8-len(tail):], tail)
	return groups, true
}

// known96 reports whether all of the first 96 bits are known.
func (p pattern) known96() bool {
	for _, m := range p.mask[:12] {
		if m != 0xff {
			return false
		}
	}
	return true
}

// Match reports whether the pattern fits the address. IPv4 in IPv6 counts as IPv4, a zone does not
// matter. Only the pattern that fits any address fits one that is not valid.
func (p AddrPattern) Match(a netip.Addr) bool {
	if p.IsAny() {
		return true
	}
	if !a.IsValid() {
		return false
	}
	a = a.Unmap()
	if a.Is4() != (p.family == 4) {
		return false
	}
	b := a.As16()
	switch { // as most are
	case p.family == 4 && p.digits == 0xff<<24:
		return [4]byte(b[12:]) == [4]byte(p.value[12:])
	case p.digits == 1<<32-1:
		return b == p.value
	}
	x := p.unpack()
	for i := range b {
		if b[i]&x.mask[i] != x.value[i] {
			return false
		}
	}
	return true
}

// IsAny reports whether the pattern fits every address.
func (p AddrPattern) IsAny() bool { return p == AddrPattern{} }

// Addr returns the only address that the pattern fits, ok is false if it fits several.
func (p AddrPattern) Addr() (a netip.Addr, ok bool) { return p.unpack().addr() }

func (p pattern) addr() (a netip.Addr, ok bool) {
	if n, prefix := p.known(); p.family == 0 || !prefix || n != p.width() {
		return netip.Addr{}, false
	}
	if p.family == 4 {
		return netip.AddrFrom4([4]byte(p.value[12:])), true
	}
	return netip.AddrFrom16(p.value), true
}

func (p pattern) width() int {
	if p.family == 4 {
		return 32
	}
	return 128
}

// known counts the known bits and tells whether they are the first ones.
func (p pattern) known() (n int, prefix bool) {
	prefix = true
	for i := 16 - p.width()/8; i < 16; i++ {
		m := p.mask[i]
		ones := bits.OnesCount8(m)
		if m != 0 && n != 8*(i-16+p.width()/8) || bits.LeadingZeros8(^m) != ones {
			prefix = false
		}
		n += ones
	}
	return n, prefix
}

// String returns the pattern in a form that ParseAddrPattern reads: an address, stars for octets
// of IPv4 that are unknown, a prefix length, or stars for the unknown hex digits of IPv6.
func (p AddrPattern) String() string { return p.unpack().text() }

func (p pattern) text() string {
	if p.family == 0 {
		return "*"
	}
	if a, ok := p.addr(); ok {
		return a.String()
	}
	n, prefix := p.known()
	if p.family == 4 && n%8 == 0 {
		var octets [4]string
		for i := range octets {
			octets[i] = "*"
			if p.mask[12+i] != 0 {
				octets[i] = strconv.Itoa(int(p.value[12+i]))
			}
		}
		return strings.Join(octets[:], ".")
	}
	if prefix {
		if p.family == 4 {
			return netip.PrefixFrom(netip.AddrFrom4([4]byte(p.value[12:])), n).String()
		}
		return netip.PrefixFrom(netip.AddrFrom16(p.value), n).String()
	}
	var b strings.Builder
	for i := range 32 {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		shift := 4 * (1 - i%2)
		if p.mask[i/2]>>shift&0xf == 0 {
			b.WriteByte('*')
		} else {
			b.WriteByte("0123456789abcdef"[p.value[i/2]>>shift&0xf])
		}
	}
	return b.String()
}
