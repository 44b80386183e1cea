package capture

import (
	"fmt"
	"strings"
)

// Ports of L2TP/IPsec.
const (
	portIKE  = 500
	portNATT = 4500
	portL2TP = 1701
)

// DefaultFilter returns the filter, in tcpdump's language, that a live capture has unless another
// is given: IKE (UDP 500), IKE and ESP behind NAT (UDP 4500), L2TP in clear (UDP 1701), ESP and all
// IP fragments. On Ethernet it takes the same inside of PPPoE sessions and behind up to two VLAN
// tags.
//
// libpcap's own words vlan and pppoes move all offsets in what follows them, also beyond "or", so
// these parts of the filter count bytes themselves.
func DefaultFilter(lt LinkType) string {
	const plain = "udp port 500 or udp port 4500 or udp port 1701 or esp or (ip[6:2] & 0x3fff != 0) or (ip6[6] = 44)"
	if lt != Ethernet {
		return plain
	}
	twice := "(" + filterVLAN(16) + " and (" + filterIP(22) + " or " + filterPPPoE(20) + "))"
	once := "(" + filterVLAN(12) + " and (" + filterIP(18) + " or " + filterPPPoE(16) + " or " + twice + "))"
	return plain + " or " + filterPPPoE(12) + " or " + once
}

// filterVLAN matches a VLAN tag's type at the offset.
func filterVLAN(at int) string {
	return fmt.Sprintf("(ether[%d:2] = 0x8100 or ether[%[1]d:2] = 0x88a8 or ether[%[1]d:2] = 0x9100)", at)
}

// filterPPPoE matches a PPPoE session whose type is at the offset, and in it what is wanted.
func filterPPPoE(at int) string {
	ppp, ip := at+8, at+10
	return fmt.Sprintf("(ether[%d:2] = 0x8864 and "+
		"((ether[%d:2] = 0x0021 and %s) or (ether[%[2]d:2] = 0x0057 and %[4]s)))",
		at, ppp, filterIPv4(ip), filterIPv6(ip))
}

// filterIP matches what is wanted in an IP packet at the offset, behind its type.
func filterIP(at int) string {
	return fmt.Sprintf("((ether[%d:2] = 0x0800 and %s) or (ether[%[1]d:2] = 0x86dd and %[3]s))",
		at-2, filterIPv4(at), filterIPv6(at))
}

func filterIPv4(at int) string {
	udp := fmt.Sprintf("%d + 4 * (ether[%[1]d] & 15)", at)
	return fmt.Sprintf("(ether[%d] = 50 or ether[%d:2] & 0x3fff != 0 or (ether[%[1]d] = 17 and %[3]s))",
		at+9, at+6, filterPorts(udp))
}

func filterIPv6(at int) string {
	return fmt.Sprintf("(ether[%d] = 50 or ether[%[1]d] = 44 or (ether[%[1]d] = 17 and %s))",
		at+6, filterPorts(fmt.Sprint(at+40)))
}

// filterPorts matches either port of the UDP header at the offset.
func filterPorts(at string) string {
	var parts []string
	for _, port := range [...]int{portIKE, portNATT, portL2TP} {
		parts = append(parts, fmt.Sprintf("ether[%s:2] = %d or ether[%[1]s + 2:2] = %[2]d", at, port))
	}
	return "(" + strings.Join(parts, " or ") + ")"
}
