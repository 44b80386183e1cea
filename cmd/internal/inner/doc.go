// Package inner describes the users' IP packets, those inside the tunnel, in one line with
// tcpdump's habits:
//
//	line = inner.AppendSummary(line, ip, 0)
//	// IP 192.168.11.6 > 192.168.12.1: ICMP echo request id 1 seq 1, length 40
//
// IP headers are read by package capture; the fixed parts of ICMP and UDP here, with every length
// checked; TCP and DHCP by gopacket's layers, which say the numbers of protocols too; DNS by
// x/net/dns/dnsmessage, which bounds what a message with compressed names can make of itself.
package inner
