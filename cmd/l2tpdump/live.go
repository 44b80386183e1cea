package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/follow"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/keysrc"
)

// liveOptions are the command line of live.
type liveOptions struct {
	options
	list       bool
	iface      string
	config     capture.LiveConfig // as far as one option says a field
	noPromisc  bool
	buffer     int // KiB
	runAs      string
	duration   time.Duration
	holdBytes  int64
	holdTime   time.Duration
	syslogSave string

	watched *sessions.Monitor // with --sessions
	screen  *screen           // nil: no table is drawn
	open    atomic.Uint64     // sessions that are not over, without --sessions

	extcap bool // called by Wireshark: no summary, and its signal is no interruption
}

const (
	defaultHoldBytes = 64e6
	defaultHoldTime  = 10 * time.Second

	// filePatience is how long what goes to a file may wait for fragments and for later IKE
	// messages. Lines and pipes do not wait so long.
	filePatience = 2 * time.Second
)

// live is the command "live": an interface and keys in, lines or a cleartext capture out.
func live(ctx context.Context, args []string) error {
	o := liveOptions{holdBytes: defaultHoldBytes, holdTime: defaultHoldTime}
	rest, err := parse(o.flags(), args)
	if err != nil {
		return err
	}
	if o.list {
		return interfaces(nil)
	}
	if err := o.check(ctx, rest); err != nil {
		return err
	}
	if o.listLinks {
		return o.printLinkTypes()
	}
	return o.run(ctx)
}

// flags are the options of the command line.
func (o *liveOptions) flags() *pflag.FlagSet {
	f := newFlags("live")
	f.StringVarP(&o.iface, "interface", "i", "", "")
	f.BoolVarP(&o.list, "list-interfaces", "D", false, "")
	o.commonFlags(f)
	f.StringVarP(&o.config.LinkType, "linktype", "y", "", "")
	o.keyFlags(f)
	o.outputFlags(f)
	f.Lookup("progress").Hidden = true // it is refused with a reason
	o.filterFlags(f)
	f.Uint64VarP(&o.count, "count", "c", 0, "")
	f.IntVarP(&o.config.SnapLen, "snapshot-length", "s", 0, "")
	f.BoolVarP(&o.noPromisc, "no-promiscuous-mode", "p", false, "")
	f.IntVarP(&o.buffer, "buffer-size", "B", 0, "")
	f.BoolVar(&o.config.Immediate, "immediate-mode", false, "")
	f.BoolVar(&o.config.All, "all", false, "")
	f.StringVarP(&o.runAs, "relinquish-privileges", "Z", "", "")
	valueVar(f, &o.duration, "duration", parseSeconds)
	valueVar(f, &o.holdBytes, "hold-bytes", parseBytes)
	valueVar(f, &o.holdTime, "hold-time", parseSeconds)
	f.BoolVar(&o.monitor, "sessions", false, "")
	f.StringVar(&o.syslogSave, "syslog-save", "", "")
	return f
}

// check refuses options that contradict each other.
func (o *liveOptions) check(ctx context.Context, words []string) error {
	rest, err := o.takeFiles(ctx, words)
	if err := cmp.Or(err, o.readNamed(ctx), o.takeFilter(rest), o.checkDirection()); err != nil {
		return err
	}
	reader := "decrypt"
	if o.monitor {
		reader = "sessions"
	}
	switch {
	case len(o.read) > 0:
		return withHint("l2tpdump "+reader+" reads captures", "%s is a capture, and live captures on an interface", o.read[0])
	case o.iface == "":
		return withHint("l2tpdump interfaces lists them", "no interface to capture on: name one with -i")
	case o.progress:
		return errors.New("--progress is of decrypt: an interface has no end")
	case o.config.All && o.filter != "":
		return errors.New("--all takes everything: it goes with no filter")
	case o.config.SnapLen < 0 || o.config.SnapLen > capture.MaxPacketLen:
		return fmt.Errorf("-s takes 0 to %d bytes; 0 is the whole packet", capture.MaxPacketLen)
	case o.buffer < 0 || o.buffer > 2<<20-1:
		return errors.New("-B takes 1 to 2097151 KiB")
	case o.syslogSave != "" && !slices.ContainsFunc(o.keys, isSyslog):
		return errors.New("--syslog-save keeps what -k syslog: receives, and there is none")
	}
	if err := errors.Join(o.checkMonitor(), o.checkKeyFormat()); err != nil {
		return err
	}
	if err := o.openFolders(); err != nil {
		return err
	}
	return cmp.Or(namedTwice("key source", o.keys), o.checkOutput(o.syslogSave))
}

