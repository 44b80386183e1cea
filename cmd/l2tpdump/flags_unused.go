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
// are refused with what to use instead. That is their usage for pflag; all other options have none,
// as help has a text of its own.

// unusedFlag is such an option.
type unusedFlag struct {
	short, name string // as tcpdump has them; name may be ""
	usage       string
	alone       bool // it takes no value
}

// idle is the usage of an option that says how to capture: with a file tcpdump takes it too.
const idle = "says how to capture, and changes nothing here"

// idleFlags adds those that say how to capture, to a command that reads captures.
func idleFlags(f *pflag.FlagSet) {
	addUnused(f, []unusedFlag{
		{"i", "interface", idle, false},
		{"s", "snapshot-length", idle, false},
		{"p", "no-promiscuous-mode", idle, true},
		{"B", "buffer-size", idle, false},
		{"I", "monitor-mode", idle, true},
		{"j", "time-stamp-type", idle, false},
		{"", "immediate-mode", idle, true},
		{"Z", "relinquish-privileges", idle, false},
	})
	f.FuncP("linktype", "y", idle, checkLinkType)
	f.Lookup("linktype").Hidden = true
}

// libpcapNames are libpcap's names of link types where they differ from those of the file format.
var libpcapNames = []string{"EN10MB", "IEEE802_11_RADIO", "IEEE802_11_RADIO_AVS", "PPP_SERIAL", "PRISM_HEADER"}

// checkLinkType refuses what is the name of no link type, as tcpdump does.
func checkLinkType(name string) error {
	if names := append(capture.LinkTypes(), libpcapNames...); !slices.Contains(names, strings.ToUpper(name)) {
		return fmt.Errorf("the link types are %s", strings.Join(names, ", "))
	}
	return nil
}

// unusedFlags adds the others, those of live too where it has them not yet.
func unusedFlags(f *pflag.FlagSet) {
	const clock = "times are those of the system; --nano prints nanoseconds"
	all := []unusedFlag{
		{"J", "list-time-stamp-types", clock, true},
		{"d", "", "tcpdump -d prints how a filter is compiled", true},
		{"m", "", "SNMP is not decoded: -w FILE --layer ip writes the users' packets for tcpdump -m", false},
		{"M", "", "signatures of TCP are not checked: -w FILE --layer ip writes the users' packets for tcpdump -M", false},
		{"T", "", "what is inside is told by port and content: -w FILE --layer ip writes it for tcpdump -T", false},
		{"z", "", "no command is run for a file that is complete; -w FILE.gz and FILE.zst are compressed", false},
	}
	if f.Name() == "live" {
		all = append(all,
			unusedFlag{"I", "monitor-mode", "live captures on an interface that is in monitor mode already, as iw puts it", true},
			unusedFlag{"j", "time-stamp-type", clock, false})
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
		f.StringP(name, flag.short, "", flag.usage)
		added := f.Lookup(name)
		if added.Hidden = true; flag.alone {
			added.NoOptDefVal = "true"
		}
	}
}

// checkUnused says what to use instead of an option that was given and is refused, and tells of
// those that change nothing.
func checkUnused(f *pflag.FlagSet) (err error) {
	var given []string
	f.Visit(func(flag *pflag.Flag) {
		switch flag.Usage {
		case "":
		case idle:
			given = append(given, typedName(flag))
		default:
			err = withHint(flag.Usage, "%s is an option of tcpdump that is not here", typedName(flag))
		}
	})
	if err == nil && len(given) > 0 {
		message("%s: %s", strings.Join(given, ", "), idle)
	}
	return err
}

// typedName is the shorter name of an option, as it is typed.
func typedName(flag *pflag.Flag) string {
	if flag.Shorthand != "" {
		return "-" + flag.Shorthand
	}
	return "--" + flag.Name
}
