package inner

import (
	"cmp"
	"encoding/binary"
	"iter"
	"net"
	"net/netip"
	"strings"

	"github.com/google/gopacket/layers"
)

// appendDiscovery appends what a message of neighbour or multicast listener discovery is about.
func appendDiscovery(dst, p []byte, verbose int) []byte {
	switch kind := p[0]; {
	case kind == layers.ICMPv6TypeMLDv1MulticastListenerQueryMessage && len(p) >= 28:
		return appendGroup(append(dst, " v2"...), p)
	case kind >= layers.ICMPv6TypeMLDv1MulticastListenerQueryMessage &&
		kind <= layers.ICMPv6TypeMLDv1MulticastListenerDoneMessage:
		return appendGroup(dst, p)
	case kind == layers.ICMPv6TypeRouterSolicitation && len(p) >= 8:
		return appendOptions(dst, p[8:], verbose)
	case kind == layers.ICMPv6TypeRouterAdvertisement:
		return appendAdvertisement(dst, p, verbose)
	case kind == layers.ICMPv6TypeNeighborSolicitation && len(p) >= 24:
		return appendOptions(address6(p[8:]).AppendTo(append(dst, ", who has "...)), p[24:], verbose)
	case kind == layers.ICMPv6TypeNeighborAdvertisement && len(p) >= 24:
		dst = appendSet(address6(p[8:]).AppendTo(append(dst, ", tgt is "...)), neighborFlags[:], p[4], verbose)
		return appendOptions(dst, p[24:], verbose)
	case kind == layers.ICMPv6TypeRedirect && len(p) >= 40:
		dst = address6(p[24:]).AppendTo(append(dst, ", "...))
		return address6(p[8:]).AppendTo(append(dst, " to "...))
	case kind == layers.ICMPv6TypeMLDv2MulticastListenerReportMessageV2 && len(p) >= 8:
		return appendGroupRecords(dst, binary.BigEndian.Uint16(p[6:]), p, 16, verbose)
	}
	return dst
}

// appendGroup appends the group of a multicast listener message, unless it is the general query's.
func appendGroup(dst, p []byte) []byte {
	if len(p) < 24 {
		return append(dst, short...)
	}
	if group := address6(p[8:]); !group.IsUnspecified() {
		dst = group.AppendTo(append(dst, ' '))
	}
	return dst
}

// The flags of a neighbour and of a router advertisement, from the highest bit, as tcpdump writes
// them (RFC 4861 sections 4.4 and 4.2).
var (
	neighborFlags = [...]string{"router", "solicited", "override"}
	routerFlags   = [...]string{"managed", "other stateful", "home agent"}
)

// setFlags are the names of the bits that are set, from the highest.
func setFlags(names []string, bits byte) (set []string) {
	for i, name := range names {
		if bits&(0x80>>i) != 0 {
			set = append(set, name)
		}
	}
	return set
}

// appendSet appends, with -v, the flags that are set.
func appendSet(dst []byte, names []string, bits byte, verbose int) []byte {
	if verbose == 0 {
		return dst
	}
	set := cmp.Or(strings.Join(setFlags(names, bits), ", "), "none")
	return append(append(append(dst, ", flags ["...), set...), ']')
}

// discoveryOptions are the options of a message of neighbour discovery (RFC 4861 section 4.6), from
// the type on, in lengths of 8 bytes; behind one that is damaged there are none.
func discoveryOptions(p []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(p) >= 8 {
			n := int(p[1]) * 8
			if n == 0 || n > len(p) || !yield(p[:n]) {
				return
			}
			p = p[n:]
		}
	}
}

// linkAddressOf is the link-layer address that an option has, nil if it has none.
func linkAddressOf(o []byte) net.HardwareAddr {
	switch layers.ICMPv6Opt(o[0]) {
	case layers.ICMPv6OptSourceAddress, layers.ICMPv6OptTargetAddress:
		return o[2:min(8, len(o))]
	}
	return nil
}

