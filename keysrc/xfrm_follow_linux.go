package keysrc

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/mdlayher/netlink"
)

// followWait is how long Run waits for messages before it looks whether it is to end.
const followWait = 100 * time.Millisecond

// An XFRMFollower gives the keys of the ESP SAs that the running kernel has, and of each that it gets.
type XFRMFollower struct {
	conn *netlink.Conn
	x    xfrm
	keys Keys // until Run
}

// OpenXFRM asks for the SAs of the network namespace of the calling thread, and begins to listen for changes. It takes
// CAP_NET_ADMIN; what follows does not.
func OpenXFRM() (*XFRMFollower, error) {
	// Listen first, so that no SA is lost between the two.
	conn, err := netlink.Dial(netlinkXFRM, &netlink.Config{Groups: groupSA})
	if err != nil {
		return nil, xfrmError(err)
	}
	conn.SetReadBuffer(followBuffer) // a smaller one does too
	f := &XFRMFollower{conn: conn}
	f.x.out = &output{name: "xfrm", emit: f.keys.add}
	if err := f.x.dump(); err != nil {
		conn.Close()
		return nil, err
	}
	return f, nil
}

// Run gives out the keys, each SA's once, until ctx is done; it returns nil then. emit is called in the calling
// goroutine. Run is called once.
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
		case err != nil && overrun(err):
			// Messages were lost: ask for all that there are, if that is still allowed.
			if err := f.x.dump(); err != nil {
				f.x.out.note(0, "the kernel made SAs faster than they could be read, and some are missing: "+err.Error())
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
