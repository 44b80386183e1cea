package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"l2tpdump/capture"
)

// Options of tcpdump that are typed without thinking and have no use here: they change nothing, or
// are refused with what to use instead.

// unusedFlag is such an option.
type unusedFlag struct {
	short, name string // as tcpdump has them; name may be ""
	value       pflag.Value
	alone       bool // it takes no value
}

// ofInterface is the value of an option that says how to capture: with a file tcpdump takes it too,
// and it changes nothing.
type ofInterface struct{}

// Set implements [pflag.Value].
func (ofInterface) Set(string) error { return nil }

// String implements [pflag.Value].
func (ofInterface) String() string { return "" }

// Type implements [pflag.Value].
func (ofInterface) Type() string { return "of an interface" }

// linkName is ofInterface for the name of a link type, which tcpdump checks.
type linkName struct{ ofInterface }

// libpcapNames are those of libpcap where they differ from those of the file format.
var libpcapNames = []string{"EN10MB", "IEEE802_11_RADIO", "IEEE802_11_RADIO_AVS", "PPP_SERIAL", "PRISM_HEADER"}

// Set implements [pflag.Value].
func (linkName) Set(name string) error {
	if names := append(capture.LinkTypes(), libpcapNames...); !slices.Contains(names, strings.ToUpper(name)) {
		return fmt.Errorf("the link types are %s", strings.Join(names, ", "))
	}
	return nil
}

// refused is the value of an option that is not there: what to use instead.
type refused string

// Set implements [pflag.Value].
func (refused) Set(string) error { return nil }

// String implements [pflag.Value].
func (refused) String() string { return "" }

// Type implements [pflag.Value].
func (refused) Type() string { return "refused" }

// ofInterfaceFlags adds those that say how to capture, to a command that reads captures.
func ofInterfaceFlags(f *pflag.FlagSet) {
	addUnused(f, []unusedFlag{
		{"i", "interface", ofInterface{}, false},
		{"s", "snapshot-length", ofInterface{}, false},
		{"p", "no-promiscuous-mode", ofInterface{}, true},
		{"B", "buffer-size", ofInterface{}, false},
		{"y", "linktype", linkName{}, false},
		{"I", "monitor-mode", ofInterface{}, true},
		{"j", "time-stamp-type", ofInterface{}, false},
		{"", "immediate-mode", ofInterface{}, true},
		{"Z", "relinquish-privileges", ofInterface{}, false},
	})
}

// unusedFlags adds the others, those of live too where it has them not yet.
func unusedFlags(f *pflag.FlagSet) {
	const clock = "times are those of the system; --nano prints nanoseconds"
	all := []unusedFlag{
		{"J", "list-time-stamp-types", refused(clock), true},
		{"d", "", refused("tcpdump -d prints how a filter is compiled"), true},
		{"m", "", refused("SNMP is not decoded: -w FILE --layer ip writes the users' packets for tcpdump -m"), false},
		{"M", "", refused("signatures of TCP are not checked: -w FILE --layer ip writes the users' packets for tcpdump -M"), false},
		{"T", "", refused("what is inside is told by port and content: -w FILE --layer ip writes it for tcpdump -T"), false},
		{"z", "", refused("no command is run for a file that is complete; -w FILE.gz and FILE.zst are compressed"), false},
	}
	if f.Name() == "live" {
		all = append(all,
			unusedFlag{"I", "monitor-mode", refused("live captures on an interface that is in monitor mode already, as iw puts it"), true},
			unusedFlag{"j", "time-stamp-type", refused(clock), false})
	}
	addUnused(f, all)
	// They are about names, BGP, 802.11s, NFS, the optimizer, and IP on a line of its own.
	for short, name := range map[string]string{"b": "b", "g": "ip-oneline", "H": "H", "N": "N", "O": "no-optimize", "u": "u"} {
		f.CountP(name, short, "")
		f.Lookup(name).Hidden = true
	}
}

func addUnused(f *pflag.FlagSet, all []unusedFlag) {
	for _, flag := range all {
		name := cmp.Or(flag.name, flag.short)
		f.VarP(flag.value, name, flag.short, "")
		added := f.Lookup(name)
		if added.Hidden = true; flag.alone {
			added.NoOptDefVal = "true"
		}
	}
}

// refusedFlag says what to use instead of an option that was given, nil if there is none.
func refusedFlag(f *pflag.FlagSet) (err error) {
	f.Visit(func(flag *pflag.Flag) {
		if instead, is := flag.Value.(refused); is {
			err = withHint(string(instead), "%s is an option of tcpdump that is not here", typedName(flag))
		}
	})
	return err
}

// tellIdle tells of the options that were given and change nothing.
func tellIdle(f *pflag.FlagSet) {
	var idle []string
	f.Visit(func(flag *pflag.Flag) {
		switch flag.Value.(type) {
		case ofInterface, linkName:
			idle = append(idle, typedName(flag))
		}
	})
	if len(idle) > 0 {
		message("%s: says how to capture, and changes nothing here", strings.Join(idle, ", "))
	}
}

// typedName is the shorter name of an option, as it is typed.
func typedName(flag *pflag.Flag) string {
	if flag.Shorthand != "" {
		return "-" + flag.Shorthand
	}
	return "--" + flag.Name
}
