package capture

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// ErrIdle is returned by Next of a live source when no packet has come for a short while.
// It is no failure: Next may be called again.
var ErrIdle = errors.New("no packet yet")

// ErrNotPermitted is wrapped by the error of OpenLive when the right to capture is missing.
var ErrNotPermitted = errors.New("no permission to capture")

// idleAfter is how long Next of a live source waits before it returns ErrIdle, and how long the
// kernel may keep packets back to hand over several at once.
const idleAfter = 10 * time.Millisecond

// defaultBufferSize is the size of the kernel's buffer in bytes unless LiveConfig says another: a
// quarter of a second at 1 Gbit/s.
const defaultBufferSize = 32 << 20

// Any is the interface that stands for all of them, on Linux.
const Any = "any"

// LiveConfig says how to capture.
type LiveConfig struct {
	Interface   string // its name, or Any
	SnapLen     int    // bytes of each packet at most; 0: MaxPacketLen
	Promiscuous bool   // not on Any
	BufferSize  int    // of the kernel, bytes; 0: 32 MiB
	// Immediate has each packet handed over as it comes. Otherwise it may wait for the next for 10
	// ms, which lets the kernel's buffer hold many more.
	Immediate bool
	Filter    string    // in tcpdump's language; "": DefaultFilter
	All       bool      // take everything: no filter
	Direction Direction // of the packets to take; DirectionUnknown: both
	LinkType  string    // the name of one that LiveLinkTypes lists; "": the interface's own
}

// LiveLinkType is a link type that an interface can be captured as, by its name in libpcap.
type LiveLinkType struct{ Name, Description string }

// noLinkType is the error for a link type that an interface has not.
func noLinkType(c *LiveConfig, known []LiveLinkType) error {
	var names []string
	for _, k := range known {
		names = append(names, k.Name)
	}
	return fmt.Errorf("%s has no link type %q: it has %s", c.Interface, c.LinkType, strings.Join(names, ", "))
}

// snapLen is SnapLen with its default.
func (c *LiveConfig) snapLen() int {
	if c.SnapLen <= 0 || c.SnapLen > MaxPacketLen {
		return MaxPacketLen
	}
	return c.SnapLen
}

func (c *LiveConfig) bufferSize() int { return cmp.Or(max(c.BufferSize, 0), defaultBufferSize) }

// check refuses an interface that does not exist with a message that names those that do.
func (c *LiveConfig) check() error {
	if c.Interface == "" {
		return errors.New("no interface to capture on")
	}
	if c.Interface == Any {
		return nil
	}
	if _, err := net.InterfaceByName(c.Interface); err == nil {
		return nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil // let the opening say what is wrong
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return fmt.Errorf("%s: no such interface: there are %s", c.Interface, strings.Join(names, ", "))
}

// LiveStats counts packets since a live capture began.
type LiveStats struct {
	Received         uint64 // that passed the filter, dropped ones included
	Dropped          uint64 // by the kernel, for lack of room in its buffer
	InterfaceDropped uint64 // by the interface or its driver, where it says so
}

// Device is an interface that can be captured on.
type Device struct {
	Name, Description string
	Addresses         []string
	Up, Loopback      bool
}

// Devices lists the interfaces that can be captured on: the network interfaces, those that are up
// first, and on Linux the one that stands for all. A build that can't capture has an error for it.
func Devices() ([]Device, error) {
	if errNoLive != nil {
		return nil, errNoLive
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var devices []Device
	for _, i := range all {
		d := Device{Name: i.Name, Up: i.Flags&net.FlagUp != 0, Loopback: i.Flags&net.FlagLoopback != 0}
		addresses, _ := i.Addrs() // an interface that has just gone has none
		for _, a := range addresses {
			text, _, _ := strings.Cut(a.String(), "/")
			d.Addresses = append(d.Addresses, text)
		}
		devices = append(devices, d)
	}
	describe(devices)
	slices.SortStableFunc(devices, func(a, b Device) int { return rank(a) - rank(b) })
	if hasAny {
		devices = append(devices, Device{Name: Any, Description: "all interfaces", Up: true})
	}
	return devices, nil
}

func rank(d Device) int {
	switch {
	case !d.Up:
		return 2
	case d.Loopback:
		return 1
	}
	return 0
}
