package capture

import "cmp"

const protoIPComp = 108

// Closed names what f is, the decoded frame of data, that may carry what is looked for and that
// neither Decode nor Unwrap opens, "" if it is nothing of the kind. It is for frames that hold
// nothing else that is looked for.
func (f *Frame) Closed(data []byte) string {
	switch {
	case f.sealed:
		return "encrypted WLAN"
	case f.IPVersion == 0:
		return closedType(f.EtherType)
	case f.Protocol == protoGRE && f.PayloadEnd-f.PayloadStart >= 2 && data[f.PayloadStart+1]&7 == 1:
		return "PPTP"
	case f.TCP:
		return cmp.Or(closedTCP(f.DstPort), closedTCP(f.SrcPort))
	case f.UDP && f.DstPort == portGTPU && f.UDPEnd-f.UDPStart >= 2 && data[f.UDPStart+1] != gPDU,
		f.UDP && f.DstPort == portTZSP && f.UDPEnd-f.UDPStart >= 2 && data[f.UDPStart+1] > tzspForTransmit:
		return "" // a message of the protocol's own, which carries nothing
	case f.UDP:
		return cmp.Or(closedUDP(f.DstPort), closedUDP(f.SrcPort))
	}
	return closedIP(f.Protocol)
}

func closedIP(protocol uint8) string {
	switch protocol {
	case protoIPv4, protoIPv6:
		return "IP in IP"
	case protoGRE:
		return "GRE"
	case protoEtherIP:
		return "EtherIP"
	case protoIPComp:
		return "IPComp"
	case protoMPLS:
		return "MPLS"
	}
	return ""
}

func closedType(kind uint16) string {
	switch kind {
	case 0x22f3:
		return "TRILL"
	case 0x8909:
		return "Cisco metadata"
	case 0x88e5:
		return "MACsec"
	case 0x8926:
		return "VN-Tag"
	case etherPBB:
		return "PBB (802.1ah)"
	case etherNSH:
		return "NSH"
	case etherMPLS, etherMPLS2:
		return "MPLS"
	}
	return ""
}

func closedTCP(port uint16) string {
	switch port {
	case 1723:
		return "PPTP"
	case 7471:
		return "STT"
	case 57012:
		return "PCAP over IP"
	}
	return ""
}

func closedUDP(port uint16) string {
	switch port {
	case 1194:
		return "OpenVPN"
	case 2268:
		return "AMT"
	case 3544:
		return "Teredo"
	case 4341:
		return "LISP"
	case 4754:
		return "GRE in UDP"
	case 5247:
		return "CAPWAP"
	case 5555:
		return "FOU or SoftEther VPN"
	case 6343:
		return "sFlow"
	case 51820:
		return "WireGuard"
	case portGTPU:
		return "GTP-U"
	case portVXLAN, portVXLANLinux:
		return "VXLAN"
	case portVXLANGPE:
		return "VXLAN-GPE"
	case portGUE:
		return "GUE"
	case portGeneve:
		return "Geneve"
	case portMPLS:
		return "MPLS"
	case portHPERM:
		return "HP's mirroring"
	case portTZSP:
		return "TZSP"
	}
	return ""
}
