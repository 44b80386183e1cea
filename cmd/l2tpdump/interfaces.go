package main

import (
	"strconv"
	"strings"

	"l2tpdump/capture"
)

// interfaces is the command "interfaces": lists what live can capture on.
func interfaces(args []string) error {
	if err := parseNone(newFlags("interfaces"), args); err != nil {
		return err
	}
	devices, err := capture.Devices()
	if err != nil {
		return err
	}
	t := newAligned([]string{"", "INTERFACE", "STATE", "ADDRESSES", "DESCRIPTION"})
	for i, d := range devices {
		state := "down"
		if d.Up {
			state = "up"
		}
		what := d.Description
		if what == "" && d.Loopback {
			what = "loopback"
		}
		t.add(strconv.Itoa(i+1), d.Name, state, strings.Join(d.Addresses, " "), what)
	}
	t.print(stdout)
	return nil
}
