package capture

import "cmp"

// What may carry what is looked for, by protocol numbers of IP, by EtherTypes and by ports.
var (
	closedIP = map[uint8]string{
		protoIPv4: "IP in IP", protoIPv6: "IP in IP", protoGRE: "GRE", protoEtherIP: "EtherIP", 108: "IPComp",
		protoMPLS: "MPLS",
	}
	closedType = map[uint16]string{
		0x22f3: "TRILL", 0x8909: "Cisco metadata", 0x88e5: "MACsec", 0x8926: "VN-Tag", etherPBB: "PBB (802.1ah)",
		etherNSH: "NSH", etherMPLS: "MPLS", etherMPLS2: "MPLS",
	}
	closedTCP = map[uint16]string{1723: "PPTP", 7471: "STT", 57012: "PCAP over IP"}
	closedUDP = map[uint16]string{
		1194: "OpenVPN", 2268: "AMT", 3544: "Teredo", 4341: "LISP", 4754: "GRE in UDP", 5247: "CAPWAP",
		5555: "FOU or SoftEther VPN", 6343: "sFlow", 51820: "WireGuard", portGTPU: "GTP-U", portVXLAN: "VXLAN",
		portVXLANLinux: "VXLAN", portVXLANGPE: "VXLAN-GPE", portGUE: "GUE", portGeneve: "Geneve", portMPLS: "MPLS",
		portHPERM: "HP's mirroring", portTZSP: "TZSP",
	}
)

// Closed names what f is, the decoded frame of data, that may carry what is looked for and that
// neither Decode nor Unwrap opens, "" if it is nothing of the kind. It is for frames that hold
// nothing else that is looked for.
func (f *Frame) Closed(data []byte) string {
	switch {
	case f.sealed:
		return "encrypted WLAN"
	case f.IPVersion == 0:
		return closedType[f.EtherType]
	case f.Protocol == protoGRE && f.PayloadEnd-f.PayloadStart >= 2 && data[f.PayloadStart+1]&7 == 1:
		return "PPTP"
	case f.TCP:
		return cmp.Or(closedTCP[f.DstPort], closedTCP[f.SrcPort])
	case f.UDP && f.DstPort == portGTPU && f.UDPEnd-f.UDPStart >= 2 && data[f.UDPStart+1] != gPDU,
		f.UDP && f.DstPort == portTZSP && f.UDPEnd-f.UDPStart >= 2 && data[f.UDPStart+1] > tzspForTransmit:
		return "" // a message of the protocol's own, which carries nothing
	case f.UDP:
		return cmp.Or(closedUDP[f.DstPort], closedUDP[f.SrcPort])
	}
	return closedIP[f.Protocol]
}
