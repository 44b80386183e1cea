package keysrc

import (
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

	// followBuffer is asked for as the receive buffer of the socket: a server may renew all its SAs at once.
	followBuffer = 1 << 20

	// dumpWait is how long the kernel may take for its answer.
	dumpWait = 10 * time.Second
)

// LoadXFRM returns the keys of the ESP SAs that the running kernel has in the network namespace of the calling
// thread. It takes CAP_NET_ADMIN. Origins are "xfrm:N", N the place of the SA in the kernel's answer. Without any key
// it is an error.
func LoadXFRM() (*Store, error) {
	st := new(Store)
	x := xfrm{out: &output{name: "xfrm", emit: st.Add}}
	if err := x.dump(); err != nil {
		return nil, err
	}
	st.complete()
	if len(st.esp.chunks) == 0 {
		return nil, errors.New("xfrm: the kernel has no ESP SA with keys in this network namespace")
	}
	return st, nil
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

// overrun reports whether the kernel dropped messages because they were not read fast enough.
func overrun(err error) bool { return errors.Is(err, syscall.ENOBUFS) }

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
