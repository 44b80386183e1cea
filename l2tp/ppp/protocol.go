package ppp

import "fmt"

// Protocol numbers (IANA's "PPP DLL Protocol Numbers") that this package or its callers branch on.
const (
	ProtocolIP             = 0x0021
	protocolVJCompressed   = 0x002d // RFC 1144, compressed TCP/IP header
	protocolVJUncompressed = 0x002f // RFC 1144, full header with a slot number
	protocolMultilink      = 0x003d
	protocolEncrypted      = 0x0053 // ECP (RFC 1968)
	protocolLinkEncrypted  = 0x0055 // ECP within a multilink bundle
	ProtocolIPv6           = 0x0057
	protocolLinkCompressed = 0x00fb // CCP within a multilink bundle
	protocolCompressed     = 0x00fd // CCP (RFC 1962), MPPE (RFC 3078)
	protocolIPCP           = 0x8021
	protocolECP            = 0x8053
	protocolLinkECP        = 0x8055
	protocolIPV6CP         = 0x8057
	protocolLinkCCP        = 0x80fb
	protocolCCP            = 0x80fd
	protocolLCP            = 0xc021
	protocolPAP            = 0xc023
	ProtocolLQR            = 0xc025
	protocolSPAP           = 0xc027
	protocolCBCP           = 0xc029
	protocolBACP           = 0xc02b
	protocolBAP            = 0xc02d
	protocolVSAP           = 0xc05b
	protocolCHAP           = 0xc223
	protocolEAP            = 0xc227
)

// protocols are the names of the protocols; a protocol without one is shown by its number.
var protocols = map[uint16]string{
	0x0001:                 "Padding",
	0x0003:                 "ROHC small-CID",
	0x0005:                 "ROHC large-CID",
	ProtocolIP:             "IP",
	0x0023:                 "OSI",
	0x0025:                 "XNS",
	0x0027:                 "DECnet",
	0x0029:                 "AppleTalk",
	0x002b:                 "IPX",
	protocolVJCompressed:   "VJ compressed TCP",
	protocolVJUncompressed: "VJ uncompressed TCP",
	0x0031:                 "Bridging",
	0x0033:                 "ST-II",
	0x0035:                 "Vines",
	protocolMultilink:      "MP",
	0x003f:                 "NetBIOS",
	0x0041:                 "Cisco",
	0x0049:                 "SDTP",
	0x004b:                 "SNA over 802.2",
	0x004d:                 "SNA",
	0x004f:                 "IPv6 header compression",
	protocolEncrypted:      "Encrypted",
	protocolLinkEncrypted:  "Link encrypted",
	ProtocolIPv6:           "IPv6",
	0x0059:                 "PPP Mux",
	0x005b:                 "VSNP",
	0x0061:                 "IPHC full header",
	0x0063:                 "IPHC compressed TCP",
	0x0065:                 "IPHC compressed non-TCP",
	0x0067:                 "IPHC compressed UDP",
	0x0069:                 "IPHC compressed RTP",
	protocolLinkCompressed: "Link compressed",
	protocolCompressed:     "Compressed",
	0x0201:                 "802.1D hello",
	0x0203:                 "IBM source routing",
	0x0207:                 "CDP",
	0x0281:                 "MPLS",
	0x0283:                 "MPLS multicast",
	0x2063:                 "IPHC compressed TCP no delta",
	0x2065:                 "IPHC context state",
	0x2067:                 "IPHC compressed UDP 16",
	0x2069:                 "IPHC compressed RTP 16",
	0x4021:                 "Stacker LZS",
	protocolIPCP:           "IPCP",
	0x8023:                 "OSINLCP",
	0x8025:                 "XNSCP",
	0x8027:                 "DNCP",
	0x8029:                 "ATCP",
	0x802b:                 "IPXCP",
	0x8031:                 "BCP",
	0x8033:                 "SDCP",
	0x8035:                 "BVCP",
	0x803d:                 "MPCP",
	0x803f:                 "NBFCP",
	0x8041:                 "Cisco CP",
	0x8049:                 "SDTPCP",
	0x804b:                 "SNA 802.2 CP",
	0x804d:                 "SNACP",
	0x804f:                 "IPv6 HCCP",
	protocolECP:            "ECP",
	protocolLinkECP:        "Link ECP",
	protocolIPV6CP:         "IPV6CP",
	0x8059:                 "PPPMuxCP",
	0x805b:                 "VSNCP",
	protocolLinkCCP:        "Link CCP",
	protocolCCP:            "CCP",
	0x8207:                 "CDPCP",
	0x8281:                 "MPLSCP",
	protocolLCP:            "LCP",
	protocolPAP:            "PAP",
	ProtocolLQR:            "LQR",
	protocolSPAP:           "SPAP",
	protocolCBCP:           "CBCP",
	protocolBACP:           "BACP",
	protocolBAP:            "BAP",
	protocolVSAP:           "VSAP",
	0xc081:                 "Container CP",
	protocolCHAP:           "CHAP",
	0xc225:                 "RSA auth",
	protocolEAP:            "EAP",
	0xc281:                 "Proprietary auth",
	0xc283:                 "Proprietary auth",
	0xc481:                 "Proprietary node ID auth",
}

// Named reports whether a protocol has a name.
func Named(p uint16) bool { return protocols[p] != "" }

// ProtocolName is the name of a protocol: "LCP", "IP", "IPv6"; "0x1234" if it has none.
func ProtocolName(p uint16) string {
	if name := protocols[p]; name != "" {
		return name
	}
	return string(appendHex16(nil, p))
}

// appendProtocol appends ProtocolName without allocating.
func appendProtocol(dst []byte, p uint16) []byte {
	if name := protocols[p]; name != "" {
		return append(dst, name...)
	}
	return appendHex16(dst, p)
}

func appendHex16(dst []byte, n uint16) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '0', 'x', digits[n>>12], digits[n>>8&15], digits[n>>4&15], digits[n&15])
}

// IsControl says whether packets of the protocol have a code, an identifier and a length, as
// Control decodes them: network control protocols (8000 to BFFF), and those of the link (C000 and
// up) that are known.
func IsControl(p uint16) bool {
	switch p {
	case protocolLCP, protocolPAP, protocolSPAP, protocolCBCP, protocolBACP, protocolBAP, protocolCHAP, protocolEAP,
		protocolVSAP:
		return true
	}
	return p >= 0x8000 && p < 0xc000
}

func hex32(n uint32) string { return fmt.Sprintf("0x%08x", n) }
