// Package filter is the filter language of pcap-filter(7) in Go, for builds without libpcap:
//
//	f, err := filter.New(filter.Raw, "host 10.99.0.1 and tcp port 445")
//	f.Match(packet, len(packet))
//
// It knows the words that IP networks need (address, net, port and protocol primitives, Ethernet
// addresses, vlan, pppoes, lengths, and arithmetic on bytes), and gives them libpcap's meaning, the
// odd parts included: "and" and "or" bind equally, "port" knows no IPv6 extension headers, "vlan"
// moves what follows it, and a packet that ends before a byte that is looked at does not match, not
// even "not". Names of hosts are not looked up.
package filter
