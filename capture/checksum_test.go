package capture

// transportChecksumOK checks the UDP or TCP checksum of a whole IP packet. present is false if
// there is none: other protocols, a UDP checksum of 0, fragments, truncated and malformed packets.
func transportChecksumOK(ip []byte) (ok, present bool) {
	var f Frame
	if err := f.DecodeIP(ip); err != nil {
		return false, false
	}
	end, at, has := f.segment()
	if !has || f.noChecksum(ip, at) {
		return false, false
	}
	return fold(f.transportSum(ip, end)) == 0xffff, true
}
