// Package capture reads and writes capture files and takes frames apart down to UDP, TCP ports and
// ESP.
//
// Files: pcap in both byte orders, with microseconds or nanoseconds, and with the longer record
// header of Alexey Kuznetsov's patch (draft-ietf-opsawg-pcap); pcapng (draft-ietf-opsawg-pcapng)
// with any number of sections and interfaces, packet comments and other options, and Decryption
// Secrets Blocks; either gzipped (RFC 1952). A format is recognised by content. No length in a file
// sizes an allocation before it was compared with a stated maximum.
//
// Frames: Ethernet with 802.1Q and 802.1ad tags, 802.2 LLC/SNAP (RFC 1042), PPPoE sessions (RFC
// 2516), PPP (RFC 1661, RFC 1662), Linux cooked captures v1 and v2, null/loopback, raw IP; IPv4
// (RFC 791, RFC 815 for its reassembly), IPv6 with extension headers (RFC 8200, RFC 5722, RFC
// 6946), AH passed over (RFC 4302), UDP (RFC 768) and the ports of TCP. A frame can be written
// again with another IP or UDP payload.
//
// The way of a frame through the package, and the file where each step is:
//
//	file ──> input ──> Reader ─┬─> nextPcap ────────────> Packet      input.go reader.go pcap.go
//	 or      window    format  └─> nextPcapng ─> block ─> Packet      pcapng*.go; several files: open.go
//	socket ─────────────────────────> Live ─────────────> Packet      live.go libpcap.go afpacket_linux.go
//
//	Packet ──> Frame.Decode ─> link ─> ip ─┬─> ipv4 ─┬─> transport    frame.go link.go ipv4.go ipv6.go
//	                                       └─> ipv6 ─┘                transport.go
//	fragment ──> Reassembler.Add ──> Datagram ──> DecodeReassembled   reassemble.go rewrite.go
//	Frame ──> AppendReplaced, AppendUDPPayload ──> Writer             rewrite.go writer.go pcap*_write.go
//
//	src, err := capture.Open([]string{"outer.pcap"})
//	if err != nil {
//		return err
//	}
//	defer src.Close()
//	var p capture.Packet
//	var f capture.Frame
//	for {
//		if err := src.Next(&p); err == io.EOF {
//			return nil
//		} else if err != nil {
//			return err // errors.Is(err, capture.ErrCut): the file ends in the middle of a packet
//		}
//		if err := f.Decode(src.Interfaces()[p.Interface].LinkType, p.Data); err != nil {
//			continue // a malformed packet
//		}
//		if f.Protocol == 50 && !f.Fragment {
//			esp := p.Data[f.PayloadStart:f.PayloadEnd]
//			...
//		}
//	}
package capture
