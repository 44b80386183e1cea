package capture

// closedTypes are the EtherTypes, closedPorts the UDP ports of what carries frames or packets of
// another network and is not taken apart here.
var (
	closedTypes = map[uint16]string{0x88e5: "MACsec", 0x88e7: "PBB (802.1ah)", 0x8926: "VN-Tag", 0x894f: "NSH"}
	closedPorts = map[uint16]string{1194: "OpenVPN", 4341: "LISP", 5247: "CAPWAP", 6080: "GUE", 51820: "WireGuard"}
)

const portPPTP = 1723

// Closed names what f is, the decoded frame of data, that may carry what is looked for and that
// neither Decode nor Unwrap opens, "" if it is nothing of the kind. It is for frames that hold
// nothing else that is looked for.
func (f *Frame) Closed(data []byte) string {
	switch {
	case f.sealed:
		return "encrypted WLAN"
	case f.IPVersion == 0:
		return closedTypes[f.EtherType]
	case f.Protocol == protoGRE && f.PayloadEnd-f.PayloadStart >= 2 && data[f.PayloadStart+1]&7 == 1,
		f.TCP && (f.SrcPort == portPPTP || f.DstPort == portPPTP):
		return "PPTP"
	case f.Protocol == protoGRE:
		return "GRE"
	case f.UDP && closedPorts[f.DstPort] != "":
		return closedPorts[f.DstPort]
	case f.UDP:
		return closedPorts[f.SrcPort]
	}
	return ""
}