// nameServersOf are the servers of a Recursive DNS Server option (RFC 8106 section 5.1).
func nameServersOf(o []byte) (servers []netip.Addr) {
	const recursiveServers = 25
	if o[0] != recursiveServers {
		return nil
	}
	for a := o[8:]; len(a) >= 16; a = a[16:] {
		servers = append(servers, address6(a))
	}
	return servers
}

// appendOptions appends, with -v, the link-layer addresses and the DNS servers among options.
func appendOptions(dst, p []byte, verbose int) []byte {
	if verbose == 0 {
		return dst
	}
	for o := range discoveryOptions(p) {
		if a := linkAddressOf(o); a != nil {
			dst = append(append(dst, ", link-address "...), a.String()...)
		}
		for _, a := range nameServersOf(o) {
			dst = a.AppendTo(append(dst, ", rdnss "...))
		}
	}
	return dst
}

// routerFields is what a router advertisement says of the router (RFC 4861 section 4.2).
type routerFields struct {
	HopLimit  uint8  `json:"hop_limit"`
	Lifetime  uint16 `json:"lifetime"`  // seconds
	Reachable uint32 `json:"reachable"` // milliseconds
	Retrans   uint32 `json:"retrans"`   // milliseconds
}

// readRouter reads an advertisement of 16 bytes at least.
func readRouter(p []byte) routerFields {
	return routerFields{p[4], binary.BigEndian.Uint16(p[6:]), binary.BigEndian.Uint32(p[8:]),
		binary.BigEndian.Uint32(p[12:])}
}

// appendAdvertisement appends the prefixes and the MTU of a router advertisement, with -v all that
// it says of the router.
func appendAdvertisement(dst, p []byte, verbose int) []byte {
	if len(p) < 16 {
		return append(dst, short...)
	}
	if r := readRouter(p); verbose > 0 {
		dst = appendSet(appendUint(dst, ", hop limit ", r.HopLimit), routerFlags[:], p[5], verbose)
		dst = append(appendUint(dst, ", router lifetime ", r.Lifetime), 's')
		dst = append(appendUint(dst, ", reachable time ", r.Reachable), "ms"...)
		dst = append(appendUint(dst, ", retrans timer ", r.Retrans), "ms"...)
	}
	prefixes, mtu, ok := readAdvertisement(p)
	if mtu != 0 {
		dst = appendUint(dst, ", mtu ", mtu)
	}
	for _, prefix := range prefixes {
		dst = prefix.AppendTo(append(dst, ", prefix "...))
	}
	if dst = appendOptions(dst, p[16:], verbose); !ok {
		return append(dst, " [malformed option]"...)
	}
	return dst
}

// readAdvertisement reads the prefixes and the MTU among the options of a router advertisement; ok
// is false where an option is damaged.
func readAdvertisement(p []byte) (prefixes []netip.Prefix, mtu uint32, ok bool) {
	p = p[min(16, len(p)):]
	read := 0
	for o := range discoveryOptions(p) {
		switch read += len(o); {
		case layers.ICMPv6Opt(o[0]) == layers.ICMPv6OptPrefixInfo && len(o) == 32:
			prefixes = append(prefixes, netip.PrefixFrom(address6(o[16:]), int(o[2])))
		case layers.ICMPv6Opt(o[0]) == layers.ICMPv6OptMTU && len(o) == 8:
			mtu = binary.BigEndian.Uint32(o[4:])
		}
	}
	return prefixes, mtu, len(p)-read < 8
}

