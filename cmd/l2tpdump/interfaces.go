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
	var rows [][]string
	for i, d := range devices {
		state := "down"
		if d.Up {
			state = "up"
		}
		what := d.Description
		if what == "" && d.Loopback {
			what = "loopback"
		}
		rows = append(rows, []string{strconv.Itoa(i + 1), d.Name, state, strings.Join(d.Addresses, " "), what})
	}
	table(stdout, []string{"", "INTERFACE", "STATE", "ADDRESSES", "DESCRIPTION"}, rows)
	return nil
}
