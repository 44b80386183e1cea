package inner

import (
	"fmt"
	"sync"

	"github.com/google/gopacket/layers"

	"l2tpdump/cmd/internal/recent"
)

// Printer describes packets, one after the other.
type Printer struct {
	Verbose   int  // more of the IP header, of options and answers
	Checksums bool // says of checksums of TCP and UDP whether they are right
	Relative  bool // sequence numbers of TCP count from the first that was seen of a connection

	// Below is what tcpdump -v has in lines of their own, each behind a tab: of HTTP what follows the
	// first line. Append adds to it.
	Below []byte

	// The TCP connections of late: at which sequence number each end begins, by who is the one with
	// the smaller address.
	conversations recent.Map[conversation, [2]uint32]
	within        any
	tcp           layers.TCP // which are reused from one packet to the next
	dhcp          layers.DHCPv4
}

// Append appends a line about ip, which begins with an IPv4 or IPv6 header, without a line end:
// addresses and ports, and what the transport says. The same addresses within something else are of
// another connection. It does not allocate for TCP, UDP and ICMP, but for a new connection.
func (w *Printer) Append(dst, ip []byte, within any) []byte {
	w.within = within
	return w.appendIP(dst, ip, 1)
}

// AppendHeader appends what tcpdump -v says of the IP header that ip begins with, and a space.
func (w *Printer) AppendHeader(dst, ip []byte) []byte {
	var h packet
	if h.decode(ip) != nil {
		return dst
	}
	return w.appendHeader(dst, &h)
}

var printers = sync.Pool{New: func() any { return new(Printer) }}

// AppendSummary is [Printer.Append] of a packet alone. It may be called by several goroutines at a
// time.
func AppendSummary(dst []byte, ip []byte, verbose int) []byte {
	w := printers.Get().(*Printer)
	w.Verbose, w.Below = verbose, w.Below[:0]
	dst = w.Append(dst, ip, nil)
	printers.Put(w)
	return dst
}

// appendChecksum appends what tcpdump -v says of the checksum of TCP or UDP.
func (w *Printer) appendChecksum(dst []byte, h *packet) []byte {
	if !w.Checksums {
		return dst
	}
	is, right, ok := h.TransportChecksum(h.header)
	if !ok {
		return dst
	}
	dst = fmt.Appendf(dst, ", cksum 0x%04x", is)
	if is == right {
		return append(dst, " (correct)"...)
	}
	return fmt.Appendf(dst, " (incorrect -> 0x%04x)", right)
}
