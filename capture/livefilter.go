package capture

// Ports and protocols of L2TP/IPsec. What a live capture needs of the traffic of a network is a filter with libpcap, and a
// function without.
const (
	protoESP = 50
	portIKE  = 500
	portNATT = 4500
	portL2TP = 1701
)
