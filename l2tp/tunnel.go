package l2tp

import "net/netip"

// State is where a tunnel is in its life.
type State uint8

const (
	Opening     State = iota // asked for
	Established              // SCCCN was seen, or the packets that set it up were not
	Closed                   // StopCCN was seen
)

// End is one end of a tunnel.
type End struct {
	Addr   netip.AddrPort
	Tunnel uint32 // Tunnel ID or Control Connection ID that this end assigned; 0 as long as it is not known
	Host   string // Host Name AVP, as it came, at most 128 bytes; "" if it was not seen
}

// Tunnel is a control connection. Ends[0] is the one that asked for it, or, if the capture began
// later, the one that was heard first.
type Tunnel struct {
	Version uint8
	Ends    [2]End
	State   State
	Late    bool // the packets that set it up were not seen

	open     list[Session]
	closed   list[Session]
	unpaired [2]one[*Session] // open ones of which the ID that the end assigned is not known
	data     bool             // a session of it carried data
	replaced bool             // its end has dialled again with the same ID
	places   [2]place         // of the packets to each end
	order    node[Tunnel]     // in Tracker.tunnelOrder

	// sent are the last control messages of each end, as hashes of Ns and the AVPs, nil: none. Nr can
	// change between the copies of a message (RFC 2661 section 5.8).
	sent       [2]*[16]uint64
	challenges [2][]byte // that each end sent
	nonces     [2][]byte // likewise (RFC 3931)
}

// place is where a tunnel is found in the maps of the Tracker.
type place struct {
	key mapKey
	in  placeIn
}

// placeIn is those maps of the Tracker that lead to a tunnel.
type placeIn uint8

const (
	inTunnels placeIn = 1 + iota // tunnels
	inMoved                      // tunnels and moved
	inHalf                       // half
)

// sessionID is an ID with the end that assigned it.
type sessionID struct {
	tunnel  *Tunnel
	end, id uint32
}

// Session is a call in a tunnel.
type Session struct {
	Tunnel  *Tunnel
	IDs     [2]uint32    // Session IDs that Tunnel.Ends[0] and [1] assigned; 0 as long as not known
	Numbers [2]Numbering // of the data messages that Tunnel.Ends[0] and [1] sent, those that have a number
	Value   any          // the caller's; the Tracker does not touch it

	closed    bool          // CDN was seen, or StopCCN
	requested bool          // an ICRQ or OCRQ with Ns request was seen
	request   uint16        // identifies a retransmission of the request
	order     node[Session] // in Tracker.sessionOrder
	among     node[Session] // in those of its tunnel that are open or closed
	keys      [2]mapKey     // L2TPv3: of the packets to each end, in Tracker.sessions3
	numbers   [2]window     // of the data messages that each end sent

	// L2TPv3: what each end wants the messages to it to hold, and the pseudowire of both.
	pseudowire uint16
	wants      [2]wish
	guessed    [2]layout // of the messages that each end sends, where that was not seen
}

// wish is what the AVPs of an end say of the data messages that are sent to it (RFC 3931 sections
// 5.4.4).
type wish struct {
	known    bool
	cookie   [maxCookie]byte
	size     uint8 // of the cookie
	sublayer bool
}

// one is the only element of a set, of which nothing else is kept than how many there are.
type one[T comparable] struct {
	n    int
	last T
}

func (o *one[T]) add(x T) {
	o.n++
	o.last = x
}

func (o *one[T]) remove(x T) {
	o.n--
	if o.last == x {
		var none T
		o.last = none
	}
}

// only is the element if there is no other; else, or where others have been, none.
func (o *one[T]) only() (x T) {
	if o.n == 1 {
		return o.last
	}
	return x
}
