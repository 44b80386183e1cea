// Package capture reads and writes capture files and takes frames apart down to UDP, TCP ports and
// ESP.
//
// Files: pcap in both byte orders, with microseconds or nanoseconds, and with the longer record
// header of Alexey Kuznetsov's patch (draft-ietf-opsawg-pcap); pcapng (draft-ietf-opsawg-pcapng)
// with any number of sections and interfaces, packet comments and other options, and Decryption
// Secrets Blocks; either compressed in a way that package compressed knows. A format is recognised
// by content. No length in a file sizes an allocation before it was compared with a stated maximum.
// Behind damage, reading goes on at the next record that makes sense.
//
// Frames: Ethernet with 802.1Q and 802.1ad tags, 802.2 LLC/SNAP (RFC 1042), 802.11 data frames,
// PPPoE sessions (RFC 2516), PPP (RFC 1661, RFC 1662), Linux cooked captures v1 and v2, null,
// loopback and ENC, NFLOG, PKTAP, raw IP; IPv4 (RFC 791, RFC 815 for its reassembly), IPv6 with
// extension headers (RFC 8200, RFC 5722, RFC 6946), AH passed over (RFC 4302), UDP (RFC 768) and
// the ports of TCP. A frame can be written again with another IP or UDP payload, and the frame that
// it carries be taken out: Unwrap lists the wrappings.
//
// The way of a frame through the package, and the file where each step is:
//
//	file ─> compressed ─> input ─> Reader ─┬─> nextPcap ──────────┬─> Packet
//	                               (format)└─> nextPcapng ─> block┘
//	    compressed/, input.go, reader.go, pcap.go, pcapng*.go; behind damage resync.go; several files open.go
//	socket ─> Live ─> Packet
//	    live.go, libpcap.go or afpacket_linux.go
//
//	Packet ─> Frame.Decode ─> link ─> ip ─┬─> ipv4 ─┬─> transport
//	                                      └─> ipv6 ─┘
//	    frame.go, link*.go, ipv4.go, ipv6.go, transport.go
//	a fragment ─> Reassembler.Add ─> Datagram ─> DecodeReassembled
//	    reassemble.go, datagram.go, rewrite.go
//	a frame in a frame ─> Frame.Unwrap ─> Frame.Decode
//	    wrapping.go
//
//	Frame ─> AppendReplaced, AppendUDPPayload, AppendAsUDP ─> Writer
//	    rewrite.go, checksum.go, writer.go, pcapng_write.go
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
