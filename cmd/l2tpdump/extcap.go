package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
)

// Wireshark runs the programs in its extcap folder to learn of further interfaces, and has them
// capture to a FIFO (extcap(4)). What it reads is printed to standard output; what it shows the
// user as an error goes to standard error.

// extcapPrefix is what the names of the interfaces begin with for Wireshark.
const extcapPrefix = "l2tpdump-"

// extcapOptions are what Wireshark calls the program with.
type extcapOptions struct {
	liveOptions
	interfaces, dlts, options, capture bool
	name                               string // of the interface, with extcapPrefix
	fifo                               string
	captureFilter                      string // of Wireshark's capture dialog
	filterOption                       string // of the interface's options
	keyFile, keySource                 string
}

// isExtcap reports whether the program is called by Wireshark.
func isExtcap(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--extcap-") })
}

// extcap answers Wireshark.
func extcap(ctx context.Context, args []string) error {
	o := extcapOptions{liveOptions: liveOptions{holdBytes: defaultHoldBytes, holdTime: defaultHoldTime, extcap: true}}
	o.quiet = true
	f := newFlags("extcap")
	f.ParseErrorsAllowlist.UnknownFlags = true // those that are of no use here, and later versions'
	f.BoolVar(&o.interfaces, "extcap-interfaces", false, "")
	f.BoolVar(&o.dlts, "extcap-dlts", false, "")
	f.BoolVar(&o.options, "extcap-config", false, "")
	f.BoolVar(&o.capture, "capture", false, "")
	f.StringVar(&o.name, "extcap-interface", "", "")
	f.StringVar(&o.captureFilter, "extcap-capture-filter", "", "")
	f.StringVar(&o.fifo, "fifo", "", "")
	f.StringVar(&o.keyFile, "key-file", "", "")
	f.StringVar(&o.keySource, "key-source", "", "")
	f.StringVar(&o.filterOption, "filter", "", "")
	f.BoolVar(&o.config.All, "all", false, "")
	f.StringVar(&o.layer, "layer", string(output.LayerL2TP), "")
	valueVar(f, &o.holdTime, "hold-time", parseSeconds)
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.interfaces {
		return extcapInterfaces()
	}
	var ok bool
	if o.iface, ok = strings.CutPrefix(o.name, extcapPrefix); !ok || o.iface == "" {
		return fmt.Errorf("there is no interface %q: their names begin with %s", o.name, extcapPrefix)
	}
	switch {
	case o.dlts:
		extcapDLTs(o.iface)
	case o.options:
		out("%s", extcapConfig)
	case o.capture:
		return o.captureTo(ctx)
	default:
		o.checkFilter()
	}
	return nil
}

// extcapInterfaces prints the version and the interfaces.
func extcapInterfaces() error {
	devices, err := capture.Devices()
	if err != nil {
		return err
	}
	out("extcap {version=%s}{display=l2tpdump: L2TP/IPsec decrypted}\n", extcapText(thisBuild().Version))
	for _, d := range devices {
		out("interface {value=%s%s}{display=L2TP/IPsec decrypted: %[2]s}\n", extcapPrefix, extcapText(d.Name))
	}
	return nil
}

// extcapText takes out what would end a value.
func extcapText(s string) string {
	return strings.NewReplacer("{", "(", "}", ")", "\n", " ").Replace(s)
}

// extcapDLTs prints the link type. It is of use for Wireshark's filters only: the capture says its
// own.
func extcapDLTs(iface string) {
	if iface == capture.Any {
		out("dlt {number=%d}{name=LINUX_SLL}{display=Linux cooked}\n", capture.LinuxSLL)
	} else {
		out("dlt {number=%d}{name=EN10MB}{display=Ethernet}\n", capture.Ethernet)
	}
}

// extcapConfig is the options that Wireshark shows for each interface.
const extcapConfig = `arg {number=0}{call=--key-file}{display=Key file}{tooltip=A log or a table of keys: a router's log, a daemon's log, ip xfrm state, Wireshark's tables. It is followed as it grows}{type=fileselect}{mustexist=false}{group=Keys}
arg {number=1}{call=--key-source}{display=Other source of keys}{tooltip=syslog:[ADDRESS]:PORT, xfrm: or exec:COMMAND}{type=string}{placeholder=syslog::514, xfrm: or exec:COMMAND}{group=Keys}
arg {number=2}{call=--hold-time}{display=Wait for keys (seconds)}{tooltip=How long packets wait for a key that comes late}{type=unsigned}{range=0,3600}{default=10}{group=Keys}
arg {number=3}{call=--layer}{display=Show}{tooltip=What of each packet is shown}{type=selector}{group=Packets}
value {arg=3}{value=l2tp}{display=All packets, decrypted}{default=true}
value {arg=3}{value=ppp}{display=PPP frames only}{default=false}
value {arg=3}{value=ip}{display=The users' IP packets only}{default=false}
arg {number=4}{call=--filter}{display=Capture filter}{tooltip=In tcpdump's language, on the encrypted packets. Without one: what L2TP/IPsec needs}{type=string}{group=Packets}
arg {number=5}{call=--all}{display=Capture all traffic}{tooltip=Not only what L2TP/IPsec needs}{type=boolflag}{default=false}{group=Packets}
`

// filters joins the filter of the capture dialog and the one of the interface's options.
func (o *extcapOptions) filters() string {
	switch {
	case o.captureFilter == "":
		return o.filterOption
	case o.filterOption == "":
		return o.captureFilter
	}
	return "(" + o.captureFilter + ") and (" + o.filterOption + ")"
}

// checkFilter prints what is wrong with the filter. Wireshark takes it for valid when nothing is
// printed.
func (o *extcapOptions) checkFilter() {
	lt := capture.Ethernet
	if o.iface == capture.Any {
		lt = capture.LinuxSLL
	}
	if o.captureFilter == "" {
		return
	}
	if _, err := capture.NewFilter(lt, o.captureFilter); err != nil {
		out("%v\n", err)
	}
}

// captureTo captures until Wireshark says that it is enough.
func (o *extcapOptions) captureTo(ctx context.Context) error {
	if o.fifo == "" {
		return errors.New("no --fifo to capture to")
	}
	o.write = o.fifo
	for _, k := range [...]string{o.keyFile, o.keySource} {
		if k = strings.TrimSpace(k); k != "" {
			o.keys = append(o.keys, k)
		}
	}
	if o.filter = o.filters(); o.filter != "" {
		o.config.All = false
	}
	err := o.check(ctx, nil)
	if err == nil {
		err = o.run(ctx)
	}
	status := fail(err) // Wireshark shows it while the FIFO may be waited for
	if status != exitOK {
		endFIFO(o.fifo)
	}
	return exitStatus(status)
}
