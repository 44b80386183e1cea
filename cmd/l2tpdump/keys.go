package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// keysOptions are the command line of keys.
type keysOptions struct {
	options
	wireshark string
	show      bool
}

// keys is the command "keys": lists what key sources hold, and writes it as Wireshark's tables.
func keys(ctx context.Context, args []string) error {
	var o keysOptions
	f := o.flags()
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := o.check(ctx, rest, f.Changed("wireshark")); err != nil {
		return err
	}
	if o.listLinks {
		return o.printLinkTypes(ctx)
	}
	k := &keyring{show: o.show}
	report := reportNotes
	if len(o.read) > 0 { // which tells of doubtful keys whether they are right
		report = reportDamage
	}
	if k.sources, err = o.loadKeys(ctx, report); err != nil {
		return err
	}
	saveRoom(k.sources)
	if len(o.read) > 0 {
		if err := k.read(ctx, &o.options); err != nil {
			return err
		}
	}
	var tables []writtenTable
	if o.wireshark != "" {
		if tables, err = k.writeTables(o.wireshark); err != nil {
			reportTables(tables)
			return err
		}
	}
	if o.json {
		return k.printJSON(stdout, tables)
	}
	if err := k.print(stdout); err != nil {
		return err
	}
	reportTables(tables)
	return nil
}

func (o *keysOptions) flags() *pflag.FlagSet {
	f := newFlags("keys")
	o.inputFlags(f)
	f.StringVar(&o.wireshark, "wireshark", "", "")
	f.BoolVar(&o.show, "show", false, "")
	f.BoolVar(&o.json, "json", false, "")
	return f
}

// check refuses options that contradict each other.
func (o *keysOptions) check(ctx context.Context, words []string, toTables bool) error {
	rest, err := o.takeFiles(ctx, words)
	if err := cmp.Or(err, o.readNamed(ctx)); err != nil {
		return err
	}
	if len(rest) > 0 && len(o.read) == 0 {
		return errNoFile(rest[0])
	}
	if len(o.keys) == 0 && len(o.read) == 0 && len(o.espKeys) == 0 {
		return withHint("name one with -k FILE; -k - reads standard input", "no key source to read")
	}
	if len(o.read) > 0 {
		if err := o.checkInput(ctx, rest); err != nil {
			return err
		}
	} else if o.filter != "" || o.count > 0 || o.listLinks {
		return errors.New("-f, -c and -L are about a capture, and there is no -r")
	} else if err := cmp.Or(o.checkKeyFormat(), namedTwice("key source", o.keys)); err != nil {
		return err
	}
	if toTables && (o.wireshark == "" || o.wireshark == "-") {
		return withHint("it is Wireshark's folder of settings: ~/.config/wireshark, on Windows %APPDATA%\\Wireshark",
			"--wireshark takes the name of a folder")
	}
	if i, err := os.Stat(o.wireshark); err == nil && !i.IsDir() {
		return fmt.Errorf("%s is not a folder", o.wireshark)
	}
	return checkApart(o.inputs(), append(tableFiles(o.wireshark), stdinout)...)
}

// keyring is what key sources hold and what a capture adds.
type keyring struct {
	sources                  []*keysrc.Keys
	show                     bool
	p                        *pipeline.Pipeline // nil without a capture
	judged                   []reportedESP      // the flows of the capture
	flows                    map[uint32][]*reportedESP
	byInitiator, byResponder map[ikev1.Cookie][]*ikev1.SA
}

// read takes what a capture tells about the keys.
func (k *keyring) read(ctx context.Context, o *options) error {
	r, err := o.openCaptures(ctx, pipeline.Config{}, k.sources,
		func(e *keysrc.Keys) { k.sources = append(k.sources, e) })
	if err != nil {
		return err
	}
	defer r.Close()
	k.p = r.p
	if _, err := r.run(ctx); err != nil {
		return err
	}
	k.byInitiator = make(map[ikev1.Cookie][]*ikev1.SA)
	k.byResponder = make(map[ikev1.Cookie][]*ikev1.SA)
	for _, sa := range k.p.IKE().SAs() {
		k.byInitiator[sa.InitiatorCookie] = append(k.byInitiator[sa.InitiatorCookie], sa)
		k.byResponder[sa.ResponderCookie] = append(k.byResponder[sa.ResponderCookie], sa)
	}
	k.flows = make(map[uint32][]*reportedESP)
	k.judged = slices.Collect(newReport(k.p, k.sources).judged())
	for i := range k.judged {
		f := &k.judged[i]
		k.flows[f.SPI] = append(k.flows[f.SPI], f)
	}
	k.reportDoubts()
	k.reportOverlong()
	return nil
}

// reportDoubts tells of the doubtful values that open nothing in the capture.
func (k *keyring) reportDoubts() {
	opens := make(map[string]bool) // by place
	for _, r := range k.derived() {
		if why.Verdict(r.Verdict).Opened() {
			opens[r.origin.File()] = true
		}
	}
	for _, source := range k.sources {
		reportNotes(slices.DeleteFunc(slices.Clone(source.Notes), func(n keysrc.Note) bool {
			return !n.Doubt || opens[n.File+":"+strconv.Itoa(n.Line)]
		}))
	}
}

// opened returns the flows of the capture that a key opens, but for those inside ESP.
func (k *keyring) opened() (list []*reportedESP) {
	for i := range k.judged {
		if f := &k.judged[i]; f.SA != nil && f.Inside == 0 {
			list = append(list, f)
		}
	}
	return list
}

// reportOverlong tells of keys that only the capture shows to be too long.
func (k *keyring) reportOverlong() {
	said := make(map[string]string) // by place
	for _, f := range k.p.Flows() {
		for sa := range f.OpenedWith {
			if text := why.Overlong(sa); text != "" {
				said[sa.From.Place()] = text
			}
		}
	}
	for _, source := range k.sources {
		for _, n := range source.Notes { // the reader of the source has told
			delete(said, n.File+":"+strconv.Itoa(n.Line))
		}
	}
	var lines []string
	for place, text := range said {
		lines = append(lines, place+": key: "+text)
	}
	slices.Sort(lines)
	listed(lines)
}

// sas returns the ISAKMP SAs of the capture that have the cookie of a secret.
func (k *keyring) sas(s *ikev1.Secret) []*ikev1.SA {
	if s.InitiatorCookie.IsZero() && !s.ResponderCookie.IsZero() {
		return k.byResponder[s.ResponderCookie]
	}
	return k.byInitiator[s.InitiatorCookie]
}
