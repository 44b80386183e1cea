//go:build !cgo

package capture

// Wanted reports whether a decoded frame is of L2TP/IPsec, as libpcap's filter has it. It takes some more: frames
// whose IPv6 extension headers libpcap does not pass, and whatever number of VLAN tags.
func Wanted(f *Frame) bool {
	if f.IPVersion == 0 {
		return false
	}
	if f.Fragment || f.Protocol == protoESP {
		return true
	}
	if !f.UDP {
		return false
	}
	for _, port := range [...]uint16{f.SrcPort, f.DstPort} {
		if port == portIKE || port == portNATT || port == portL2TP {
			return true
		}
	}
	return false
}
