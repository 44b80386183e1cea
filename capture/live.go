package capture

import "errors"

// ErrIdle is returned by Next of a live source when no packet has come for a short while.
// It is no failure: Next may be called again.
var ErrIdle = errors.New("no packet yet")

// LiveConfig says how to capture.
type LiveConfig struct {
	Interface   string // its name, or "any" on Linux
	SnapLen     int    // bytes of each packet at most
	Promiscuous bool
	BufferSize  int    // of the kernel, bytes; 0: libpcap's own
	Filter      string // in tcpdump's language; "" takes everything
}

// LiveStats counts packets since a live capture began.
type LiveStats struct {
	Received         int // by the filter
	Dropped          int // by the kernel, for lack of room in its buffer
	InterfaceDropped int // by the interface
}

// Device is an interface that can be captured on.
type Device struct {
	Name, Description string
	Addresses         []string
}
