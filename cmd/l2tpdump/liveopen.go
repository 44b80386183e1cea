package main

import (
	"errors"
	"net"
	"strconv"

	"l2tpdump/capture"
)

// open opens the interface.
func (o *liveOptions) open() (*liveSource, error) {
	config, err := o.capture()
	if err != nil {
		return nil, err
	}
	l, err := capture.OpenLive(config)
	if err != nil {
		return nil, explainLive(err)
	}
	return newLiveSource(l), nil
}

// capture says what to capture.
func (o *liveOptions) capture() (capture.LiveConfig, error) {
	name, err := interfaceName(o.iface)
	return capture.LiveConfig{
		Interface: name, SnapLen: o.snapLen, Promiscuous: !o.noPromisc, BufferSize: o.buffer << 10, Immediate: o.immediate,
		Filter: o.filter, All: o.all, Direction: directions[o.direction], LinkType: o.linkType,
	}, err
}

// explainLive says how to get the right to capture, where that is missing.
func explainLive(err error) error {
	if errors.Is(err, capture.ErrNotPermitted) {
		return withHint(notePermission(), "%w", err)
	}
	return err
}

// printLinkTypes lists the link types of the interface, as tcpdump -L does.
func (o *liveOptions) printLinkTypes() int {
	config, err := o.capture()
	if err != nil {
		return fail(err)
	}
	all, err := capture.LiveLinkTypes(config)
	if err != nil {
		return fail(explainLive(err))
	}
	out("Data link types for %s (use option -y to set):\n", config.Interface)
	for _, l := range all {
		out("  %s (%s)\n", l.Name, l.Description)
	}
	return exitOK
}

// interfaceName allows an interface's number in the list of interfaces instead of its name, as
// tcpdump does.
func interfaceName(name string) (string, error) {
	n, err := strconv.Atoi(name)
	if err != nil {
		return name, nil
	}
	if _, err := net.InterfaceByName(name); err == nil {
		return name, nil
	}
	devices, err := capture.Devices()
	if err != nil {
		return "", err
	}
	if n < 1 || n > len(devices) {
		return "", withHint("l2tpdump interfaces lists them", "there is no interface number %d", n)
	}
	return devices[n-1].Name, nil
}
