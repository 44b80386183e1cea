package esp

import (
	"net/netip"
	"testing"

	"l2tpdump/testdata/seal"
)

func TestAddrPattern(t *testing.T) {
	for _, c := range []struct {
		in, out string
		fits    []string
		not     []string
	}{
		{"", "*", []string{"10.0.0.1", "::1"}, nil},
		{"*", "*", []string{"10.0.0.1", "::1"}, nil},
		{"*:4500", "*", []string{"10.0.0.1"}, nil},
		{" any ", "*", []string{"10.0.0.1"}, nil},
		{"0.0.0.0", "*", []string{"10.0.0.1"}, nil},
		{"::%eth0", "*", []string{"2001:db8::1"}, nil},
		{"::", "*", []string{"2001:db8::1"}, nil},
		{"10.0.0.0/0", "*", []string{"1.2.3.4"}, nil},
		{"*.*.*.*", "*", []string{"1.2.3.4"}, nil},
		{"10.1.2.3", "10.1.2.3", []string{"10.1.2.3", "::ffff:10.1.2.3"}, []string{"10.1.2.4", "::a01:203"}},
		{"10.1.2.3:4500", "10.1.2.3", []string{"10.1.2.3"}, []string{"10.1.2.4"}},
		{"10.1.2.3[4500]", "10.1.2.3", []string{"10.1.2.3"}, []string{"10.1.2.4"}},
		{"::ffff:10.1.2.3", "10.1.2.3", []string{"10.1.2.3"}, []string{"10.1.2.4"}},
		{"::ffff:10.1.0.0/112", "10.1.*.*", []string{"10.1.2.3"}, []string{"10.2.2.3"}},
		{"10.1.*.*", "10.1.*.*", []string{"10.1.0.0", "10.1.255.255"}, []string{"10.2.0.0", "2001:db8::"}},
		{"*.1.*.7", "*.1.*.7", []string{"9.1.2.7"}, []string{"9.1.2.8", "9.2.2.7"}},
		{"10.0.0.0/8", "10.*.*.*", []string{"10.255.0.1"}, []string{"11.0.0.1"}},
		{"10.9.9.9/8", "10.*.*.*", []string{"10.255.0.1"}, []string{"11.0.0.1"}},
		{"10.8.0.0/13", "10.8.0.0/13", []string{"10.15.255.1"}, []string{"10.16.0.1"}},
		{"10.8.0.1/32", "10.8.0.1", []string{"10.8.0.1"}, []string{"10.8.0.2"}},
		{"2001:db8::1", "2001:db8::1", []string{"2001:db8::1"}, []string{"2001:db8::2", "10.0.0.1"}},
		{"[2001:db8::1]:4500", "2001:db8::1", []string{"2001:db8::1"}, nil},
		{"[2001:db8::1]", "2001:db8::1", []string{"2001:db8::1"}, nil},
		{"2001:db8::1[500]", "2001:db8::1", []string{"2001:db8::1"}, nil},
		{"fe80::1%eth0", "fe80::1", []string{"fe80::1", "fe80::1%eth1"}, []string{"fe80::2"}},
		{"2001:db8::/32", "2001:db8::/32", []string{"2001:db8:1::9"}, []string{"2001:db9::"}},
		{"2001:db8:*::1", "2001:0db8:****:0000:0000:0000:0000:0001", []string{"2001:db8:77::1"}, []string{"2001:db8:77::2"}},
		{"2001:db8:0:0:0:0:0:1*", "2001:db8::10/124", []string{"2001:db8::1f"}, []string{"2001:db8::2f"}},
		{"2001:db8:*:*:*:*:*:*", "2001:db8::/32", []string{"2001:db8:1::9"}, []string{"2001:db9::"}},
	} {
		p, err := ParseAddrPattern(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if p.String() != c.out {
			t.Errorf("%q is %q, want %q", c.in, p.String(), c.out)
		}
		for _, a := range c.fits {
			if !p.Match(netip.MustParseAddr(a)) {
				t.Errorf("%q does not fit %s", c.in, a)
			}
		}
		for _, a := range c.not {
			if p.Match(netip.MustParseAddr(a)) {
				t.Errorf("%q fits %s", c.in, a)
			}
		}
		if p.IsAny() != (c.out == "*") || p.Match(netip.Addr{}) != p.IsAny() {
			t.Errorf("%q: IsAny is %v", c.in, p.IsAny())
		}
	}
	for _, s := range []string{"10", "10.1", "10.1.2.3.4", "10.1.2.300", "10.*", "a.*.*.*", "10.1.2.3/33", "10.1.2.3/", "10.1.2.3/+8", "10.1.2.3:port", "10.1.2.3:99999",
		"10.*.*.*/8", "2001:db8:::*", "2001:*", "*:*:*:*:*:*:*:*:*", "12345:*::", "2001:db8::1/129", "[2001:db8::1", "router", "::ffff:*:*"} {
		if p, err := ParseAddrPattern(s); err == nil {
			t.Errorf("%q is taken for %q", s, p)
		}
	}
}

func TestAddrPatternFrom(t *testing.T) {
	for _, s := range []string{"10.1.2.3", "2001:db8::1"} {
		a := netip.MustParseAddr(s)
		p := AddrPatternFrom(a)
		if got, ok := p.Addr(); !ok || got != a || !p.Match(a) || p.Match(a.Next()) {
			t.Errorf("%s: %v", s, p)
		}
	}
	if !AddrPatternFrom(netip.Addr{}).IsAny() || !AddrPatternFrom(netip.IPv4Unspecified()).IsAny() {
		t.Error("no address is not any address")
	}
	if _, ok := seal.Must(ParseAddrPattern("10.*.0.1")).Addr(); ok {
		t.Error("a pattern has one address")
	}
}

// FuzzAddrPattern: what String writes is read as the same pattern.
func FuzzAddrPattern(f *testing.F) {
	for _, s := range []string{"*", "10.1.2.3", "10.1.*.*", "10.8.0.0/13", "2001:db8::/33", "2001:db8:*::1*", "[::1]:4500", "::ffff:1.2.3.4/100", "*::ffff:0:0", "1.2.3.4[1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseAddrPattern(s)
		if err != nil {
			if p != (AddrPattern{}) {
				t.Errorf("%q: an error and a pattern", s)
			}
			return
		}
		q, err := ParseAddrPattern(p.String())
		if err != nil || p != q {
			t.Errorf("%q: %q is read as %q, %v", s, p, q, err)
		}
		if a, ok := p.Addr(); ok && !p.Match(a) {
			t.Errorf("%q does not fit %s", s, a)
		}
	})
}