// run captures until it is told to stop.
func (o *liveOptions) run(ctx context.Context) error {
	ctx, stop := endSignals(ctx)
	defer stop()
	id, err := chooseIdentity(o.runAs)
	if err != nil {
		return err
	}
	choose, errFilter := newChooser(o.choice)
	ring, errRing := o.rings.ring(o.write)
	given, errKeys := o.givenKeys()
	if err := cmp.Or(errFilter, errRing, errKeys); err != nil {
		return err
	}
	_, _ = time.Now().Zone() // read the time zone while its file can be read
	sources := make([]follow.Source, len(o.keys))
	defer func() { closeAll(sources) }()
	if err := o.openKeys(sources, id, isCommand); err != nil { // first: what runs them gets nothing of what is opened here
		return err
	}
	c, err := o.readSecrets(ctx)
	if err != nil {
		return err
	}
	src, err := o.openInterface()
	if err != nil {
		return err
	}
	defer src.Close()
	if err := o.openKeys(sources, id, func(spec string) bool { return !isCommand(spec) }); err != nil {
		return err
	}
	file, err := o.openOutput(ctx, id, ring)
	if err != nil {
		return err
	}
	privileges, err := id.drop(o.needs(ring))
	if err != nil {
		return err
	}
	if id != nil && id.fallback && slices.ContainsFunc(o.keys, isCommand) {
		privileges += "; exec: runs as root"
	}
	o.announce(src, sources, privileges)

	keys := make(chan *keysrc.Keys, 64)
	c.Source, c.Limit, c.Keys, c.Live = src, o.count, keys, true
	if o.unwatched(file) {
		c.Patience = int64(filePatience)
	}
	if len(sources) > 0 {
		c.HoldBytes, c.HoldTime, c.ESPKeysOnly = int(o.holdBytes), int64(o.holdTime), o.onlyKernel()
	}
	news := newKeyNews(o.quiet, sources)
	c.Waits = news.waits
	p := pipeline.New(c)
	s := o.sinks(src, p, choose, given, file)
	s.prepared, s.ring = file, ring
	s.more = func(stats *pipeline.Stats) []string { return liveCounts(src, stats) }

	s.advise = func(stats *pipeline.Stats) string { return o.advice(stats, news) }
	endWatch, err := o.watch(ctx, stop, p, src)
	if err != nil {
		return err
	}
	following, endFollowing := context.WithCancel(context.Background())
	var followers sync.WaitGroup
	for _, k := range sources {
		followers.Go(func() { followKeys(following, k, keys, news, src) })
	}
	if o.duration > 0 {
		defer time.AfterFunc(o.duration, src.end).Stop()
	}
	defer o.endWithReader(file, src)()
	defer o.summaries(p, s)()
	endNews := news.run(o.statusLine(p, src, file))
	stats, err := o.begin(s, file)
	if err == nil {
		stats, err = p.Run(ctx)
	}
	endFollowing()
	followers.Wait()
	endNews()
	if err := o.ended(s.end(stats, errors.Join(err, endWatch()))); err != nil {
		return err
	}
	for _, k := range sources {
		if d, ok := k.(interface{ Down() error }); ok && d.Down() != nil {
			return fmt.Errorf("keys may be missing: %w", d.Down())
		}
	}
	return nil
}

// sinks returns the outputs of a run, which begins with the keys of the command line.
func (o *liveOptions) sinks(src *liveSource, p *pipeline.Pipeline, choose *chooser, given *keysrc.Keys,
	file *os.File) *sinks {
	if given != nil {
		p.AddKeys(given)
	}
	switch {
	case o.monitor:
		o.screen = o.newScreen()
		o.watched = sessions.NewMonitor(o.changeTeller())
		if o.json {
			o.watched.KeepDetails()
		}
		p.AddSink(o.watched)
	case o.json || choose.needsSessions() || o.hasStatus(file):
		g := sessions.NewGatherer(func(*sessions.Session) error { return nil })
		p.AddSink(g)
		p.AddSink(recordFunc(func(*pipeline.Record) { o.open.Store(uint64(g.Open())) }))
	}
	o.text.Interface = hostInterfaces()
	return newSinks(&o.options, src, p, choose)
}

// begin writes the head of a capture whose reader may be waiting for it.
func (o *liveOptions) begin(s *sinks, file *os.File) (*pipeline.Stats, error) {
	if s.clear != nil && !o.unwatched(file) {
		if err := s.clear.Begin(); err != nil {
			return new(pipeline.Stats), &pipeline.SinkError{Err: err}
		}
	}
	return nil, nil
}

// ended is how live has ended, given how a decryption has. That some packets of an interface can't
// be decrypted is no failure: there may be others' tunnels.
func (o *liveOptions) ended(err error) error {
	var status exitStatus
	if errors.As(err, &status) || o.extcap && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// openOutput opens what -w names while that is allowed. The file is emptied when the first packet
// is ready.
func (o *liveOptions) openOutput(ctx context.Context, id *identity, ring *output.Ring) (*os.File, error) {
	if !o.extcap {
		defer exitAt(ctx)() // a FIFO waits for its reader
	}
	if o.write == "" || o.write == "-" || ring != nil {
		return nil, nil
	}
	return id.create(o.write, 0, 0o600)
}

// unwatched reports whether all output goes to regular files.
func (o *liveOptions) unwatched(file *os.File) bool {
	if o.write == "" || o.write == "-" || o.print || o.json || o.monitor {
		return false
	}
	if file == nil {
		return true // a ring
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// needs are what is still to be done once the privileges are dropped.
func (o *liveOptions) needs(ring *output.Ring) needs {
	var n needs
	for _, spec := range o.keys {
		if isFile(spec) {
			n.reads = append(n.reads, spec)
		}
	}
	if ring != nil {
		folder := filepath.Dir(o.write)
		for o.rings.period > 0 && strings.Contains(folder, "%") { // the time is in the folder's name
			folder = filepath.Dir(folder)
		}
		n.folders = append(n.folders, folder)
	}
	return n
}
