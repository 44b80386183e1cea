package capture

// FixTransportChecksum computes the UDP or TCP checksum of a whole IP packet anew, in place.
func FixTransportChecksum(ip []byte) {}

// TransportChecksumOK checks the UDP or TCP checksum of a whole IP packet.
func TransportChecksumOK(ip []byte) (ok, present bool) { return false, false }
