package pipeline

import (
	"net/netip"

	"l2tpdump/cmd/internal/recent"
	"l2tpdump/l2tp"
)

// tunnels tells whether a message can be of one that is known.
type tunnels interface {
	Knows(src, dst netip.AddrPort, h l2tp.Header) bool
	Damaged(src, dst netip.AddrPort, data []byte) bool
}

// seenTunnels is the tunnels that control messages in clear have shown, and the IDs of others that
// data messages have: of these there is no more to be known, and anybody can send many.
type seenTunnels struct {
	*l2tp.Tracker
	data recent.Map[dataID, uint32] // the last session
}

// dataID is what data messages of a tunnel, or of a session of L2TPv3, have in common.
type dataID struct {
	src, dst netip.Addr
	version  uint32
	id       uint32
}

func dataIDOf(src, dst netip.AddrPort, h *l2tp.Header) dataID {
	id := dataID{src.Addr(), dst.Addr(), uint32(h.Version), h.Tunnel}
	if h.Version == l2tp.Version3 {
		id.id = h.Session
	}
	return id
}

// learn takes note of a message.
func (k *seenTunnels) learn(src, dst netip.AddrPort, h *l2tp.Header, data []byte) {
	switch {
	case h.Control:
		k.Observe(new(l2tp.Observation), src, dst, h, data)
	case h.Version < l2tp.Version2, h.Session == 0, h.Version == l2tp.Version2 && h.Tunnel == 0:
	case !k.Tracker.Knows(src, dst, *h):
		k.data.Set(dataIDOf(src, dst, h), h.Session)
	}
}

// Damaged reports whether data would be a message of one with another version, see
// [l2tp.Tracker.Damaged].
func (k *seenTunnels) Damaged(src, dst netip.AddrPort, data []byte) bool {
	if k.Tracker.Damaged(src, dst, data) {
		return true
	}
	h, ok := l2tp.Mended(data)
	last, seen := k.data.Get(dataIDOf(src, dst, &h))
	return ok && !h.Control && seen && last == h.Session
}

// Knows reports whether a message can belong to a tunnel or a session that is known.
func (k *seenTunnels) Knows(src, dst netip.AddrPort, h l2tp.Header) bool {
	if k.Tracker.Knows(src, dst, h) {
		return true
	}
	_, ok := k.data.Get(dataIDOf(src, dst, &h))
	return ok
}
