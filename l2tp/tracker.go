package l2tp

import "net/netip"

// Session is one call of a tunnel.
type Session struct {
	Tunnel *Tunnel
	IDs    [2]uint16 // Session IDs that Tunnel.Ends[0] and [1] assigned; 0 not known
	Start  int64
	Last   int64
	Value  any // the caller's
}

// End is one end of a tunnel.
type End struct {
	Addr   netip.AddrPort
	Tunnel uint16 // Tunnel ID that this end assigned; 0 not known
	Host   string // Host Name AVP
}

// Tunnel is a control connection.
type Tunnel struct {
	Ends  [2]End
	Start int64
	Last  int64
}

// Tracker follows tunnels and sessions.
type Tracker struct{}

// NewTracker returns a Tracker.
func NewTracker() *Tracker { return &Tracker{} }

// Observe takes note of a packet and returns its session (nil if it belongs to none) and the
// index in Tunnel.Ends of the end that sent it.
func (t *Tracker) Observe(src, dst netip.AddrPort, time int64, h *Header, data []byte) (s *Session, sender int) {
	return nil, 0
}

// Expire forgets what has been idle for longer than idle nanoseconds at the time now.
func (t *Tracker) Expire(now, idle int64) {}