// discovery fills in what a message of neighbour or multicast listener discovery is about.
func (f *icmpMessage) discovery(p []byte) {
	switch kind := p[0]; {
	case kind >= layers.ICMPv6TypeMLDv1MulticastListenerQueryMessage &&
		kind <= layers.ICMPv6TypeMLDv1MulticastListenerDoneMessage && len(p) >= 24:
		if group := address6(p[8:]); !group.IsUnspecified() {
			f.Group = group
		}
	case (kind == layers.ICMPv6TypeNeighborSolicitation || kind == layers.ICMPv6TypeNeighborAdvertisement) && len(p) >= 24:
		f.Target = address6(p[8:])
		f.options(p[24:])
		if kind == layers.ICMPv6TypeNeighborAdvertisement {
			f.Flags = setFlags(neighborFlags[:], p[4])
		}
	case kind == layers.ICMPv6TypeRedirect && len(p) >= 40:
		f.Gateway, f.Target = address6(p[8:]), address6(p[24:])
	case kind == layers.ICMPv6TypeMLDv2MulticastListenerReportMessageV2 && len(p) >= 8:
		n := binary.BigEndian.Uint16(p[6:])
		f.Records, f.GroupRecords = &n, groupRecords(p, 16)
	case kind == layers.ICMPv6TypeRouterSolicitation && len(p) >= 8:
		f.options(p[8:])
	case kind == layers.ICMPv6TypeRouterAdvertisement && len(p) >= 16:
		f.Prefixes, f.MTU, _ = readAdvertisement(p)
		f.options(p[16:])
		r := readRouter(p)
		f.Flags, f.Router = setFlags(routerFlags[:], p[5]), &r
	}
}

// options fills in the addresses among options.
func (f *icmpMessage) options(p []byte) {
	for o := range discoveryOptions(p) {
		if a := linkAddressOf(o); a != nil {
			f.LinkAddresses = append(f.LinkAddresses, a.String())
		}
		f.NameServers = append(f.NameServers, nameServersOf(o)...)
	}
}

// groupRecord is a record of a report of IGMP version 3 (RFC 3376 section 4.2) or MLD version 2
// (RFC 3810 section 5.2).
type groupRecord struct {
	Group   netip.Addr   `json:"group"`
	Change  string       `json:"change"` // "to_ex"
	Sources []netip.Addr `json:"sources,omitempty"`
}

// groupChanges are the types of records as tcpdump writes them.
var groupChanges = [256]string{"type 0", "is_in", "is_ex", "to_in", "to_ex", "allow", "block"}

// maxRecords is how many records, and sources of one, are told.
const maxRecords = 64

// groupRecords reads the records of a report behind its 8 bytes; addresses have size bytes. What is
// cut off or damaged is left out.
func groupRecords(p []byte, size int) (records []groupRecord) {
	address := func(b []byte) netip.Addr {
		a, _ := netip.AddrFromSlice(b[:size])
		return a
	}
	for r := p[min(8, len(p)):]; len(r) >= 4+size && len(records) < maxRecords; {
		sources := int(binary.BigEndian.Uint16(r[2:]))
		end := 4 + size*(1+sources) + 4*int(r[1])
		if end > len(r) {
			break
		}
		g := groupRecord{Group: address(r[4:]), Change: cmp.Or(groupChanges[r[0]], groupChanges[0])}
		for i := range min(sources, maxRecords) {
			g.Sources = append(g.Sources, address(r[4+size*(1+i):]))
		}
		records, r = append(records, g), r[end:]
	}
	return records
}

// appendGroupRecords appends how many records there are, and with verbose what they say.
func appendGroupRecords(dst []byte, n uint16, p []byte, size, verbose int) []byte {
	dst = append(appendUint(dst, ", ", n), " group record(s)"...)
	if verbose == 0 {
		return dst
	}
	for _, g := range groupRecords(p, size) {
		dst = g.Group.AppendTo(append(dst, " [gaddr "...))
		dst = append(append(dst, ' '), g.Change...)
		for i, s := range g.Sources {
			dst = s.AppendTo(append(dst, [...]string{" {", " "}[min(i, 1)]...))
		}
		if len(g.Sources) > 0 {
			dst = append(dst, '}')
		}
		dst = append(appendUint(dst, ", ", len(g.Sources)), " source(s)]"...)
	}
	return dst
}
