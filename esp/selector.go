package esp

import (
	"encoding/hex"
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
	p := AddrPattern{family: 6, part: uint8(n % 4)}
	first := netip.PrefixFrom(a, n).Masked().Addr()
	if p.value = first.As16(); a.Is4() {
		p.family = 4
		clear(p.value[:12])
	}
	p.digits = uint32(uint64(1)<<(n/4)-1) << p.firstDigit()
	return p
}

// firstDigit is where an address begins in value, in hex digits.
func (p AddrPattern) firstDigit() int {
	if p.family == 4 {
		return 24
	}
	return 0
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
		if p.digits == 0 {
			return AddrPattern{}, nil
		}
		return p, nil
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

func parseStars4(s string) (AddrPattern, bool) {
	p := AddrPattern{family: 4}
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
		p.digits |= 3 << (24 + 2*i)
	}
	return p, true
}

func parseStars6(s string) (AddrPattern, bool) {
	p := AddrPattern{family: 6}
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
			p.value[2*i+j/2] |= byte(d) << (4 * (1 - j%2))
			p.digits |= 1 << (4*i + j)
		}
	}
	if p.digits&0xffffff == 0xffffff && netip.AddrFrom16(p.value).Is4In6() {
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

// Match reports whether the pattern fits the address. IPv4 in IPv6 counts as IPv4, a zone does not
// matter. Only the pattern that fits any address fits one that is not valid.
func (p AddrPattern) Match(a netip.Addr) bool {
	if p.IsAny() {
		return true
	}
	if !a.IsValid() {
		return false
	}
	a = a.Unmap().WithZone("")
	if only, ok := p.Addr(); ok { // as most are
		return a == only
	}
	if a.Is4() != (p.family == 4) {
		return false
	}
	b, part := a.As16(), p.part
	for i := p.firstDigit(); i < 32; i++ {
		mask := byte(0xf)
		if p.digits>>i&1 == 0 {
			mask <<= 4 - part
			part = 0
		}
		if (b[i/2]^p.value[i/2])>>(4*(1-i%2))&mask&0xf != 0 {
			return false
		}
	}
	return true
}

// IsAny reports whether the pattern fits every address.
func (p AddrPattern) IsAny() bool { return p == AddrPattern{} }

// Addr returns the only address that the pattern fits, ok is false if it fits several.
func (p AddrPattern) Addr() (a netip.Addr, ok bool) {
	return p.addr(), p.family != 0 && p.digits == 0xffffffff<<p.firstDigit()
}

// addr is the address whose unknown bits are 0.
func (p AddrPattern) addr() netip.Addr {
	if p.family == 4 {
		return netip.AddrFrom4([4]byte(p.value[12:]))
	}
	return netip.AddrFrom16(p.value)
}

// String returns the pattern in a form that ParseAddrPattern reads: an address, stars for octets
// of IPv4 that are unknown, a prefix length, or stars for the unknown hex digits of IPv6.
func (p AddrPattern) String() string {
	if p.IsAny() {
		return "*"
	}
	if a, ok := p.Addr(); ok {
		return a.String()
	}
	known := p.digits >> p.firstDigit()
	n := 4*bits.OnesCount32(known) + int(p.part)
	switch isPrefix := known&(known+1) == 0; {
	case p.family == 4 && n%8 == 0:
		var octets [4]string
		for i := range octets {
			octets[i] = "*"
			if known>>(2*i)&1 != 0 {
				octets[i] = strconv.Itoa(int(p.value[12+i]))
			}
		}
		return strings.Join(octets[:], ".")
	case isPrefix:
		return netip.PrefixFrom(p.addr(), n).String()
	}
	var b strings.Builder
	for i, digit := range []byte(hex.EncodeToString(p.value[:])) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		if known>>i&1 == 0 {
			digit = '*'
		}
		b.WriteByte(digit)
	}
	return b.String()
}
