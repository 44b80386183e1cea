package ppp

import "strconv"

// Protocol numbers (IANA's "PPP DLL Protocol Numbers") that this package or its callers branch on.
const (
	ProtocolIP             = 0x0021
	ProtocolVJCompressed   = 0x002d // RFC 1144, compressed TCP/IP header
	ProtocolVJUncompressed = 0x002f // RFC 1144, full header with a slot number
	ProtocolMultilink      = 0x003d
	ProtocolEncrypted      = 0x0053 // ECP (RFC 1968)
	ProtocolLinkEncrypted  = 0x0055 // ECP within a multilink bundle
	ProtocolIPv6           = 0x0057
	ProtocolLinkCompressed = 0x00fb // CCP within a multilink bundle
	ProtocolCompressed     = 0x00fd // CCP (RFC 1962), MPPE (RFC 3078)
	ProtocolIPCP           = 0x8021
	ProtocolECP            = 0x8053
	ProtocolLinkECP        = 0x8055
	ProtocolIPV6CP         = 0x8057
	ProtocolLinkCCP        = 0x80fb
	ProtocolCCP            = 0x80fd
	ProtocolMPLSCP         = 0x8281
	ProtocolLCP            = 0xc021
	ProtocolPAP            = 0xc023
	ProtocolLQR            = 0xc025
	ProtocolCBCP           = 0xc029
	ProtocolBACP           = 0xc02b
	ProtocolBAP            = 0xc02d
	ProtocolCHAP           = 0xc223
	ProtocolEAP            = 0xc227
)

// protocolName is a switch rather than a map: it is on the packet path.
func protocolName(p uint16) string {
	switch p {
	case 0x0001:
		return "Padding"
	case 0x0003:
		return "ROHC small-CID"
	case 0x0005:
		return "ROHC large-CID"
	case ProtocolIP:
		return "IP"
	case 0x0023:
		return "OSI"
	case 0x0025:
		return "XNS"
	case 0x0027:
		return "DECnet"
	case 0x0029:
		return "AppleTalk"
	case 0x002b:
		return "IPX"
	case ProtocolVJCompressed:
		return "VJ compressed TCP"
	case ProtocolVJUncompressed:
		return "VJ uncompressed TCP"
	case 0x0031:
		return "Bridging"
	case 0x0033:
		return "ST-II"
	case 0x0035:
		return "Vines"
	case ProtocolMultilink:
		return "MP"
	case 0x003f:
		return "NetBIOS"
	case 0x0041:
		return "Cisco"
	case 0x0049:
		return "SDTP"
	case 0x004b:
		return "SNA over 802.2"
	case 0x004d:
		return "SNA"
	case 0x004f:
		return "IPv6 header compression"
	case ProtocolEncrypted:
		return "Encrypted"
	case ProtocolLinkEncrypted:
		return "Link encrypted"
	case ProtocolIPv6:
		return "IPv6"
	case 0x0059:
		return "PPP Mux"
	case 0x005b:
		return "VSNP"
	case 0x0061:
		return "IPHC full header"
	case 0x0063:
		return "IPHC compressed TCP"
	case 0x0065:
		return "IPHC compressed non-TCP"
	case 0x0067:
		return "IPHC compressed UDP"
	case 0x0069:
		return "IPHC compressed RTP"
	case ProtocolLinkCompressed:
		return "Link compressed"
	case ProtocolCompressed:
		return "Compressed"
	case 0x0201:
		return "802.1D hello"
	case 0x0203:
		return "IBM source routing"
	case 0x0207:
		return "CDP"
	case 0x0281:
		return "MPLS"
	case 0x0283:
		return "MPLS multicast"
	case 0x2063:
		return "IPHC compressed TCP no delta"
	case 0x2065:
		return "IPHC context state"
	case 0x2067:
		return "IPHC compressed UDP 16"
	case 0x2069:
		return "IPHC compressed RTP 16"
	case 0x4021:
		return "Stacker LZS"
	case ProtocolIPCP:
		return "IPCP"
	case 0x8023:
		return "OSINLCP"
	case 0x8025:
		return "XNSCP"
	case 0x8027:
		return "DNCP"
	case 0x8029:
		return "ATCP"
	case 0x802b:
		return "IPXCP"
	case 0x8031:
		return "BCP"
	case 0x8033:
		return "SDCP"
	case 0x8035:
		return "BVCP"
	case 0x803d:
		return "MPCP"
	case 0x803f:
		return "NBFCP"
	case 0x8041:
		return "Cisco CP"
	case 0x8049:
		return "SDTPCP"
	case 0x804b:
		return "SNA 802.2 CP"
	case 0x804d:
		return "SNACP"
	case 0x804f:
		return "IPv6 HCCP"
	case ProtocolECP:
		return "ECP"
	case ProtocolLinkECP:
		return "Link ECP"
	case ProtocolIPV6CP:
		return "IPV6CP"
	case 0x8059:
		return "PPPMuxCP"
	case 0x805b:
		return "VSNCP"
	case ProtocolLinkCCP:
		return "Link CCP"
	case ProtocolCCP:
		return "CCP"
	case 0x8207:
		return "CDPCP"
	case ProtocolMPLSCP:
		return "MPLSCP"
	case ProtocolLCP:
		return "LCP"
	case ProtocolPAP:
		return "PAP"
	case ProtocolLQR:
		return "LQR"
	case 0xc027:
		return "SPAP"
	case ProtocolCBCP:
		return "CBCP"
	case ProtocolBACP:
		return "BACP"
	case ProtocolBAP:
		return "BAP"
	case 0xc05b:
		return "VSAP"
	case 0xc081:
		return "Container CP"
	case ProtocolCHAP:
		return "CHAP"
	case 0xc225:
		return "RSA auth"
	case ProtocolEAP:
		return "EAP"
	case 0xc281, 0xc283:
		return "Proprietary auth"
	case 0xc481:
		return "Proprietary node ID auth"
	}
	return ""
}

// ProtocolName is the name of a protocol: "LCP", "IP", "IPv6"; "0x1234" if it has none.
func ProtocolName(p uint16) string {
	if name := protocolName(p); name != "" {
		return name
	}
	return string(appendHex16(nil, p))
}

// appendProtocol appends ProtocolName without allocating.
func appendProtocol(dst []byte, p uint16) []byte {
	if name := protocolName(p); name != "" {
		return append(dst, name...)
	}
	return appendHex16(dst, p)
}

func appendHex16(dst []byte, n uint16) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '0', 'x', digits[n>>12], digits[n>>8&15], digits[n>>4&15], digits[n&15])
}

// IsControl says whether packets of the protocol have a code, an identifier and a length, as Control
// decodes them: network control protocols (8000 to BFFF), and those of the link (C000 and up) that are known.
func IsControl(p uint16) bool {
	switch p {
	case ProtocolLCP, ProtocolPAP, 0xc027, ProtocolCBCP, ProtocolBACP, ProtocolBAP, ProtocolCHAP, ProtocolEAP, 0xc05b:
		return true
	}
	return p >= 0x8000 && p < 0xc000
}

func hex32(n uint32) string {
	b := appendHex16(nil, uint16(n>>16))
	return string(append(b, appendHex16(nil, uint16(n))[2:]...))
}

func decimal(n int) string { return strconv.Itoa(n) }
