package keysrc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
)

const (
	netlinkXFRM = 6      // NETLINK_XFRM
	groupSA     = 1 << 2 // bit of XFRMNLGRP_SA

	// followBuffer is asked for as the receive buffer of the socket: a server may renew all its SAs
	// at once.
	followBuffer = 1 << 20

	// dumpWait is how long the kernel may take for its answer.
	dumpWait = 10 * time.Second

	// followWait is how long Run waits for messages before it looks whether it is to end.
	followWait = 100 * time.Millisecond
)

// LoadXFRM returns the keys of the ESP SAs that the running kernel has in the network namespace of
// the calling thread. It takes CAP_NET_ADMIN. Origins are "xfrm:N", N the place of the SA in the
// kernel's answer. Without any key it is an error.
func LoadXFRM() (*Keys, error) {
	keys := new(Keys)
	x := newXFRM(&output{name: "xfrm", emit: keys.add})
	if err := x.dump(); err != nil {
		return nil, err
	}
	if len(keys.ESP) == 0 {
		return nil, errors.New("xfrm: the kernel has no ESP SA with keys in this network namespace")
	}
	return keys, nil
}

// dump asks the kernel for all its SAs.
func (x *xfrm) dump() error {
	conn, err := netlink.Dial(netlinkXFRM, nil)
	if err != nil {
		return xfrmError(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(dumpWait)); err != nil {
		return xfrmError(err)
	}
	messages, err := conn.Execute(netlink.Message{Header: netlink.Header{
		Type:  xfrmMsgGetSA,
		Flags: netlink.Request | netlink.Dump,
	}})
	if err != nil {
		return xfrmError(err)
	}
	x.messages(1, messages)
	return nil
}

// messages takes messages numbered from n, and returns the number of the next one.
func (x *xfrm) messages(n int, messages []netlink.Message) int {
	size := xfrmUsersaLen
	if runtime.GOARCH == "386" {
		size = xfrmUsersaLen386
	}
	for _, m := range messages {
		if err := x.message(n, uint16(m.Header.Type), m.Data, binary.NativeEndian, size); err != nil {
			x.out.note(n, err.Error())
		}
		n++
	}
	return n
}

// xfrmError adds the cure to the usual errors.
func xfrmError(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("xfrm: reading the kernel's keys takes root or CAP_NET_ADMIN: %w", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("xfrm: the kernel does not answer: %w", err)
	case errors.Is(err, syscall.EPROTONOSUPPORT):
		return fmt.Errorf("xfrm: this kernel has no IPsec: %w", err)
	}
	return fmt.Errorf("xfrm: %w", err)
}

// An XFRMFollower gives the keys of the ESP SAs that the running kernel has, and of each that it
// gets.
type XFRMFollower struct {
	conn *netlink.Conn
	x    *xfrm
	keys Keys // until Run
}

// OpenXFRM asks for the SAs of the network namespace of the calling thread, and begins to listen
// for changes. It takes CAP_NET_ADMIN; what follows does not.
func OpenXFRM() (*XFRMFollower, error) {
	// Listen first, so that no SA is lost between the two.
	conn, err := netlink.Dial(netlinkXFRM, &netlink.Config{Groups: groupSA})
	if err != nil {
		return nil, xfrmError(err)
	}
	conn.SetReadBuffer(followBuffer) // a smaller one does too
	f := &XFRMFollower{conn: conn}
	f.x = newXFRM(&output{name: "xfrm", emit: f.keys.add})
	if err := f.x.dump(); err != nil {
		conn.Close()
		return nil, err
	}
	return f, nil
}

// Run gives out the keys, each SA's once, until ctx is done; it returns nil then. emit is called in
// the calling goroutine. Run is called once.
func (f *XFRMFollower) Run(ctx context.Context, emit func(*Keys)) error {
	f.x.out.emit = emit
	if first := f.keys; len(first.ESP)+len(first.Notes) > 0 {
		f.keys = Keys{}
		emit(&first)
	}
	for n := 1; ctx.Err() == nil; {
		// No wait is without end, whatever becomes of the socket.
		if err := f.conn.SetReadDeadline(time.Now().Add(followWait)); err != nil {
			return xfrmError(err)
		}
		messages, err := f.conn.Receive()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case errors.Is(err, syscall.ENOBUFS):
			// Messages were lost, as they were not read fast enough: ask for all that there are, if that
			// is still allowed.
			if err := f.x.dump(); err != nil {
				f.x.out.note(0, "the kernel made SAs faster than they could be read, and some are missing: "+
					err.Error())
			}
			continue
		case err != nil:
			return xfrmError(err)
		}
		n = f.x.messages(n, messages)
	}
	return nil
}

// Close stops listening.
func (f *XFRMFollower) Close() error { return f.conn.Close() }
