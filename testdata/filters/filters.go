// Package filters makes, for tests, random filters in the language of pcap-filter(7), with values
// that packets have.
package filters

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"l2tpdump/capture"
)

// Maker makes filters.
type Maker struct {
	rand    *rand.Rand
	hosts   []netip.Addr
	ports   []uint16
	lengths []int
	macs    []string
}

// New returns a maker of filters that depend on the seed, and on what it saw, alone.
func New(seed uint64) *Maker { return &Maker{rand: rand.New(rand.NewPCG(seed, 0))} }

// maxValues is how many values of a kind are kept.
const maxValues = 64

// See takes note of the values of a frame.
func (m *Maker) See(link capture.LinkType, data []byte, length int) {
	var f capture.Frame
	if f.Decode(link, data) != nil || f.IPVersion == 0 {
		return
	}
	for _, a := range [...]netip.Addr{f.Src, f.Dst} {
		m.hosts = see(m.hosts, a)
	}
	if f.UDP || f.TCP {
		m.ports = see(see(m.ports, f.SrcPort), f.DstPort)
	}
	m.lengths = see(m.lengths, length)
	if dst, src := f.MAC(data); dst != nil {
		m.macs = see(see(m.macs, dst.String()), src.String())
	}
}

func see[T comparable](known []T, v T) []T {
	if len(known) < maxValues && !slices.Contains(known, v) {
		return append(known, v)
	}
	return known
}

func pick[T any](m *Maker, of ...T) T { return of[m.rand.IntN(len(of))] }

// Filter makes a filter with up to so many conditions. It looks at no bytes that a packet may not
// have.
func (m *Maker) Filter(most int) string {
	if most <= 1 || m.rand.IntN(4) == 0 {
		return pick(m, "", "", "", "not ", "! ") + m.condition()
	}
	left := 1 + m.rand.IntN(most-1)
	joint := pick(m, " and ", " or ", " && ", " || ")
	s := m.Filter(left) + joint + m.Filter(most-left)
	if m.rand.IntN(2) == 0 {
		s = pick(m, "", "not ") + "(" + s + ")"
	}
	return s
}

func (m *Maker) condition() string {
	makers := []func() string{m.host, m.host, m.network, m.port, m.port, m.portrange, m.protocol, m.protocol, m.length,
		m.bytes, m.bytes}
	if len(m.macs) > 0 {
		makers = append(makers, m.ethernet)
	}
	return pick(m, makers...)()
}

func (m *Maker) direction() string {
	return pick(m, "", "", "src ", "dst ", "src or dst ", "src and dst ", "dst and src ")
}

func (m *Maker) address() (a netip.Addr, family string) {
	if a = netip.MustParseAddr("192.0.2.1"); len(m.hosts) > 0 && m.rand.IntN(10) > 0 {
		a = pick(m, m.hosts...)
	}
	if a.Is6() {
		return a, pick(m, "", "", "ip6 ")
	}
	return a, pick(m, "", "", "ip ")
}

func (m *Maker) host() string {
	a, family := m.address()
	s := family + m.direction() + "host " + a.String()
	if m.rand.IntN(4) == 0 { // the next value is a host, too
		if b, _ := m.address(); b.Is4() == a.Is4() {
			s += pick(m, " or ", " and ", " or not ") + b.String()
		}
	}
	return s
}

func (m *Maker) network() string {
	a, family := m.address()
	prefix, _ := a.Prefix(m.rand.IntN(a.BitLen() + 1))
	if b := a.AsSlice(); a.Is4() && m.rand.IntN(3) == 0 {
		return family + m.direction() + "net " + pick(m, fmt.Sprintf("%d", b[0]), fmt.Sprintf("%d.%d", b[0], b[1]),
			fmt.Sprintf("%d.%d.%d", b[0], b[1], b[2]))
	}
	return family + m.direction() + "net " + prefix.String()
}

func (m *Maker) number() uint16 {
	if len(m.ports) > 0 && m.rand.IntN(10) > 0 {
		return pick(m, m.ports...)
	}
	return uint16(m.rand.Uint32())
}

func (m *Maker) port() string {
	s := pick(m, "", "tcp ", "udp ", "sctp ") + m.direction() + "port "
	switch m.rand.IntN(5) {
	case 0:
		return fmt.Sprintf("%s(%d or %d)", s, m.number(), m.number())
	case 1:
		return fmt.Sprintf("%s%d or %d", s, m.number(), m.number())
	case 2:
		return s + pick(m, "domain", "53")
	}
	return fmt.Sprintf("%s%d", s, m.number())
}

func (m *Maker) portrange() string {
	return fmt.Sprintf("%s%sportrange %d-%d", pick(m, "", "tcp ", "udp "), m.direction(), m.number(), m.number())
}

func (m *Maker) protocol() string {
	return pick(m, "ip", "ip6", "tcp", "udp", "icmp", "icmp6", "esp", "ah", "igmp", "sctp", "ip multicast",
		"ip6 multicast",
		"ip proto 17", "ip6 proto 58", "proto 6", `ip proto \icmp`, `proto \udp`, "ip6 proto 44", "ip proto 50")
}

func (m *Maker) length() string {
	n := 100
	if len(m.lengths) > 0 {
		n = pick(m, m.lengths...) + m.rand.IntN(3) - 1
	}
	return fmt.Sprintf(pick(m, "less %d", "greater %d", "len > %d", "len <= %d", "ip[2:2] = %d", "%d >= len"), n)
}

func (m *Maker) bytes() string {
	s := pick(m, "tcp[13] & %d != 0", "tcp[tcpflags] & (tcp-syn|tcp-fin) = %d", "udp[4:2] > %d", "ip[8] = %d",
		"ip[6:2] & 0x1fff = %d",
		"icmp[icmptype] = %d", "icmp[0] = icmp-echo and icmp[6:2] > %d", "icmp6[icmp6type] = %d", "ip6[7] > %d", "ip[0] & 0xf = 5 and ip[8] < %d",
		"tcp[12] >> 4 > %d", "(ip[2:2] - (ip[0] & 15) * 4) / 8 > %d", "tcp[((tcp[12] & 0xf0) >> 2) - 2:2] > %d", "ip[16:4] %% 7 = %d", "-ip[8] + 3 * 2 > %d",
		"ip[4:2] & 0xff | 1 ^ 2 = %d", "udp[6:2] > %d", "ip[19] = %d", "tcp[4:4] - tcp[8:4] > %d", "ip[ip[9] - ip[9] + 15] > %d")
	return fmt.Sprintf(s, pick(m, 0, 1, 2, 8, 16, 64, 128, 136, m.rand.IntN(256), m.rand.IntN(1500)))
}

func (m *Maker) ethernet() string {
	return pick(m, "ether host ", "ether src ", "ether dst host ") + pick(m, m.macs...)
}
