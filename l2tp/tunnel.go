package l2tp

import "net/netip"

// State is where a tunnel or a session is in its life.
type State uint8

const (
	Opening     State = iota // asked for
	Established              // SCCCN, ICCN or OCCN was seen, or data
	Closed                   // StopCCN or CDN was seen
)

// String is "opening", "established" or "closed".
func (s State) String() string {
	switch s {
	case Opening:
		return "opening"
	case Established:
		return "established"
	case Closed:
		return "closed"
	}
	return "unknown"
}

// End is one end of a tunnel.
type End struct {
	Addr   netip.AddrPort
	Tunnel uint16 // Tunnel ID that this end assigned; 0 as long as it is not known
	Host   string // Host Name AVP, as it came, at most 128 bytes; "" if it was not seen
	Vendor string // Vendor Name AVP, likewise
}

// Tunnel is a control connection. Ends[0] is the one that asked for it, or, if the capture began
// later, the one that was heard first.
type Tunnel struct {
	Ends     [2]End
	State    State
	Start    int64      // time of the first packet, nanoseconds since the Unix epoch
	Last     int64      // time of the last packet
	Late     bool       // the packets that set it up were not seen
	Sessions []*Session // in the order of their first packets; owned by the Tracker

	data bool // a session of it carried data
}

// Session is a call in a tunnel.
type Session struct {
	Tunnel  *Tunnel
	IDs     [2]uint16 // Session IDs that Tunnel.Ends[0] and [1] assigned; 0 as long as not known
	State   State
	Start   int64     // time of the first packet, nanoseconds since the Unix epoch
	Last    int64     // time of the last packet
	Packets [2]uint64 // data messages that Tunnel.Ends[0] and [1] sent
	Bytes   [2]uint64 // bytes of their payloads
	Late    bool      // the packets that set it up were not seen
	Value   any       // the caller's; the Tracker does not touch it

	requested bool   // an ICRQ or OCRQ with Ns request was seen
	request   uint16 // identifies a retransmission of the request
}
