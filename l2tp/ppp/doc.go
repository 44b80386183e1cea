// Package ppp decodes the Point-to-Point Protocol (RFC 1661) as L2TP carries it: frames with and
// without address and control fields and with one- or two-byte protocol fields (RFC 1662), and the
// control protocols with their options by name: LCP (RFC 1661, 1570, 1989, 1990, 2125), PAP (RFC
// 1334), CHAP (RFC 1994) and MS-CHAP (RFC 2433, 2759), EAP (RFC 3748), IPCP (RFC 1332, 1877),
// IPV6CP (RFC 5072), CCP (RFC 1962, 3078, 1979, 1977, 1974), ECP (RFC 1968), MPLSCP, BACP and BAP
// (RFC 2125), CBCP and link quality reports (RFC 1989).
//
//	var f ppp.Frame
//	if err := f.Decode(data); err != nil {
//		return err
//	}
//	line = ppp.AppendSummary(line, &f, data) // "LCP Conf-Req id 1: mru 1400, auth mschap-v2"
//
// An [Expander] follows the links of any number of sessions and gives out the packets that were
// compressed, encrypted or split: VJ (RFC 1144), Deflate (RFC 1979), BSD-compress (RFC 1977), MPPC
// (RFC 2118), MPPE with the keys of MS-CHAP (RFC 3078, 3079), Multilink (RFC 1990), and each inside
// the others:
//
//	frame ─> Link: LCP, who logs in ─> bundle: CCP, IPCP ─> stream (00fd): the order ─> compressor
//	           └> reassembly (003d) ──────┘  └> VJ (002d, 002f) <──────────────────────────┘
//	                                             └> Result.Packets
//
//	link := expander.NewLink(end0, end1)
//	link.Expand(&r, 0, &f, data) // end 0 has sent the frame
//	for _, packet := range r.Packets {
//
// Every length of the wire is checked before it is used; a damaged option is said to be so.
// Passwords, challenges, responses and authenticators are described by length and fingerprint, and
// never shown.
package ppp
