package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"l2tpdump/cmd/internal/ladder"
	"l2tpdump/cmd/internal/page"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
)

// sessionsGC is how much garbage there may be, in percent of the memory in use, where the keys are
// few: with 100,000 sessions in 1 GB less than 256 MB are taken.
const sessionsGC = 90

// sessionsCommand is the command "sessions": what happened to each VPN connection?
func sessionsCommand(ctx context.Context, args []string) error {
	var o options
	keys, err := o.start(ctx, o.sessionsFlags(), args, o.checkSessions)
	if err != nil {
		return err
	}
	choose, errFilter := newChooser(o.choice)
	config, errSecrets := o.readSecrets(ctx)
	psks, errPSKs := o.preSharedKeys(ctx)
	if err := cmp.Or(errFilter, errSecrets, errPSKs); err != nil {
		return err
	}
	debug.SetGCPercent(sessionsGC)
	saveRoom(keys)
	r, err := o.openCaptures(ctx, config, keys, nil)
	if err != nil {
		return err
	}
	defer r.Close()

	out := o.newSessionOutput()
	g := choose.gather(r.p, out.session)
	g.AddPSKs(psks)
	if o.json || o.ladder || o.text.Verbose > 0 || o.html != "" {
		g.KeepDetails()
	}
	stats, err := r.run(ctx)
	err = errors.Join(err, g.Close(), out.close())
	wrong := o.tellSecrets(r.p)
	switch {
	case err != nil:
		return err
	case len(o.keys) > 0 && stats.Failed() > 0 && matched(stats) == 0:
		if !o.quiet {
			listed(newReport(r.p, keys).failed())
			if ofOthers(stats) {
				hint("%s", otherKeys(stats, keys))
			}
		}
		return exitStatus(exitNothing)
	case out.troubled > 0, wrong:
		return exitStatus(exitPartly)
	}
	return nil
}

// checkSessions refuses outputs that contradict each other or the input.
func (o *options) checkSessions() error {
	lines := stdinout
	switch {
	case o.ladder && o.json:
		return withHint("--json has the messages of the ladder without it", "--ladder is text, and --json is none")
	case o.html == stdinout && o.sessionLines():
		return errors.New("the page and the lines can't both go to standard output")
	case !o.sessionLines():
		lines = ""
	}
	return checkApart(o.inputs(), lines, o.html)
}

// sessionLines reports whether sessions are printed: without a page, or where it is asked for.
func (o *options) sessionLines() bool {
	return o.html == "" || o.json || o.ladder || o.text.Verbose > 0
}

// sessionOutput is what sessions makes of the sessions of a capture.
type sessionOutput struct {
	o        *options
	lines    *sessions.Writer // nil: none are printed
	page     *page.Page       // nil: none is written
	count    int
	troubled int // sessions that failed, were lost, or ran without encryption
}

func (o *options) newSessionOutput() *sessionOutput {
	x := &sessionOutput{o: o}
	if o.sessionLines() {
		x.lines = sessions.NewWriter(stdout, o.json, o.moreOfSession())
		if x.lines.Columns = columnsOf(os.Stdout); o.ladder {
			x.lines.Columns = outputColumns()
		}
		if o.choice.any() {
			x.lines.None = "no session of this capture is chosen: without --inner, --user and --session it lists all"
		}
	}
	if o.html != "" {
		const named = 3
		var names []string
		for _, name := range o.read[:min(len(o.read), named)] {
			names = append(names, filepath.Base(name))
		}
		if n := len(o.read) - named; n > 0 {
			names = append(names, fmt.Sprintf("and %d more", n))
		}
		x.page = page.New(strings.Join(names, ", "), time.Local)
	}
	return x
}

func (x *sessionOutput) session(s *sessions.Session) error {
	x.count++
	if s.Troubled() {
		x.troubled++
	}
	if x.page != nil {
		x.page.Add(s.Facts())
	}
	if x.lines != nil {
		return x.lines.Session(s)
	}
	return nil
}

// close prints what is left, and writes the page.
func (x *sessionOutput) close() (err error) {
	if x.lines != nil {
		err = x.lines.Close()
	}
	if x.page == nil {
		return err
	}
	if x.o.html == stdinout {
		return errors.Join(err, x.page.Write(stdout))
	}
	f, e := x.o.createOutput(x.o.html)
	if e != nil {
		return errors.Join(err, explainFile(e))
	}
	if e = errors.Join(x.page.Write(f), f.Close()); e == nil && !x.o.quiet {
		message("wrote %s to %s%s", plural(x.count, "session"), x.o.html, x.page.Tally())
	}
	return errors.Join(err, e)
}

// moreOfSession is what is printed of a session beside its facts.
func (o *options) moreOfSession() func(*sessions.Session) string {
	columns, signs := outputColumns(), ladder.ASCII
	if hasUTF8() {
		signs = ladder.Unicode
	}
	return func(s *sessions.Session) (text string) {
		if o.ladder {
			facts := s.Facts()
			text = "\n" + ladder.New(facts).Text(columns, signs, ladder.Steps(facts))
		}
		if o.text.Verbose > 0 {
			text += s.EventLines()
		}
		return text
	}
}

func (o *options) sessionsFlags() *pflag.FlagSet {
	f := newFlags("sessions")
	o.inputFlags(f)
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.ladder, "ladder", false, "")
	f.StringVar(&o.html, "html", "", "")
	f.CountVarP(&o.text.Verbose, "verbose", "v", "")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "")
	f.BoolVar(&o.progress, "progress", false, "")
	f.StringVar(&o.secrets, "ppp-secrets", "", "")
	f.StringVar(&o.tunnels, "l2tp-secret-file", "", "")
	f.StringVar(&o.psk, "psk-file", "", "")
	o.choice.flags(f)
	return f
}

// sessionWatch remembers what decrypt and verify say of sessions.
type sessionWatch struct {
	gatherer *sessions.Gatherer
	failed   []string
	clear    []string
}

// watchSessions has the sessions of a run watched.
func watchSessions(p *pipeline.Pipeline) *sessionWatch {
	w := new(sessionWatch)
	w.gatherer = sessions.NewGatherer(func(s *sessions.Session) error {
		if line := s.ClearWarning(); line != "" && len(w.clear) <= maxListed {
			w.clear = append(w.clear, line)
		}
		if line := s.Failure(); line != "" && len(w.failed) <= maxListed {
			w.failed = append(w.failed, line)
		}
		return nil
	})
	p.AddSink(w.gatherer)
	return w
}

// close has the sessions that are left be over.
func (w *sessionWatch) close() {
	if err := w.gatherer.Close(); err != nil {
		message("%v", err)
	}
}

// tell warns of users' traffic that crossed in clear next to IKE, and names a session that failed.
func (w *sessionWatch) tell() {
	listed(w.clear)
	if n := len(w.failed); n > 0 {
		more := ""
		if n > 1 {
			more = fmt.Sprintf(" (and %d more)", n-1)
		}
		message("%s%s: `l2tpdump sessions` says why", w.failed[0], more)
	}
}
