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
// Every length of the wire is checked before it is used; a damaged option is said to be so.
// Passwords, challenges, responses and authenticators are described by their length and never
// shown.
package ppp
