package capture

import "cmp"

// closedTypes are the EtherTypes, closedPorts and closedTCP the ports of what carries frames or
// packets of another network and is not taken apart here.
var (
	closedTypes = map[uint16]string{
		0x22f3: "TRILL", 0x8909: "Cisco metadata", 0x88e5: "MACsec", etherPBB: "PBB (802.1ah)", 0x8926: "VN-Tag", etherNSH: "NSH",
	}
	closedPorts = map[uint16]string{
		1194: "OpenVPN", 2268: "AMT", 3544: "Teredo", 4341: "LISP", 4754: "GRE in UDP", portVXLANGPE: "VXLAN-GPE", 5247: "CAPWAP",
		5555: "FOU or SoftEther VPN", portGUE: "GUE", 6343: "sFlow", portHPERM: "HP's mirroring", 51820: "WireGuard",
	}
	closedTCP = map[uint16]string{1723: "PPTP", 7471: "STT", 57012: "PCAP over IP"}
)

const protoIPComp = 108

// Closed names what f is, the decoded frame of data, that may carry what is looked for and that
// neither Decode nor Unwrap opens, "" if it is nothing of the kind. It is for frames that hold
// nothing else that is looked for.
func (f *Frame) Closed(data []byte) string {
	switch {
	case f.sealed:
		return "encrypted WLAN"
	case f.IPVersion == 0:
		return closedTypes[f.EtherType]
	case f.Protocol == protoGRE && f.PayloadEnd-f.PayloadStart >= 2 && data[f.PayloadStart+1]&7 == 1:
		return "PPTP"
	case f.Protocol == protoGRE:
		return "GRE"
	case f.Protocol == protoIPComp:
		return "IPComp"
	case f.TCP:
		return cmp.Or(closedTCP[f.DstPort], closedTCP[f.SrcPort])
	case f.UDP:
		return cmp.Or(closedPorts[f.DstPort], closedPorts[f.SrcPort])
	}
	return ""
}
