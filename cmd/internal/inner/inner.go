// Package inner describes the users' IP packets in one line, in tcpdump's manner.
package inner

import "net/netip"

// Info is what a packet's headers say.
type Info struct {
	Src, Dst         netip.Addr
	Protocol         string // "icmp", "udp", "tcp", "icmp6", ...; "proto-99" if it has no name
	SrcPort, DstPort uint16 // UDP, TCP, SCTP; else 0
	Length           int    // total length of the IP packet in bytes
}

// Decode reads the headers of an IP packet.
func Decode(ip []byte) (Info, error) { return Info{}, nil }

// AppendSummary appends "IP 192.168.11.6 > 192.168.12.1: ICMP echo request id 1 seq 1, length 40".
func AppendSummary(dst []byte, ip []byte, verbose int) []byte { return dst }
